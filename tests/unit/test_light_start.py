"""A server starts quickly and small because it loads what is heavy only when a job needs it."""

from __future__ import annotations

import subprocess
import sys

HEAVY = (
    "numpy",
    "scipy",
    "sklearn",
    "duckdb",
    "torch",
    "PIL",
    "onnxruntime",
    "boto3",
    "liquid",
    "optuna",
    "statistics",
    "difflib",
    "tarfile",
    "venv",
)


def test_the_servers_code_loads_nothing_heavy():
    code = f"import sys, labelwright.app; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
