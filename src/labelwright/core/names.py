"""Rules on names: label attribute names and what follows from them."""

from __future__ import annotations

import re

from labelwright.core.functions import TaskKind
from labelwright.errors import InvalidRequest

__all__ = [
    "check_label_attribute_name",
    "check_region",
    "check_workteam_name",
    "default_label_attribute_name",
    "metadata_name",
]

_FIELD = "LabelAttributeName"
_RESERVED = frozenset({"source", "source-ref"})
_WORKTEAM_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*")
_REGION = re.compile(r"[a-z]{2,}(-[a-z0-9]+)+")


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


def check_workteam_name(name: str) -> None:
    """Check a work team's name where no service model has done it.

    Raises
    ------
    InvalidRequest
    """
    if len(name) > 63 or not _WORKTEAM_NAME.fullmatch(name):
        rule = "must be 1 to 63 letters, digits and hyphens, with a letter or digit at both ends"
        raise InvalidRequest(f"WorkteamName {name!r} {rule}.", field="WorkteamName", value=name, rule=rule)


def check_region(region: str) -> None:
    """Check the name of a region where no signature has named it.

    Raises
    ------
    InvalidRequest
    """
    if len(region) > 32 or not _REGION.fullmatch(region):
        rule = "must look like us-east-1"
        raise InvalidRequest(f"The region {region!r} {rule}.", field="region", value=region, rule=rule)


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
