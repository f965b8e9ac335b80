"""The process of a user's inference script: loads it and answers on a Unix socket.

Started by `labelwright.hosting.programs` as ``python -m labelwright.hosting.script <configuration.json>``, in
an environment of its own. One request at a time: a script need not be safe for threads, and where more are
wanted, there are more of these processes.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from pathlib import Path

from labelwright.hosting.interface import CUSTOM_ATTRIBUTES, Reply
from labelwright.hosting.server import HttpServer, Request
from labelwright.hosting.slots import Slots
from labelwright.hosting.sockets import listen
from labelwright.hosting.user_code import UnsupportedContentType, UserModel, default_accept, load_script

__all__ = ["main"]

_BODY_BYTES_MAX = 1 << 30  # of asynchronous requests
_MESSAGE_CHARS = 4000
_LONGEST_S = 7200.0  # nobody waits that long for an answer


def main(configuration: Path) -> None:
    """Serve until the process that started this one ends."""
    about = json.loads(configuration.read_bytes())
    life = int(about["life_fd"])
    threading.Thread(target=_end_with_parent, args=(life,), name="life", daemon=True).start()
    model_dir = Path(about["model_dir"])
    script = load_script(Path(about["code_dir"]), about["program"])
    model = UserModel(script, model_dir, default_accept=default_accept())
    turns = Slots(1)

    def answer(request: Request) -> Reply:
        if request.path == "/ping":
            return Reply(200, b"\n", "text/plain")
        if request.path != "/invocations" or request.method != "POST":
            return Reply(404, b"There are /ping and POST /invocations.\n", "text/plain")
        if not turns.acquire(_LONGEST_S):
            return Reply(503, b"The script is at another request.\n", "text/plain")
        try:
            return _answer(model, request)
        finally:
            turns.release()

    HttpServer(listen(about["socket"]), answer, body_bytes_max=_BODY_BYTES_MAX).serve()


def _answer(model: UserModel, request: Request) -> Reply:
    try:
        body, content_type, headers = model.answer(request.body, request.headers)
    except UnsupportedContentType as error:
        return Reply(415, str(error).encode(), "text/plain")
    except Exception as error:
        # Clients of a script's endpoint are its author's: they see what it raised, as with the toolkit.
        traceback.print_exc()
        return Reply(500, f"{type(error).__name__}: {error}"[:_MESSAGE_CHARS].encode(), "text/plain")
    kept = {name: value for name, value in headers.items() if name == CUSTOM_ATTRIBUTES}
    return Reply(200, body, content_type, kept)


def _end_with_parent(life: int) -> None:
    os.read(life, 1)  # nothing is ever written: it returns when the other end is gone
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
