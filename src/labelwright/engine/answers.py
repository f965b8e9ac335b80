"""What a worker hands in: parsed, checked against the task type, written in its one canonical form."""

from __future__ import annotations

from typing import Any

import orjson

from labelwright.engine.facts import JobFacts
from labelwright.errors import InvalidRequest
from labelwright.tasks import ReadLine

__all__ = ["ANSWER_BYTES_MAX", "check_answer"]

ANSWER_BYTES_MAX = 48 << 20
_DEPTH_MAX = 64


def check_answer(text: bytes, facts: JobFacts, line: ReadLine) -> bytes:
    """The answer as it is kept: compact JSON with sorted keys.

    Parameters
    ----------
    text : bytes
    facts : JobFacts
    line : callable
        Reads the object's manifest line; called for task types that are checked in a thread only.

    Raises
    ------
    InvalidRequest
        Not JSON, not an object, too deep, too large, or not fit for the job's task type.
    """
    if len(text) > ANSWER_BYTES_MAX:
        raise InvalidRequest(
            f"answer has {len(text)} bytes; at most {ANSWER_BYTES_MAX} are accepted.", field="answer"
        )
    try:
        answer = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"answer is not valid JSON: {error}.", field="answer") from error
    if not isinstance(answer, dict):
        raise InvalidRequest("answer must be a JSON object.", field="answer", value=answer)
    if _is_deeper_than(answer, _DEPTH_MAX):
        raise InvalidRequest(f"answer is nested more than {_DEPTH_MAX} levels deep.", field="answer")
    kept = facts.type.validate_answer(answer, facts.categories, line)
    return orjson.dumps(kept, option=orjson.OPT_SORT_KEYS)


def _is_deeper_than(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(v for v in item.values() if isinstance(v, dict | list))
            elif isinstance(item, list):
                below.extend(v for v in item if isinstance(v, dict | list))
        if not below:
            return False
        level = below
    return True
