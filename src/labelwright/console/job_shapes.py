"""Jobs and their objects in the shape that templates take."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

from labelwright.console.pictures import Card
from labelwright.console.queries import JobRow

__all__ = ["card_shape", "job_shape", "time_text"]


def time_text(at: float | None) -> str:
    """A time in UTC; nothing for None."""
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def job_shape(row: JobRow) -> dict[str, Any]:
    """A job, for the list and for its own page."""
    request = row.request
    output = request["OutputConfig"]["S3OutputPath"].rstrip("/")
    source = request["InputConfig"]["DataSource"]
    words = {"Completed": "Complete", "InProgress": "In progress"}
    status = words.get(row.status, row.status)
    if row.status == "Completed" and row.n_failed:
        status = "Complete with labeling errors"
    return {
        "region": row.region,
        "name": row.name,
        "status": row.status,
        "status_text": status,
        "task_type": row.task_type,
        "failure_reason": row.failure_reason,
        "n_objects": row.n_objects,
        "n_labeled": row.n_labeled,
        "n_human": row.n_human,
        "n_machine": row.n_machine,
        "n_failed": row.n_failed,
        "n_left": max(0, row.n_objects - row.n_labeled - row.n_failed),
        "percent": round(row.percent, 1),
        "created": time_text(row.created_at),
        "ended": time_text(row.ended_at),
        "attribute": row.label_attribute_name,
        "input": source.get("S3DataSource", {}).get("ManifestS3Uri", ""),
        "output": f"{output}/{row.name}/manifests/output/output.manifest",
        "team": request["HumanTaskConfig"]["WorkteamArn"].rpartition("/")[2],
        "n_workers": request["HumanTaskConfig"]["NumberOfHumanWorkersPerDataObject"],
    }


def card_shape(item: Card) -> dict[str, Any]:
    """A labeled object with its boxes in the picture's own coordinates."""
    width, height = (item.width, item.height) if item.width else (320, 240)
    counts: dict[tuple[str, str], int] = {}
    for part in item.parts:
        if part.colour:
            counts[part.name, part.colour] = counts.get((part.name, part.colour), 0) + 1
    parts = [
        {"text": name if item.mask_url else f"{n} x {name}", "colour": colour}
        for (name, colour), n in counts.items()
    ]
    names = ", ".join(part["text"] for part in parts) or ", ".join(
        part.name for part in item.parts if not part.is_remark
    )
    summary = item.failure or names or item.label or "nothing marked"
    if item.confidence:
        summary += f" ({item.confidence})"
    return {
        "object_no": item.object_no,
        "image_url": item.image_url,
        "text": item.text,
        "failure": item.failure,
        "pieces": [dataclasses.asdict(piece) for piece in item.pieces],
        "mask_url": item.mask_url,
        "details": [dataclasses.asdict(part) for part in item.parts],
        "summary": summary,
        "parts": parts,
        "view_width": width,
        "view_height": height,
        "stroke": round(max(width, height) / 160, 2),
        "boxes": [
            {
                "x": round(box.left * width / 100, 2),
                "y": round(box.top * height / 100, 2),
                "w": round(box.width * width / 100, 2),
                "h": round(box.height * height / 100, 2),
                "colour": box.colour,
                "name": box.name,
                "confidence": f"{box.confidence:.2f}",
                # One worker gives no confidence (0): such boxes are not faint, only unmeasured.
                "opacity": 1 if box.confidence == 0 else round(0.35 + 0.65 * box.confidence, 2),
            }
            for box in item.boxes
        ],
    }
