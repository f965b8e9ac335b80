"""Log set-up: one JSON object a line, so that machines and people can both read it."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from labelwright.errors import InvalidRequest

__all__ = ["configure"]

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

_STANDARD = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry.update({k: v for k, v in record.__dict__.items() if k not in _STANDARD})
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str, ensure_ascii=False)


def configure(level: str = "INFO") -> None:
    """Send all logs to standard error as JSON lines. Called by commands only, never by the library.

    Raises
    ------
    InvalidRequest
        When the level has no such name.
    """
    if level.upper() not in _LEVELS:
        raise InvalidRequest(
            f"The log level is {level!r}; set LABELWRIGHT_LOG_LEVEL or --log-level to one of "
            f"{', '.join(_LEVELS)}.",
            field="log_level",
            value=level,
        )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("uvicorn.access").setLevel("WARNING")
