"""Rules on names: label attribute names and what follows from them."""

from __future__ import annotations

from labelwright.core.functions import TaskKind
from labelwright.errors import InvalidRequest

__all__ = ["check_label_attribute_name", "default_label_attribute_name", "metadata_name"]

_FIELD = "LabelAttributeName"
_RESERVED = frozenset({"source", "source-ref"})


def check_label_attribute_name(name: str, kind: TaskKind) -> None:
    """Check the documented rules beyond the service model's pattern.

    Parameters
    ----------
    name : str
        ``LabelAttributeName`` of the request.
    kind : TaskKind
        Task type of the job; custom types may or may not end in ``-ref``.

    Raises
    ------
    InvalidRequest
        Naming the rule that the name breaks.
    """
    if name.endswith("-metadata"):
        _refuse(name, "must not end in -metadata, which names the metadata of another label attribute")
    if name in _RESERVED:
        _refuse(name, "must not be source or source-ref, which name the data itself")
    if "$" in name:
        _refuse(name, "must not contain $")
    is_ref = name.endswith("-ref")
    if kind.ref_rule == "must" and not is_ref:
        _refuse(
            name, f"must end in -ref for the task type {kind.suffix}, whose labels are files; use {name}-ref"
        )
    if kind.ref_rule == "must not" and is_ref:
        _refuse(
            name,
            f"must not end in -ref for the task type {kind.suffix}, whose labels stand in the manifest;"
            f" use {name.removesuffix('-ref') or 'another name'}",
        )


def _refuse(name: str, rule: str) -> None:
    raise InvalidRequest(f"{_FIELD} {name!r} {rule}.", field=_FIELD, value=name, rule=rule)


def metadata_name(label_attribute_name: str) -> str:
    """The manifest key that holds the metadata of a label.

    Examples
    --------
    >>> metadata_name("street-ref")
    'street-ref-metadata'
    """
    return f"{label_attribute_name}-metadata"


def default_label_attribute_name(job_name: str, kind: TaskKind) -> str:
    """The name a console proposes: the job's, with ``-ref`` where the type needs it."""
    return f"{job_name}-ref" if kind.ref_rule == "must" and not job_name.endswith("-ref") else job_name
