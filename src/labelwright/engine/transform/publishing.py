"""From the spool to the object store: outputs appear whole, each at its time, and may be put twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Final

import orjson

from labelwright.engine.supervisor import SupervisedTools
from labelwright.engine.transform.programs import spool_folder
from labelwright.hosting.transform.spool import Finished, SpoolReader
from labelwright.store import transform_jobs
from labelwright.store.transform_jobs import TransformJobRow

__all__ = ["publish_some"]

_AT_A_TIME: Final = 512
_SIDE_BY_SIDE: Final = 16  # their writes share the store's transactions


def publish_some(tools: SupervisedTools, row: TransformJobRow) -> bool:
    """Publish outputs that are finished, and count them.

    Returns
    -------
    bool
        Whether there were any; there may be more.
    """
    reader = SpoolReader(spool_folder(tools, row))
    finished, offset = reader.take(_AT_A_TIME)
    if not finished:
        return False
    output = orjson.loads(row.request)["TransformOutput"]["S3OutputPath"].rstrip("/")

    def put(one: Finished) -> None:
        uri = f"{output}/{one.name}.out"
        tools.blobs.put(uri, reader.pieces(one), content_type=one.content_type)

    # Of two objects with one name the later one counts, whatever the threads do.
    last = {one.name: one for one in finished if not one.error}
    with ThreadPoolExecutor(min(_SIDE_BY_SIDE, max(1, len(last))), "publish") as pool:
        for done in [pool.submit(put, one) for one in last.values()]:
            done.result()
    reader.mark(finished, offset)
    counts = reader.published()
    now = tools.clock()
    tools.database.write(
        lambda connection: transform_jobs.set_columns(
            connection,
            row.id,
            n_done=counts["n_done"],
            n_failed=counts["n_failed"],
            n_idle_attempts=0,
            seen_at=now,
        )
    )
    return True
