"""An installation with a job and its workers in one process, to be killed by the test that started it.

Prints ``LABELING <n>`` when a page of machine labels was kept (slowly, a few at a time), ``DONE`` at the end.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from automated_workshop import N_WORKERS, automated_shop, drive, passes

from labelwright.engine.automated import labels
from labelwright.store import directory, labeling_jobs


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def serve(data_dir: Path) -> None:
    labels._PAGE = 20
    keep = labels._keep

    def slowly(*args: object, **kwargs: object) -> int | None:
        n = keep(*args, **kwargs)  # type: ignore[arg-type]
        say(f"LABELING {n}")
        return n

    labels._keep = slowly  # type: ignore[assignment]
    put = labels._labels

    def after_a_while(*args: object, **kwargs: object) -> object:
        time.sleep(0.05)
        return put(*args, **kwargs)  # type: ignore[arg-type]

    labels._labels = after_a_while  # type: ignore[assignment]
    shop = automated_shop(data_dir, clock=time.time, consolidation_interval_s=0.05, manifest_interval_s=0.05)
    job = shop.database.read(lambda connection: labeling_jobs.named(connection, "eu-west-1", "Texts-1"))
    assert job is not None
    for i in range(N_WORKERS):
        name = f"worker-{i}"
        shop.workers[name] = shop.database.read(lambda c, name=name: directory.find_users(c, name))[0].id
    row = drive(shop, job.id)
    say(f"DONE {row.status} {len(passes(shop, job.id))}")
    shop.engine.stop()
    shop.database.close()
    shop.blobs.close()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
