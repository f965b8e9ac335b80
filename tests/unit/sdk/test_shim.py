"""The shim turns the SDK's calls to STS round, however and whenever it is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from labelwright.sdk import environment

SOURCES = Path(__file__).parents[3] / "src"
ENDPOINT = "http://127.0.0.1:8400"


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """Packages with the SDK's names, as versions 2 and 3 have them."""
    session = "def sts_regional_endpoint(region):\n    return f'https://sts.{region}.amazonaws.com'\n"
    for version, name, text in (
        ("v2", "sagemaker/utils.py", session),
        ("v2", "sagemaker/session.py", "from sagemaker.utils import sts_regional_endpoint\n"),
        ("v2", "sagemaker/__init__.py", "from sagemaker import session\n"),
        ("v3", "sagemaker/core/common_utils.py", session),
        ("v3", "sagemaker/core/helper/session_helper.py", session),
        ("v3", "sagemaker/core/__init__.py", ""),
        ("v3", "sagemaker/core/helper/__init__.py", ""),
    ):
        path = tmp_path / version / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def _run(code: str, *paths: Path, **variables: str) -> str:
    places = os.pathsep.join(map(str, paths))
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": places, **variables}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    "code",
    [
        "import labelwright.sdk as s; s.install(); s.install()\n"
        "from sagemaker import session, utils; m = (session, utils)",
        "from sagemaker import session, utils; m = (session, utils)\n"
        "import labelwright.sdk as s; s.install()",
    ],
)
def test_it_may_be_installed_before_and_after_the_sdk(packages: Path, code: str) -> None:
    asked = f"{code}\nprint(*[each.sts_regional_endpoint('eu-west-1') for each in m])"
    found = _run(asked, packages / "v2", SOURCES, AWS_ENDPOINT_URL=ENDPOINT)
    assert found == f"{ENDPOINT} {ENDPOINT}"
    own = "https://sts.eu-west-1.amazonaws.com"
    assert _run(asked, packages / "v2", SOURCES) == f"{own} {own}"
    sts = "http://sts.test"
    assert _run(
        asked, packages / "v2", SOURCES, AWS_ENDPOINT_URL=ENDPOINT, AWS_ENDPOINT_URL_STS=sts
    ) == f"{sts} {sts}"  # fmt: skip


def test_modules_of_version_3_keep_what_makes_them_modules(packages: Path) -> None:
    code = (
        "import labelwright.sdk as s; s.install()\n"
        "import inspect, sagemaker.core.common_utils as c, sagemaker.core.helper.session_helper as h\n"
        "print(c.sts_regional_endpoint('r'), h.sts_regional_endpoint('r'), c.__spec__.name,"
        " 'def sts' in inspect.getsource(c), 'sagemaker.core.common_utils' in repr(c))"
    )
    found = _run(code, packages / "v3", SOURCES, AWS_ENDPOINT_URL=ENDPOINT)
    assert found == f"{ENDPOINT} {ENDPOINT} sagemaker.core.common_utils True True"


def test_python_loads_it_by_itself_and_the_sitecustomize_that_it_hides(packages: Path) -> None:
    (packages / "own").mkdir()
    (packages / "own" / "sitecustomize.py").write_text("print('mine', __name__, __file__)\n")
    base = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([f"{packages}/own", f"{packages}/v2"])}
    made = environment(
        base, endpoint_url=ENDPOINT, access_key_id="k", secret_access_key="s", region="eu-west-1"
    )
    code = "import sagemaker; print(sagemaker.session.sts_regional_endpoint('x'))"
    done = subprocess.run([sys.executable, "-c", code], env=made, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"mine sitecustomize {packages}/own/sitecustomize.py", ENDPOINT]


def test_the_environment_of_a_script() -> None:
    base = {
        "AWS_PROFILE": "work", "AWS_SESSION_TOKEN": "old", "PATH": "/bin", "https_proxy": "http://proxy",
        "no_proxy": "example.org", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    }  # fmt: skip
    made = environment(
        base, endpoint_url=ENDPOINT, access_key_id="k", secret_access_key="s", region="eu-west-1"
    )
    assert base["AWS_PROFILE"] == "work"
    assert (made["AWS_REGION"], made["AWS_DEFAULT_REGION"]) == ("eu-west-1", "eu-west-1")
    assert (made["AWS_ENDPOINT_URL"], made["AWS_ACCESS_KEY_ID"]) == (ENDPOINT, "k")
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"} & set(made)
    assert made["NO_PROXY"] == made["no_proxy"] == "example.org,127.0.0.1"
    config = made.get("SAGEMAKER_ADMIN_CONFIG_OVERRIDE") or made["SAGEMAKER_USER_CONFIG_OVERRIDE"]
    assert "TelemetryOptOut: true" in Path(config).read_text()
    own = environment(
        {"SAGEMAKER_ADMIN_CONFIG_OVERRIDE": "/etc/mine.yaml"}, endpoint_url=ENDPOINT, access_key_id="k",
        secret_access_key="s", region="r", session_token="t",
    )  # fmt: skip
    assert own["SAGEMAKER_ADMIN_CONFIG_OVERRIDE"] == "/etc/mine.yaml"
    assert own["SAGEMAKER_USER_CONFIG_OVERRIDE"].endswith("telemetry-off.yaml")
    assert own["AWS_SESSION_TOKEN"] == "t"
    assert "no_proxy" not in own
