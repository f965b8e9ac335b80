"""Turns the SDK's requests to STS round to ``AWS_ENDPOINT_URL``.

This file is also run by itself (``path/sitecustomize.py``), by the Python of the script and without the rest
of Labelwright, so it imports nothing else.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

__all__ = ["install"]

_MODULES = frozenset(
    {
        "sagemaker.session",
        "sagemaker.utils",
        "sagemaker.core.common_utils",
        "sagemaker.core.helper.session_helper",
    }
)
_NAME = "sts_regional_endpoint"


def install() -> None:
    """Let the SageMaker SDK find STS at ``AWS_ENDPOINT_URL_STS`` or ``AWS_ENDPOINT_URL``.

    Before or after the SDK is imported, once or several times; where neither variable is set when the address
    is asked for, the SDK's own holds.
    """
    for name in _MODULES & set(sys.modules):
        _patch(sys.modules[name])
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def _patch(module: ModuleType) -> None:
    original = getattr(module, _NAME, None)
    if original is None or getattr(original, "_is_labelwright", False):
        return

    def sts_regional_endpoint(region: str) -> Any:
        ours = os.environ.get("AWS_ENDPOINT_URL_STS") or os.environ.get("AWS_ENDPOINT_URL")
        return ours or original(region)

    sts_regional_endpoint._is_labelwright = True  # type: ignore[attr-defined]  # so that it is put there once
    setattr(module, _NAME, sts_regional_endpoint)


class _Finder(importlib.abc.MetaPathFinder):
    """Lets the other finders find the SDK's modules, and patches these once they are loaded."""

    def __init__(self) -> None:
        self._is_asking = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in _MODULES or self._is_asking:
            return None
        self._is_asking = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._is_asking = False
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(importlib.abc.Loader):
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:  # get_source and what else tools ask for
        return getattr(self._inner, name)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        created: ModuleType | None = self._inner.create_module(spec)
        return created

    def exec_module(self, module: ModuleType) -> None:
        self._inner.exec_module(module)
        _patch(module)
