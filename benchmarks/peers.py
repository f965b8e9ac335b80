"""Peers, each in an environment of its own under ``.make/peers``, installed when first needed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def environment(name: str, *requirements: str) -> Path:
    """The ``bin`` folder of the peer's environment."""
    folder = ROOT / ".make" / "peers" / name
    done = folder / "installed.txt"
    wanted = "\n".join(requirements) + "\n"
    if done.exists() and done.read_text() == wanted:
        return folder / "bin"
    uv = shutil.which("uv") or str(ROOT / ".make" / "bootstrap" / "bin" / "uv")
    print(f"installing {' '.join(requirements)} ...", file=sys.stderr, flush=True)
    subprocess.run(
        [uv, "venv", "-q", "--allow-existing", "--python", sys.executable, str(folder)], check=True
    )
    python = folder / "bin" / "python"
    subprocess.run([uv, "pip", "install", "-q", "--python", str(python), *requirements], check=True)
    done.write_text(wanted)
    return folder / "bin"
