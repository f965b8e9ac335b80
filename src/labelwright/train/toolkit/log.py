"""Log lines in the exact forms that users' regular expressions and notebooks read.

Every line goes to standard output at once and ends without spaces. The prefix is
``[MM/DD/YYYY HH:MM:SS LEVEL thread] `` in UTC.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Mapping

__all__ = ["JobLog", "python2_dict"]


class _Prefix(logging.Formatter):
    converter = staticmethod(time.gmtime)  # prefixes are in UTC

    def __init__(self) -> None:
        super().__init__("[%(asctime)s %(levelname)s %(thread)d] %(message)s", "%m/%d/%Y %H:%M:%S")


def python2_dict(values: Mapping[str, str]) -> str:
    """A dict of strings as Python 2 wrote it; a published notebook cuts values out of this form.

    Examples
    --------
    >>> python2_dict({"epochs": "10", "note": "it's"})
    "{u'epochs': u'10', u'note': u'it\\\\'s'}"
    """
    return "{" + ", ".join(f"{_quoted(key)}: {_quoted(value)}" for key, value in values.items()) + "}"


class JobLog:
    """Writes the log of one training program.

    Parameters
    ----------
    host : str
        Its name in the lines, such as ``algo-1``.
    is_quiet : bool
        Drop everything below warnings; for all but the first process of a job.
    """

    def __init__(self, host: str = "algo-1", *, is_quiet: bool = False) -> None:
        self.host = host
        self._logger = logging.getLogger("labelwright.train.job")
        self._logger.propagate = False
        self._logger.setLevel(logging.WARNING if is_quiet else logging.INFO)
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(_Prefix())
        self._logger.handlers[:] = [handler]

    def say(self, message: str) -> None:
        """One line at level INFO."""
        self._logger.info("%s", message.rstrip())

    def warn_of(self, message: str) -> None:
        """One line at level WARNING."""
        self._logger.warning("%s", message.rstrip())

    def fail(self, message: str) -> None:
        """One line at level ERROR."""
        self._logger.error("%s", message.rstrip())

    def plain(self, line: str) -> None:
        """A line without the prefix, for forms that have none."""
        if self._logger.isEnabledFor(logging.INFO):
            sys.stdout.write(line.rstrip() + "\n")
            sys.stdout.flush()

    def configuration(self, defaults: Mapping[str, str], provided: Mapping[str, str], path: str) -> None:
        """The three lines on hyperparameters: defaults, provided, and what holds in the end."""
        self.say(f"Reading default configuration from the algorithm's description: {python2_dict(defaults)}")
        self.say(f"Reading provided configuration from {path}: {python2_dict(provided)}")
        self.say(f"Final configuration: {python2_dict({**defaults, **provided})}")

    def train_loss(self, epoch: int, batch: int, name: str, value: float) -> None:
        """``#quality_metric: host=…, epoch=…, batch=… train NAME <loss>=V``."""
        self.say(
            f"#quality_metric: host={self.host}, epoch={epoch}, batch={batch} train {name} <loss>={value:.6g}"
        )

    def quality(self, epoch: int, text: str) -> None:
        """``#quality_metric: host=…, epoch=…, TEXT``; the caller writes the end of the line."""
        self.say(f"#quality_metric: host={self.host}, epoch={epoch}, {text}")

    def progress(self, n_done: int, n_epochs: int) -> None:
        """``#progress_metric: host=…, completed P % of epochs``."""
        percent = f"{100 * n_done / n_epochs:.1f}".removesuffix(".0")
        self.say(f"#progress_metric: host={self.host}, completed {percent} % of epochs")

    def throughput(self, text: str) -> None:
        """``#throughput_metric: host=…, TEXT``."""
        self.say(f"#throughput_metric: host={self.host}, {text}")

    def metrics(
        self, values: Mapping[str, float], *, algorithm: str, epoch: int, started: float, ended: float
    ) -> None:
        """The line ``#metrics {...}`` that tools read as JSON; without the prefix."""
        content = {
            "Metrics": {
                name: {"count": 1, "max": value, "sum": value, "min": value} for name, value in values.items()
            },
            "EndTime": ended,
            "Dimensions": {
                "Host": self.host,
                "Operation": "training",
                "Algorithm": algorithm,
                "epoch": epoch,
            },
            "StartTime": started,
        }
        self.plain(f"#metrics {json.dumps(content)}")


def _quoted(text: str) -> str:
    escaped = text.encode("unicode_escape").decode("ascii").replace("'", "\\'")
    return f"u'{escaped}'"
