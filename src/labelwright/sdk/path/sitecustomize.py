"""Put before all else on the path of a script by ``labelwright exec``: Python imports it at its start."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
from typing import Any

_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - every script pays for an import


def _run(name: str, spec: Any) -> None:
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


_shim = os.path.join(os.path.dirname(_HERE), "shim.py")  # noqa: PTH118, PTH120
_run("_labelwright_sdk_shim", importlib.util.spec_from_file_location("_labelwright_sdk_shim", _shim))
sys.modules["_labelwright_sdk_shim"].install()

# The environment's own, which this one hides.
_others = [place for place in sys.path if os.path.abspath(place or ".") != _HERE]  # noqa: PTH100
_next = importlib.machinery.PathFinder.find_spec("sitecustomize", _others)
if _next is not None:
    _run("sitecustomize", _next)
