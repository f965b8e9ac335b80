"""Numbers out of DuckDB without a Python object for each: the Arrow C stream interface, by ctypes.

Only what a scan needs is here: the first column of a stream, without nulls, of 64-bit integers.

References
----------
The Arrow C data interface and the Arrow C stream interface, as laid down in the Arrow columnar format.
"""

from __future__ import annotations

import ctypes
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["StreamFailed", "integers"]


class StreamFailed(Exception):
    """The producer cannot go on; the numbers so far are good."""


class _Array(ctypes.Structure):
    pass


class _Stream(ctypes.Structure):
    pass


_Array._fields_ = [
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(_Array))),
    ("dictionary", ctypes.c_void_p),
    ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(_Array))),
    ("private_data", ctypes.c_void_p),
]
_Stream._fields_ = [
    ("get_schema", ctypes.c_void_p),
    ("get_next", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Stream), ctypes.POINTER(_Array))),
    ("get_last_error", ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.POINTER(_Stream))),
    ("release", ctypes.c_void_p),  # the capsule's own destructor calls it
    ("private_data", ctypes.c_void_p),
]

_pointer_of = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)


def integers(capsule: Any) -> Generator[npt.NDArray[np.int64]]:
    """Yield the first column of a stream, batch by batch.

    Parameters
    ----------
    capsule : PyCapsule
        What ``__arrow_c_stream__`` gives. The column holds 64-bit integers and no nulls.

    Yields
    ------
    ndarray of shape (n_rows,), int64

    Raises
    ------
    StreamFailed
        With the producer's message.
    """
    stream = ctypes.cast(_pointer_of(capsule, b"arrow_array_stream"), ctypes.POINTER(_Stream))
    while True:
        batch = _Array()
        if stream.contents.get_next(stream, ctypes.byref(batch)) != 0:
            message = stream.contents.get_last_error(stream) or b"no reason given"
            raise StreamFailed(message.decode(errors="replace"))
        if not batch.release:  # the end
            return
        try:
            numbers = _first_column(batch)
        finally:
            batch.release(ctypes.byref(batch))
        yield numbers


def _first_column(batch: _Array) -> npt.NDArray[np.int64]:
    import numpy as np

    column = batch.children[0].contents
    n_rows = column.length
    if column.null_count > 0 or column.n_buffers != 2:
        raise StreamFailed("a column of another kind than was asked for")
    if n_rows == 0:
        return np.zeros(0, np.int64)
    address = column.buffers[1] + 8 * (column.offset + batch.offset)
    return np.frombuffer((ctypes.c_int64 * n_rows).from_address(address), np.int64).copy()
