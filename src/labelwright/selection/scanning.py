"""Running a plan: DuckDB reads a file of lines and says a flag for each.

The database is made for one scan and can do nothing else: no file but this one, no network, no extensions, no
temporary files, no change of these settings. The file goes in by the number of its descriptor, so that no
character of its name means anything.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from labelwright.selection.arrow import StreamFailed, integers
from labelwright.selection.plans import Plan

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["ScanBroken", "n_threads_default", "scan"]

_LINE_BYTES_MAX = 4 << 20  # longer ones are for the row evaluator; DuckDB's buffers are a multiple of it
_BUFFER_BYTES = 16 << 20


class ScanBroken(Exception):
    """DuckDB cannot go on with this file; the flags so far are good."""


def scan(descriptor: int, plan: Plan, *, n_threads: int, memory_mib: int) -> Generator[npt.NDArray[np.int64]]:
    """Yield for each line, in order, four times its length in bytes plus its flag.

    Parameters
    ----------
    descriptor : int
        Of a regular file, open for reading; its offset does not matter.
    plan : Plan
    n_threads, memory_mib : int
        Limits of DuckDB.

    Raises
    ------
    ScanBroken
        At a line that DuckDB cannot read.
    """
    import duckdb

    path = f"/dev/fd/{descriptor}"
    source = (  # our own words and numbers only
        f"read_csv('{path}', delim='\x01', quote='', escape='', comment='', header=false, auto_detect=false, "
        f"columns={{'line': 'VARCHAR'}}, new_line='\\r\\n', compression='none', strict_mode=false, "
        f"max_line_size={_LINE_BYTES_MAX}, buffer_size={_BUFFER_BYTES})"
    )
    try:
        with contextlib.closing(_locked(path, n_threads, memory_mib)) as database:
            answer = database.sql(plan.over(source), params=plan.values())
            with contextlib.closing(integers(answer.__arrow_c_stream__())) as numbers:
                yield from numbers
    except (duckdb.Error, StreamFailed) as error:
        raise ScanBroken(str(error)) from error


def _locked(path: str, n_threads: int, memory_mib: int) -> Any:
    import duckdb

    database = duckdb.connect(
        ":memory:",
        config={
            "threads": str(n_threads),
            "memory_limit": f"{memory_mib}MB",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        },
    )
    for statement in (
        f"SET allowed_paths = ['{path}']",
        "SET temp_directory = ''",
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
