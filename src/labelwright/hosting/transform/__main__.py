"""``python -m labelwright.hosting.transform <folder>``: see `labelwright.hosting.transform.job`."""

from __future__ import annotations

import sys
from pathlib import Path

from labelwright.hosting.transform.job import run

if __name__ == "__main__":
    run(Path(sys.argv[1]))
