"""Pictures that are only bytes, and manifests that name them."""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest


@dataclasses.dataclass(frozen=True)
class Folder:
    """A manifest of ``n`` pictures beside them."""

    path: Path
    manifest: str
    pictures: list[bytes]
    lines: list[dict[str, object]]


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Folder]:
    def make(n: int = 20, *, size: int = 300, prefix: str | None = None) -> Folder:
        rng = random.Random(n)
        (tmp_path / "pictures").mkdir()
        pictures, lines = [], []
        for i in range(n):
            picture = b"\xff\xd8" + i.to_bytes(4, "big") + rng.randbytes(rng.randrange(size))
            (tmp_path / "pictures" / f"{i:04}.jpg").write_bytes(picture)
            pictures.append(picture)
            uri = f"{prefix}pictures/{i:04}.jpg" if prefix else str(tmp_path / "pictures" / f"{i:04}.jpg")
            lines.append({"class": i % 3, "source-ref": uri, "note": f"é{i}"})
        manifest = tmp_path / "train.manifest"
        manifest.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return Folder(tmp_path, str(manifest), pictures, lines)

    return make
