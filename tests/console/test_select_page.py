"""The page that selects objects, over a real server."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator

import boto3
import httpx
import pytest
from PIL import Image

from labelwright.testing.server import RunningServer, running_server

N_LINES = 30


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("select") / "data") as server:
        s3 = boto3.client("s3", **server.client_arguments())
        s3.create_bucket(Bucket="sets")
        picture = io.BytesIO()
        Image.new("RGB", (60, 40), (40, 90, 140)).save(picture, "PNG")
        lines = []
        for i in range(N_LINES):
            s3.put_object(Bucket="sets", Key=f"img/{i:02d}.png", Body=picture.getvalue())
            lines.append({"source-ref": f"s3://sets/img/{i:02d}.png", "camera": i % 3})
        s3.put_object(Bucket="sets", Key="in/set.manifest", Body="\n".join(map(json.dumps, lines)).encode())
        s3.put_object(Bucket="sets", Key="in/bad.manifest", Body=b'{"source": "x"}\n{"source"\n')
        s3.close()
        yield server


@pytest.fixture
def browser(server: RunningServer) -> Iterator[httpx.Client]:
    keys = server.app.context.credentials
    with httpx.Client(base_url=server.url, follow_redirects=True, timeout=30) as client:
        client.post(
            "/console/sign-in",
            data={"access_key_id": keys.access_key_id, "secret_access_key": keys.secret_access_key},
        )
        yield client


def _post(browser: httpx.Client, **fields: str) -> httpx.Response:
    form = {
        "manifest": "s3://sets/in/set.manifest",
        "how": "query",
        "percent": "10",
        "seed": "",
        "where": "",
        **fields,
    }
    return browser.post("/console/select", data=form)


def _uri(page: httpx.Response) -> str:
    found = re.search(r'<code class="uri">([^<]+)</code>', page.text)
    assert found is not None, page.text
    return found[1]


def _lines(server: RunningServer, uri: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in server.app.context.blobs.read(uri).splitlines()]


def test_condition_makes_a_new_manifest_and_shows_it(server: RunningServer, browser: httpx.Client) -> None:
    before = server.app.context.blobs.read("s3://sets/in/set.manifest")
    page = _post(browser, where="s.camera = 1 AND s.\"source-ref\" LIKE '%.png'")
    assert page.status_code == 200
    assert "10 of 30 objects selected" in page.text
    uri = _uri(page)
    assert re.fullmatch(r"s3://sets/in/set-subset-\d{8}T\d{6}\.manifest", uri)
    assert [line["camera"] for line in _lines(server, uri)] == [1] * 10
    assert "ManifestS3Uri" in page.text
    links = re.findall(r'src="([^"]+/sets/img/[^"]+)"', page.text)
    assert len(links) == 10
    assert httpx.get(links[0].replace("&amp;", "&")).status_code == 200
    assert server.app.context.blobs.read("s3://sets/in/set.manifest") == before
    again = _uri(_post(browser, where="s.camera = 1"))
    assert again != uri  # nothing is written over


def test_sample_can_be_drawn_again(server: RunningServer, browser: httpx.Client) -> None:
    pages = [_post(browser, how="sample", percent="25", seed="7") for _ in range(2)]
    assert all("8 of 30 objects selected" in page.text for page in pages)
    first, second = (_lines(server, _uri(page)) for page in pages)
    assert first == second
    drawn = _post(browser, how="sample", percent="25")
    assert re.search(r"seed \d+", drawn.text)


def test_full_dataset_is_used_as_it_is(browser: httpx.Client) -> None:
    page = _post(browser, how="full")
    assert "30 of 30 objects selected" in page.text
    assert _uri(page) == "s3://sets/in/set.manifest"


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ({"where": "s.camera = "}, "where", "Line 1, column 12"),
        ({"where": "SELECT * FROM S3Object"}, "where", "leave &#39;SELECT&#39; out"),
        ({"where": "COUNT(*) = 1"}, "where", "COUNT counts over all rows"),
        ({"where": "s.camera = 9"}, "where", "none of the 30 lines matches"),
        ({"where": " "}, "where", "Write a condition"),
        ({"how": "sample", "percent": "101"}, "percent", "1 to 100"),
        ({"how": "sample", "percent": "000000001" + 5000 * "1"}, "percent", "1 to 100"),
        ({"how": "sample", "seed": "x"}, "seed", "is no seed"),
        ({"manifest": "", "how": "full"}, "manifest", "Name the manifest"),
        ({"manifest": "s3://sets/gone", "how": "full"}, "manifest", "There is no object"),
        ({"manifest": "/etc/passwd", "how": "full"}, "manifest", "is not an S3 URI"),
        ({"manifest": "s3://sets/in/bad.manifest", "where": "s.a = 1"}, "manifest", "Line 2 of the input"),
    ],
)
def test_problem_stands_beside_its_field_and_nothing_is_written(
    server: RunningServer, browser: httpx.Client, fields: dict[str, str], field: str, says: str
) -> None:
    before = [info.uri for info in server.app.context.blobs.list("s3://sets/in/")]
    page = _post(browser, **fields)
    assert page.status_code == 422
    found = re.search(rf'id="{field}-problem" role="alert">([^<]*)<', page.text)
    assert found is not None, page.text
    assert says in found[1]
    assert 'class="uri"' not in page.text
    assert [info.uri for info in server.app.context.blobs.list("s3://sets/in/")] == before


def test_form_keeps_what_was_typed_escaped(browser: httpx.Client) -> None:
    page = _post(browser, where='s.a = "<script>', manifest='s3://"><img>')
    assert "<script>" not in page.text.replace("</script>", "")
    assert "s.a = &#34;&lt;script&gt;" in page.text or "s.a = &quot;&lt;script&gt;" in page.text


def test_strangers_cannot_select(server: RunningServer, browser: httpx.Client) -> None:
    with httpx.Client(base_url=server.url, timeout=20) as stranger:
        assert "Sign in to the console" in stranger.get("/console/select").text
        refused = _post(stranger, how="full")
        assert refused.status_code == 401
        assert "objects selected" not in refused.text
    foreign = browser.post(
        "/console/select", data={"how": "full"}, headers={"origin": "https://evil.example"}
    )
    assert foreign.status_code == 403
