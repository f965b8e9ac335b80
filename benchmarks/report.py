"""The one table form of all benchmarks: what, ours, peer, ratio; and the JSON beside it."""

from __future__ import annotations

import json
import os
import platform
import time
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


class Report:
    """Collects rows; a row is (what, unit, ours, peer, smaller_is_better)."""

    def __init__(self, name: str, peer: str) -> None:
        self.name = name
        self.peer = peer
        self.rows: list[dict[str, Any]] = []
        self.notes: list[str] = []

    def row(
        self, what: str, unit: str, ours: float | None, peer: float | None, *, smaller: bool = True
    ) -> None:
        """Add one measured figure; None where a side was not measured."""
        ratio = None
        if ours is not None and peer is not None and ours > 0 and peer > 0:
            ratio = peer / ours if smaller else ours / peer
        self.rows.append({"what": what, "unit": unit, "ours": ours, "peer": peer, "times_better": ratio})

    def note(self, text: str) -> None:
        """Add a sentence below the table."""
        self.notes.append(text)

    def finish(self) -> None:
        """Print the table and write the JSON."""
        print(f"\n{'':44}{'ours':>14}{self.peer:>20}{'times better':>15}")
        for row in self.rows:
            ours, peer, ratio = (_number(row[k]) for k in ("ours", "peer", "times_better"))
            what = f"{row['what']} [{row['unit']}]" if row["unit"] else row["what"]
            print(f"{what:44}{ours:>14}{peer:>20}{ratio:>15}")
        for text in self.notes:
            print(f"  {text}")
        RESULTS.mkdir(exist_ok=True)
        machine = {
            "cores": os.cpu_count(),
            "machine": platform.machine(),
            "python": platform.python_version(),
        }
        path = RESULTS / f"{self.name}.json"
        path.write_text(
            json.dumps(
                {
                    "name": self.name,
                    "at": time.time(),
                    "machine": machine,
                    "peer": self.peer,
                    "rows": self.rows,
                    "notes": self.notes,
                },
                indent=2,
            )
        )  # fmt: skip
        print(f"written: {path.relative_to(RESULTS.parent.parent)}")


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
