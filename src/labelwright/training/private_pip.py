"""``pip`` in a job's private Python environment: ``python -m labelwright.training.private_pip ARGUMENT ...``.

Servers are often installed without pip. The one that every Python brings along for new environments is
unpacked into the job's environment then, which takes a tenth of the time of installing it.
"""

from __future__ import annotations

import importlib
import importlib.util
import runpy
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from pathlib import Path

__all__ = ["main"]


def main() -> None:
    """Run pip."""
    for name in ("pip", "setuptools"):
        if importlib.util.find_spec(name) is None:
            _unpack(name)
    importlib.invalidate_caches()
    if importlib.util.find_spec("pip") is None:
        sys.exit(
            "pip is not there, and this Python brings none along (on Debian and Ubuntu: apt install "
            "python3-venv). Install pip beside the server, or the packages that the script needs."
        )
    sys.argv[0] = "pip"
    runpy.run_module("pip", run_name="__main__", alter_sys=True)


def _unpack(name: str) -> None:
    for folder in _bundles():
        for wheel in sorted(folder.glob(f"{name}-*.whl")):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(sysconfig.get_path("purelib"))
            return


def _bundles() -> Iterator[Path]:
    if found := importlib.util.find_spec("ensurepip"):
        yield Path(str(found.origin)).with_name("_bundled")
    if place := sysconfig.get_config_var("WHEEL_PKG_DIR"):  # where distributions keep them
        yield Path(place)


if __name__ == "__main__":
    main()
