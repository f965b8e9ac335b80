"""The page that selects objects of a manifest: its form, what is wrong with it, and what was made."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Mapping
from typing import Any

import orjson

from labelwright.blobs import Blobs
from labelwright.console.subsets import Choice, Subset, make_subset
from labelwright.errors import LabelwrightError
from labelwright.selection import QueryError

__all__ = ["FORM_BYTES_MAX", "Outcome", "answer", "choice_of", "empty_form", "is_about_query"]

FORM_BYTES_MAX = 1 << 20
_MANIFEST_CODES = frozenset({"InvalidTextEncoding", "JSONParsingError", "OverMaxRecordSize"})


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What the page shows: the form as filled in, problems by field, and the subset if one was made."""

    form: dict[str, Any]
    problems: dict[str, str]
    subset: dict[str, Any] | None

    @property
    def status(self) -> int:
        """HTTP status of the page."""
        return 422 if self.problems else 200


def empty_form(given: Mapping[str, str]) -> Outcome:
    """The page as it is opened; a manifest may be named in the address."""
    return Outcome(_form({"manifest": given.get("manifest", "")}), {}, None)


def answer(given: Mapping[str, str], blobs: Blobs, *, base_url: str, now: float) -> Outcome:
    """Make the subset that the form asks for.

    Parameters
    ----------
    given : mapping
        The form's fields.
    blobs : Blobs
    base_url : str
        Of this server, for the links to pictures.
    now : float
        Epoch seconds.
    """
    form = _form(given)
    problems: dict[str, str] = {}
    choice = choice_of(form, problems)
    if choice is None:
        return Outcome(form, problems, None)
    form["seed"] = str(choice.seed) if choice.how == "sample" else form["seed"]
    try:
        subset = make_subset(blobs, choice, now=now)
    except QueryError as error:
        about_query = choice.how == "query" and is_about_query(error)
        return Outcome(form, {"where" if about_query else "manifest": error.message}, None)
    except LabelwrightError as error:
        return Outcome(form, {"manifest": error.message}, None)
    return Outcome(form, {}, _shown(subset, choice, blobs, base_url=base_url, now=now))


def _form(given: Mapping[str, str]) -> dict[str, Any]:
    how = given.get("how", "query")
    return {
        "manifest": given.get("manifest", "").strip(),
        "how": how if how in ("full", "sample", "query") else "query",
        "percent": given.get("percent", "10").strip(),
        "seed": given.get("seed", "").strip(),
        "where": given.get("where", ""),
    }


def is_about_query(error: QueryError) -> bool:
    """Whether the condition is to blame, and not the manifest."""
    return error.code not in _MANIFEST_CODES


def choice_of(form: Mapping[str, Any], problems: dict[str, str]) -> Choice | None:
    """What a form's fields select; None with problems by field."""
    manifest, how, percent, seed = form["manifest"], form["how"], form["percent"], form["seed"]
    if not manifest:
        problems["manifest"] = "Name the manifest: s3://bucket/path/input.manifest."
    if how == "sample":
        if not (percent.isascii() and percent.isdigit() and len(percent) <= 9 and 1 <= int(percent) <= 100):
            problems["percent"] = f"{percent[:20]!r} is no percentage. Write a whole number from 1 to 100."
        if seed and not (seed.isascii() and seed.isdigit() and len(seed) <= 18):
            problems["seed"] = f"{seed[:20]!r} is no seed. Write a whole number, or leave the field empty."
    if how == "query" and not form["where"].strip():
        problems["where"] = "Write a condition, such as s.\"source-ref\" LIKE '%/night/%'."
    if problems:
        return None
    if how == "sample":
        drawn = int(seed) if seed else secrets.randbelow(2**31)
        return Choice(manifest, "sample", percent=int(percent), seed=drawn)
    return Choice(manifest, how, condition=form["where"])


def _shown(subset: Subset, choice: Choice, blobs: Blobs, *, base_url: str, now: float) -> dict[str, Any]:
    share = 100.0 * subset.n_selected / subset.n_lines if subset.n_lines else 0.0
    return {
        "uri": subset.uri,
        "n_selected": f"{subset.n_selected:,}",
        "n_lines": f"{subset.n_lines:,}",
        "share": f"{share:.3g}",
        "is_whole": choice.how == "full",
        "seed": str(choice.seed) if choice.how == "sample" else "",
        "snippet": _snippet(subset.uri),
        "cards": [
            _card(i, line, blobs, base_url=base_url, now=now) for i, line in enumerate(subset.first_lines, 1)
        ],
    }


def _snippet(uri: str) -> str:
    return (
        'sagemaker = boto3.client("sagemaker")\n'
        "sagemaker.create_labeling_job(\n"
        "    InputConfig={\n"
        '        "DataSource": {\n'
        '            "S3DataSource": {\n'
        f'                "ManifestS3Uri": {orjson.dumps(uri).decode()}\n'
        "            }\n"
        "        }\n"
        "    },\n"
        "    ...\n"
        ")"
    )


def _card(number: int, line: bytes, blobs: Blobs, *, base_url: str, now: float) -> dict[str, Any]:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        value = None
    value = value if isinstance(value, dict) else {}
    reference = str(value.get("source-ref") or "")
    image_url = ""
    if reference.lower().endswith((".jpg", ".jpeg", ".png")) and reference.startswith("s3://"):
        image_url = blobs.presign_get(reference, base_url=base_url, expires_s=3600, now=now)
    text = str(value.get("source") or "")
    others = {key: item for key, item in value.items() if key not in ("source", "source-ref")}
    about = orjson.dumps(others).decode() if others else ""
    return {
        "number": number,
        "image_url": image_url,
        "name": reference.rpartition("/")[2],
        "text": text[:300],
        "about": about if len(about) <= 160 else about[:159] + "…",
    }
