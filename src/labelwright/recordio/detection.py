"""Labels of detection records: ``[A, B, header..., object 0, object 1, ...]``."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelwright.recordio.framing import RecordIOError

__all__ = ["decode_boxes", "encode_boxes"]


def encode_boxes(objects: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Return the label array of an image's boxes.

    Parameters
    ----------
    objects : array-like of shape (n_objects, width), width >= 5
        Rows ``class, xmin, ymin, xmax, ymax, ...``; coordinates divided by the image's width and height,
        origin at its top left corner. No rows is a valid label, though MXNet's own iterator refuses it.

    Returns
    -------
    ndarray of shape (2 + n_objects * width,), float32
        Header length 2, ``width``, then the rows.

    Raises
    ------
    RecordIOError
        The array has another shape.

    Examples
    --------
    >>> encode_boxes([[1, 0.25, 0.125, 0.75, 0.5]]).tolist()
    [2.0, 5.0, 1.0, 0.25, 0.125, 0.75, 0.5]
    """
    rows = np.asarray(objects, dtype=np.float32)
    if rows.size == 0:
        rows = rows.reshape(0, 5)
    if rows.ndim != 2 or rows.shape[1] < 5:
        raise RecordIOError(
            f"boxes of shape {rows.shape} are no detection label: each row must be class, xmin, ymin, xmax, "
            "ymax."
        )
    return np.concatenate([np.array([2, rows.shape[1]], dtype=np.float32), rows.ravel()])


def decode_boxes(labels: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Return the boxes of a label array.

    Parameters
    ----------
    labels : array-like of shape (n_labels,)

    Returns
    -------
    ndarray of shape (n_objects, width), float32
        The rows as stored, ``class, xmin, ymin, xmax, ymax, ...``.

    Raises
    ------
    RecordIOError
        The header does not fit the number of labels.
    """
    values = np.asarray(labels, dtype=np.float32).ravel()
    if values.size < 2 or not np.isfinite(values[:2]).all() or (values[:2] % 1).any():
        raise RecordIOError(
            f"{values.size} labels that begin with {values[:2].tolist()} are no detection label: it begins "
            "with the "
            "header length and the width of an object, whole numbers. Was it packed without --pack-label?"
        )
    header, width = int(values[0]), int(values[1])
    if header < 2 or width < 5 or header > values.size or (values.size - header) % width:
        raise RecordIOError(
            f"{values.size} labels do not fit a detection label with a header of {header} (at least 2) and "
            "objects "
            f"of {width} (at least 5): behind the header there must be whole objects."
        )
    return values[header:].reshape(-1, width)
