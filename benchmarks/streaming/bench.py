"""Reading the pictures that an augmented manifest names: pictures per CPU-second, beside other readers.

5,000 files of 70 kB and a manifest. WebDataset and MosaicML streaming read shards of their own form, written
beforehand; a plain DataLoader and we read the files themselves. Then the same pictures over this server's S3
door, beside boto3: CPU of the client for each object. Every run is a process of its own; the figures are the
best of three, from the second picture on, with everything in the page cache. Only CPU time is compared: wall
time says little on a shared machine.

``python -m benchmarks.streaming.bench [--quick]``
"""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.peers import environment
from benchmarks.report import Report

SIZE = 70_000
READERS = Path(__file__).with_name("readers.py")

_SERVER = """
import json, sys
from pathlib import Path
from labelwright.testing.server import running_server
with running_server(Path(sys.argv[1])) as server:
    print(json.dumps(server.environment()), flush=True)
    sys.stdin.read()
"""


def make_files(folder: Path, n: int, n_s3: int) -> None:
    """Pictures as bytes that do not compress, and the manifests."""
    chance = random.Random(1)
    (folder / "pictures").mkdir()
    with (folder / "local.manifest").open("w") as local, (folder / "s3.manifest").open("w") as remote:
        for i in range(n):
            name = f"pictures/{i:05}.jpg"
            (folder / name).write_bytes(b"\xff\xd8\xff\xe0" + chance.randbytes(SIZE - 4))
            metadata = {
                "class-name": "lynx", "confidence": 0.91, "job-name": "labeling-job/species",
                "human-annotated": "yes", "creation-date": "2024-04-03T12:40:19.118274",
                "type": "groundtruth/image-classification",
            }  # fmt: skip
            line = {"source-ref": str(folder / name), "class": i % 10, "class-metadata": metadata}
            local.write(json.dumps(line) + "\n")
            if i < n_s3:
                remote.write(json.dumps({**line, "source-ref": f"s3://bench/{name}"}) + "\n")


def make_pictures(folder: Path, n: int) -> None:
    """JPEGs of 500 x 375 and about 70 kB, and the manifest; fifty different ones, again and again."""
    import numpy as np
    from PIL import Image

    chance = np.random.default_rng(1)
    (folder / "decode").mkdir()
    drawn = []
    for _ in range(50):
        coarse = chance.integers(0, 256, (24, 32, 3), np.uint8)
        smooth = np.asarray(Image.fromarray(coarse).resize((500, 375), Image.Resampling.BICUBIC), np.int16)
        grain = np.repeat(chance.normal(0, 7, (375, 500, 1)), 3, axis=2)
        image = Image.fromarray((smooth + grain).clip(0, 255).astype(np.uint8))
        file = io.BytesIO()
        image.save(file, "JPEG", quality=91)
        drawn.append(file.getvalue())
    with (folder / "decode.manifest").open("w") as local, (folder / "s3-decode.manifest").open("w") as far:
        for i in range(n):
            path = folder / "decode" / f"{i:05}.jpg"
            path.write_bytes(drawn[i % len(drawn)])
            line = {"source-ref": str(path), "class": 1 + i % 9}
            local.write(json.dumps(line) + "\n")
            far.write(json.dumps({**line, "source-ref": f"s3://bench/decode/{i:05}.jpg"}) + "\n")


def decoded(
    name: str, folder: Path, n: int, *, environ: Mapping[str, str] | None = None, key: str = "cpu_s"
) -> dict[str, Any]:
    """The best of three runs over decoded pictures."""
    best = best_of_three(name, folder, environ=environ, key=key)
    expected = {"n": n, "bytes": n * 300 * 300 * 3, "classes": sum(1 + i % 9 for i in range(n))}
    if any(best[key] != value for key, value in expected.items()):
        raise RuntimeError(f"{name} read {best}, which is not {expected}")
    best["per_cpu_s"] = n / best["cpu_s"]
    print(f"{name}: {best['per_cpu_s']:,.0f} per CPU-second, {best['wall_s']:.3f} s", file=sys.stderr)
    return best


def best_of_three(
    name: str,
    folder: Path,
    *,
    python: str = sys.executable,
    environ: Mapping[str, str] | None = None,
    key: str = "cpu_s",
) -> dict[str, Any]:
    """What the best run of a reader printed."""
    runs = []
    for _ in range(3):
        done = subprocess.run(
            [python, str(READERS), name, str(folder)],
            env={**os.environ, **(environ or {}), "OMP_NUM_THREADS": "1"},
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{name}: {done.stderr[-2000:]}")
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    best: dict[str, Any] = min(runs, key=lambda run: run[key])
    return best


def measured(
    name: str, folder: Path, n: int, *, python: str = sys.executable, environ: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The best of three runs over pictures as bytes."""
    best = best_of_three(name, folder, python=python, environ=environ)
    expected = {"n": n, "bytes": n * SIZE, "classes": sum(i % 10 for i in range(n))}
    if any(best[key] != value for key, value in expected.items()):
        raise RuntimeError(f"{name} read {best}, which is not {expected}")
    best["per_cpu_s"] = (n - 1) / best["cpu_s"]
    print(f"{name}: {best['per_cpu_s']:,.0f} per CPU-second, {best['peak_mib']:.0f} MiB", file=sys.stderr)
    return best


@contextmanager
def server(folder: Path, n: int, n_decoded: int = 0) -> Iterator[dict[str, str]]:
    """A server that holds the pictures; yields the environment of its clients."""
    import boto3

    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER, str(folder / "server")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdin is not None
    try:
        environ: dict[str, str] = json.loads(process.stdout.readline())
        s3 = boto3.client(
            "s3",
            endpoint_url=environ["AWS_ENDPOINT_URL"],
            region_name=environ["AWS_DEFAULT_REGION"],
            aws_access_key_id=environ["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environ["AWS_SECRET_ACCESS_KEY"],
        )
        s3.create_bucket(Bucket="bench")
        for name in ["s3.manifest", *(f"pictures/{i:05}.jpg" for i in range(n))]:
            s3.put_object(Bucket="bench", Key=name, Body=(folder / name).read_bytes())
        for i in range(n_decoded):
            name = f"decode/{i:05}.jpg"
            s3.put_object(Bucket="bench", Key=name, Body=(folder / name).read_bytes())
        if n_decoded:
            body = (folder / "s3-decode.manifest").read_bytes()
            s3.put_object(Bucket="bench", Key="decode.manifest", Body=body)
        yield environ
    finally:
        process.stdin.close()
        process.wait(30)


def main() -> int:
    """Run it all."""
    is_quick = "--quick" in sys.argv[1:]
    n, n_s3, n_decoded = (500, 100, 200) if is_quick else (5000, 1000, 5000)
    report = Report("streaming", "peer")
    with tempfile.TemporaryDirectory(prefix="streaming-") as place:
        folder = Path(place)
        make_files(folder, n, n_s3)
        make_pictures(folder, n_decoded)
        pil = decoded("pil_batches", folder, n_decoded)
        for what, name in (("", "ours_batches"), (", from the cache", "ours_cached")):
            here = decoded(name, folder, n_decoded)
            report.row(
                f"DataLoader with PIL: 300x300 batches{what}",
                "1/CPU-s",
                here["per_cpu_s"],
                pil["per_cpu_s"],
                smaller=False,
            )
        ours = measured("ours", folder, n)
        shuffled = measured("ours_shuffled", folder, n)
        pipe = measured("ours_pipe", folder, n)
        peers = {"a plain DataLoader": measured("dataloader", folder, n)}
        for title, name, requirements in (
            ("WebDataset", "webdataset", ("webdataset", "numpy")),
            ("MosaicML streaming", "mosaicml", ("mosaicml-streaming", "numpy")),
        ):
            python = str(environment(requirements[0], *requirements) / "python")
            subprocess.run(
                [python, str(READERS), f"pack_{name}", str(folder)],
                check=True,
                cwd=folder,
                capture_output=True,
            )
            peers[title] = measured(name, folder, n, python=python)
        for title, peer in peers.items():
            for what, here in (("", ours), (", shuffled", shuffled), (", pipe", pipe)):
                report.row(f"{title}{what}", "1/CPU-s", here["per_cpu_s"], peer["per_cpu_s"], smaller=False)
            report.row(f"{title}: peak memory", "MiB", ours["peak_mib"], peer["peak_mib"])
        with server(folder, n_s3, n_decoded) as environ:
            streamed, copied = (
                decoded(name, folder, 32, environ=environ, key="wall_s")
                for name in ("first_batch_streamed", "first_batch_of_file_mode")
            )
            over_s3 = measured("ours_s3", folder, n_s3, environ=environ)
            boto = measured("boto3_s3", folder, n_s3, environ=environ)
        report.row(
            "S3 door, beside boto3: client CPU",
            "ms",
            1000 / over_s3["per_cpu_s"],
            1000 / boto["per_cpu_s"],
        )
        report.row(
            "File mode: time to the first batch",
            "ms",
            1000 * streamed["wall_s"],
            1000 * copied["wall_s"],
        )
        report.row("S3 door: peak memory", "MiB", over_s3["peak_mib"], boto["peak_mib"])
    report.note(f"{n} pictures of {SIZE} bytes on disk, {n_s3} behind the S3 door; best of three runs.")
    report.note(f"Batches: {n_decoded} JPEGs of 500 x 375 and about 70 kB, scaled to 300 x 300 by triangles.")
    report.note(f"The first batch: 32 of {n_decoded} pictures behind the S3 door, time by the clock.")
    report.note("The peers read shards written beforehand; we and the DataLoader read single files.")
    report.note("'pipe' counts the feeder and the reader of a named pipe together, framing included.")
    if is_quick:
        report.note("A quick run: too short for figures to be quoted.")
    report.finish()
    return 0


if __name__ == "__main__":
    sys.exit(main())
