# ruff: noqa: E501 - tables of cases read best one case a line
from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.templates import assemble, content_security_policy
from labelwright.templates.html_tags import Declaration, StartTag, scan

BUNDLE = "/portal/static/crowd-html-elements.js"
CSS = "/portal/static/crowd-html-elements.css"
CONTEXT = {"taskId": "t1", "mode": "work"}
CONTEXT_TAG = '<script type="application/json" id="labelwright-task">{"taskId":"t1","mode":"work"}</script>'
AWS = "https://assets.crowd.aws/crowd-html-elements.js"


def page(html: str) -> str:
    return assemble(html, bundle_url=BUNDLE, css_url=CSS, task_context=CONTEXT)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        # a fragment gets a doctype, the context and, if it needs it, the bundle
        ("<p>x</p>", f"<!DOCTYPE html>{CONTEXT_TAG}<p>x</p>"),
        ("<crowd-form></crowd-form>", f'<!DOCTYPE html>{CONTEXT_TAG}<script src="{BUNDLE}"></script><crowd-form></crowd-form>'),
        ("", f"<!DOCTYPE html>{CONTEXT_TAG}"),
        # the authored script tag is pointed at the bundle, whatever its spelling
        (f'<script src="{AWS}"></script><crowd-form>', f'<!DOCTYPE html>{CONTEXT_TAG}<script src="{BUNDLE}"></script><crowd-form>'),
        ("<SCRIPT async SRC = http://assets.crowd.aws/crowd-html-elements-v2.js ></SCRIPT><crowd-input>",
         f'<!DOCTYPE html>{CONTEXT_TAG}<SCRIPT async SRC = "{BUNDLE}" ></SCRIPT><crowd-input>'),
        ("<link rel=stylesheet href='https://assets.crowd.aws/css/crowd-html-elements.css?v=1'>",
         f'<!DOCTYPE html>{CONTEXT_TAG}<link rel=stylesheet href="{CSS}">'),
        # an own copy of the bundle counts as one
        ('<script src="/x/crowd-html-elements.min.js"></script><crowd-form>',
         f'<!DOCTYPE html>{CONTEXT_TAG}<script src="/x/crowd-html-elements.min.js"></script><crowd-form>'),
        # a doctype stays first, also behind comments; a late one does not count
        ("<!-- a --> <!doctype html><html><crowd-form>",
         f'<!-- a --> <!doctype html>{CONTEXT_TAG}<script src="{BUNDLE}"></script><html><crowd-form>'),
        ("<script>1</script><!DOCTYPE html><p>", f"<!DOCTYPE html>{CONTEXT_TAG}<script>1</script><!DOCTYPE html><p>"),
        ("text<!DOCTYPE html><p>", f"<!DOCTYPE html>{CONTEXT_TAG}text<!DOCTYPE html><p>"),
        # texts of scripts and comments, and other addresses, stay
        (f"<script>load('<script src=\"{AWS}\">')</script><!-- <crowd-form> {AWS} -->",
         f"<!DOCTYPE html>{CONTEXT_TAG}<script>load('<script src=\"{AWS}\">')</script><!-- <crowd-form> {AWS} -->"),
        ('<a href="https://assets.crowd.aws/crowd-html-elements.js">x</a><img src="https://cdn.example/a.png">',
         f'<!DOCTYPE html>{CONTEXT_TAG}<a href="https://assets.crowd.aws/crowd-html-elements.js">x</a><img src="https://cdn.example/a.png">'),
        ('<script src="https://cdn.example/jquery.js">', f'<!DOCTYPE html>{CONTEXT_TAG}<script src="https://cdn.example/jquery.js">'),
    ],
)  # fmt: skip
def test_assembly(html: str, expected: str) -> None:
    assert page(html) == expected


def test_instruction_pictures_become_a_local_placeholder() -> None:
    result = page('<img alt="a" src="https://assets.crowd.aws/images/good&amp;bad.png">')
    match = re.search(r'<img alt="a" src="(data:image/svg\+xml,[^"]*)">', result)
    assert match and "<" not in match[1]


def test_context_cannot_end_its_script() -> None:
    result = assemble(
        "", bundle_url=BUNDLE, task_context={"x": "</script><script>alert(1)</script><!--", "n": 1}
    )
    body = result.partition('id="labelwright-task">')[2].rpartition("</script>")[0]
    assert "<" not in body
    assert json.loads(body)["x"].startswith("</script>")


def test_links_to_the_style_sheet_are_emptied_when_there_is_none() -> None:
    html = '<link href="https://assets.crowd.aws/css/crowd-html-elements.css" rel="stylesheet">'
    assert 'href="data:text/css,"' in assemble(html, bundle_url=BUNDLE, task_context={})


@given(st.text(st.sampled_from("<>/!-\"'= \nabcs?script"), max_size=60))
def test_assembly_never_fails_and_keeps_what_it_does_not_replace(html: str) -> None:
    assert page(html).replace(CONTEXT_TAG, "").replace("<!DOCTYPE html>", "", 1).endswith(html[-1:])
    for item in scan(html):
        assert html[item.start] == "<" and html[item.end - 1] == ">"
        if isinstance(item, StartTag):
            assert all(item.start < a.start <= a.end <= item.end for a in item.attributes)


class Peer(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, [(name, value or "") for name, value in attrs]))


names = st.sampled_from(["p", "crowd-form", "img", "B"])
attributes = st.lists(
    st.tuples(
        st.sampled_from(["src", "Href", "data-x"]), st.text(st.sampled_from("ab<>&;= '\n/"), max_size=8)
    ),
    max_size=3,
)
pieces = st.one_of(
    st.text(st.sampled_from("ab &;\n"), max_size=6),
    st.tuples(names, attributes).map(lambda t: "<" + t[0] + "".join(f' {n}="{v}"' for n, v in t[1]) + ">"),
    names.map(lambda name: f"</{name}>"),
    st.sampled_from(["<!-- <p> -->", "<script>'<p>'</script>", "<style>a<p></style>"]),
)


@given(st.lists(pieces, max_size=8).map("".join))
def test_tags_are_found_as_by_the_standard_library(document: str) -> None:
    peer = Peer()
    peer.feed(document)
    peer.close()
    found = [item for item in scan(document) if isinstance(item, StartTag)]
    assert [(tag.name, [(a.name, a.value) for a in tag.attributes]) for tag in found] == peer.tags


def test_odd_markup() -> None:
    def tags(document: str) -> list[str]:
        return [item.name if isinstance(item, StartTag) else "!" for item in scan(document)]

    assert tags("<!-->a<p>") == ["p"]
    assert tags("<!--a--!><p>") == ["p"]
    assert tags("<!-- a <p>") == []
    assert tags("< p><1><p/><?php <b> ?><i>") == ["p", "i"]
    assert tags("<p a='x") == []
    assert tags("<p a") == []
    assert tags("<textarea><p></textarea><title><p></TITLE ><b>") == ["textarea", "title", "b"]
    assert tags("<plaintext><p>") == ["plaintext"]
    assert [type(item) for item in scan("<!DOCTYPE html")] == [Declaration]


def test_policy_of_both_modes() -> None:
    policy = content_security_policy(
        own_origin="http://localhost:8400", media_origins=["http://s3.local:9000"]
    )
    directives = dict(part.split(" ", 1) for part in policy.split("; "))
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == "'unsafe-inline' 'unsafe-eval' https: http://localhost:8400"
    assert directives["img-src"] == "https: data: blob: http://localhost:8400 http://s3.local:9000"
    assert directives["form-action"] == directives["base-uri"] == "'none'"
    assert directives["frame-ancestors"] == "http://localhost:8400"
    assert "allow-scripts" in directives["sandbox"] and "allow-same-origin" not in policy
    strict = content_security_policy(
        own_origin="https://label.example", is_sandboxed=False, is_offline=True, allows_eval=False
    )
    assert "sandbox" not in strict and "unsafe-eval" not in strict and "https: " not in strict


@pytest.mark.parametrize("origin", ["*", "https://a.example; script-src *", "https://a/b", "", "https://a b"])
def test_policy_takes_origins_only(origin: str) -> None:
    with pytest.raises(ValueError, match="origin"):
        content_security_policy(own_origin=origin)
    with pytest.raises(ValueError, match="origin"):
        content_security_policy(own_origin="'self'", media_origins=[origin])
