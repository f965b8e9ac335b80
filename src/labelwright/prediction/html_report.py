"""The report for a browser: one page and a folder beside it, which need nothing else and no server.

The page shows sixty pictures at a time and loads the parts of the data it looks at, as scripts, because a
page opened from a disk may not fetch. What filters and orders need (the best score of each class in each
picture) is loaded at once: some tens of bytes a picture.
"""

from __future__ import annotations

import html
import json
import shutil
from collections.abc import Callable, Iterable
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from PIL import Image

from labelwright.core.limits import IMAGE_FORMATS
from labelwright.errors import InvalidRequest
from labelwright.prediction.drawing import jpeg_bytes, mask_overlay, small_picture
from labelwright.prediction.palette import colour_of
from labelwright.prediction.pdf_report import Report
from labelwright.prediction.results import Result, Summary

__all__ = ["write_html_report"]

_PER_PART = 100
_SCORES_PER_PART = 5000
_FILES_PER_FOLDER = 1000
_LONGEST_PX = (800, 800)

_KEYS = (
    ("← → ↑ ↓", "go from picture to picture"),
    ("Enter", "see it large; ← → go on from there, Esc ends it"),
    ("+ −", "raise and lower the score from which things are shown"),
    ("1 … 9", "show only this class, or everything again"),
    ("0", "all classes"),
    ("[ ]", "previous and next page"),
    ("?", "these keys"),
)


def write_html_report(
    path: Path,
    report: Report,
    summary: Summary,
    results: Iterable[Result],
    *,
    tell: Callable[[int], object] = lambda _: None,
) -> None:
    """Write the page and its folder, ``<name>_files``, which is replaced when it is there.

    Parameters
    ----------
    path : Path
        Of the page.
    report : Report
    summary : Summary
        Counted beforehand.
    results : iterable of Result
        Read once.
    tell : callable
        Called with 1 for each result.

    Raises
    ------
    InvalidRequest
        The folder is there and is no report's.
    """
    folder = path.with_name(f"{path.stem}_files")
    if folder.exists() and any(folder.iterdir()) and not (folder / "data" / "scores-0.js").is_file():
        raise InvalidRequest(
            f"The folder {folder} is there already and holds no report; name the report otherwise.",
            field="--html",
            value=str(path),
        )
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "data").mkdir(parents=True)
    parts = _Parts(folder / "data")
    for number, result in enumerate(results):
        parts.add(_entry(result, report, folder, number), _scores(result))
        tell(1)
    parts.close()
    path.write_text(_page(report, summary, folder.name, parts.n_score_parts), encoding="utf-8")


class _Parts:
    """Data as scripts, a hundred results each; and the scores of all of them."""

    def __init__(self, folder: Path) -> None:
        self.n_score_parts = 0
        self._folder = folder
        self._entries: list[Any] = []
        self._scores: list[Any] = []
        self._n_parts = 0

    def add(self, entry: list[Any], scores: list[Any]) -> None:
        self._entries.append(entry)
        self._scores.append(scores)
        if len(self._entries) == _PER_PART:
            self._write_entries()
        if len(self._scores) == _SCORES_PER_PART:
            self._write_scores()

    def close(self) -> None:
        if self._entries:
            self._write_entries()
        if self._scores:
            self._write_scores()

    def _write_entries(self) -> None:
        content = f"labelwrightReport.part({self._n_parts}, {_script_json(self._entries)});\n"
        (self._folder / f"{self._n_parts}.js").write_text(content, encoding="utf-8")
        self._n_parts += 1
        self._entries = []

    def _write_scores(self) -> None:
        content = f"labelwrightReport.scores({_script_json(self._scores)});\n"
        (self._folder / f"scores-{self.n_score_parts}.js").write_text(content, encoding="utf-8")
        self.n_score_parts += 1
        self._scores = []


def _entry(result: Result, report: Report, folder: Path, number: int) -> list[Any]:
    """``[name, file, width, height, shares, boxes, mask, error]``."""
    shares = [[class_id, round(share, 4)] for class_id, share in result.shares]
    if result.kind == "text":
        return [result.name, "", 0, 0, shares, [], None, None]
    if result.error is not None:
        return [result.name, "", 0, 0, [], [], None, result.error]
    boxes = [
        [box.class_id, round(box.score, 3), *(round(min(max(edge, 0.0), 1.0), 4) for edge in edges)]
        for box in result.boxes
        for edges in [(box.left, box.top, box.right, box.bottom)]
    ]
    group = f"pictures/{number // _FILES_PER_FOLDER}"
    (folder / group).mkdir(parents=True, exist_ok=True)
    try:
        name, size = _keep_picture(report.pictures / result.name, folder, f"{group}/{number}")
        mask = None
        if result.mask is not None:
            mask = f"{group}/{number}-mask.png"
            mask_overlay(report.results / result.mask, size, opacity=1.0).quantize(256).save(folder / mask)
    except (OSError, ValueError) as error:
        return [result.name, "", 0, 0, [], [], None, f"The picture cannot be read: {error}"]
    return [result.name, name, *size, shares, boxes, mask, None]


def _keep_picture(source: Path, folder: Path, name: str) -> tuple[str, tuple[int, int]]:
    """A small copy; files that are small already are kept as they are."""
    with Image.open(source, formats=IMAGE_FORMATS) as image:
        kind, size = image.format, image.size
    if kind in ("JPEG", "PNG") and size[0] <= _LONGEST_PX[0] and size[1] <= _LONGEST_PX[1]:
        kept = f"{name}.{'jpg' if kind == 'JPEG' else 'png'}"
        shutil.copyfile(source, folder / kept)
        return kept, size
    small = small_picture(source, _LONGEST_PX)
    (folder / f"{name}.jpg").write_bytes(jpeg_bytes(small))
    return f"{name}.jpg", small.size


def _scores(result: Result) -> list[Any]:
    """Class and best score in turn."""
    best: dict[str | int, float] = {}
    for class_id, score in result.above(0.0):
        best[class_id] = max(score, best.get(class_id, 0.0))
    if result.kind in ("classes", "text"):
        best = dict(list(best.items())[:1])
    return [value for class_id, score in best.items() for value in (class_id, round(score, 3))]


def _page(report: Report, summary: Summary, files: str, n_score_parts: int) -> str:
    labels: list[str | int] = [*range(len(report.names)), *report.names]
    labels += [class_id for class_id in summary.counts if class_id not in labels]
    ids = {class_id: i % max(1, len(report.names)) for i, class_id in enumerate(labels)}
    about = {
        "kind": summary.kind or "boxes",
        "threshold": report.threshold,
        "perPart": _PER_PART,
        "nScoreParts": n_score_parts,
        "files": files,
        "names": {str(class_id): report.name_of(class_id) for class_id in labels},
        "colours": {
            str(class_id): colour_of(class_id if isinstance(class_id, int) else i)
            for class_id, i in ids.items()
        }
        or {"0": colour_of(0)},
    }
    assets = resources.files("labelwright.prediction")
    style = assets.joinpath("report.css").read_text("utf-8")
    script = assets.joinpath("report.js").read_text("utf-8")
    unit = "texts" if summary.kind == "text" else "pictures"
    facts = [*report.facts, (unit.capitalize(), f"{summary.n_inputs:,}")]
    if summary.n_failed:
        facts.append(("Not readable", f"{summary.n_failed:,}"))
    told = "".join(f"<div><dt>{html.escape(k)}</dt><dd>{html.escape(v)}</dd></div>" for k, v in facts)
    keys = "".join(
        f"<tr><td><kbd>{html.escape(key)}</kbd></td><td>{html.escape(what)}</td></tr>" for key, what in _KEYS
    )
    is_mask = summary.kind == "mask"
    return Template(assets.joinpath("report.html").read_text("utf-8")).substitute(
        title=html.escape(report.title),
        style=style,
        facts=told,
        hidden_with_masks="hidden" if is_mask else "",
        only_with_masks="" if is_mask else "hidden",
        unit=unit,
        keys=keys,
        about=_script_json(about),
        script=script,
    )


def _script_json(value: object) -> str:
    """JSON that can stand within a script element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
