"""Decoded pictures in batches, and what is kept of them for later epochs."""

from __future__ import annotations

import io
import json
import os
import resource
import signal
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from labelwright.streaming import ChannelError, PictureBatches, open_objects
from labelwright.streaming.picture_cache import PictureCache, identity_of
from labelwright.streaming.pictures import decoder, jpeg_size

SIZE = (24, 16)
DECODERS = ["pillow", *(pytest.param(name, marks=pytest.mark.train) for name in ("torch", "torch alone"))]


def opened(name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A decoder; ``torch alone`` is the one of a torchvision that has lost its own."""
    if name == "pillow":
        return decoder("pillow")
    pytest.importorskip("torchvision")
    if name == "torch alone":
        monkeypatch.setattr("labelwright.streaming.pictures._jpeg_decoder", lambda: None)
    return decoder("torch")


def drawn(i: int, size: tuple[int, int] = (60, 40), form: str = "JPEG", **options: Any) -> bytes:
    """A smooth picture, another one for each number."""
    coarse = np.random.default_rng(i).integers(0, 256, (4, 6, 3), np.uint8)
    file = io.BytesIO()
    image = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
    image.convert(options.pop("mode", "RGB")).save(file, form, **options)
    return file.getvalue()


def expected(data: bytes, size: tuple[int, int] = SIZE) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB").resize(size, Image.Resampling.BILINEAR))


def nearly(ours: np.ndarray, theirs: np.ndarray, most: float = 3.0) -> bool:
    return bool(np.abs(ours.astype(int) - theirs.astype(int)).mean() < most)


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    lines = []
    for i in range(21):
        (tmp_path / f"{i}.jpg").write_bytes(drawn(i))
        lines.append({"class": i, "source-ref": f"{i}.jpg", "more": {"n": i}})
    lines.insert(5, {"source-ref": "0.jpg", "class-metadata": {"failure-reason": "nobody knows"}, "more": 0})
    path = tmp_path / "train.manifest"
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


def batches(manifest: Path, **options: Any) -> PictureBatches:
    return PictureBatches(manifest, "source-ref", ["class"], **{"size_px": SIZE, "batch_size": 8, **options})


@pytest.mark.parametrize("n_threads", [0, 1, 3])
def test_batches_in_the_order_of_the_manifest(manifest: Path, n_threads: int) -> None:
    found = list(batches(manifest, n_threads=n_threads))
    assert [len(batch) for batch in found] == [7, 8, 6]  # a line was passed over
    assert [c for batch in found for c in batch.values["class"]] == list(range(21))
    assert np.concatenate([batch.lines for batch in found]).tolist() == [*range(5), *range(6, 22)]
    for batch in found:
        assert batch.pictures.shape == (len(batch), 16, 24, 3) and batch.pictures.dtype == np.uint8
        assert batch.stored_px.tolist() == [[60, 40]] * len(batch)
        for picture, number in zip(batch.pictures, batch.values["class"], strict=True):
            assert nearly(picture, expected(drawn(number)))


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize(
    ("data", "stored"),
    [
        (drawn(1), (60, 40)),
        (drawn(2, SIZE), SIZE),
        (drawn(3, (500, 333)), (500, 333)),  # decoded at a part of its size
        (drawn(4, (7, 9)), (7, 9)),
        (drawn(5, mode="L"), (60, 40)),
        (drawn(6, mode="CMYK"), (60, 40)),
        (drawn(7, progressive=True), (60, 40)),
        (drawn(8, form="PNG"), (60, 40)),
        (drawn(9, form="PNG", mode="P"), (60, 40)),
    ],
)
def test_kinds_of_pictures(
    name: str, data: bytes, stored: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = opened(name, monkeypatch)
    pixels = np.empty((16, 24, 3), np.uint8)
    assert decode(data, pixels, "key") == stored
    assert nearly(pixels, expected(data))


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize("data", [b"", b"no picture", b"\xff\xd8\xff\xc0", drawn(1)[:-300], drawn(1)[:30]])
def test_what_is_no_whole_picture_is_named(name: str, data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    decode = opened(name, monkeypatch)
    with pytest.raises(ChannelError, match=r"s3://b/1\.jpg"):
        decode(data, np.empty((16, 24, 3), np.uint8), "s3://b/1.jpg")


@given(st.binary(max_size=60))
def test_sizes_come_from_headers_and_from_nothing_else(data: bytes) -> None:
    for head in (b"", b"\xff\xd8", b"\xff\xd8\xff\xe0\x00\x04ab"):
        jpeg_size(head + data)  # whatever follows, it ends and does not raise
    assert jpeg_size(drawn(1, (61, 7))) == (61, 7)
    assert jpeg_size(drawn(1, (61, 7), progressive=True)) == (61, 7)


def test_epochs_ranks_and_resuming(manifest: Path) -> None:
    def numbers(stream: PictureBatches, n: int = 99) -> list[list[int]]:
        return [batch.values["class"] for batch, _ in zip(stream, range(n), strict=False)]

    def made(**options: Any) -> PictureBatches:
        return batches(manifest, shuffle_seed=3, batch_size=4, **options)

    first = made()
    epochs = [numbers(first), numbers(first)]
    assert epochs[0] != epochs[1]
    for epoch in epochs:
        assert sorted(chain(*epoch)) == list(range(21))
    stopped = made()
    taken = numbers(stopped, 2)
    state = stopped.state_dict()
    second = made()
    # `zip` has taken one batch more than it was asked for: the state is behind that one.
    second.load_state_dict({**state, "n_done": 8})
    assert taken + numbers(second) == epochs[0]
    shares = [chain(*numbers(made(rank=rank, n_ranks=3))) for rank in range(3)]
    assert sorted(chain(*shares)) == list(range(21))


@pytest.mark.train
def test_a_tensor_shares_the_memory(manifest: Path) -> None:
    pytest.importorskip("torch")
    batch = next(iter(batches(manifest)))
    tensor = batch.tensor()
    assert tensor.shape == (7, 3, 16, 24) and tensor.data_ptr() == batch.pictures.ctypes.data


def test_what_cannot_be(manifest: Path) -> None:
    with pytest.raises(ChannelError, match="-ref"):
        PictureBatches(manifest, "class", size_px=SIZE)
    with pytest.raises(ChannelError, match="positive"):
        batches(manifest, batch_size=0)
    (manifest.parent / "9.jpg").write_bytes(b"broken")
    found = iter(batches(manifest))
    assert next(found).values["class"] == [0, 1, 2, 3, 4, 5, 6]
    with pytest.raises(ChannelError, match=r"9\.jpg is no image"):
        next(found)


def test_later_epochs_come_from_the_cache(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = batches(manifest, cache=tmp_path / "cache", shuffle_seed=1)
    first = {number: picture for batch in stream for number, picture in _pairs(batch)}

    def nothing_is_read(*_: Any) -> list[bytes]:
        raise AssertionError("an object was read")

    monkeypatch.setattr(stream.objects, "read", nothing_is_read)
    second = {number: picture for batch in stream for number, picture in _pairs(batch)}
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[number], second[number]) for number in first)


def _pairs(batch: Any) -> Any:
    assert batch.stored_px.tolist() == [[60, 40]] * len(batch)
    return zip(batch.values["class"], batch.pictures, strict=True)


def test_an_object_that_changed_is_read_again(manifest: Path, tmp_path: Path) -> None:
    stream = batches(manifest, cache=tmp_path / "cache")
    list(stream)
    (manifest.parent / "3.jpg").write_bytes(drawn(99))
    seen = {number: picture for batch in stream for number, picture in _pairs(batch)}
    assert nearly(seen[3], expected(drawn(99))) and nearly(seen[4], expected(drawn(4)))
    # Another manifest has other objects at its lines.
    lines = manifest.read_text().splitlines()
    manifest.write_text("\n".join(reversed(lines)))
    seen = {
        number: picture
        for batch in batches(manifest, cache=tmp_path / "cache")
        for number, picture in _pairs(batch)
    }
    assert all(
        nearly(picture, expected(drawn(99 if number == 3 else number))) for number, picture in seen.items()
    )


@pytest.fixture
def cache(tmp_path: Path) -> Callable[..., PictureCache]:
    return lambda bytes_max=1 << 20: PictureCache(tmp_path, SIZE, bytes_max=bytes_max)


def test_a_record_is_there_whole_or_not_at_all(cache: Callable[..., PictureCache]) -> None:
    written = cache()
    pixels = np.arange(24 * 16 * 3, dtype=np.uint8).reshape(16, 24, 3)
    into = np.empty_like(pixels)
    written.write(3, b"identity", pixels, (60, 40))
    assert written.read(3, b"identity", into) == (60, 40) and np.array_equal(into, pixels)
    assert written.read(3, b"another_", into) is None
    assert written.read(2, b"identity", into) is written.read(4, b"identity", into) is None
    assert cache().read(3, b"identity", into) == (60, 40)  # another process
    with written.path.open("r+b") as file:
        file.seek(-5, os.SEEK_END)
        file.write(b"\0")
    assert written.read(3, b"identity", into) is None


def test_no_more_is_kept_than_allowed(cache: Callable[..., PictureCache]) -> None:
    small = cache(bytes_max=3 * (24 * 16 * 3 + 20) + 5)
    pixels = np.zeros((16, 24, 3), np.uint8)
    for i in (2, 3, 70):
        small.write(i, b"identity", pixels, (1, 1))
    assert [small.read(i, b"identity", pixels) is not None for i in (2, 3, 70)] == [True, False, False]
    assert small.path.stat().st_size == 3 * (24 * 16 * 3 + 20)


def test_a_full_disk_ends_the_keeping_only(manifest: Path, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    stream = batches(manifest, cache=tmp_path / "cache", n_threads=0)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, hard))
    try:
        assert sum(len(batch) for batch in stream) == 21
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert sum(len(batch) for batch in stream) == 21


def test_identities_tell_objects_and_versions_apart(tmp_path: Path) -> None:
    objects = open_objects()
    for name in "ab":
        (tmp_path / name).write_bytes(b"same")
        os.utime(tmp_path / name, ns=(1, 1))
    a, b = (identity_of(str(tmp_path / name), objects) for name in "ab")
    assert a != b and len(a) == 8 and a == identity_of(str(tmp_path / "a"), objects)
    os.utime(tmp_path / "a", ns=(1, 2))
    assert identity_of(str(tmp_path / "a"), objects) != a
