from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.dataprep import json_stream
from labelwright.dataprep.files import Files, safe_name
from labelwright.dataprep.json_stream import walk_document
from labelwright.dataprep.safe_xml import children_of_root
from labelwright.errors import InvalidRequest


@pytest.mark.parametrize(
    "name", ["", "..", "a/../b", "/etc/passwd", "\\x", "C:\\x", "a\0b", "./", "a\\..\\..\\b"]
)
def test_paths_that_lead_out_are_refused(name: str) -> None:
    with pytest.raises(InvalidRequest, match="relative"):
        safe_name(name)


@given(name=st.text(max_size=20))
def test_a_safe_name_stays_below_its_folder(name: str) -> None:
    try:
        found = safe_name(name)
    except InvalidRequest:
        return
    assert Path("/base", found).resolve().is_relative_to("/base")


def test_mapped_uris_cannot_lead_out_of_their_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret").write_text("x")
    files = Files(maps=[("s3://b/p", tmp_path / "in")])
    with pytest.raises(InvalidRequest, match="leads out"):
        files.read("s3://b/p/../secret")
    with pytest.raises(InvalidRequest, match="cannot be read"):
        files.read("s3://b/p/none")
    with pytest.raises(InvalidRequest, match="object store"):
        files.read("s3://b/q/none")
    (tmp_path / "in" / "large").write_bytes(bytes(20))
    with pytest.raises(InvalidRequest, match="20 bytes; at most 10"):
        files.read("s3://b/p/large", bytes_max=10)


BILLION = b"""<?xml version="1.0"?><!DOCTYPE annotation [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>
<annotation><filename>&b;</filename></annotation>"""
OUTSIDE = b'<!DOCTYPE annotation SYSTEM "file:///etc/passwd"><annotation><a/></annotation>'


@pytest.mark.parametrize("document", [BILLION, OUTSIDE, BILLION.decode().encode("utf-16")])
def test_document_types_are_refused_in_any_encoding(document: bytes) -> None:
    with pytest.raises(InvalidRequest, match="document type"):
        list(children_of_root([document], root="annotation", place="x.xml"))


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (b"<annotation><a></annotation>", "mismatched tag"),
        (b"<html/>", "root element is <html>"),
        (b"<annotation>" + b"<a>" * 40, "nested deeper"),
        (b"<annotation><a>&undefined;</a></annotation>", "undefined entity"),
        (b"", "no element found"),
    ],
)
def test_bad_xml_is_refused_with_the_reason(document: bytes, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why):
        list(children_of_root([document], root="annotation", place="x.xml"))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(document=st.dictionaries(st.text(max_size=3), json_values, max_size=4), chunk=st.integers(1, 9))
def test_documents_are_walked_wherever_chunks_end(
    document: dict[str, Any], chunk: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "walked.json"
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")
    expected: list[tuple[str, Any]] = []
    for key, value in document.items():
        expected += [(key, item) for item in value] if isinstance(value, list) else [(key, value)]
    size, json_stream._CHUNK_BYTES = json_stream._CHUNK_BYTES, chunk
    try:
        assert list(walk_document(path)) == expected
    finally:
        json_stream._CHUNK_BYTES = size


@pytest.mark.parametrize(
    "text", ["", "3", '{"a": [1,', '{"a" 1}', '{"a": 1} x', "[1 2]", "{1: 2}", "[" * 99999]
)
def test_what_is_no_json_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(InvalidRequest, match="not the JSON"):
        list(walk_document(path))
