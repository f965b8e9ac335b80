"""Inputs through a model on all processors, results in the order of the inputs.

Several workers each run the graph on one thread: no thread waits for another within a picture, and one
worker decodes while another computes. A few batches are in flight, so memory stays the same however many
inputs there are.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import IO, Any

from labelwright.inference import BadInput, InferenceError, Predictor
from labelwright.prediction.inputs import Input

__all__ = ["predict_inputs", "write_results"]

# Larger batches cost memory in every worker and save no time on a CPU.
_BATCH = 2
_TEXTS_AT_ONCE = 512
_MASKS = "masks"


def predict_inputs(
    predictor: Predictor,
    inputs: Iterable[Input],
    folder: Path,
    *,
    masks: Path | None = None,
    least_score: float = 0.0,
    k: int = 5,
    n_workers: int | None = None,
) -> Iterator[dict[str, Any]]:
    """Ask the model about every input.

    Parameters
    ----------
    predictor : Predictor
        Opened with one thread; the workers share it.
    inputs : iterable of Input
    folder : Path
        What names of pictures are relative to.
    masks : Path, optional
        Folder for the masks of a segmentation model, which are PNG files of class indexes.
    least_score : float
        Boxes with a lower score are left out.
    k : int
        Labels of each text.
    n_workers : int, optional
        Default: one a processor.

    Yields
    ------
    dict
        ``{"image": name, "prediction": …}`` in the order of the inputs: rows ``[class, score, xmin, ymin,
        xmax, ymax]``, or the probability of each class, or for segmentation ``"mask"`` (a path) and
        ``"classes"`` (``[class, share of pixels]``). Texts: ``{"source": text, "prob": […], "label": […]}``.
        What cannot be read has ``"error"`` and no prediction.
    """
    n_workers = n_workers or len(os.sched_getaffinity(0))
    is_text = predictor.algorithm == "blazingtext"
    answer = (
        _text_answers(predictor, k) if is_text else _picture_answers(predictor, folder, masks, least_score)
    )
    batch = _TEXTS_AT_ONCE if is_text else _BATCH
    source = iter(inputs)
    pending: deque[Future[list[dict[str, Any]]]] = deque()
    with ThreadPoolExecutor(n_workers, "predict") as workers:
        try:
            while True:
                while len(pending) < 2 * n_workers and (part := list(islice(source, batch))):
                    pending.append(workers.submit(answer, part))
                if not pending:
                    return
                yield from pending.popleft().result()
        finally:
            for each in pending:
                each.cancel()


def write_results(records: Iterable[dict[str, Any]], file: IO[bytes]) -> tuple[int, int]:
    """Write results as JSON lines.

    Returns
    -------
    n_written, n_failed : int
    """
    n_written = n_failed = 0
    for record in records:
        file.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")
        n_written += 1
        n_failed += "error" in record
    return n_written, n_failed


def _text_answers(predictor: Predictor, k: int) -> Callable[[list[Input]], list[dict[str, Any]]]:
    def answers(part: list[Input]) -> list[dict[str, Any]]:
        body = "".join(json.dumps({"source": each.text, "k": k}) + "\n" for each in part).encode()
        found, _ = predictor.predict(body, "application/jsonlines", None)
        lines = found.decode().splitlines()
        return [{"source": each.text, **json.loads(line)} for each, line in zip(part, lines, strict=True)]

    return answers


def _picture_answers(
    predictor: Predictor, folder: Path, masks: Path | None, least_score: float
) -> Callable[[list[Input]], list[dict[str, Any]]]:
    is_segmenter = predictor.algorithm == "semantic-segmentation"
    if is_segmenter and masks is None:
        raise ValueError("a segmentation model needs a folder for its masks")

    def record(name: str, answer: tuple[bytes, str] | InferenceError) -> dict[str, Any]:
        if isinstance(answer, InferenceError):
            return {"image": name, "prediction": [], "error": answer.message}
        if masks is not None and is_segmenter:
            return {"image": name, **_kept_mask(answer[0], name, masks)}
        content = json.loads(answer[0])
        if isinstance(content, list):
            return {"image": name, "prediction": content}
        rows = [row for row in content["prediction"] if row[1] >= least_score]
        return {"image": name, "prediction": [[row[0], *(round(x, 6) for x in row[1:])] for row in rows]}

    def answers(part: list[Input]) -> list[dict[str, Any]]:
        bodies: list[bytes] = []
        failed: dict[int, InferenceError] = {}
        for i, each in enumerate(part):
            try:
                bodies.append((folder / each.name).read_bytes())
            except OSError as error:
                bodies.append(b"")
                failed[i] = BadInput(f"The file cannot be read: {error.strerror}.")
        found = predictor.predict_many(bodies, "application/x-image", None)
        return [record(each.name, failed.get(i, found[i])) for i, each in enumerate(part)]

    return answers


def _kept_mask(mask: bytes, name: str, masks: Path) -> dict[str, Any]:
    """Store a mask and say what is in it."""
    import io

    import numpy as np
    from PIL import Image

    path = masks / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(mask)
    with Image.open(io.BytesIO(mask)) as image:
        counts = np.bincount(np.asarray(image).ravel())
    present = np.flatnonzero(counts)
    by_share = present[np.argsort(-counts[present], kind="stable")].tolist()
    total = int(counts.sum())
    return {
        "mask": f"{_MASKS}/{name}.png",
        "classes": [[i_class, round(int(counts[i_class]) / total, 6)] for i_class in by_share],
    }
