"""Every event and every metric is described in the reference."""

from __future__ import annotations

import re
import time
from pathlib import Path

from labelwright.events import KINDS
from labelwright.events.webhook_sink import sign
from labelwright.testing.webhooks import SECRET, is_genuine

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src" / "labelwright"
REFERENCE = ROOT / "docs" / "reference"


def test_every_event_is_described() -> None:
    page = (REFERENCE / "events.md").read_text()
    calls = re.compile(r'add_event\((?:[^()]|\([^()]*\))*?name="([A-Z0-9_]+)"')
    names = {name for path in SOURCES.rglob("*.py") for name in calls.findall(path.read_text())}
    assert len(names) > 5
    assert sorted(name for name in {*names, *KINDS} if f"`{name}`" not in page) == []


def test_every_metric_is_described() -> None:
    page = (REFERENCE / "metrics.md").read_text()
    source = (SOURCES / "metrics" / "collect.py").read_text()
    names = set(re.findall(r'"((?:labelwright|process)_[a-z_]+)"', source))
    assert len(names) > 15
    assert sorted(name for name in names if f"`{name}`" not in page) == []


def test_the_receiver_of_the_page_accepts_what_ours_accepts() -> None:
    page = (REFERENCE / "events.md").read_text()
    code = page.partition("```python\n")[2].partition("```")[0]
    scope: dict[str, object] = {}
    exec(code, scope)
    now, secret = int(time.time()), SECRET
    check = scope["is_genuine"]
    for at, body, good in [(now, b"{}", True), (now - 3600, b"{}", False)]:
        header = sign(secret, at=at, body=body)
        assert is_genuine(header, body) is good
        assert check(header, body, secret) is good  # type: ignore[operator]
    assert not check(sign(secret, at=now, body=b"{}"), b"[]", secret)  # type: ignore[operator]
