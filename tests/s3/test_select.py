"""SelectObjectContent, with an unmodified boto3 as the other end."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import json
from typing import Any

import pytest
import serving
from botocore.exceptions import ClientError, EventStreamError

from labelwright.blobs.external import ExternalBlobs
from labelwright.console.subsets import Choice, make_subset
from labelwright.credentials import RootCredentials
from labelwright.s3.upstream import Upstream
from labelwright.selection import QueryError

MANIFEST = [
    {"source": "The parcel never came", "ticket": 5531},
    {"source": "Thanks!", "ticket": 5532, "mood": 1, "mood-metadata": {"human-annotated": "yes"}},
    {"source": "It broke", "ticket": 5533, "mood": 0, "mood-metadata": {"human-annotated": "no"}},
    {"source": "Great", "ticket": 5534, "Mood": 2},
]
LABELS = {
    "document-version": "2018-11-28",
    "labels": [{"label": "bolt"}, {"label": "nut"}, {"label": "washer"}],
}


@pytest.fixture
def manifest(s3: Any, bucket: str) -> str:
    body = b"".join(json.dumps(line).encode() + b"\n" for line in MANIFEST)
    s3.put_object(Bucket=bucket, Key="m.manifest", Body=body)
    return bucket


@pytest.fixture(scope="session")
def large(s3: Any) -> str:
    s3.create_bucket(Bucket="large-select")
    lines = b"".join(b'{"source-ref":"s3://b/%06d.jpg","camera":%d}\n' % (i, i % 6) for i in range(60_000))
    s3.put_object(Bucket="large-select", Key="m.manifest", Body=lines)
    return "large-select"


def _select(
    s3: Any, bucket: str, key: str, expression: str, **more: Any
) -> tuple[bytes, list[dict[str, Any]]]:
    kind = more.pop("kind", "LINES")
    compression = more.pop("compression", "NONE")
    answer = s3.select_object_content(
        Bucket=bucket,
        Key=key,
        Expression=expression,
        ExpressionType="SQL",
        InputSerialization={"JSON": {"Type": kind}, "CompressionType": compression},
        OutputSerialization=more.pop("output", {"JSON": {}}),
        **more,
    )
    with contextlib.closing(answer["Payload"]) as payload:
        events = list(payload)
    return b"".join(event["Records"]["Payload"] for event in events if "Records" in event), events


def test_sample_query_of_active_learning_picks_the_unlabeled(s3: Any, manifest: str) -> None:
    rows, events = _select(
        s3, manifest, "m.manifest", 'select * from s3object[*] s where s."mood" is missing LIMIT 1'
    )
    assert [json.loads(row) for row in rows.splitlines()] == MANIFEST[:1]
    assert list(events[-1]) == ["End"]
    stats = events[-2]["Stats"]["Details"]
    assert stats["BytesReturned"] == len(rows)


def test_sample_query_of_active_learning_reads_a_label_file(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="labels.json", Body=json.dumps(LABELS, indent=2).encode())
    rows, _ = _select(
        s3, bucket, "labels.json", "SELECT label FROM S3Object[*].labels[*].label", kind="DOCUMENT"
    )
    assert [json.loads(row)["label"] for row in rows.splitlines()] == ["bolt", "nut", "washer"]
    rows, _ = _select(
        s3, bucket, "labels.json", "SELECT l.label FROM S3Object[*].labels[*] l", kind="DOCUMENT"
    )
    assert rows == b'{"label":"bolt"}\n{"label":"nut"}\n{"label":"washer"}\n'


@pytest.mark.parametrize(
    ("expression", "tickets"),
    [
        ('SELECT s.ticket FROM S3Object s WHERE s."mood-metadata"."human-annotated" IN (\'yes\')', [5532]),
        ("SELECT s.ticket FROM S3Object s WHERE s.mood IS NOT MISSING", [5532, 5533, 5534]),
        ('SELECT s.ticket FROM S3Object s WHERE s."mood" IS NOT MISSING', [5532, 5533]),
        ("SELECT s.ticket FROM S3Object s WHERE s.ticket > 9000", []),
    ],
)
def test_conditions(s3: Any, manifest: str, expression: str, tickets: list[int]) -> None:
    rows, _ = _select(s3, manifest, "m.manifest", expression)
    assert [json.loads(row)["ticket"] for row in rows.splitlines()] == tickets


def test_record_delimiter_and_progress(s3: Any, manifest: str) -> None:
    rows, events = _select(
        s3, manifest, "m.manifest", "SELECT s.mood FROM S3Object s LIMIT 3",
        output={"JSON": {"RecordDelimiter": ";"}}, RequestProgress={"Enabled": True},
    )  # fmt: skip
    assert rows == b'{};{"mood":1};{"mood":0};'
    assert any("Progress" in event for event in events)


def test_object_without_a_last_line_feed_gives_whole_records(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="m", Body=b'{"a":1}\r\n{"a":2}')
    rows, _ = _select(s3, bucket, "m", "SELECT * FROM S3Object s")
    assert [json.loads(row) for row in rows.splitlines()] == [{"a": 1}, {"a": 2}]
    assert rows.endswith(b"\n")


def test_large_object_is_selected_in_a_process_of_its_own(s3: Any, large: str) -> None:
    rows, events = _select(s3, large, "m.manifest", "SELECT * FROM S3Object s WHERE s.camera = 5")
    assert rows.count(b"\n") == 10_000
    assert rows.startswith(b'{"source-ref":"s3://b/000005.jpg","camera":5}\n')
    assert events[-2]["Stats"]["Details"]["BytesScanned"] == 60_000 * 46


@pytest.mark.parametrize(
    ("start", "end"), [(0, 45), (1, 46), (100, 1_300_000), (46, 46), (2_759_950, 9_999_999)]
)
def test_scan_range_takes_the_lines_that_begin_in_it(s3: Any, large: str, start: int, end: int) -> None:
    rows, _ = _select(
        s3, large, "m.manifest", "SELECT * FROM S3Object s", ScanRange={"Start": start, "End": end}
    )
    first, last = -(-start // 46), min(end // 46, 59_999)
    assert rows.count(b"\n") == max(0, last - first + 1)
    if rows:
        assert f"/{first:06d}.jpg" in rows.splitlines()[0].decode()


@pytest.mark.parametrize(("name", "pack"), [("GZIP", gzip.compress), ("BZIP2", bz2.compress)])
def test_compressed_objects(s3: Any, bucket: str, name: str, pack: Any) -> None:
    lines = b"".join(b'{"a":%d}\n' % i for i in range(50_000))
    half = len(lines) // 2
    s3.put_object(Bucket=bucket, Key="m.packed", Body=pack(lines[:half]) + pack(lines[half:]))
    rows, _ = _select(s3, bucket, "m.packed", "SELECT COUNT(*) AS n FROM S3Object", compression=name)
    assert rows == b'{"n":50000}\n'
    s3.put_object(Bucket=bucket, Key="m.cut", Body=pack(lines)[:-20])
    with pytest.raises(EventStreamError, match="InvalidCompressionFormat"):
        _select(s3, bucket, "m.cut", "SELECT COUNT(*) AS n FROM S3Object", compression=name)


@pytest.mark.parametrize(
    ("expression", "code", "says"),
    [
        ("SELECT * FROM S3Object s WHERE s.a = `x`", "LexerInvalidChar", "column 38"),
        ("SELECT * FROM S3Object s WHERE", "ParseExpectedExpression", "end of the query"),
        ("SELECT FOO(s.a) FROM S3Object s", "UnsupportedFunction", "FOO"),
        ("DROP TABLE s", "UnsupportedSqlOperation", "SELECT"),
        ("SELECT * FROM S3Object s JOIN S3Object t", "UnsupportedSyntax", "Joins"),
    ],
)
def test_bad_query_is_a_plain_error(s3: Any, manifest: str, expression: str, code: str, says: str) -> None:
    with pytest.raises(ClientError) as caught:
        _select(s3, manifest, "m.manifest", expression)
    assert caught.value.response["Error"]["Code"] == code
    assert says in caught.value.response["Error"]["Message"]


def test_bad_object_ends_the_stream_with_an_error(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="bad", Body=b'{"a":1}\n{"a":"\xff"}\n')
    answer = s3.select_object_content(
        Bucket=bucket, Key="bad", Expression="SELECT * FROM S3Object s", ExpressionType="SQL",
        InputSerialization={"JSON": {"Type": "LINES"}}, OutputSerialization={"JSON": {}},
    )  # fmt: skip
    with (
        contextlib.closing(answer["Payload"]) as payload,
        pytest.raises(EventStreamError, match=r"InvalidTextEncoding.*Line 2"),
    ):
        list(payload)


def test_what_is_not_supported_is_said(s3: Any, manifest: str) -> None:
    def code(**change: Any) -> str:
        arguments: dict[str, Any] = {
            "InputSerialization": {"JSON": {"Type": "LINES"}}, "OutputSerialization": {"JSON": {}},
            "ExpressionType": "SQL", "Key": "m.manifest", **change,
        }  # fmt: skip
        with pytest.raises(ClientError) as caught:
            s3.select_object_content(Bucket=manifest, Expression="SELECT * FROM S3Object", **arguments)
        return str(caught.value.response["Error"]["Code"])

    assert code(InputSerialization={"CSV": {}}) == "InvalidRequestParameter"
    assert code(OutputSerialization={"CSV": {}}) == "InvalidRequestParameter"
    assert code(Key="gone") == "NoSuchKey"
    assert code(ScanRange={"Start": 9, "End": 3}) == "InvalidScanRange"
    gzipped = {"JSON": {"Type": "LINES"}, "CompressionType": "GZIP"}
    assert code(InputSerialization=gzipped, ScanRange={"Start": 0}) == "UnsupportedScanRangeInput"


@pytest.mark.parametrize("how", ["full", "sample", "query"])
def test_subsets_are_made_in_another_object_store_too(s3: Any, url: str, manifest: str, how: Any) -> None:
    upstream = Upstream(url, "us-east-1", serving.ACCESS, serving.SECRET)
    blobs = ExternalBlobs(upstream, RootCredentials(serving.ACCESS, serving.SECRET))
    choice = Choice(f"s3://{manifest}/m.manifest", how, percent=50, seed=1, condition="s.ticket < 5533")
    subset = make_subset(blobs, choice, now=0.0)
    n_expected = {"full": 4, "sample": 2, "query": 2}[how]
    assert (subset.n_lines, subset.n_selected, len(subset.first_lines)) == (4, n_expected, n_expected)
    body = s3.get_object(Bucket=manifest, Key=subset.uri.rpartition("/")[2])["Body"].read()
    assert body.splitlines() == list(subset.first_lines)
    nothing = Choice(f"s3://{manifest}/m.manifest", "query", condition="s.ticket = 0")
    with pytest.raises(QueryError, match="none of the 4 lines"):
        make_subset(blobs, nothing, now=9.0)
    assert all("000009" not in item["Key"] for item in s3.list_objects_v2(Bucket=manifest)["Contents"])
