"""Training toolkit: a readable loop, callbacks, a small detector, honest evaluation and a picture report.

Needs the extra ``labelwright[train]``. The modules that need torch are imported only when asked for by name
(``labelwright.train.detector``, ``.dataset``, ``.loop`` ...); `labelwright.train.evaluate` and
`labelwright.train.report` need numpy and Pillow alone. Nothing here imports the server's packages, so the
same code runs inside a training container.
"""

from __future__ import annotations

__all__: list[str] = []
