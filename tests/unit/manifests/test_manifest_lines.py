from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.errors import ManifestError
from labelwright.manifests import constants, index_lines, parse_object
from labelwright.manifests import lines as lines_module

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


@given(
    texts=st.lists(st.binary(min_size=1).filter(lambda b: b"\n" not in b and b.strip() and b[-1:] != b"\r")),
    ends=st.lists(st.sampled_from([b"\n", b"\r\n"]), min_size=40, max_size=40),
    places=st.lists(st.integers(0, 10_000), max_size=6),
    tail=st.sampled_from([b"", b"\n", b"\r\n \n\n"]),
)
def test_spans_point_at_the_lines_wherever_the_chunks_are_cut(
    texts: list[bytes], ends: list[bytes], places: list[int], tail: bytes
) -> None:
    texts = [text for text in texts[:40] if not text.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"))]
    data = b"".join(text + end for text, end in zip(texts, ends, strict=False)) + tail
    spans = list(index_lines(cut(data, places)))
    assert [span.raw for span in spans] == texts
    assert [span.number for span in spans] == list(range(len(texts)))
    assert [data[span.position : span.position + span.length] for span in spans] == texts


def test_last_line_needs_no_line_end() -> None:
    assert [span.raw for span in index_lines([b'{"a":1}\n{"b', b'":2}'])] == [b'{"a":1}', b'{"b":2}']


def test_byte_order_mark_is_skipped_and_not_part_of_the_span() -> None:
    (span,) = index_lines([b"\xef\xbb", b'\xbf{"source":"x"}\r\n'])
    assert (span.position, span.length, span.raw) == (3, 14, b'{"source":"x"}')


def test_empty_files_have_no_lines() -> None:
    for data in (b"", b"\n", b"\xef\xbb\xbf", b" \n\t\r\n"):
        assert list(index_lines([data])) == []


def test_blank_line_between_objects_is_refused_by_its_number() -> None:
    with pytest.raises(ManifestError) as caught:
        list(index_lines([b'{"source":"x"}\n \n{"source":"y"}\n']))
    assert caught.value.line_number == 2
    assert "blank" in caught.value.message


def test_utf16_file_is_named_as_such() -> None:
    with pytest.raises(ManifestError, match="UTF-16"):
        list(index_lines(['{"source":"x"}\n'.encode("utf-16")]))


def test_endless_line_is_refused_before_it_fills_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "LINE_BYTES_MAX", 1000)

    def endless():  # type: ignore[no-untyped-def]
        yield b'{"source":"x"}\n'
        while True:
            yield b"x" * 100

    with pytest.raises(ManifestError) as caught:
        list(index_lines(endless()))
    assert caught.value.line_number == 2


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b'{"source":"\xff"}', ["byte 12", "0xff", "UTF-8"]),
        (b'{"source":"x"', ["not valid JSON", "column 14"]),
        (b'{"source":"x"} {"source":"y"}', ["not valid JSON"]),
        (b'{"source":NaN}', ["not valid JSON"]),
        (b'[{"source":"x"}]', ["array", "object"]),
        (b'"x"', ["a string"]),
        (b"null", ["null"]),
        (b"{}", ["'source'", "'source-ref'"]),
        (b'{"source":null}', ["neither"]),
        (b'{"source":5}', ["'source' is a number", "string"]),
        (b'{"source":""}', ["empty"]),
        (b'{"source-ref":["s3://b/k"]}', ["'source-ref' is an array"]),
        (b'{"source":"x","$a":1}', ["'$a'", "reserved"]),
        (b'{"source":"x","\\u0024a":1}', ["'$a'"]),
        (b'{"source":"x","source":"y"}', ["'source'", "twice"]),
        (b'{"source":"x","a":{"b":1,"b":2}}', ["'b'", "twice"]),
        (b'{"source":"x","a":1,"\\u0061":"\\u0022\\u0022"}', ["'a'", "twice"]),
        (b'{"source":"x","a" :1,"a"\t:2}', ["twice"]),
        (b'{"source":"' + b"x" * 20_001 + b'"}', ["20001 characters", "20000"]),
        (b'{"source":"x","a":[' + b"1," * 10_000 + b"1]}", ["'a'", "20003"]),
        (
            json.dumps({"source": "x"} | {f"k{i}": "y" * 19_000 for i in range(6)}).encode(),
            ["the line has", "100000"],
        ),
    ],
)
def test_bad_lines_are_refused_with_number_and_reason(raw: bytes, words: list[str]) -> None:
    with pytest.raises(ManifestError) as caught:
        parse_object(raw, 7)
    assert caught.value.line_number == 7
    for word in words:
        assert word in caught.value.message


@pytest.mark.parametrize(
    "raw",
    [
        b'{"source":"x \\" \\\\"}',
        b'{"source":"\\u0022a\\u0022: $"}',
        b'{"source":"x","source-ref":"s3://b/k"}',
        b'{"source":"x","a":"$b","c":{"$d":1}}',
        b'{"source":"' + b"x" * 20_000 + b'"}',
        '{"source":"{}"}'.replace("{}", "é" * 20_000).encode(),
        b' {"source":"x", "n":123456789012345678901234567890} ',
    ],
)
def test_good_lines_are_accepted(raw: bytes) -> None:
    assert parse_object(raw, 1)["source"] == json.loads(raw)["source"]


def test_long_labels_of_earlier_jobs_do_not_count_towards_the_limits() -> None:
    boxes = [{"class_id": 0, "top": 1, "left": 1, "height": 5, "width": 5}] * 5000
    line = {
        "source-ref": "s3://b/k",
        "boxes": {"annotations": boxes, "image_size": [{"width": 9, "height": 9, "depth": 3}]},
        "boxes-metadata": {"type": "groundtruth/object-detection", "objects": [{"confidence": 0.5}] * 5000},
    }
    raw = json.dumps(line).encode()
    assert len(raw) > constants.LINE_CHARACTERS_MAX
    assert parse_object(raw, 1) == line
    with pytest.raises(ManifestError, match="'boxes'"):
        parse_object(json.dumps(line | {"boxes-metadata": {}}).encode(), 1)


@given(st.dictionaries(st.text().filter(lambda key: key[:1] != "$"), json_values, max_size=4))
def test_any_json_object_with_a_source_is_parsed_as_json_does(extra: dict[str, object]) -> None:
    data = extra | {"source": "x"}
    try:
        text = json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return
    parsed = parse_object(text, 1)
    assert list(parsed) == list(data)
    if not any(isinstance(value, int) and abs(value) > 2**62 for value in data.values()):
        assert parsed.keys() == json.loads(text).keys()


@given(json_values, st.text(), st.sampled_from([True, False]))
def test_a_key_that_occurs_twice_is_always_found(value: object, key: str, is_escaped: bool) -> None:
    if key in ("source", "other") or key.startswith("$"):
        return
    text = json.dumps({"source": "x", key: 1, "other": {"k": value}}, ensure_ascii=is_escaped)
    doubled = text[:-1] + "," + json.dumps(key, ensure_ascii=not is_escaped) + ":1}"
    try:
        raw = doubled.encode()
    except UnicodeEncodeError:
        return
    with pytest.raises(ManifestError):
        parse_object(raw, 1)
