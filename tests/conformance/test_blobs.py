"""The blobs suite over both stores; the external one is our own S3 door, reached through obstore."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import obstore.exceptions
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "s3"))

import serving

from labelwright.blobs import Blobs, external, open_blobs
from labelwright.blobs.embedded import EmbeddedBlobs
from labelwright.config import Settings
from labelwright.credentials import RootCredentials
from labelwright.errors import InvalidRequest, LabelwrightError
from labelwright.s3.store import ObjectStore
from labelwright.testing.blobs_suite import BlobsSuite

CREDENTIALS = RootCredentials(serving.ACCESS, serving.SECRET)
_numbers = iter(range(10**6))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    store = ObjectStore(tmp_path_factory.mktemp("blobs"))
    yield store
    store.close()


@pytest.fixture(scope="module")
def url(store: ObjectStore) -> Iterator[str]:
    with serving.serving(store) as address:
        yield address


@pytest.fixture
def bucket(store: ObjectStore) -> str:
    name = f"suite-{next(_numbers)}"
    store.create_bucket(name, region="us-east-1")
    return name


class TestEmbedded(BlobsSuite):
    @pytest.fixture
    def blobs(self, store: ObjectStore) -> Blobs:
        return EmbeddedBlobs(store, CREDENTIALS, region="us-east-1")

    @pytest.mark.parametrize("key", ["a//b", "../x", "folder/", "x" * 300])
    def test_keys_that_are_no_paths(self, blobs: Blobs, bucket: str, key: str) -> None:
        blobs.put(f"s3://{bucket}/{key}", b"x")
        assert [i.uri for i in blobs.list(f"s3://{bucket}/")] == [f"s3://{bucket}/{key}"]


class TestExternal(BlobsSuite):
    @pytest.fixture
    def blobs(self, url: str, monkeypatch: pytest.MonkeyPatch) -> Blobs:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", serving.ACCESS)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", serving.SECRET)
        monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
        return open_blobs(Settings(object_store="s3://"), CREDENTIALS)

    @pytest.mark.parametrize("key", ["a//b", "../x", "folder/"])
    def test_keys_that_are_no_paths_are_refused(self, blobs: Blobs, bucket: str, key: str) -> None:
        with pytest.raises(InvalidRequest, match="segment"):
            blobs.put(f"s3://{bucket}/{key}", b"x")


def test_opening_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    with pytest.raises(InvalidRequest, match="AWS_ACCESS_KEY_ID is not set"):
        open_blobs(Settings(object_store="s3://"), CREDENTIALS)
    with pytest.raises(InvalidRequest, match="s3://<bucket>"):
        open_blobs(Settings(object_store="gs://x"), CREDENTIALS)


def test_a_named_bucket_must_be_there(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", serving.ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", serving.SECRET)
    store.create_bucket("there", region="us-east-1")
    with serving.serving(store) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        open_blobs(Settings(object_store="s3://there"), CREDENTIALS)
        with pytest.raises(InvalidRequest, match="not-there"):
            open_blobs(Settings(object_store="s3://not-there"), CREDENTIALS)


def test_a_store_that_fails_is_named_in_one_line() -> None:
    uri = "s3://bucket/key"
    with pytest.raises(LabelwrightError) as caught, external._translated(uri):
        raise obstore.exceptions.GenericError(
            "connection refused\n\nDebug source:\nGeneric {\n    many: lines\n}"
        )
    assert str(caught.value) == "The object store failed for s3://bucket/key: connection refused"
