"""Samples of a manifest: each once, in a known order, and again from where one stopped."""

from __future__ import annotations

import itertools
import json
import pickle
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labelwright.streaming import ChannelError, ManifestStream


def numbers(n: int, tmp_path: Path) -> str:
    path = tmp_path / f"{n}.manifest"
    if not path.exists():
        path.write_text("".join(f'{{"i": {i}}}\n' for i in range(n)) or "\n")
    return str(path)


def drawn(stream: ManifestStream, n: int | None = None) -> list[int]:
    return [sample["i"] for sample in itertools.islice(stream, n)]


def test_samples_hold_bytes_and_values(make_folder) -> None:
    folder = make_folder(10)
    samples = list(ManifestStream(folder.manifest, ["class", "source-ref"]))
    assert samples == [
        {"class": line["class"], "source-ref": picture}
        for line, picture in zip(folder.lines, folder.pictures, strict=True)
    ]


def test_a_transform_makes_the_sample(make_folder) -> None:
    folder = make_folder(10)
    sizes = ManifestStream(folder.manifest, ["source-ref"], transform=lambda s: len(s["source-ref"]))
    assert list(sizes) == [len(picture) for picture in folder.pictures]


def test_a_local_manifest_may_name_files_beside_it(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/1.jpg").write_bytes(b"jpg")
    (tmp_path / "d/m").write_text('{"source-ref": "1.jpg"}')
    assert list(ManifestStream(tmp_path / "d/m", ["source-ref"])) == [{"source-ref": b"jpg"}]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(
    n=st.integers(1, 40),
    seed=st.none() | st.integers(0, 99),
    stops=st.lists(st.integers(0, 30), max_size=4),
    n_threads=st.sampled_from([0, 2]),
)
def test_a_resumed_stream_equals_an_unbroken_one(
    tmp_path: Path, n: int, seed: int | None, stops: list[int], n_threads: int
) -> None:
    def fresh() -> ManifestStream:
        return ManifestStream(numbers(n, tmp_path), ["i"], shuffle_seed=seed, n_threads=n_threads)

    whole = fresh()
    expected = [i for _ in range(6) for i in drawn(whole)]
    got: list[int] = []
    stream = fresh()
    for stop in stops:
        got += drawn(stream, stop)
        state = json.loads(json.dumps(stream.state_dict()))
        stream = fresh()
        stream.load_state_dict(state)
    while len(got) < len(expected) - 2 * n:
        got += drawn(stream)
    assert got == expected[: len(got)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(
    n=st.integers(1, 40),
    before=st.integers(1, 5),
    after=st.integers(1, 5),
    n_rounds=st.integers(0, 10),
)
def test_a_job_may_go_on_with_another_number_of_ranks(
    tmp_path: Path, n: int, before: int, after: int, n_rounds: int
) -> None:
    path = numbers(n, tmp_path)
    n_rounds = min(n_rounds, n // before)
    ranks = [
        ManifestStream(path, ["i"], shuffle_seed=5, rank=r, n_ranks=before, n_threads=0)
        for r in range(before)
    ]
    seen = [i for rank in ranks for i in drawn(rank, n_rounds)]
    state = ranks[0].state_dict()
    for r in range(after):
        rank = ManifestStream(path, ["i"], shuffle_seed=5, rank=r, n_ranks=after, n_threads=0)
        rank.load_state_dict(state)
        if rank.epoch == 0:
            seen += drawn(rank)
    assert sorted(seen) == list(range(n))


def test_lines_passed_over_do_not_disturb_resuming(tmp_path: Path) -> None:
    failed = {"i-metadata": {"failure-reason": "x"}}
    lines = [{"i": i} if i % 3 else failed for i in range(30)]
    (tmp_path / "m").write_text("\n".join(map(json.dumps, lines)))
    kept = [i for i in range(30) if i % 3]
    stream = ManifestStream(tmp_path / "m", ["i"])
    got = drawn(stream, 7)
    again = ManifestStream(tmp_path / "m", ["i"])
    again.load_state_dict(stream.state_dict())
    assert got + drawn(again) == kept


def test_a_state_of_another_stream_is_refused(tmp_path: Path) -> None:
    state = ManifestStream(numbers(5, tmp_path), ["i"], shuffle_seed=1).state_dict()
    for other in (
        ManifestStream(numbers(5, tmp_path), ["i"], shuffle_seed=2),
        ManifestStream(numbers(6, tmp_path), ["i"], shuffle_seed=1),
    ):
        with pytest.raises(ChannelError, match="taken of another stream"):
            other.load_state_dict(state)


def test_a_stream_can_be_sent_to_another_process(tmp_path: Path) -> None:
    stream = ManifestStream(numbers(9, tmp_path), ["i"], shuffle_seed=1)
    drawn(stream, 4)
    assert drawn(pickle.loads(pickle.dumps(stream))) == drawn(stream)


def test_bad_arguments_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ChannelError, match="list of attribute names"):
        ManifestStream(numbers(1, tmp_path), "i")
    with pytest.raises(ValueError, match="rank 2 of 2"):
        ManifestStream(numbers(1, tmp_path), ["i"], rank=2, n_ranks=2)
    with pytest.raises(ChannelError, match="has no lines"):
        list(ManifestStream(numbers(0, tmp_path), ["i"]))
