"""``python -m benchmarks [NAME ...]``: run all benchmarks, or the named ones, one after the other.

Each is a script ``benchmarks/<name>/bench.py`` that prints ours, the peer's and the ratio, and writes
``benchmarks/results/<name>.json``. ``ui`` stands for the three about the worker's pages.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PARTS = {"ui": ("ui", "portal", "actions")}


def main() -> int:
    """Exit code: 0 when every benchmark ran."""
    known = sorted(path.parent.name for path in HERE.glob("*/bench.py"))
    wanted = sys.argv[1:] or known
    unknown = [name for name in wanted if name not in known]
    if unknown:
        print(f"No benchmark named {', '.join(unknown)}; there are: {', '.join(known)}.", file=sys.stderr)
        return 2
    worst = 0
    # Each once, in this order.
    for name in dict.fromkeys(part for asked in wanted for part in PARTS.get(asked, (asked,))):
        print(f"\n== {name} ==", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}.bench"], cwd=HERE.parent, check=False
        )
        worst = worst or done.returncode
    return worst


if __name__ == "__main__":
    sys.exit(main())
