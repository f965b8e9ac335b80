"""Who may read the metrics, and how they are written."""

from __future__ import annotations

import pytest

from labelwright.core.histogram import Histogram
from labelwright.metrics.door import may_read
from labelwright.metrics.exposition import Exposition

LOCAL = {"host": "127.0.0.1:8400"}


@pytest.mark.parametrize(
    ("token", "client", "headers", "may"),
    [
        ("", "127.0.0.1", LOCAL, True),
        ("", "::1", {"host": "[::1]:8400"}, True),
        ("", "127.0.0.1", {"host": "localhost"}, True),
        ("", "10.0.0.7", LOCAL, False),
        ("", "", LOCAL, False),
        # A page that was led here by a name of its own, and a request through a proxy of this machine.
        ("", "127.0.0.1", {"host": "rebound.example"}, False),
        ("", "127.0.0.1", {**LOCAL, "x-forwarded-for": "10.0.0.7"}, False),
        ("", "127.0.0.1", {**LOCAL, "forwarded": "for=10.0.0.7"}, False),
        ("secret", "10.0.0.7", {"host": "labels.example", "authorization": "Bearer secret"}, True),
        ("secret", "10.0.0.7", {"host": "labels.example", "authorization": "bearer  secret "}, True),
        ("secret", "127.0.0.1", LOCAL, False),
        ("secret", "127.0.0.1", {**LOCAL, "authorization": "Bearer secre"}, False),
        ("secret", "127.0.0.1", {**LOCAL, "authorization": "Basic secret"}, False),
        ("secret", "127.0.0.1", {**LOCAL, "authorization": "Bearer s\u00e9cret"}, False),
    ],
)
def test_access(token: str, client: str, headers: dict[str, str], may: bool) -> None:
    assert may_read(token, client, headers) is may


def test_histograms_are_cumulative_and_end_at_infinity() -> None:
    histogram = Histogram((0.1, 1.0))
    for value in (0.05, 0.5, 0.7, 30.0):
        histogram.observe(value)
    page = Exposition()
    page.histograms("took_seconds", "Time.", [({"door": "s3"}, histogram)])
    assert page.text().splitlines()[2:] == [
        'took_seconds_bucket{door="s3",le="0.1"} 1',
        'took_seconds_bucket{door="s3",le="1"} 3',
        'took_seconds_bucket{door="s3",le="+Inf"} 4',
        'took_seconds_sum{door="s3"} 31.25',
        'took_seconds_count{door="s3"} 4',
    ]


def test_labels_cannot_break_the_page() -> None:
    page = Exposition()
    page.family("n", "gauge", "One\ntwo \\ three.", [({"job": 'a"\n\\'}, 1.5)])
    assert page.text() == '# HELP n One\\ntwo \\\\ three.\n# TYPE n gauge\nn{job="a\\"\\n\\\\"} 1.5\n'
    empty = Exposition()
    empty.family("n", "gauge", "Nothing.", [])
    assert empty.text() == ""
