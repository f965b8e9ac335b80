"""The shell, the static files, and the OpenAPI document."""

from __future__ import annotations

import re

import pytest

from labelwright.portal import openapi
from labelwright.portal.http import Request
from labelwright.portal.pages import StaticFiles, shell
from labelwright.portal.worker_api import ROUTES


async def _nothing() -> dict[str, object]:
    return {"type": "http.disconnect"}


def _get(path: str, query: bytes = b"", **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("GET", path, query, named, "http", "", _nothing)


@pytest.fixture
def static(tmp_path):
    (tmp_path / "portal.js").write_text("console.log(1);" * 200)
    (tmp_path / "portal.css").write_text("p{}")
    (tmp_path.parent / "secret.txt").write_text("secret")
    (tmp_path / "link.js").symlink_to(tmp_path.parent / "secret.txt")
    return StaticFiles(tmp_path)


def test_static_files_are_pinned_by_their_hash(static):
    url = static.url("portal.js")
    path, _, query = url.partition("?")
    pinned = static.answer(_get(path, query.encode()))
    headers = dict(pinned.headers)
    assert headers[b"cache-control"] == b"public, max-age=31536000, immutable"
    assert headers[b"content-type"].startswith(b"text/javascript")
    loose = static.answer(_get(path))
    assert dict(loose.headers)[b"cache-control"] == b"no-cache"
    again = static.answer(_get(path, if_none_match=headers[b"etag"].decode()))
    assert (again.status, again.body) == (304, b"")
    zipped = static.answer(_get(path, accept_encoding="gzip, br"))
    assert dict(zipped.headers)[b"content-encoding"] == b"gzip"
    assert len(zipped.body) < len(pinned.body)


def test_a_new_build_is_seen_without_a_restart(static, tmp_path):
    before = static.url("portal.css")
    (tmp_path / "portal.css").write_text("p{color:red}")
    assert static.url("portal.css") != before


@pytest.mark.parametrize(
    "name", ["../secret.txt", "..%2fsecret.txt", "link.js", "/etc/passwd", "", ".", "a\0b"]
)
def test_nothing_outside_the_folder_is_served(static, name):
    assert static.answer(_get(f"/portal/static/{name}")).status == 404


def test_shell_has_no_inline_code_and_a_strict_policy(static):
    reply = shell(_get("/portal"), static)
    text = reply.body.decode()
    assert reply.status == 200
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert "<style" not in text
    assert not re.search(r"\son\w+=", text)
    policy = dict(reply.headers)[b"content-security-policy"].decode()
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_without_a_build_the_page_says_how_to_make_one(tmp_path):
    reply = shell(_get("/portal"), StaticFiles(tmp_path))
    assert reply.status == 503
    assert b"make install" in reply.body


def test_every_portal_address_shows_the_page(portal):
    with portal.client() as client:
        for path in ("/portal", "/portal/", "/portal/work/some-job"):
            answer = client.get(path)
            assert answer.headers["content-type"].startswith("text/html")
            assert client.head(path).content == b""
        assert client.post("/portal").status_code == 405


def test_openapi_document_describes_exactly_the_routes(portal):
    with portal.client() as client:
        document = client.get("/portal/api/openapi.json").json()
    described = {(m.upper(), p) for p, methods in document["paths"].items() for m in methods}
    assert described == {(route.method, f"/portal/api{route.path}") for route in ROUTES}
    assert set(openapi._OPERATIONS) == {route.handler for route in ROUTES}
    names = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert names == set(document["components"]["schemas"])
    for path, methods in document["paths"].items():
        for operation in methods.values():
            given = {p["name"] for p in operation.get("parameters", [])}
            assert given == set(re.findall(r"\{(\w+)\}", path))


def test_documented_routes_answer(portal):
    with portal.client() as client:
        for route in ROUTES:
            answer = client.request(route.method, f"/portal/api{re.sub(r'{.*?}', 'x', route.path)}")
            assert answer.status_code not in (404, 405, 500), route
