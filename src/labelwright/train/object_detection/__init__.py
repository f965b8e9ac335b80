"""The algorithm ``object-detection``: a single-shot detector (SSD) on torch.

=============  ==========================================================================================
`labels`       boxes out of record labels, annotation files and augmented manifests
`crops`        which part of a picture an epoch sees, and where its boxes go
`batches`      batches of pictures and boxes from a source
`anchors`      where the network looks, and at which sizes
`bases`        base networks and the maps taken from them
`network`      base, extra maps and heads
`matching`     which anchor is to find which box
`loss`         cross entropy with hard negatives, smooth L1
`detecting`    from scores and offsets to detections
`evaluation`   mean average precision on a channel
`loop`         the training loop
`export`       the ONNX graph with decoding and suppression inside
`program`      what the training program runs
=============  ==========================================================================================

References
----------
Liu, Anguelov, Erhan, Szegedy, Reed, Fu, Berg (2016), SSD: Single Shot MultiBox Detector, ECCV,
doi:10.1007/978-3-319-46448-0_2, arXiv:1512.02325.
"""

from __future__ import annotations

__all__: list[str] = []
