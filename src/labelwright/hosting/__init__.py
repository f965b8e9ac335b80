"""Models in use: containers that answer requests, and the programs that hold them, outside the server.

`open_container` turns a model into something with ``invoke``: a built-in predictor in this process, a Python
program of the user's, an image under Docker, or several of them in series. `labelwright.hosting.process`
serves one for an endpoint, the batch transform program calls one directly. Never imports torch or the server.
"""

from __future__ import annotations

from labelwright.hosting.interface import Container, HostingError, PingFailed, Reply

__all__ = ["Container", "HostingError", "PingFailed", "Reply"]
