"""A look at the beginning of a manifest, for whoever is about to make a job of it.

Only the first lines are read, and a few of the files they refer to: enough to find a manifest of the wrong
kind at once, whatever its size. The job itself checks every line at its start, as does
``labelwright manifest check`` before.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable
from typing import Any, Final

import orjson

from labelwright.blobs import Blobs
from labelwright.console.job_form import Form, choice_of, label_attribute_name
from labelwright.engine.manifest_check import CheckResult, ManifestCheck
from labelwright.engine.paths import s3_uri
from labelwright.errors import LabelwrightError
from labelwright.manifests import GROUNDTRUTH_TYPES, METADATA_SUFFIX

__all__ = ["Look", "first_line", "look_at"]

_HEAD_BYTES: Final = 1 << 20
_N_FILES: Final = 20
_N_SHOWN: Final = 5
_N_LINES_FOR_LABELS: Final = 200
_AUDITED: Final = {"BoundingBox": "boxes", "SemanticSegmentation": "segmentation"}


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """What was seen.

    Attributes
    ----------
    n_lines : int
        Lines looked at.
    is_whole : bool
        Whether that is all of them.
    n_labeled : int
        Of these, how many have a label under the job's name.
    problem : str
        Why no job can be made of it; empty when nothing speaks against it.
    warnings : tuple of str
    priors : tuple of str
        Names of the labels that a job of this type could show to workers.
    keys : tuple of str
        Keys of the first line.
    """

    n_lines: int = 0
    is_whole: bool = True
    n_labeled: int = 0
    problem: str = ""
    warnings: tuple[str, ...] = ()
    priors: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


def first_line(blobs: Blobs, uri: str) -> dict[str, Any] | None:
    """The first object of a manifest; None when it cannot be read."""
    with contextlib.suppress(LabelwrightError, orjson.JSONDecodeError):
        line = orjson.loads(
            blobs.read_range(s3_uri(uri), 0, _HEAD_BYTES).removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0]
        )
        return line if isinstance(line, dict) else None
    return None


def look_at(blobs: Blobs, form: Form) -> Look:
    """Look at the manifest that the form names."""
    uri = s3_uri(form["manifest"].strip())
    try:
        n_bytes = blobs.head(uri).size_bytes
        head = blobs.read_range(uri, 0, min(n_bytes, _HEAD_BYTES)) if n_bytes else b""
    except LabelwrightError as error:
        return Look(problem=f"{error.message} Write s3://bucket/path/input.manifest.")
    is_whole = len(head) >= n_bytes
    if not is_whole:
        head = head[: head.rfind(b"\n") + 1]
        if not head:
            return Look(problem=f"No line ends within the first {_HEAD_BYTES >> 20} MiB. Is it a manifest?")
    choice = choice_of(form)
    if choice is None:
        return Look(is_whole=is_whole)
    check = ManifestCheck(
        choice.suffix,
        label_attribute_name=label_attribute_name(form),
        blobs=blobs,
        n_objects=_N_FILES,
        is_auto=bool(form["automated"]),
    )
    result = check.run([head])
    lines = _objects(head.split(b"\n")[:_N_LINES_FOR_LABELS])
    return Look(
        n_lines=result.n_lines,
        is_whole=is_whole,
        n_labeled=result.n_labeled,
        problem=_problem(result),
        warnings=_warnings(result),
        priors=_priors(lines, choice.suffix) if choice.audits else (),
        keys=tuple(lines[0]) if lines else (),
    )


def _problem(result: CheckResult) -> str:
    """Errors of lines stop the whole job; a file that cannot be used only its object."""
    errors = [p for p in result.problems if not p.is_warning and p.about not in ("object", "name")]
    if not errors:
        return ""
    shown = " ".join(f"{str(error)[0].upper()}{str(error)[1:]}" for error in errors[:_N_SHOWN])
    more = len(errors) - _N_SHOWN
    return shown + (f" And {more} more." if more > 0 else "")


def _warnings(result: CheckResult) -> tuple[str, ...]:
    found = [str(p) for p in result.problems if p.is_warning or p.about == "object"]
    shown = found[:_N_SHOWN]
    if len(found) > _N_SHOWN:
        shown.append(f"{len(found) - _N_SHOWN} more of this kind.")
    return tuple(shown)


def _objects(lines: Iterable[bytes]) -> list[dict[str, Any]]:
    found = []
    for line in lines:
        with contextlib.suppress(orjson.JSONDecodeError):
            value = orjson.loads(line)
            if isinstance(value, dict):
                found.append(value)
    return found


def _priors(lines: Iterable[dict[str, Any]], suffix: str) -> tuple[str, ...]:
    wanted = next(kind for end, kind in _AUDITED.items() if suffix.endswith(end))
    names: dict[str, None] = {}
    for line in lines:
        for key, about in line.items():
            name = key.removesuffix(METADATA_SUFFIX)
            if name == key or name not in line or not isinstance(about, dict):
                continue
            kind = about.get("type")
            if isinstance(kind, str) and GROUNDTRUTH_TYPES.get(kind.lower()) == wanted:
                names[name] = None
    return tuple(names)
