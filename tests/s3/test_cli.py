"""The AWS CLI, unmodified: mb, cp, sync, ls, rm, presign."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import serving

AWS = Path(sys.executable).parent / "aws"
# One process runs all commands of a step, because starting the CLI takes longer than anything it does here.
RUNNER = """
import contextlib, io, json, sys
from awscli.clidriver import create_clidriver
outputs = []
for arguments in json.loads(sys.argv[1]):
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with contextlib.redirect_stdout(out):
        status = create_clidriver().main(arguments)
    out.flush()
    outputs.append([status, out.buffer.getvalue().decode()])
print(json.dumps(outputs))
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not AWS.exists(), reason="the AWS CLI is not installed; pip install awscli"),
]


@pytest.fixture
def aws(url: str, tmp_path: Path) -> Callable[..., list[str]]:
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONIOENCODING": "utf-8",
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": serving.ACCESS,
        "AWS_SECRET_ACCESS_KEY": serving.SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }

    def run(*commands: str) -> list[str]:
        words = json.dumps([shlex.split(command) for command in commands])
        done = subprocess.run(
            [sys.executable, "-c", RUNNER, words], env=environ, cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        outputs = json.loads(done.stdout)
        assert [status for status, _ in outputs] == [0] * len(commands), done.stderr
        return [text for _, text in outputs]

    return run


def test_a_day_with_the_cli(aws: Callable[..., list[str]], tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "sub dir").mkdir(parents=True)
    for i in range(3):
        (tree / "sub dir" / f"file {i}+\u00e9.txt").write_text(f"content {i}")
    big = hashlib.shake_256(b"cli").digest(9 * 1024 * 1024)
    (tree / "big.bin").write_bytes(big)
    _, _, listed, folders, again, _, _, link = aws(
        "s3 mb s3://cli-bucket",
        "s3 sync tree s3://cli-bucket/tree",
        "s3 ls --recursive s3://cli-bucket",
        "s3 ls s3://cli-bucket/tree/",
        "s3 sync tree s3://cli-bucket/tree",
        "s3 cp --recursive s3://cli-bucket/tree back",
        "s3 cp s3://cli-bucket/tree/big.bin s3://cli-bucket/copy.bin",
        "s3 presign s3://cli-bucket/copy.bin",
    )
    assert [line.split(None, 3)[3] for line in listed.splitlines()] == [
        "tree/big.bin", *(f"tree/sub dir/file {i}+\u00e9.txt" for i in range(3)),
    ]  # fmt: skip
    assert "PRE sub dir/" in folders
    assert again == ""
    assert (tmp_path / "back/big.bin").read_bytes() == big
    assert (tmp_path / "back/sub dir/file 1+\u00e9.txt").read_text() == "content 1"
    assert httpx.get(link.strip()).content == big
    _, left, _ = aws(
        "s3 rm --recursive s3://cli-bucket/tree",
        "s3 ls --recursive s3://cli-bucket",
        "s3 rb --force s3://cli-bucket",
    )
    assert left.split()[-1] == "copy.bin"
