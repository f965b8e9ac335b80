"""The program of one batch transform job: objects in, the model's answers out, outside the server.

``python -m labelwright.hosting.transform <folder>``. What flows through it::

    objects -> pieces -> records -> requests -> container -> rows -> spool -> (the server) -> .out objects
            inputs     splitting  requests                assembly  spool

The program writes what came out to a spool on the disk; the server publishes from there and needs not be
running meanwhile. Neither half does finished objects again after it was killed.
"""

from __future__ import annotations

__all__: list[str] = []
