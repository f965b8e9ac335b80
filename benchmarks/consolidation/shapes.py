"""Boxes, masks and spans of real crowds, beside votes and averages, crowd-kit and ensemble-boxes.

``python -m benchmarks.consolidation.shapes [FOLDER] [--ours-only]``

FOLDER holds ``bubil_1.jsonl.gz`` (and 3, 5) and ``ner_val.jsonl.gz``; by default
``../shared/data/truth-inference/shapes-and-spans`` beside the repository. The first five workers of each
image are used, and all of each text. The truth is used for scoring only.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.consolidation.bench import CROWD_KIT, run
from benchmarks.peers import environment
from benchmarks.report import Report
from labelwright.consolidation import (
    LabeledBox,
    LabeledSpan,
    box_iou,
    consolidate_boxes,
    consolidate_masks,
    consolidate_spans,
)
from labelwright.consolidation.box_crowd import estimate_boxes
from labelwright.consolidation.mask_em import estimate_mask
from labelwright.consolidation.span_sequences import SpanDocument, combine_span_sequences

DEFAULT_FOLDER = Path(__file__).parents[2].parent / "shared" / "data" / "truth-inference" / "shapes-and-spans"
PARTS = ("bubil_1", "bubil_3", "bubil_5")
N_WORKERS = 5
CLASSES = ("PER", "LOC", "ORG", "MISC")
TOKEN_VOTE, TOKEN_DAWID_SKENE = 65.71, 74.89  # strict F1, published with the data
Mask = npt.NDArray[np.uint8]
Span = tuple[int, int, int]


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a compressed JSON lines file."""
    with gzip.open(path, "rt") as file:
        yield from (json.loads(line) for line in file)


def decoded(runs: Any, size: list[int]) -> Mask:
    """A mask from uncompressed COCO run lengths: column by column, zeros first."""
    counts = runs["counts"] if isinstance(runs, dict) else runs
    values = np.arange(len(counts)) % 2
    flat = np.repeat(values.astype(np.uint8), counts)
    return flat.reshape(size[1], size[0]).T


def images(path: Path) -> Iterator[tuple[Mask, Mask]]:
    """Gold mask, and masks of shape (n_workers, height, width)."""
    for row in rows(path):
        crowd = [decoded(row["crowd"][f"c{i + 1}"], row["size"]) for i in range(N_WORKERS)]
        yield decoded(row["gold"], row["size"]), np.stack(crowd)


def mask_iou(a: Mask, b: Mask) -> float:
    """Jaccard index of two masks."""
    return float(np.count_nonzero((a > 0) & (b > 0)) / max(1, np.count_nonzero((a > 0) | (b > 0))))


def box_of(mask: Mask) -> tuple[float, float, float, float] | None:
    """Bounding box as (left, top, width, height)."""
    ys, xs = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(ys):
        return None
    return float(xs[0]), float(ys[0]), float(xs[-1] - xs[0] + 1), float(ys[-1] - ys[0] + 1)


def masks(folder: Path, report: Report) -> None:
    """IoU with the gold mask: STAPLE beside the vote with neighbours, and the plain vote."""
    seconds = {"staple": 0.0, "compatible": 0.0}
    for part in PARTS:
        found: dict[str, list[float]] = {"staple": [], "compatible": [], "vote": []}
        for gold, crowd in images(folder / f"{part}.jsonl.gz"):
            start = time.process_time()
            found["staple"].append(mask_iou(estimate_mask(crowd).mask, gold))
            seconds["staple"] += time.process_time() - start
            start = time.process_time()
            found["compatible"].append(
                mask_iou(consolidate_masks(crowd, n_workers_asked=N_WORKERS).mask, gold)
            )
            seconds["compatible"] += time.process_time() - start
            vote = (crowd.sum(axis=0) * 2 > N_WORKERS).astype(np.uint8)
            found["vote"].append(mask_iou(vote, gold))
        mean = {name: float(np.mean(values)) for name, values in found.items()}
        report.row(f"masks {part}: staple / vote", "IoU", mean["staple"], mean["vote"], smaller=False)
        report.row(f"masks {part}: compatible / vote", "IoU", mean["compatible"], mean["vote"], smaller=False)
    report.row("masks: staple / compatible, all", "CPU s", seconds["staple"], seconds["compatible"])


def boxes(folder: Path, report: Report) -> None:
    """IoU with the gold box: estimated beside the median of each side and the mean."""
    golds, drawn = [], []
    for part in PARTS:
        for gold, crowd in images(folder / f"{part}.jsonl.gz"):
            golds.append(box_of(gold))
            found = [box_of(mask) for mask in crowd]
            drawn.append(
                [(f"c{i}", [LabeledBox(0, *box)] if box is not None else []) for i, box in enumerate(found)]
            )
    start = time.process_time()
    robust = estimate_boxes(drawn).kept()
    seconds = time.process_time() - start
    ours, median, mean = [], [], []
    for gold, answers, kept in zip(golds, drawn, robust, strict=True):
        if gold is None:
            continue
        sides = lambda b: (b.left, b.top, b.width, b.height)  # noqa: E731
        ours.append(max((box_iou(sides(b), gold) for b in kept), default=0.0))
        averaged = consolidate_boxes(answers, image_height=1000, n_workers_asked=N_WORKERS)
        mean.append(max((box_iou(sides(b), gold) for b in averaged), default=0.0))
        corners = np.array([(b.left, b.top, b.left + b.width, b.top + b.height) for _, [b] in answers])
        x0, y0, x1, y1 = np.median(corners, axis=0).tolist()
        median.append(box_iou((x0, y0, x1 - x0, y1 - y0), gold))
    report.row("boxes: robust / median", "IoU", float(np.mean(ours)), float(np.mean(median)), smaller=False)
    report.row(
        "boxes: compatible / median", "IoU", float(np.mean(mean)), float(np.mean(median)), smaller=False
    )
    report.row("boxes: robust, all", "CPU s", seconds, None)


def spans_of(tags: list[str]) -> list[Span]:
    """Spans of a row of BIO tags."""
    found: list[Span] = []
    for i, tag in enumerate(tags):
        if tag == "O":
            continue
        kind = CLASSES.index(tag[2:])
        if tag[0] == "I" and found and found[-1][1] == i and found[-1][2] == kind:
            found[-1] = (found[-1][0], i + 1, kind)
        else:
            found.append((i, i + 1, kind))
    return found


def strict_f1(found: list[list[Span]], gold: list[list[Span]]) -> float:
    """F1 of spans that are equal in both ends and class, in percent."""
    n_right = sum(len(set(a) & set(b)) for a, b in zip(found, gold, strict=True))
    return 200 * n_right / (sum(map(len, found)) + sum(map(len, gold)))


def spans(folder: Path, report: Report) -> None:
    """Strict F1 over the texts that somebody answered; offsets are counted in tokens."""
    gold: list[list[Span]] = []
    documents: list[SpanDocument] = []
    for row in rows(folder / "ner_val.jsonl.gz"):
        if not row["crowd"]:
            continue
        gold.append(spans_of(row["gold"].split()))
        n = len(row["gold"].split())
        answers = [
            (worker, [LabeledSpan(*span) for span in spans_of(tags.split())])
            for worker, tags in row["crowd"].items()
        ]
        documents.append(SpanDocument(np.stack([np.arange(n), np.arange(n) + 1], axis=1), answers))
    start = time.process_time()
    found = combine_span_sequences(documents)
    seconds = time.process_time() - start
    keys = [[(s.start, s.end, s.class_id) for s in spans] for spans in found]
    report.row(
        "spans: sequence / Dawid-Skene per token",
        "F1",
        strict_f1(keys, gold),
        TOKEN_DAWID_SKENE,
        smaller=False,
    )
    report.row("spans: sequence / vote per token", "F1", strict_f1(keys, gold), TOKEN_VOTE, smaller=False)
    in_groups = [
        [(s.start, s.end, s.class_id) for s in spans]
        for first in range(0, len(documents), 50)
        for spans in combine_span_sequences(documents[first : first + 50])
    ]
    report.row(
        "spans: sequence, groups of 50 / Dawid-Skene",
        "F1",
        strict_f1(in_groups, gold),
        TOKEN_DAWID_SKENE,
        smaller=False,
    )
    clustered = [consolidate_spans(d.answers, n_workers_asked=N_WORKERS) for d in documents]
    for least in (0.0, 0.3):
        kept = [[(s.start, s.end, s.class_id) for s in spans if s.confidence >= least] for spans in clustered]
        report.row(
            f"spans: compatible from confidence {least} / vote", "F1", strict_f1(kept, gold), TOKEN_VOTE,
            smaller=False,
        )  # fmt: skip
    report.row("spans: sequence, all", "CPU s", seconds, None)


def peers(folder: Path, report: Report) -> None:
    """The same data through crowd-kit and ensemble-boxes, in an environment of their own."""
    stored: dict[str, Any] = {}
    golds, box_golds, corners, sides = [], [], [], []
    for part in PARTS:
        for gold, crowd in images(folder / f"{part}.jsonl.gz"):
            stored[f"masks/{len(golds)}"] = crowd
            golds.append((part, gold))
            drawn = [box_of(mask) for mask in crowd]
            true = box_of(gold)
            if true is not None and None not in drawn:
                box_golds.append(true)
                corners.append([(x, y, x + w, y + h) for x, y, w, h in drawn])  # type: ignore[misc]
                sides.append((gold.shape[1], gold.shape[0]))
    texts = [row for row in rows(folder / "ner_val.jsonl.gz") if row["crowd"]]
    names = sorted({tag for row in texts for tag in row["gold"].split()})
    starts = np.cumsum([0, *(len(row["gold"].split()) for row in texts)])
    triples = [
        (int(first) + i, worker, names.index(tag))
        for first, row in zip(starts, texts, strict=False)
        for worker, tags in row["crowd"].items()
        for i, tag in enumerate(tags.split())
    ]
    workers = {worker: i for i, worker in enumerate(dict.fromkeys(worker for _, worker, _ in triples))}
    stored |= {
        "n_images": len(golds),
        "boxes": np.array(corners),
        "sides": np.array(sides),
        "tags": np.array([(token, workers[worker], tag) for token, worker, tag in triples]),
    }
    with tempfile.TemporaryDirectory() as scratch:
        source, target = Path(scratch) / "shapes.npz", Path(scratch) / "peers.npz"
        np.savez(source, **stored)
        python = environment("crowd-kit-shapes", *CROWD_KIT, "ensemble-boxes==1.0.9") / "python"
        run([python, Path(__file__).parent / "shape_peers.py", source, target])
        found = dict(np.load(target))
    for name in [key.removesuffix("/0") for key in found if key.endswith("/0")]:
        for part in PARTS:
            of_part = [mask_iou(found[f"{name}/{i}"], g) for i, (p, g) in enumerate(golds) if p == part]
            report.note(f"masks {part}, {name}: IoU {np.mean(of_part):.4f}")
        report.note(f"masks, {name}: {found[f'{name}/s']:.1f} CPU s")
    fused = [box_iou((a, b, c - a, d - b), g) for (a, b, c, d), g in zip(
        found["ensemble-boxes WBF"].tolist(), box_golds, strict=True
    )]  # fmt: skip
    report.note(
        f"boxes, ensemble-boxes WBF: IoU {np.mean(fused):.4f}, {found['ensemble-boxes WBF/s']:.2f} CPU s"
    )
    for name in [key for key in found if key.endswith("per token")]:
        tags = np.full(starts[-1], names.index("O"))
        tags[found[name][:, 0]] = found[name][:, 1]
        spans = [spans_of([names[tag] for tag in tags[a:b]]) for a, b in itertools.pairwise(starts.tolist())]
        f1 = strict_f1(spans, [spans_of(row["gold"].split()) for row in texts])
        report.note(f"spans, {name}: F1 {f1:.2f}, {found[f'{name}/s']:.1f} CPU s")


def main(folder: Path = DEFAULT_FOLDER, *, with_peers: bool = True) -> int:
    """Exit code: 0, or 2 when the data is not there."""
    if not (folder / "ner_val.jsonl.gz").exists():
        print(f"The crowds of shapes and spans are not in {folder}; give their folder.", file=sys.stderr)
        return 2
    report = Report("consolidation_shapes", "baseline")
    masks(folder, report)
    boxes(folder, report)
    spans(folder, report)
    if with_peers:
        peers(folder, report)
    report.note(f"{N_WORKERS} workers an image; spans: all of a text. IoU and F1 against experts' labels.")
    report.finish()
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=DEFAULT_FOLDER)
    parser.add_argument("--ours-only", action="store_true")
    arguments = parser.parse_args()
    sys.exit(main(arguments.folder, with_peers=not arguments.ours_only))
