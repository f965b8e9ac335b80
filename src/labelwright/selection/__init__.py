"""Selecting lines of manifests: the whole, a random sample, or what a query in the S3 Select dialect finds.

Works on files and streams, without a server. The lines come out in their order, byte for byte.

>>> from labelwright.selection import Selection, parse_condition
>>> query = parse_condition('s.camera BETWEEN 2 AND 4 LIMIT 1')
>>> list(Selection(query, now=0).over_chunks([b'{"camera":1}\\n{"camera":3}\\n{"camera":4}\\n']))
[b'{"camera":3}\\n']
"""

from __future__ import annotations

from labelwright.selection.names import subset_uri
from labelwright.selection.parser import parse_condition, parse_query
from labelwright.selection.problems import QueryError
from labelwright.selection.running import Progress, Selection
from labelwright.selection.sampling import count_lines, sample_lines, sample_size
from labelwright.selection.tree import Query

__all__ = [
    "Progress",
    "Query",
    "QueryError",
    "Selection",
    "count_lines",
    "parse_condition",
    "parse_query",
    "sample_lines",
    "sample_size",
    "subset_uri",
]
