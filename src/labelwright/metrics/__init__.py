"""``GET /metrics``: what the server and its jobs count, in the text format of Prometheus.

Written by hand: the format is a few lines, and a client library would keep counters of its own, while most of
ours are rows that survive a restart.
"""

from __future__ import annotations

from labelwright.metrics.door import build
from labelwright.metrics.traffic import Traffic

__all__ = ["Traffic", "build"]
