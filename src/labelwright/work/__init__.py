"""Work outside the server process: child programs that outlive the server, and what became of them.

`Runner` starts a program in a folder of its own, in its own session, and answers what it is doing; it keeps
nothing in memory that matters, so a server that starts anew finds its programs again. Programs use
`read_input`, `report_progress` and `write_result`, and `is_interrupted` when they can finish early.
"""

from __future__ import annotations

from labelwright.work.folder import held_lock, is_interrupted, read_input, report_progress, write_result
from labelwright.work.runner import Limits, Program, Runner, State, Status

__all__ = [
    "Limits",
    "Program",
    "Runner",
    "State",
    "Status",
    "held_lock",
    "is_interrupted",
    "read_input",
    "report_progress",
    "write_result",
]
