"""crowd-kit and ensemble-boxes on shapes and spans; runs in an environment of its own, without our code.

``python shape_peers.py IN.npz OUT.npz``: masks, boxes and tags by every method, with the CPU seconds of each.
"""

from __future__ import annotations

import sys
import time
import warnings

import numpy as np
import pandas as pd
from crowdkit.aggregation import (
    MACE,
    DawidSkene,
    MajorityVote,
    SegmentationEM,
    SegmentationMajorityVote,
    SegmentationRASA,
)
from ensemble_boxes import weighted_boxes_fusion


def staple(masks, n_rounds=100):
    """STAPLE as published: two classes, the whole image, one prior from the masks, no neighbours."""
    flat = masks.reshape(len(masks), -1).astype(bool)
    code = (1 << np.arange(len(masks))) @ flat
    codes, index, counts = np.unique(code, return_inverse=True, return_counts=True)
    patterns = (codes >> np.arange(len(masks))[:, None]) & 1 == 1  # (n_workers, n_patterns)
    prior = flat.mean()
    p, q = np.full(len(masks), 0.99999), np.full(len(masks), 0.99999)
    for _ in range(n_rounds):
        a = np.log(prior) + np.where(patterns, np.log(p)[:, None], np.log1p(-p)[:, None]).sum(axis=0)
        b = np.log1p(-prior) + np.where(patterns, np.log1p(-q)[:, None], np.log(q)[:, None]).sum(axis=0)
        w = 1 / (1 + np.exp(np.clip(b - a, -500, 500)))
        weights = counts * w
        p_new = np.clip((patterns * weights).sum(axis=1) / weights.sum(), 1e-6, 1 - 1e-6)
        rest = counts * (1 - w)
        q_new = np.clip((~patterns * rest).sum(axis=1) / rest.sum(), 1e-6, 1 - 1e-6)
        change = max(np.abs(p_new - p).max(), np.abs(q_new - q).max())
        p, q = p_new, q_new
        if change < 1e-7:
            break
    return (w >= 0.5)[index.ravel()].reshape(masks.shape[1:])


def by_crowd_kit(method):
    def combined(masks):
        rows = [(0, k, mask.astype(bool)) for k, mask in enumerate(masks)]
        return method().fit_predict(pd.DataFrame(rows, columns=["task", "worker", "segmentation"])).loc[0]

    return combined


MASKS = {
    "crowd-kit SegmentationMajorityVote": by_crowd_kit(SegmentationMajorityVote),
    "crowd-kit SegmentationEM": by_crowd_kit(SegmentationEM),
    "crowd-kit SegmentationRASA": by_crowd_kit(SegmentationRASA),
    "STAPLE as published": staple,
}
TAGS = {
    "crowd-kit MajorityVote per token": MajorityVote,
    "crowd-kit DawidSkene per token": lambda: DawidSkene(n_iter=100),
    "crowd-kit MACE per token": MACE,
}


def fused(boxes, sides):
    """Weighted boxes fusion of boxes (x0, y0, x1, y1) of one class, all of one score; the best one."""
    scaled = [[(box / np.tile(sides, 2)).tolist()] for box in boxes]
    ones = [[1.0]] * len(boxes)
    found, _, _ = weighted_boxes_fusion(scaled, ones, [[0]] * len(boxes), iou_thr=0.4)
    return found[0] * np.tile(sides, 2)


def main():
    source, target = sys.argv[1:]
    warnings.simplefilter("ignore")
    stored, out = np.load(source), {}
    for name, combined in MASKS.items():
        start = time.process_time()
        for i in range(int(stored["n_images"])):
            out[f"{name}/{i}"] = np.asarray(combined(stored[f"masks/{i}"])).astype(np.uint8)
        out[f"{name}/s"] = time.process_time() - start
    start = time.process_time()
    both = zip(stored["boxes"], stored["sides"], strict=True)
    out["ensemble-boxes WBF"] = np.array([fused(boxes, sides) for boxes, sides in both])
    out["ensemble-boxes WBF/s"] = time.process_time() - start
    tags = pd.DataFrame(stored["tags"], columns=["task", "worker", "label"])
    for name, make in TAGS.items():
        start = time.process_time()
        found = make().fit_predict(tags)
        out[name] = np.column_stack([found.index.to_numpy(), found.to_numpy()])
        out[f"{name}/s"] = time.process_time() - start
        print(name, file=sys.stderr, flush=True)
    np.savez(target, **out)


if __name__ == "__main__":
    main()
