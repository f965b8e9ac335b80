"""A real server on a port of its own, and boto3 clients for it."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from labelwright.api.dispatch import load_handlers
from labelwright.app import Application
from labelwright.testing.server import Clock, running_server
from labelwright.wire.model import load_models

KEY = "LKIATESTTESTTESTTEST"
SECRET = "testsecrettestsecrettestsecrettestsecret"
REGION = "eu-west-1"


_SESSION = boto3.session.Session()  # keeps the parsed service models between tests


@dataclasses.dataclass
class Served:
    """A running server."""

    url: str
    app: Application
    clock: Clock
    data_dir: Path
    access_key_id: str = KEY
    secret: str = SECRET
    region: str = REGION

    def client(self, service: str, **overrides: Any) -> Any:
        """A boto3 client that does not retry, so that each call is one request."""
        options: dict[str, Any] = {
            "endpoint_url": self.url,
            "region_name": REGION,
            "aws_access_key_id": KEY,
            "aws_secret_access_key": SECRET,
            "config": Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30),
            **overrides,
        }
        return _SESSION.client(service, **options)


def serve(data_dir: Path) -> Iterator[Served]:
    """Start a server, yield it, stop it."""
    with running_server(data_dir, root_access_key_id=KEY, root_secret_access_key=SECRET) as server:
        yield Served(server.url, server.app, server.clock, data_dir)


@pytest.fixture(scope="session")
def model_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pruned service models, so that not every server makes them again."""
    folder = tmp_path_factory.mktemp("models")
    wanted: dict[str, list[str]] = {}
    for service, name in load_handlers():
        wanted.setdefault(service, []).append(name)
    load_models(wanted, folder)
    return folder


@pytest.fixture
def served(tmp_path: Path, model_cache: Path) -> Iterator[Served]:
    """A server with an empty data directory."""
    shutil.copytree(model_cache, tmp_path / "data" / "cache")
    yield from serve(tmp_path / "data")


@pytest.fixture
def sagemaker(served: Served) -> Any:
    """boto3's SageMaker client."""
    return served.client("sagemaker")


@pytest.fixture
def cognito(served: Served) -> Any:
    """boto3's client of Cognito user pools."""
    return served.client("cognito-idp")


@dataclasses.dataclass
class Pool:
    """A user pool with an app client and groups."""

    id: str
    client_id: str

    @property
    def config(self) -> dict[str, str]:
        """``CognitoConfig``."""
        return {"UserPool": self.id, "ClientId": self.client_id}

    def members(self, *groups: str) -> list[dict[str, Any]]:
        """``MemberDefinitions``."""
        return [{"CognitoMemberDefinition": {**self.config, "UserGroup": group}} for group in groups]


@pytest.fixture
def make_pool(cognito: Any) -> Callable[..., Pool]:
    """Makes a user pool with a client that has a secret, and groups."""

    def make(*groups: str, with_secret: bool = True) -> Pool:
        pool_id = cognito.create_user_pool(PoolName="inspectors")["UserPool"]["Id"]
        client = cognito.create_user_pool_client(
            UserPoolId=pool_id, ClientName="portal", GenerateSecret=with_secret
        )["UserPoolClient"]
        for group in groups:
            cognito.create_group(UserPoolId=pool_id, GroupName=group)
        return Pool(pool_id, client["ClientId"])

    return make
