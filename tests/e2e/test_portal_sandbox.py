"""A hostile template: what it tries, and that none of it reaches the worker's session."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

HOSTILE = """
<body><pre id="log"></pre>
<form id="form" method="post" action="/portal/api/session" target="_top"><input name="x"></form>
<script>
  const context = JSON.parse(document.getElementById("labelwright-task").textContent);
  const say = (m) => parent.postMessage({ taskId: context.taskId, nonce: context.nonce, ...m }, "*");
  const portal = new URL(document.baseURI).origin;
  const api = portal + "/portal/api";
  const results = {};
  const attempt = async (name, run) => {
    try { results[name] = "got " + String(await run()); }
    catch (error) { results[name] = "refused " + error.name; }
  };
  (async () => {
    await attempt("cookie", () => document.cookie || "nothing");
    await attempt("storage", () => localStorage.length);
    await attempt("database", () => new Promise((yes, no) => {
      const open = indexedDB.open("x");
      open.onsuccess = () => yes("open");
      open.onerror = () => no(open.error);
    }));
    await attempt("parent document", () => parent.document.title);
    await attempt("parent storage", () => parent.localStorage.length);
    const call = async (path, options) =>
      (await fetch(api + path, { credentials: "include", ...options })).text();
    const decline = "/tasks/" + context.taskId + "/decline";
    await attempt("read session", () => call("/session"));
    await attempt("read jobs", () => call("/jobs"));
    await attempt("decline", () => call(decline, { method: "POST", mode: "no-cors" }));
    await attempt("sign out", () => call("/session", { method: "DELETE" }));
    await attempt("beacon", () => navigator.sendBeacon(api + decline, "{}"));
    await attempt("top", () => { top.location.href = portal + "/portal?stolen"; return "set"; });
    await attempt("form", () => { form.submit(); return "sent"; });
    await attempt("frame", () => new Promise((yes) => {
      const inner = document.createElement("iframe");
      inner.src = portal + "/portal";
      inner.onload = () => { try { yes(inner.contentDocument.title); } catch (error) { yes("closed"); } };
      document.body.append(inner);
    }));
    say({ type: "labelwright.submit", nonce: "guess", answer: { forged: 1 } });
    say({ type: "labelwright.submit", taskId: "other", answer: { forged: 1 } });
    say({ type: "labelwright.submit", answer: "not an object" });
    say({ type: "labelwright.draft", draft: { "__proto__": { polluted: 1 } } });
    say({ type: "labelwright.ready" });
    log.textContent = JSON.stringify(results);
  })();
</script></body>
"""
LINES = [{"source": "one"}, {"source": "two"}]


def test_a_template_cannot_reach_the_session(office, team):
    office.job(team, lines=LINES, template=HOSTILE)
    name, password = office.worker(team)
    office.sign_in(name, password)
    asked: list[str] = []
    office.page.on(
        "request", lambda r: asked.append(r.headers.get("cookie", "")) if "/api/" in r.url else None
    )
    frame = office.start_working()
    frame.wait_for_function("document.getElementById('log').textContent !== ''")
    results = frame.evaluate("JSON.parse(document.getElementById('log').textContent)")

    for refused in ("cookie", "storage", "parent document", "parent storage", "database"):
        assert results[refused].startswith("refused"), (refused, results)
    for unread in ("read session", "read jobs", "sign out"):
        assert results[unread] == "refused TypeError", (unread, results)
    assert "Tasks" not in results["frame"], results

    page = office.page
    assert page.url.startswith(f"{office.server.url}/portal/work/")
    assert "stolen" not in page.url
    answer = page.evaluate(
        """async () => {
          const get = async (path) => (await fetch("/portal/api" + path)).status;
          return { session: await get("/session"), polluted: ({}).polluted ?? null };
        }"""
    )
    assert answer == {"session": 200, "polluted": None}
    task_id = frame.evaluate("JSON.parse(document.getElementById('labelwright-task').textContent).taskId")
    task = page.evaluate("async (id) => (await fetch('/portal/api/tasks/' + id)).json()", task_id)
    assert task["task"]["state"] == "working"
    expect(page.get_by_text("1 done")).to_have_count(0)


def test_a_task_document_in_a_tab_of_its_own_is_just_as_poor(office, team):
    office.job(team, lines=LINES, template=HOSTILE)
    office.sign_in(*office.worker(team))
    frame = office.start_working()
    url = frame.url
    tab = office.context.new_page()
    tab.goto(url)
    tab.wait_for_function("document.getElementById('log').textContent !== ''")
    results = tab.evaluate("JSON.parse(document.getElementById('log').textContent)")
    assert results["cookie"].startswith("refused")
    assert results["storage"].startswith("refused")
    assert results["read session"] == "refused TypeError"
    assert tab.evaluate("self.origin") == "null"
    tab.close()


def test_a_popup_of_a_template_starts_without_the_session_of_the_frame(office, team):
    template = "<body><a id=out href='/portal' target=_blank rel=opener>out</a></body>"
    office.job(team, lines=LINES, template=template)
    office.sign_in(*office.worker(team))
    frame = office.start_working()
    with office.page.expect_popup() as opened:
        frame.click("#out")
    popup = opened.value
    popup.wait_for_load_state()
    # A page of the portal opened from there is the portal's own again, but has no way back into the frame.
    assert popup.evaluate("window.opener") is None
