"""The AWS CLI, unmodified: mb, cp, sync, ls, rm, presign."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import serving

AWS = Path(sys.executable).parent / "aws"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not AWS.exists(), reason="the AWS CLI is not installed; pip install awscli"),
]


@pytest.fixture
def aws(url: str, tmp_path: Path) -> object:
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": serving.ACCESS,
        "AWS_SECRET_ACCESS_KEY": serving.SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, str(AWS), *arguments], env=environ, cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_a_day_with_the_cli(aws: object, tmp_path: Path) -> None:
    assert callable(aws)
    tree = tmp_path / "tree"
    (tree / "sub dir").mkdir(parents=True)
    for i in range(3):
        (tree / "sub dir" / f"file {i}+\u00e9.txt").write_text(f"content {i}")
    big = hashlib.shake_256(b"cli").digest(9 * 1024 * 1024)
    (tree / "big.bin").write_bytes(big)
    aws("s3", "mb", "s3://cli-bucket")
    aws("s3", "sync", "tree", "s3://cli-bucket/tree")
    listed = aws("s3", "ls", "--recursive", "s3://cli-bucket")
    assert [line.split(None, 3)[3] for line in listed.splitlines()] == [
        "tree/big.bin", *(f"tree/sub dir/file {i}+\u00e9.txt" for i in range(3)),
    ]  # fmt: skip
    assert "PRE sub dir/" in aws("s3", "ls", "s3://cli-bucket/tree/")
    assert aws("s3", "sync", "tree", "s3://cli-bucket/tree") == ""
    aws("s3", "cp", "--recursive", "s3://cli-bucket/tree", "back")
    assert (tmp_path / "back/big.bin").read_bytes() == big
    assert (tmp_path / "back/sub dir/file 1+\u00e9.txt").read_text() == "content 1"
    aws("s3", "cp", "s3://cli-bucket/tree/big.bin", "s3://cli-bucket/copy.bin")
    link = aws("s3", "presign", "s3://cli-bucket/copy.bin").strip()
    assert httpx.get(link).content == big
    aws("s3", "rm", "--recursive", "s3://cli-bucket/tree")
    assert aws("s3", "ls", "--recursive", "s3://cli-bucket").split()[-1] == "copy.bin"
    aws("s3", "rb", "--force", "s3://cli-bucket")
