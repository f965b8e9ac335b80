"""Who a server is."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from labelwright.work.identity import _read, server_identity


def test_it_stays_with_the_data_directory(tmp_path: Path) -> None:
    first = server_identity(tmp_path / "a")
    _read.cache_clear()  # another process
    assert server_identity(tmp_path / "a") == first != server_identity(tmp_path / "b")
    shutil.move(tmp_path / "a", tmp_path / "elsewhere")
    assert server_identity(tmp_path / "elsewhere") == first
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["server-id"]


def test_all_agree_who_come_first_together(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: _read.__wrapped__(tmp_path), range(64)))
    assert len(found) == 1
