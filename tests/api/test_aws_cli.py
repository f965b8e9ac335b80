"""The AWS CLI, unmodified, as the other end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

AWS = Path(sys.executable).with_name("aws")


@pytest.mark.skipif(not AWS.exists(), reason="the AWS CLI is not installed beside this Python")
def test_the_aws_cli_asks_who_it_is_and_for_teams(
    served: Any, sagemaker: Any, make_pool: Any, tmp_path: Path
) -> None:
    sagemaker.create_workteam(
        WorkteamName="night-shift", MemberDefinitions=make_pool("a").members("a"), Description="d"
    )

    aws = _cli(served, tmp_path)
    assert aws("sts", "get-caller-identity")["Account"] == "000000000000"
    teams = aws("sagemaker", "list-workteams")["Workteams"]
    assert [team["WorkteamName"] for team in teams] == ["night-shift"]


@pytest.mark.skipif(not AWS.exists(), reason="the AWS CLI is not installed beside this Python")
def test_the_aws_cli_creates_and_invokes_a_function(served: Any, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
        archive.writestr("app.py", "def add(event, context): return sum(event)")
    aws = _cli(served, tmp_path)
    made = aws(
        "lambda", "create-function", "--function-name", "add", "--runtime", "python3.12", "--handler",
        "app.add", "--role", "arn:aws:iam::000000000000:role/r", "--zip-file", f"fileb://{tmp_path}/code.zip",
    )  # fmt: skip
    assert made["State"] == "Active"
    out = tmp_path / "out.json"
    answer = aws(
        "lambda", "invoke", "--function-name", made["FunctionArn"], "--payload", "[1, 2, 3]", str(out)
    )
    assert answer == {"StatusCode": 200, "ExecutedVersion": "$LATEST"}
    assert json.loads(out.read_bytes()) == 6


def _cli(served: Any, tmp_path: Path) -> Callable[..., Any]:
    def aws(*words: str) -> Any:
        environment = {
            **os.environ,
            "AWS_ENDPOINT_URL": served.url,
            "AWS_ACCESS_KEY_ID": served.access_key_id,
            "AWS_SECRET_ACCESS_KEY": served.secret,
            "AWS_DEFAULT_REGION": served.region,
            "AWS_CONFIG_FILE": str(tmp_path / "none"),
            "AWS_PAGER": "",
        }
        done = subprocess.run(
            [AWS, *words, "--output", "json"], env=environment, capture_output=True, timeout=60
        )
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    return aws
