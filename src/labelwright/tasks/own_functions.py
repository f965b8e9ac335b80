"""What functions of the user's own answer: the input of a task, and the labels of a group.

Forms: https://docs.aws.amazon.com/sagemaker/latest/dg/sms-custom-templates-step3-lambda-requirements.html.
Pure: who calls the functions, and what is done with an answer that makes no sense, is the engine's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from labelwright.errors import InvalidRequest
from labelwright.tasks.task_type import Failure, JobNames, Label, Outcome

__all__ = ["NO_LABEL", "custom_metadata", "label_of", "parse_labels", "parse_task_input"]

NO_LABEL = "ClientError: Annotation consolidation returned no label"
"""Failure of an object that a post-annotation function left out."""

_FLAGS = ("isHumanAnnotationRequired", "humanAnnotationRequired")
_TRUTHS = {"true": True, "false": False}


def parse_task_input(answer: bytes) -> dict[str, Any] | None:
    """``task.input`` from the answer of a pre-annotation function; None when nobody need look at the object.

    Both names of the flag are taken, with booleans and with the texts ``"true"`` and ``"false"``.

    Raises
    ------
    InvalidRequest
        When it is not ``{"taskInput": {...}}``.

    Examples
    --------
    >>> parse_task_input(b'{"taskInput": {"a": 1}, "isHumanAnnotationRequired": true}')
    {'a': 1}
    >>> parse_task_input(b'{"taskInput": {}, "humanAnnotationRequired": "False"}') is None
    True
    """
    found = _json(answer)
    if not isinstance(found, dict):
        raise InvalidRequest(f'answered {_shown(found)} instead of {{"taskInput": {{...}}}}')
    for name in _FLAGS:
        flag = found.get(name)
        if flag is None:
            continue
        is_required = _TRUTHS.get(flag.lower()) if isinstance(flag, str) else flag
        if not isinstance(is_required, bool):
            raise InvalidRequest(f"answered {name}: {_shown(flag)}; it must be true or false")
        if not is_required:
            return None
        break
    value = found.get("taskInput")
    if not isinstance(value, dict):
        told = "no taskInput" if "taskInput" not in found else f"taskInput: {_shown(value)}"
        raise InvalidRequest(f"answered {told}; taskInput must be a JSON object")
    return value


def parse_labels(answer: bytes) -> tuple[dict[str, Any], set[str]]:
    """Contents by ``datasetObjectId`` from the answer of a post-annotation function.

    Returns
    -------
    dict
        A content that is no object has a `Failure` in its place. Of an id that came more than once the last
        content counts: AWS's own example answers an entry for each worker.
    set of str
        The ids that came more than once.

    Raises
    ------
    InvalidRequest
        When it is not a list of ``{"datasetObjectId": ..., "consolidatedAnnotation": {"content": {...}}}``.
    """
    found = _json(answer)
    if not isinstance(found, list):
        raise InvalidRequest(
            f"answered {_shown(found)} instead of a list of objects with datasetObjectId and "
            "consolidatedAnnotation"
        )
    contents: dict[str, Any] = {}
    repeated: set[str] = set()
    for i, item in enumerate(found):
        number = item.get("datasetObjectId") if isinstance(item, dict) else None
        if not isinstance(number, str | int) or isinstance(number, bool):
            raise InvalidRequest(f"answered a list whose entry {i} has no datasetObjectId: {_shown(item)}")
        label = item.get("consolidatedAnnotation")
        content = label.get("content") if isinstance(label, dict) else None
        if str(number) in contents:
            repeated.add(str(number))
        if not isinstance(content, dict):
            content = Failure(
                f"the function answered consolidatedAnnotation {_shown(label)}; it must have a content object"
            )
        contents[str(number)] = content
    return contents, repeated


def label_of(content: Any, *, line: Mapping[str, Any], creation_date: str, names: JobNames) -> Outcome:
    """The label of one object from what `parse_labels` found for it.

    Everything in ``content`` goes to the output line, but for keys that the input line has already; the
    service's four keys of the metadata are the service's.
    """
    if content is None:
        return Failure(NO_LABEL)
    if isinstance(content, Failure):
        return content
    name = names.label_attribute_name
    if name not in content:
        return Failure(
            f"the function answered a content without the key {name!r}; its keys are "
            f"{_shown(sorted(content))}"
        )
    own = content.get(names.metadata_name)
    metadata: dict[str, Any] = custom_metadata(names, creation_date)
    if isinstance(own, dict):
        metadata |= {key: value for key, value in own.items() if key not in metadata}
    rest = {
        key: value
        for key, value in content.items()
        if key not in (name, names.metadata_name) and key not in line
    }
    return Label({name: content[name], names.metadata_name: metadata, **rest})


def custom_metadata(names: JobNames, creation_date: str) -> dict[str, str]:
    """The service's four keys in the metadata of a custom label.

    As real outputs have them: the job's name stands alone, dates are in milliseconds, padded to six digits.

    Examples
    --------
    >>> custom_metadata(JobNames("vote", "Vote-2", 1), "2024-06-19T13:05:22.471823")["creation-date"]
    '2024-06-19T13:05:22.471000'
    """
    return {
        "type": "groundtruth/custom",
        "job-name": names.job_name,
        "human-annotated": "yes",
        "creation-date": f"{creation_date[:-3]}000",
    }


def _json(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"answered what is not JSON: {error}") from error


def _shown(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 120 else f"{text[:120]}..."
