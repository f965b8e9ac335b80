"""Pages of streams, compared with a list in memory."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.errors import InvalidRequest, NotFound
from labelwright.logstreams import FilterPattern, LogStore, StreamWriter, stream_path
from labelwright.logstreams.lines import Lines
from labelwright.logstreams.names import file_of

GROUP = "/aws/sagemaker/TrainingJobs"

events_lists = st.lists(
    st.tuples(
        st.integers(0, 30),
        st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), min_size=1),
    ),
    min_size=1,
    max_size=40,
).map(lambda events: sorted(events, key=lambda event: event[0]))


def _write(root: Path, stream: str, events: list[tuple[int, str]]) -> LogStore:
    with StreamWriter(stream_path(root, GROUP, stream)) as writer:
        writer.write_many(events)
    return LogStore(root)


@settings(max_examples=60, deadline=None)
@given(
    events_lists,
    st.integers(1, 7),
    st.one_of(st.none(), st.integers(0, 31)),
    st.one_of(st.none(), st.integers(0, 31)),
)
def test_pages_in_both_directions_hold_every_event_once(
    events: list[tuple[int, str]], limit: int, start: int | None, end: int | None
) -> None:
    wanted = [e for e in events if (start is None or e[0] >= start) and (end is None or e[0] < end)]
    with tempfile.TemporaryDirectory() as folder:
        store = _write(Path(folder), "s", events)
        for from_head in (True, False):
            pages, token = [], None
            while True:
                page = store.events(
                    GROUP, "s", start_ms=start, end_ms=end, token=token, from_head=from_head, limit=limit
                )
                following = page.forward if from_head else page.backward
                if not page.events:
                    assert token is None or following == token
                    break
                assert len(page.events) <= limit
                pages.append([(e.timestamp_ms, e.message) for e in page.events])
                token = following
            seen = pages if from_head else pages[::-1]
            assert [event for page in seen for event in page] == wanted


@settings(max_examples=40, deadline=None)
@given(events_lists, st.integers(-1, 32), st.integers(1, 64))
def test_a_time_is_found_by_bisection(events: list[tuple[int, str]], at: int, block: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder), "s", events)
        with Lines(file_of(stream_path(Path(folder), GROUP, "s"))) as lines:
            import labelwright.logstreams.lines as module

            scanned, module._SCANNED = module._SCANNED, 0
            try:
                position = lines.at_or_after(at)
            finally:
                module._SCANNED = scanned
            n_before = sum(t < at for t, _ in events)
            every = list(lines.forward(0, block=block))
            assert [(t, m.decode()) for _, t, m in every] == events
            assert list(lines.backward(lines.end, block=block)) == every[::-1]
            assert position == (every[n_before][0] if n_before < len(every) else lines.end)


def test_a_forward_token_goes_on_when_there_is_more(tmp_path: Path) -> None:
    store = _write(tmp_path, "s", [(1, "a"), (1, "b")])
    page = store.events(GROUP, "s", from_head=True)
    empty = store.events(GROUP, "s", token=page.forward)
    assert (empty.events, empty.forward) == ([], page.forward)
    _write(tmp_path, "s", [(1, "c")])
    more = store.events(GROUP, "s", token=empty.forward)
    assert [event.message for event in more.events] == ["c"]
    assert [e.message for e in store.events(GROUP, "s", token=more.backward).events] == ["a", "b"]


def test_a_page_ends_with_its_bytes_but_holds_one_event(tmp_path: Path) -> None:
    store = _write(tmp_path, "s", [(i, "x" * 100) for i in range(5)])
    assert len(store.events(GROUP, "s", from_head=True, bytes_max=300).events) == 2
    assert len(store.events(GROUP, "s", bytes_max=10).events) == 1


def test_what_a_power_failure_leaves_is_passed_over(tmp_path: Path) -> None:
    store = _write(tmp_path, "s", [(1, "a"), (5, "b")])
    with file_of(stream_path(tmp_path, GROUP, "s")).open("ab") as file:
        file.write(b"\0\0\0\n7 c\n")
    assert [e.message for e in store.events(GROUP, "s", start_ms=2, from_head=True).events] == ["b", "c"]


@pytest.mark.parametrize("token", ["", "f/1", "f/-1/s", "x/1/s", "f/١/s"])
def test_tokens_of_others_are_refused(tmp_path: Path, token: str) -> None:
    store = _write(tmp_path, "s", [(1, "a")])
    if token == "":
        assert store.events(GROUP, "s", token=token).events
        return
    with pytest.raises(InvalidRequest, match="nextToken"):
        store.events(GROUP, "s", token=token)
    far = store.events(GROUP, "s", token=f"f/{10**18}/s")
    assert far.events == []


def test_absent_groups_and_streams(tmp_path: Path) -> None:
    store = LogStore(tmp_path)
    assert list(store.names(GROUP)) == []
    with pytest.raises(NotFound, match="log stream does not exist"):
        store.events(GROUP, "none")
    for group in ("/aws/sagemaker/Endpoints/none", "/aws/sagemaker/Endpoints", "/other"):
        with pytest.raises(NotFound, match="log group does not exist"):
            store.names(group)
    with StreamWriter(stream_path(tmp_path, "/aws/sagemaker/Endpoints/cats", "AllTraffic/i-1")) as writer:
        writer.write(1, "ping")
    assert store.groups() == [
        "/aws/sagemaker/Endpoints/cats", "/aws/sagemaker/TrainingJobs", "/aws/sagemaker/TransformJobs",
    ]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.sets(
        st.lists(st.sampled_from(["a", "a-", "b", "a.b"]), min_size=1, max_size=3).map("/".join), max_size=12
    ),
    st.sampled_from(["", "a", "a/", "a-", "a/b/", "c", "../", "a.b/a"]),
    st.booleans(),
    st.one_of(st.none(), st.sampled_from(["a", "a-/b", "a/b", "b", "a.b"])),
)
def test_names_are_listed_in_their_order(
    names: set[str], prefix: str, descending: bool, after: str | None
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            _write(Path(folder), name, [(1, "x")])
        found = list(LogStore(Path(folder)).names(GROUP, prefix=prefix, after=after, descending=descending))
    wanted = sorted((name for name in names if name.startswith(prefix)), reverse=descending)
    if after is not None:
        wanted = [name for name in wanted if (name < after if descending else name > after)]
    assert found == wanted


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.sampled_from("abc"), events_lists, min_size=1), st.integers(1, 9), st.integers(20, 400)
)
def test_a_search_merges_streams_by_time(
    streams: dict[str, list[tuple[int, str]]], limit: int, bytes_max: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, events in streams.items():
            _write(Path(folder), name, events)
        store, after, found, ids = LogStore(Path(folder)), None, [], set()
        while True:
            page = store.search(
                GROUP, sorted(streams), fits=lambda _: True, after=after, limit=limit, bytes_max=bytes_max
            )
            found += [(e.timestamp_ms, e.stream, e.message) for e in page.events]
            ids |= {e.id for e in page.events}
            after = page.after
            if after is None:
                break
            assert 0 < len(page.events) <= limit
    assert len(ids) == len(found)
    assert [f[:2] for f in found] == sorted((t, n) for n, events in streams.items() for t, _ in events)
    for name, events in streams.items():
        assert [(t, m) for t, n, m in found if n == name] == events


def test_filter_patterns() -> None:
    cases = {
        "": ["x", ""], "ERROR": ["an ERROR"], "ERROR disk": ["disk ERROR"], '"no space"': ["no space left"],
        "-x": ["y"], "?a ?b": ["a", "b"], "a ?b": ["a"], '-"a b" c': ["c"], '"say \\"hi\\""': ['say "hi"'],
    }  # fmt: skip
    misses = {
        "ERROR": "error",
        "ERROR disk": "ERROR",
        "-x": "xy",
        "?a ?b": "c",
        "a ?b": "b",
        '-"a b" c': "a b c",
    }
    for text, messages in cases.items():
        assert all(FilterPattern(text)(message) for message in messages), text
    for text, message in misses.items():
        assert not FilterPattern(text)(message), text
    for text in ("{ $.a = 1 }", "[a, b]", "%x%", 'a"b', '"open'):
        with pytest.raises(InvalidRequest, match="filter pattern"):
            FilterPattern(text)
