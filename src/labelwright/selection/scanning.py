"""Running a plan: DuckDB reads lines and says a flag for each.

A database is made for one plan and can do nothing else: no file but its own, no network, no extensions, no
temporary files, no change of these settings. Its file lies in memory and has no name.

DuckDB reads each segment in one go: where several of its threads read one large file, it now and then gives
up because it cannot tell that they met at the ends of lines.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, Any

from labelwright.selection.plans import Plan

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Scanner", "n_threads_default"]

_LINE_BYTES_MAX = 4 << 20  # longer ones are for the row evaluator; DuckDB's buffers are a multiple of it
_BUFFER_BYTES = 16 << 20


class Scanner:
    """A plan, ready to be run over one segment after another; for one thread at a time.

    Parameters
    ----------
    plan : Plan
    memory_mib : int
        Limit of DuckDB.
    """

    def __init__(self, plan: Plan, *, memory_mib: int) -> None:
        self._plan = plan
        self._file = _file_in_memory()
        # The file goes in by the number of its descriptor, which is all that DuckDB may open.
        path = f"/dev/fd/{self._file.fileno()}"
        source = (  # our own words and numbers only
            f"read_csv('{path}', delim='\x01', quote='', escape='', comment='', header=false, "
            f"auto_detect=false, columns={{'line': 'VARCHAR'}}, new_line='\\r\\n', compression='none', "
            f"strict_mode=false, parallel=false, max_line_size={_LINE_BYTES_MAX}, "
            f"buffer_size={_BUFFER_BYTES})"
        )
        self._sql = plan.over(source)
        self._database = _locked(path, memory_mib)

    def close(self) -> None:
        """Let everything go."""
        self._database.close()
        self._file.close()

    def flags(self, segment: Sequence[bytes]) -> npt.NDArray[np.int64]:
        """Four times the length in bytes plus the flag, for each line in order.

        Parameters
        ----------
        segment : sequence of bytes
            Whole lines.

        Returns
        -------
        ndarray of shape (n_lines,), int64
            Empty when there is a line that DuckDB cannot read.
        """
        import duckdb
        import numpy as np

        self._file.seek(0)
        for block in segment:
            rest = memoryview(block)
            while rest:
                rest = rest[self._file.write(rest) :]
        self._file.truncate()  # afterwards: memory that is there already costs nothing
        try:
            (found,) = self._database.execute(self._sql, self._plan.values()).fetchnumpy().values()
        except duckdb.Error:
            return np.zeros(0, np.int64)
        return np.asarray(found, np.int64)


def _file_in_memory() -> IO[bytes]:
    if not hasattr(os, "memfd_create"):
        return tempfile.TemporaryFile(buffering=0)
    descriptor = os.memfd_create("labelwright-selection", os.MFD_CLOEXEC)
    return open(descriptor, "w+b", buffering=0)  # noqa: PTH123 - a descriptor


def _locked(path: str, memory_mib: int) -> Any:
    import duckdb

    database = duckdb.connect(
        ":memory:",
        config={
            "threads": "1",
            "memory_limit": f"{memory_mib}MB",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        },
    )
    for statement in (
        f"SET allowed_paths = ['{path}']",
        "SET temp_directory = ''",
        "SET enable_external_file_cache = false",  # the file changes
        "SET preserve_insertion_order = true",
        "SET enable_external_access = false",
        "SET lock_configuration = true",
    ):
        database.execute(statement)
    return database


def n_threads_default() -> int:
    """As many as this process may run at once, at most eight."""
    with contextlib.suppress(AttributeError):
        return min(len(os.sched_getaffinity(0)), 8)
    return min(os.cpu_count() or 1, 8)
