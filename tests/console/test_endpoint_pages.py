"""The console's pages of endpoints over a real server: one that serves, and one that failed."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hosting_workshop import Hosting, script_model
from sqlalchemy.engine import Connection

from labelwright.console.invoke_snippets import boto3_call, cli_call
from labelwright.core.endpoint import Deployed, Deployment, DeploymentFailed, UpdateRequested, Variant
from labelwright.logstreams import StreamWriter, stream_path
from labelwright.store import endpoints
from labelwright.testing.server import RunningServer

HOSTILE = "<script>alert(1)</script>"


def deployment(number: int) -> Deployment:
    """Two variants of no instances, so that no process is started for them."""
    model = {"PrimaryContainer": {"Image": "registry.local/<img src=x>"}}
    return Deployment(
        number=number,
        config_name=f"config-{number}-{HOSTILE}",
        config={},
        started_at=1_700_000_000.0,
        variants=(
            Variant(HOSTILE, f"model-{number}", model, 0, 3.0, {}),
            Variant("B", f"m-{HOSTILE}", model, 0, 1.0, {}),
        ),
    )


def hostile(connection: Connection) -> None:
    """An endpoint that serves one deployment, and could not be updated to another."""
    key = endpoints.add(
        connection,
        region="us-east-1",
        name="hostile",
        arn="arn:aws:sagemaker:us-east-1:000000000000:endpoint/hostile",
        pending=deployment(1),
        deployment_config=None,
        now=1_700_000_000.0,
    )
    for event in (Deployed(), UpdateRequested(deployment(2)), DeploymentFailed(f"no answer {HOSTILE}")):
        row = endpoints.get(connection, key)
        assert row is not None
        endpoints.change(connection, row, event, now=1_700_000_001.0)


@pytest.fixture(scope="module", autouse=True)
def _endpoints(console_server: RunningServer, write: Any) -> Iterator[None]:
    write(hostile)
    logs = console_server.app.context.settings.data_dir / "logs"
    with StreamWriter(stream_path(logs, "/aws/sagemaker/Endpoints/hostile", "B/i-0a1b")) as writer:
        writer.write(1_700_000_011_000, HOSTILE)
    hosting = Hosting(console_server)
    hosting.model("sums", script_model("sums"))
    hosting.config("sums", {"ModelName": "sums"})
    hosting.endpoint("Served", "sums")
    for body in ("[1, 2]", "[3]"):
        hosting.runtime.invoke_endpoint(EndpointName="served", ContentType="application/json", Body=body)
    yield
    hosting.sagemaker.delete_endpoint(EndpointName="Served")
    hosting.wait_until_gone("Served")
    hosting.close()


def cells(page: str, label: str) -> list[list[str]]:
    """The rows of the table of this label."""
    table = re.search(rf'aria-label="{label}"><table>.*?</table>', page, re.S)
    assert table is not None
    rows = re.findall(r"<tr>(<td.*?)</tr>", table[0], re.S)
    return [
        [re.sub(r"<[^>]*>", "", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)] for row in rows
    ]


def test_the_list_shows_status_and_requests(console: httpx.Client) -> None:
    page = console.get("/console/endpoints").text
    row = re.search(r'us-east-1/Served">.*?</tr>', page, re.S)
    assert row is not None
    assert "InService" in row[0]
    assert "<div>sums</div>" in row[0]
    assert "<td>2</td>" in row[0]


def test_an_endpoint_shows_its_processes_and_what_it_answered(console: httpx.Client) -> None:
    page = console.get("/console/endpoints/us-east-1/served").text
    (variant,) = cells(page, "Variants")
    assert variant[:9] == [
        "AllTraffic",
        "sums",
        "sagemaker-scikit-learn:1.2-1-cpu-py3",
        "1",
        "100 %",
        "1 / 1",
        "2",
        "0",
        "0",
    ]
    assert all(re.fullmatch(r"&lt; [\d.]+ m?s", latency) for latency in variant[9:])
    (process,) = cells(page, "Processes")
    assert process[:4] == ["AllTraffic", "1", "Answers", "0"]
    assert "loading" in page  # of its log
    assert "EndpointName=&#34;Served&#34;" in page
    assert "--endpoint-name Served" in page


def test_a_failed_update_says_why(console: httpx.Client) -> None:
    page = console.get("/console/endpoints/us-east-1/hostile").text
    assert "no answer &lt;script&gt;" in page
    shares = [row[3:6] for row in cells(page, "Variants")]
    assert shares == [["3", "75 %", "0 / 0"], ["1", "25 %", "0 / 0"]]
    assert "None on this server" in page
    assert "model-1" in page
    assert "model-2" not in page


def test_nothing_of_an_endpoint_becomes_markup(console: httpx.Client) -> None:
    for path in ("/console/endpoints", "/console/endpoints/us-east-1/hostile"):
        page = console.get(path).text
        assert HOSTILE not in page
        assert "<img src" not in page
        assert "&lt;script&gt;alert(1)" in page


def test_pages_are_for_those_who_signed_in(console_server: RunningServer) -> None:
    for path in ("/console/endpoints", "/console/endpoints/us-east-1/served"):
        page = httpx.get(console_server.url + path).text
        assert "Served" not in page
        assert "Secret access key" in page


def test_an_unknown_endpoint_is_not_found(console: httpx.Client) -> None:
    assert console.get("/console/endpoints/us-east-1/none").status_code == 404


@pytest.mark.parametrize("name", ["parts", "it's; rm -rf /", 'a"b\\', "$(id)"])
@pytest.mark.parametrize("algorithm", [None, "blazingtext", "object-detection"])
def test_snippets_hold_names_as_they_are(name: str, algorithm: str | None) -> None:
    call = next(
        node
        for node in ast.walk(ast.parse(boto3_call(name, "us-east-1", algorithm)))
        if isinstance(node, ast.Call) and any(k.arg == "EndpointName" for k in node.keywords)
    )
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    assert ast.literal_eval(given["EndpointName"]) == name
    if algorithm == "blazingtext":
        assert json.loads(ast.literal_eval(given["Body"]))["instances"]
    words = shlex.split(cli_call(name, "us-east-1", algorithm).replace("\\\n", " "))
    assert words[words.index("--endpoint-name") + 1] == name
    assert words[:3] == ["aws", "sagemaker-runtime", "invoke-endpoint"]
