"""Labels of image classification: from the text or the numbers of a record to a class id or a 0/1 vector."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.train.toolkit.problems import CustomerError

__all__ = ["class_id_of_numbers", "class_id_of_text", "classes_of_numbers", "classes_of_text"]

_SHOWN = 120


def class_id_of_text(text: bytes | str, n_classes: int) -> int:
    """The class of a label such as ``0`` or ``"0"``.

    Raises
    ------
    CustomerError
        It is no whole number from 0 to n_classes - 1.

    Examples
    --------
    >>> class_id_of_text(b'"2"', 3)
    2
    """
    return _class_id(_json(text), n_classes, text)


def class_id_of_numbers(numbers: Sequence[float], n_classes: int) -> int:
    """The class of a record's or list line's label, which holds one float.

    Raises
    ------
    CustomerError
        There are several numbers, or it is no class.
    """
    if len(numbers) != 1:
        raise CustomerError(
            f"A label has {len(numbers)} numbers ({_shown(list(numbers))}), but multi_label is 0: give one "
            "class id for each image, or set multi_label to 1."
        )
    return _class_id(numbers[0], n_classes, numbers[0])


def classes_of_text(text: bytes | str, n_classes: int, label_format: str) -> npt.NDArray[np.float32]:
    """The classes of a multi-label image as a vector of zeros and ones.

    Parameters
    ----------
    text : bytes or str
        A JSON list, or a JSON string that holds one.
    n_classes : int
    label_format : {"multi-hot", "class-id"}
        ``[1, 0, 1]`` or ``[0, 2]``.

    Returns
    -------
    ndarray of shape (n_classes,), float32

    Raises
    ------
    CustomerError
        The list is none, a multi-hot one has another length, or a number is no class.

    Examples
    --------
    >>> classes_of_text("[0, 2]", 3, "class-id")
    array([1., 0., 1.], dtype=float32)
    """
    value = _json(text)
    if isinstance(value, str):
        value = _json(value)
    if not isinstance(value, list):
        example = "[0, 2]" if label_format == "class-id" else "[1, 0, 1]"
        raise CustomerError(
            f"The label {_shown(text)} is no list, but multi_label is 1: labels must be lists such as "
            f"{example} (label-format={label_format})."
        )
    if label_format == "class-id":
        hot = np.zeros(n_classes, dtype=np.float32)
        for each in value:
            hot[_class_id(each, n_classes, text)] = 1
        return hot
    return _multi_hot(value, n_classes, text)


def classes_of_numbers(numbers: Sequence[float], n_classes: int) -> npt.NDArray[np.float32]:
    """The classes of a record's or list line's label: one 0 or 1 for every class.

    Raises
    ------
    CustomerError
        Another length or other numbers.
    """
    return _multi_hot(list(numbers), n_classes, list(numbers))


def _multi_hot(value: list[Any], n_classes: int, whole: object) -> npt.NDArray[np.float32]:
    if len(value) != n_classes:
        raise CustomerError(
            f"The multi-hot label {_shown(whole)} has {len(value)} entries; num_classes is {n_classes}, so "
            f"it must have {n_classes}. If it lists class ids, say so in the channel's content type: "
            "application/x-recordio; label-format=class-id"
        )
    if not all(isinstance(each, int | float) and each in (0, 1) for each in value):
        raise CustomerError(f"The multi-hot label {_shown(whole)} must hold nothing but 0 and 1.")
    return np.asarray(value, dtype=np.float32)


def _class_id(value: Any, n_classes: int, whole: object) -> int:
    if isinstance(value, str):
        value = _json(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or value != int(value) or not 0 <= value < n_classes:
        raise CustomerError(
            f"The label {_shown(whole)} is no class: class ids must be whole numbers from 0 to "
            f"{n_classes - 1} (num_classes is {n_classes})."
        )
    return int(value)


def _json(text: bytes | str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise CustomerError(
            f"The label {_shown(text)} cannot be read: it must be a number such as 0 or, with multi_label, a "
            "list of numbers."
        ) from None


def _shown(value: object) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")
