"""The text exposition format of Prometheus, version 0.0.4."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from labelwright.core.histogram import Histogram

__all__ = ["CONTENT_TYPE", "Exposition"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_Labels = Mapping[str, str]


class Exposition:
    """Collects families of samples and prints them.

    Examples
    --------
    >>> text = Exposition()
    >>> text.family("jobs", "gauge", "Jobs.", [({"status": 'a"b'}, 2)])
    >>> print(text.text(), end="")
    # HELP jobs Jobs.
    # TYPE jobs gauge
    jobs{status="a\\"b"} 2
    """

    def __init__(self) -> None:
        self._lines: list[str] = []

    def family(
        self,
        name: str,
        kind: Literal["counter", "gauge"],
        about: str,
        samples: Iterable[tuple[_Labels, float]],
    ) -> None:
        """Add all samples of one name; nothing at all when there are none."""
        lines = [f"{name}{_labels(labels)} {_number(value)}" for labels, value in samples]
        if lines:
            self._head(name, kind, about)
            self._lines += lines

    def histograms(self, name: str, about: str, samples: Iterable[tuple[_Labels, Histogram]]) -> None:
        """Add histograms of one name."""
        samples = list(samples)
        if samples:
            self._head(name, "histogram", about)
        for labels, histogram in samples:
            n = 0
            # A copy: another thread goes on counting, and the last bucket must equal the count.
            counts = list(histogram.counts)
            for bound, count in zip((*histogram.bounds, float("inf")), counts, strict=True):
                n += count
                edge = "+Inf" if bound == float("inf") else _number(bound)
                self._lines.append(f"{name}_bucket{_labels({**labels, 'le': edge})} {n}")
            self._lines.append(f"{name}_sum{_labels(labels)} {_number(histogram.total)}")
            self._lines.append(f"{name}_count{_labels(labels)} {n}")

    def text(self) -> str:
        """The page."""
        return "".join(line + "\n" for line in self._lines)

    def _head(self, name: str, kind: str, about: str) -> None:
        about = about.replace("\\", "\\\\").replace("\n", "\\n")
        self._lines += [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]


def _labels(labels: _Labels) -> str:
    if not labels:
        return ""
    pairs = ",".join(f'{key}="{_escaped(value)}"' for key, value in labels.items())
    return "{" + pairs + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))
