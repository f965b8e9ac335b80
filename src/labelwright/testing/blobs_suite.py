"""What every blob store must do, as tests that anyone can run over theirs.

Subclass `BlobsSuite` in a test module and give it a ``blobs`` fixture (the store under test) and a
``bucket`` fixture (the name of an empty bucket that exists in it).

Examples
--------
>>> class TestMine(BlobsSuite):  # doctest: +SKIP
...     @pytest.fixture
...     def blobs(self): ...
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from labelwright.blobs import BlobInfo, Blobs
from labelwright.errors import BlobNotFound, Conflict, InvalidRequest

__all__ = ["BlobsSuite"]

_KEYS = [
    "plain.txt",
    "a/b/c.jpg",
    "with space",
    "a+b",
    "100%",
    "%2e",
    "\u00e9/\u4e16",
    "q?x#y",
    "~",
    "a:b",
    "a&b",
]


class BlobsSuite:
    """The contract of `labelwright.blobs.Blobs`."""

    @pytest.mark.parametrize("key", _KEYS)
    def test_what_is_put_is_read(self, blobs: Blobs, bucket: str, key: str) -> None:
        """Keys of all kinds; head, read and list agree."""
        uri = f"s3://{bucket}/{key}"
        info = blobs.put(uri, b"body of " + key.encode(), content_type="text/plain")
        assert blobs.read(uri) == b"body of " + key.encode()
        assert info == BlobInfo(uri, 8 + len(key.encode()), info.etag, info.modified_at, "text/plain")
        head = blobs.head(uri)
        assert (head.uri, head.size_bytes, head.etag, head.content_type) == (
            uri, info.size_bytes, info.etag, "text/plain",
        )  # fmt: skip
        assert info.etag == hashlib.md5(b"body of " + key.encode(), usedforsecurity=False).hexdigest()
        assert uri in [found.uri for found in blobs.list(f"s3://{bucket}/")]
        blobs.delete(uri)
        with pytest.raises(BlobNotFound):
            blobs.read(uri)

    def test_absent_objects_and_buckets(self, blobs: Blobs, bucket: str) -> None:
        """Not found is one error, whatever is missing; deleting twice is none."""
        for uri in (f"s3://{bucket}/absent", "s3://a-bucket-that-is-not-there/absent"):
            for call in (blobs.head, blobs.read, blobs.stream):
                with pytest.raises(BlobNotFound):
                    call(uri)
            with pytest.raises(BlobNotFound):
                blobs.read_range(uri, 0, 1)
            with pytest.raises(BlobNotFound):
                blobs.copy(uri, f"s3://{bucket}/copy")
        with pytest.raises(BlobNotFound):
            blobs.put("s3://a-bucket-that-is-not-there/x", b"")
        with pytest.raises(BlobNotFound):
            list(blobs.list("s3://a-bucket-that-is-not-there/"))
        blobs.delete(f"s3://{bucket}/absent")
        assert list(blobs.list(f"s3://{bucket}/")) == []

    @pytest.mark.parametrize("uri", ["", "bucket/key", "s3:/bucket/key", "file:///etc/passwd", "s3:///key"])
    def test_what_is_no_uri_is_refused(self, blobs: Blobs, uri: str) -> None:
        """The message shows the rule."""
        with pytest.raises(InvalidRequest, match="s3://bucket/key"):
            blobs.read(uri)

    def test_names_that_cannot_be_are_refused(self, blobs: Blobs, bucket: str) -> None:
        """Empty and too long keys."""
        for uri in (f"s3://{bucket}/", f"s3://{bucket}/{'k' * 1025}"):
            with pytest.raises(InvalidRequest):
                blobs.put(uri, b"x")

    def test_ranges(self, blobs: Blobs, bucket: str) -> None:
        """Cut at the end, empty behind it."""
        uri = f"s3://{bucket}/range"
        blobs.put(uri, bytes(range(100)))
        assert blobs.read_range(uri, 10, 5) == bytes(range(10, 15))
        assert blobs.read_range(uri, 95, 50) == bytes(range(95, 100))
        assert blobs.read_range(uri, 100, 5) == b""
        assert blobs.read_range(uri, 0, 0) == b""

    def test_streams_in_and_out(self, blobs: Blobs, bucket: str) -> None:
        """Larger than any one piece, and in small ones."""
        uri = f"s3://{bucket}/large"
        pieces = [bytes([i]) * 700_000 for i in range(16)]
        info = blobs.put(uri, iter(pieces))
        assert info.size_bytes == 16 * 700_000
        received = list(blobs.stream(uri, 1 << 18))
        assert max(map(len, received)) <= 1 << 18
        assert b"".join(received) == b"".join(pieces)
        blobs.put(uri, iter([b"a", b"", b"b"]))
        assert b"".join(blobs.stream(uri)) == b"ab"
        blobs.put(uri, b"")
        assert b"".join(blobs.stream(uri)) == b""
        assert blobs.read(uri) == b""

    def test_a_put_that_breaks_off_changes_nothing(self, blobs: Blobs, bucket: str) -> None:
        """The old object stays."""
        uri = f"s3://{bucket}/kept"
        blobs.put(uri, b"old")

        def broken() -> Iterator[bytes]:
            yield b"new"
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            blobs.put(uri, broken())
        assert blobs.read(uri) == b"old"

    def test_put_if_absent_lets_one_win(self, blobs: Blobs, bucket: str) -> None:
        """Of many at the same time, too."""
        uri = f"s3://{bucket}/once"

        def attempt(i: int) -> bool:
            try:
                blobs.put(uri, str(i).encode(), if_absent=True)
            except Conflict:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(attempt, range(24)))
        assert won.count(True) == 1
        assert blobs.read(uri) == str(won.index(True)).encode()

    def test_copy_keeps_the_content_type(self, blobs: Blobs, bucket: str) -> None:
        """And the source."""
        source, target = f"s3://{bucket}/from", f"s3://{bucket}/to/here"
        blobs.put(source, b"data", content_type="image/png")
        info = blobs.copy(source, target)
        assert (info.uri, info.size_bytes, info.content_type) == (target, 4, "image/png")
        assert blobs.read(source) == blobs.read(target) == b"data"

    def test_list_is_in_key_order_and_by_prefix(self, blobs: Blobs, bucket: str) -> None:
        """Prefixes need not end at a slash."""
        keys = ["a", "a-b", "a/1", "a/2", "a/b/3", "ab", "b", "\u00e9", "\U0001f600"]
        for key in reversed(keys):
            blobs.put(f"s3://{bucket}/{key}", key.encode())
        assert [i.uri for i in blobs.list(f"s3://{bucket}/")] == [f"s3://{bucket}/{k}" for k in keys]
        assert [i.uri for i in blobs.list(f"s3://{bucket}")] == [f"s3://{bucket}/{k}" for k in keys]
        found = [i.uri.removeprefix(f"s3://{bucket}/") for i in blobs.list(f"s3://{bucket}/a/")]
        assert found == ["a/1", "a/2", "a/b/3"]
        found = [i.uri.removeprefix(f"s3://{bucket}/") for i in blobs.list(f"s3://{bucket}/a/b")]
        assert found == ["a/b/3"]
        assert [i.size_bytes for i in blobs.list(f"s3://{bucket}/a-")] == [3]
        assert list(blobs.list(f"s3://{bucket}/zzz")) == []

    def test_overwrites_are_whole_for_readers(self, blobs: Blobs, bucket: str) -> None:
        """A reader sees the old object or the new one, never some of each."""
        uri = f"s3://{bucket}/swap"
        versions = [bytes([i]) * 200_000 for i in range(6)]
        blobs.put(uri, versions[0])
        with ThreadPoolExecutor(4) as pool:
            writing = [pool.submit(blobs.put, uri, version) for version in versions * 2]
            while not all(future.done() for future in writing):
                body = blobs.read(uri)
                assert body in versions
            for future in writing:
                future.result()
        assert blobs.read(uri) in versions

    def test_presigned_link_names_the_object(self, blobs: Blobs, bucket: str) -> None:
        """Offline: the object need not exist."""
        link = blobs.presign_get(f"s3://{bucket}/a b", base_url="http://h:1", expires_s=60, now=1.8e9)
        assert link.startswith(f"http://h:1/{bucket}/a%20b?X-Amz-")
