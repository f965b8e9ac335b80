"""Previews of templates: what is rendered, for whom, and what they must not read."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from labelwright.portal import workbench
from labelwright.portal.samples import samples
from labelwright.store import workteams
from labelwright.templates import BUILTIN_TASK_TYPES, parse
from labelwright.testing.server import RunningServer, running_server

ROOT = Path(__file__).parents[2]


@dataclasses.dataclass
class Site:
    server: RunningServer
    ann: httpx.Client
    bob: httpx.Client


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_server(tmp_path_factory.mktemp("site")) as server:
        context = server.app.context
        clients = []
        for name in ("ann", "bob"):

            def add(connection, name=name):
                return workteams.add_worker(
                    connection,
                    region="us-east-1",
                    team_name="team",
                    username=name,
                    password="Str0ng-enough",
                    now=context.clock(),
                )

            context.database.write(add)
            client = httpx.Client(base_url=server.url)
            answer = client.post("/portal/api/session", json={"username": name, "password": "Str0ng-enough"})
            assert answer.status_code == 200
            clients.append(client)
        yield Site(server, *clients)
        for client in clients:
            client.close()


def preview(client: httpx.Client, template: object, task_input: object = None) -> httpx.Response:
    body = {"template": template, "input": {} if task_input is None else task_input}
    return client.post("/portal/api/previews", json=body)


def test_there_is_a_sample_of_every_element_and_task_type():
    pages = {page.stem for page in (ROOT / "docs/reference/elements").glob("*.md")} - {"index"}
    assert set(samples()) == pages | set(BUILTIN_TASK_TYPES)
    for sample in samples().values():
        assert sample.group == "task type" or f"<{sample.name}" in sample.template, sample.name


@pytest.mark.parametrize("name", samples())
def test_samples_render_without_problems(name):
    sample = samples()[name]
    rendered = parse(sample.template).render(sample.input, sign=lambda b, k: pytest.fail("reads a store"))
    assert (rendered.errors, rendered.warnings) == ([], [])


def test_the_api_lists_what_the_page_shows(site):
    listed = site.ann.get("/portal/api/samples").json()["samples"]
    assert [sample["name"] for sample in listed] == list(samples())


def test_a_preview_is_a_sandboxed_document(site):
    made = preview(site.ann, "<p>{{ task.input.word }}</p>", {"word": "<hello>"}).json()
    assert (made["errors"], made["undefined"], made["warnings"]) == ([], [], [])
    page = site.ann.get(made["document_url"])
    assert page.status_code == 200
    assert "&lt;hello&gt;" in page.text
    assert '"preview"' in page.text
    assert "sandbox" in page.headers["content-security-policy"]
    assert "allow-same-origin" not in page.headers["content-security-policy"]


def test_nobody_else_sees_it(site):
    url = preview(site.ann, "<p>mine</p>").json()["document_url"]
    assert site.bob.get(url).status_code == 404
    with httpx.Client(base_url=site.server.url) as stranger:
        assert stranger.get(url).status_code == 401
        assert preview(stranger, "<p></p>").status_code == 401
        assert stranger.get("/portal/api/samples").status_code == 401


def test_undefined_names_are_told(site):
    made = preview(site.ann, "<p>{{ task.input.lables }}</p>", {"labels": ["a"]}).json()
    assert made["undefined"] == ["task.input.lables"]
    assert made["document_url"]


def test_unescaped_data_is_warned_of(site):
    made = preview(site.ann, "<p>{{ task.input.a | skip_autoescape }}</p>", {"a": "b"}).json()
    assert len(made["warnings"]) == 1


def test_syntax_errors_have_their_place(site):
    made = preview(site.ann, "<p>\n{% if %}</p>").json()
    assert made["document_url"] is None
    assert [problem["line"] for problem in made["errors"]] == [2]


def test_stored_objects_are_not_read(site):
    made = preview(site.ann, "<img src=\"{{ 's3://bucket/key' | grant_read_access }}\">").json()
    assert [problem["code"] for problem in made["errors"]] == ["S3AccessDenied"]
    assert "RenderUiTemplate" in made["errors"][0]["message"]


@pytest.mark.parametrize(
    ("template", "task_input", "field"),
    [("", {}, "template"), (3, {}, "template"), ("x" * 128_001, {}, "template"), ("<p>", [1], "input")],
)
def test_wrong_members_are_named(site, template, task_input, field):
    answer = preview(site.ann, template, task_input)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_other_sites_cannot_ask(site):
    answer = site.ann.post(
        "/portal/api/previews",
        content=json.dumps({"template": "<p>", "input": {}}),
        headers={"content-type": "application/json", "origin": "https://elsewhere.example"},
    )
    assert answer.status_code == 403


def test_only_the_latest_are_kept(site, monkeypatch):
    monkeypatch.setattr(workbench, "_KEPT_MAX", 2)
    urls = [preview(site.ann, f"<p>{i}</p>").json()["document_url"] for i in range(3)]
    assert [site.ann.get(url).status_code for url in urls] == [404, 200, 200]
