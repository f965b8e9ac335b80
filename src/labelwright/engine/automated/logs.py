"""What the programs of a job print, in the group of all trainings: ``<training job>/algo-1-<epoch seconds>``.

Scripts that watch trainings of labeling jobs read it there, by the name of the training job, as they did at
AWS. A program writes into its folder, which outlives the server; the lines are copied while somebody looks
after it.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator

from labelwright.engine.tools import Tools
from labelwright.errors import LabelwrightError
from labelwright.logstreams import StreamWriter, stream_path
from labelwright.logstreams.lines import Lines
from labelwright.logstreams.names import file_of
from labelwright.store.runs import RunRow
from labelwright.work.folder import LOG

__all__ = ["GROUP", "copy_log"]

_log = logging.getLogger(__name__)

GROUP = "/aws/sagemaker/TrainingJobs"
_LINE_BYTES_MAX = 100_000  # of one event; longer lines are cut, so that a line is always one event


def copy_log(tools: Tools, run: RunRow, *, is_over: bool = False) -> None:
    """Append the lines that a run has printed since the last call to its log stream.

    How many were copied is read from the stream itself, so that a server that was killed in between copies
    none twice. A disk that is full costs log lines, and never the labeling.

    Parameters
    ----------
    is_over : bool
        Whether the program has ended: a last line without an end is one, too.
    """
    source = tools.work.folder(run.name) / LOG
    stream = stream_path(tools.settings.data_dir / "logs", GROUP, f"{run.name}/algo-1-{int(run.created_at)}")
    try:
        data = source.read_bytes()
    except FileNotFoundError:
        return
    now_ms = round(tools.clock() * 1000)
    try:
        n_copied = 0
        if file_of(stream).exists():
            with Lines(file_of(stream)) as lines:
                n_copied = sum(1 for _ in lines.forward(0))
        fresh = itertools.islice(_messages(data, is_over=is_over), n_copied, None)
        with StreamWriter(stream) as writer:
            writer.write_many((now_ms, message) for message in fresh)
    except (OSError, LabelwrightError) as error:
        _log.warning("log lines are lost", extra={"action": "log", "run": run.name, "reason": str(error)})


def _messages(data: bytes, *, is_over: bool) -> Iterator[str]:
    """The lines that say something."""
    whole, _, rest = data.rpartition(b"\n")
    for line in [*whole.split(b"\n"), *([rest] if is_over else [])]:
        text = line[:_LINE_BYTES_MAX].rstrip(b"\r").decode("utf-8", "replace")
        if text:
            yield text
