"""RecordIO: reading, writing and packing, beside a plain Python reader and beside MXNet's own code.

The plain reader is the loop one would write with ``struct`` over an open file. MXNet 1.9.1 (its last release;
C++ below Python) is installed into an environment of its own; where that is not possible its figures are
missing. Files come from the page cache. Each run is a process of its own, and the figure is its CPU time
without the start of Python and imports, the best of N_RUNS (3): on a busy machine only that tells anything.

``python -m benchmarks.recordio.bench [N_RUNS]``
"""

from __future__ import annotations

import json
import random
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.peers import environment
from benchmarks.report import Report

N_RUNS = 3
# name -> (records, bytes of each)
FILES = {"300 B": (100_000, 300), "70 kB": (2_000, 70_000)}
N_IMAGES = 60
MXNET = ("mxnet==1.9.1", "numpy==1.23.5", "opencv-python-headless==4.8.1.78")


def payloads(n_records: int, size: int) -> list[bytes]:
    """Records cut from one stretch of random bytes."""
    chance = random.Random(1)
    noise = chance.randbytes(size + 1_000_000)
    return [noise[at : at + size] for at in (chance.randrange(1_000_000) for _ in range(n_records))]


def ours_write(path: str, n_records: int, size: int) -> Callable[[], int]:
    from labelwright.recordio import RecordWriter

    records = payloads(n_records, size)

    def work() -> int:
        with RecordWriter(path, index=path + ".idx") as writer:
            for record in records:
                writer.write(record)
        return writer.n_written

    return work


def mxnet_write(path: str, n_records: int, size: int) -> Callable[[], int]:
    import mxnet

    records = payloads(n_records, size)

    def work() -> int:
        writer = mxnet.recordio.MXIndexedRecordIO(path + ".idx", path, "w")
        for i, record in enumerate(records):
            writer.write_idx(i, record)
        writer.close()
        return len(records)

    return work


def plain_write(path: str, n_records: int, size: int) -> Callable[[], int]:
    """Without cutting magics out: quicker than right."""
    records = payloads(n_records, size)

    def work() -> int:
        with open(path, "wb") as file, open(path + ".idx", "w") as index:
            for i, record in enumerate(records):
                index.write(f"{i}\t{file.tell()}\n")
                file.write(struct.pack("<II", 0xCED7230A, len(record)))
                file.write(record)
                file.write(b"\0" * (-len(record) % 4))
        return len(records)

    return work


def ours_read(path: str, *_: int) -> Callable[[], int]:
    from labelwright.recordio import read

    return lambda: sum(1 for _ in read(path))


def ours_stream(path: str, *_: int) -> Callable[[], int]:
    from labelwright.recordio import read

    def work() -> int:
        with open(path, "rb") as stream:
            return sum(1 for _ in read(stream))

    return work


def mxnet_read(path: str, *_: int) -> Callable[[], int]:
    import mxnet

    def work() -> int:
        reader, n_records = mxnet.recordio.MXRecordIO(path, "r"), 0
        while reader.read() is not None:
            n_records += 1
        return n_records

    return work


def plain_read(path: str, *_: int) -> Callable[[], int]:
    def work() -> int:
        n_records = 0
        with open(path, "rb") as file:
            while head := file.read(8):
                magic, lrec = struct.unpack("<II", head)
                if magic != 0xCED7230A or lrec >> 29:
                    raise ValueError("not a plain record")
                data = file.read(lrec)
                file.read(-lrec % 4)
                n_records += len(data) == lrec
        return n_records

    return work


def ours_random(path: str, n_records: int, _: int) -> Callable[[], int]:
    from labelwright.recordio import RecordFile

    file = RecordFile(path, index=path + ".idx")
    order = list(range(n_records))
    random.Random(2).shuffle(order)
    return lambda: sum(len(file.by_key(key)) > 0 for key in order)


def mxnet_random(path: str, n_records: int, _: int) -> Callable[[], int]:
    import mxnet

    file = mxnet.recordio.MXIndexedRecordIO(path + ".idx", path, "r")
    order = list(range(n_records))
    random.Random(2).shuffle(order)
    return lambda: sum(len(file.read_idx(key)) > 0 for key in order)


def ours_scan(path: str, *_: int) -> Callable[[], int]:
    from labelwright.recordio import record_offsets

    return lambda: sum(1 for _ in record_offsets(path))


def plain_scan(path: str, *_: int) -> Callable[[], int]:
    def work() -> int:
        n_records = 0
        with open(path, "rb") as file:
            while head := file.read(8):
                _, lrec = struct.unpack("<II", head)
                file.seek((lrec & 0x1FFFFFFF) + 3 & ~3, 1)
                n_records += 1
        return n_records

    return work


def ours_pack(folder: str, *_: int) -> Callable[[], int]:
    from labelwright import recordio as rio

    def work() -> int:
        items = rio.items_of_list(rio.read_list(f"{folder}/p.lst"), folder)
        encoding = rio.Encoding(resize=256)
        return rio.pack_items(items, f"{folder}/ours.rec", f"{folder}/ours.idx", encoding=encoding).n_packed

    return work


def mxnet_pack(folder: str, *_: int) -> Callable[[], int]:
    import contextlib
    import io
    import runpy

    import cv2
    import mxnet

    cv2.setNumThreads(0)  # the CPU time of one thread on both sides
    tool = str(Path(mxnet.__file__).parent / "tools" / "im2rec.py")

    def work() -> int:
        sys.argv = [tool, "--resize", "256", f"{folder}/p", folder]
        with contextlib.redirect_stdout(io.StringIO()):
            runpy.run_path(tool, run_name="__main__")
        # It closes its files when the process ends, so they cannot be counted yet.
        return N_IMAGES if Path(f"{folder}/p.rec").exists() else 0

    return work


RUNNERS = {name: value for name, value in globals().items() if name.startswith(("ours_", "mxnet_", "plain_"))}


def measured(python: str | None, runner: str, path: Path, n_records: int, size: int) -> float | None:
    """CPU seconds of the best run; None where the peer is not there."""
    if python is None:
        return None
    command = [python, __file__, "--one", runner, str(path), str(n_records), str(size)]
    best = float("inf")
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else N_RUNS):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{runner} failed:\n{done.stderr}")
        seconds, n_done = json.loads(done.stdout.splitlines()[-1])
        if n_done != n_records:
            raise SystemExit(f"{runner} saw {n_done} of {n_records} records")
        best = min(best, seconds)
    return best


def one(runner: str, path: str, n_records: str, size: str) -> None:
    """A single run, in this process."""
    work = RUNNERS[runner](path, int(n_records), int(size))
    started = time.process_time()
    n_done = work()
    print(json.dumps([time.process_time() - started, n_done]))


def make_images(folder: Path) -> None:
    """Photographs' size and weight: smooth shapes with some noise."""
    import numpy as np
    from PIL import Image

    chance = np.random.default_rng(1)
    with (folder / "p.lst").open("w") as lines:
        for i in range(N_IMAGES):
            coarse = chance.integers(0, 255, (12, 16, 3), dtype=np.uint8)
            pixels = np.asarray(Image.fromarray(coarse).resize((1024, 768), Image.Resampling.BICUBIC)).astype(
                int
            )
            pixels += chance.normal(0, 6, pixels.shape).astype(int)
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{i}.jpg", quality=90)
            lines.write(f"{i}\t{i % 3}.000000\t{i}.jpg\n")


def main() -> None:
    """All rows."""
    ours, plain = sys.executable, sys.executable
    mxnet: str | None = None
    try:
        mxnet = str(environment("mxnet", *MXNET) / "python")
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"MXNet cannot be installed here, its figures are missing: {error}", file=sys.stderr)
    report = Report("recordio", "peer")
    with tempfile.TemporaryDirectory() as folder:
        for name, (n_records, size) in FILES.items():
            path = Path(folder) / "a.rec"

            def cost(
                python: str | None, runner: str, path=path, n_records=n_records, size=size
            ) -> float | None:
                seconds = measured(python, runner, path, n_records, size)
                return None if seconds is None else seconds * 1e6 / n_records

            def rows(what: str, kind: str, peers: tuple[str, ...], name=name, cost=cost) -> None:
                mine = cost(ours, f"ours_{kind}")
                base = {"stream": "read"}.get(kind, kind)
                for peer in peers:
                    theirs = cost({"mxnet": mxnet, "plain": plain}[peer], f"{peer}_{base}")
                    report.row(f"{what} {name}, {peer}", "CPU us/record", mine, theirs)

            rows("write", "write", ("mxnet", "plain"))
            rows("read file", "read", ("mxnet", "plain"))
            rows("read stream", "stream", ("plain",))
            rows("read by key", "random", ("mxnet",))
            rows("find records", "scan", ("plain",))
            path.unlink()
        images = Path(folder) / "images"
        images.mkdir()
        make_images(images)
        mine, theirs = (
            measured(python, runner, images, N_IMAGES, 0)
            for python, runner in ((ours, "ours_pack"), (mxnet, "mxnet_pack"))
        )
        report.row(
            "pack 1024x768 JPEG to 256, im2rec",
            "images/CPU s",
            mine and N_IMAGES / mine,
            theirs and N_IMAGES / theirs,
            smaller=False,
        )
    report.note("The plain writer does not cut the magic out of data, so its files may not be readable.")
    report.note("One thread on both sides; --num-thread divides the time of packing by the cores.")
    report.finish()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(*sys.argv[2:6])
    else:
        main()
