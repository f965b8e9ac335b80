"""A page in the portal's place: it holds a template in a sandboxed frame, hears it and may answer."""

from __future__ import annotations

import json
from typing import Any

from .conftest import Desk, Site

PARENT = """<!DOCTYPE html><body style="margin:0"><script>
window.heard = [];
window.answers = {};
addEventListener('message', async event => {
  const frame = document.querySelector('iframe').contentWindow;
  if (event.source !== frame) return;
  heard.push(event.data);
  const answer = answers[event.data.type];
  if (answer) frame.postMessage(await answer(event.data), '*');
});
</script>
<iframe src="/frame" sandbox="allow-scripts allow-forms" width="1200" height="700" style="border:0">
</iframe>"""


def open_in_portal(desk: Desk, site: Site, content: str, mode: str = "work", **context: Any) -> Any:
    block = json.dumps({"taskId": "t1", "mode": mode, "nonce": "n1", "locale": "en", **context})
    site.page(
        "/frame", content, before=f'<script type="application/json" id="labelwright-task">{block}</script>'
    )
    site.put("/portal", PARENT.encode(), "text/html")
    desk.page.goto(site.base_url + "/portal")
    desk.page.wait_for_function("heard.some(m => m.type === 'labelwright.ready')")
    return desk.page


def send(page: Any, message: dict[str, Any]) -> None:
    page.evaluate("m => document.querySelector('iframe').contentWindow.postMessage(m, '*')", message)


def heard(page: Any, kind: str) -> list[dict[str, Any]]:
    """Messages of a kind, without the fields that all of them have."""
    found: list[dict[str, Any]] = page.evaluate(
        "kind => heard.filter(m => m.type === kind)", f"labelwright.{kind}"
    )
    return [{key: m[key] for key in m if key not in ("type", "taskId", "nonce")} for m in found]
