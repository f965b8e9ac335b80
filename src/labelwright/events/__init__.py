"""Events: what happens to jobs and tasks, told to a file or a webhook, at least once and in order.

::

    store.outbox ──> shapes ──> delivery, one thread a sink ──> file sink: JSON lines, rotated
                                                           └──> webhook sink: signed POST requests

A sink's cursor moves after the sink has taken a batch, so what is killed in between is sent again, with the
same ids. Nothing here is in the way of work: the outbox is a table, and a sink that does not take anything
costs rows, not memory.
"""

from __future__ import annotations

from labelwright.events.delivery import Delivery
from labelwright.events.shapes import KINDS, events_of

__all__ = ["KINDS", "Delivery", "events_of"]
