"""What the portal refuses: other sites, other content types, too much, too deep, unknown addresses."""

from __future__ import annotations

import json

import pytest

from labelwright.portal.guard import check_depth
from labelwright.portal.http import Refusal

SIGN_IN = "/portal/api/session"
GOOD = {"username": "ann", "password": "Str0ng-enough"}


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},  # what a sandboxed task document sends
        {"origin": "http://127.0.0.1:1"},
    ],
)
def test_requests_started_by_other_sites_are_refused(portal, headers):
    portal.worker("ann")
    client = portal.signed_in("ann")
    for method, url in (("POST", SIGN_IN), ("DELETE", SIGN_IN), ("POST", "/portal/api/jobs/j/tasks")):
        answer = client.request(
            method, url, headers={**headers, "content-type": "application/json"}, content=json.dumps(GOOD)
        )
        assert (answer.status_code, answer.json()["error"]) == (403, "CrossSiteRequest")
    assert client.get(SIGN_IN).status_code == 200


def test_our_own_page_and_plain_clients_are_let_in(portal):
    portal.worker("ann")
    with portal.client() as client:
        for headers in (
            {},
            {"origin": portal.url},
            {"origin": portal.url, "sec-fetch-site": "same-origin"},
            {"sec-fetch-site": "none"},
        ):
            assert client.post(SIGN_IN, json=GOOD, headers=headers).status_code == 200


def test_public_url_counts_as_our_own_origin_behind_a_proxy(portal_for):
    portal = portal_for(public_url="https://label.example.org")
    portal.worker("ann")
    with portal.client() as client:
        answer = client.post(SIGN_IN, json=GOOD, headers={"origin": "https://label.example.org"})
        assert answer.status_code == 200


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data", ""]
)
def test_bodies_that_a_plain_form_could_send_are_refused(portal, content_type):
    with portal.client() as client:
        answer = client.post(SIGN_IN, content=json.dumps(GOOD), headers={"content-type": content_type})
    assert (answer.status_code, answer.json()["error"]) == (415, "UnsupportedMediaType")


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b'{"a": NaN}', b'{"username": "\xc3"}']
)
def test_what_is_not_a_json_object_is_refused(portal, raw):
    with portal.client() as client:
        answer = client.post(SIGN_IN, content=raw, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]) == (400, "MalformedRequest")


def test_long_bodies_are_refused_with_a_reason(portal):
    portal.worker("ann")
    client = portal.signed_in("ann")
    answer = client.post(SIGN_IN, json={"username": "x" * 20_000, "password": "x"})
    assert (answer.status_code, answer.json()["error"]) == (413, "PayloadTooLarge")
    url = "/portal/api/tasks/t/submission"
    answer = client.post(url, json={"answer": {"mask": "x" * (33 << 20)}})
    assert (answer.status_code, answer.json()["error"]) == (413, "PayloadTooLarge")

    def chunks():
        yield b'{"answer": {"mask": "'
        for _ in range(33):
            yield b"x" * (1 << 20)
        yield b'"}}'

    answer = client.post(url, content=chunks(), headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]) == (413, "PayloadTooLarge")


@pytest.mark.parametrize(("depth", "is_refused"), [(64, False), (65, True), (300, True)])
def test_depth_is_limited_whatever_mixture_of_brackets(depth, is_refused):
    value: object = 1
    for level in range(depth):
        value = [value, {}] if level % 2 else {"a": value, "b": [[]]} if level > 2 else {"a": value}
    raw = json.dumps(value).encode()
    if is_refused:
        with pytest.raises(Refusal) as caught:
            check_depth(value, raw)
        assert caught.value.status == 400
    else:
        check_depth(value, raw)


def test_without_a_session_everything_about_work_is_refused(portal):
    with portal.client() as client:
        for method, path in (
            ("GET", "/jobs"),
            ("POST", "/jobs/j/tasks"),
            ("GET", "/tasks/t"),
            ("DELETE", "/tasks/t"),
            ("POST", "/tasks/t/start"),
            ("POST", "/tasks/t/submission"),
            ("POST", "/tasks/t/decline"),
            ("POST", "/tasks/t/pause"),
            ("GET", "/session"),
        ):
            for cookie in (None, "nonsense", "x" * 4000):
                headers = {} if cookie is None else {"cookie": f"a=b; labelwright_session={cookie}"}
                answer = client.request(method, f"/portal/api{path}", headers=headers)
                assert (answer.status_code, answer.json()["error"]) == (401, "NotSignedIn")
        assert client.get("/portal/tasks/t/document").status_code == 401
        assert client.get("/portal/preview/BoundingBox").status_code == 401


def test_unknown_addresses_and_methods_say_so(portal):
    with portal.client() as client:
        for path in (
            "/",
            "/nothing",
            "/tasks",
            "/tasks//start",
            "/tasks/t/other",
            "/jobs/a/b/tasks",
            "/session/x",
        ):
            answer = client.get(f"/portal/api{path}")
            assert (answer.status_code, answer.json()["error"]) == (404, "NotFound"), path
        answer = client.put(SIGN_IN)
        assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, GET, POST")


def test_an_unexpected_failure_is_logged_and_gives_nothing_away(portal, caplog):
    async def broken(_worker_id: str) -> None:
        raise RuntimeError("the secret inside")

    portal.desk.jobs = broken
    portal.worker("ann")
    client = portal.signed_in("ann")
    answer = client.get("/portal/api/jobs")
    assert answer.status_code == 500
    assert answer.json()["error"] == "InternalFailure"
    assert "secret" not in answer.text
    assert any(getattr(r, "request_id", None) == answer.json()["request_id"] for r in caplog.records)


def test_api_answers_are_never_cached_nor_framed(portal):
    with portal.client() as client:
        answer = client.get("/portal/api/openapi.json")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
