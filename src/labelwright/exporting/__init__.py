"""Taking a model elsewhere: a checked ONNX graph, int8 for edge devices, a folder that runs alone.

==============  ======================================================================
`graph`         ``model.onnx`` of an artifact, checked against PyTorch where it is there
`comparing`     how far two graphs agree on pictures, and how fast they are
`quantising`    int8, with what it costs and saves
`runtime`       a folder that needs onnxruntime, numpy and Pillow only
==============  ======================================================================
"""

from __future__ import annotations

from labelwright.exporting.comparing import Agreement, compare_graphs
from labelwright.exporting.graph import Check, export_graph
from labelwright.exporting.quantising import Quantised, export_int8
from labelwright.exporting.runtime import export_runtime

__all__ = [
    "Agreement",
    "Check",
    "Quantised",
    "compare_graphs",
    "export_graph",
    "export_int8",
    "export_runtime",
]
