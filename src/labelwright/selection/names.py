"""What a subset is called."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["subset_uri"]


def subset_uri(manifest: str, now: float) -> str:
    """Where the subset of a manifest goes: beside it, with the time in its name.

    Parameters
    ----------
    manifest : str
        URI or path.
    now : float
        Epoch seconds; the name says UTC.

    Examples
    --------
    >>> subset_uri("s3://acme/set/input.manifest", 0)
    's3://acme/set/input-subset-19700101T000000.manifest'
    >>> subset_uri("files.d/lines.jsonl", 0)
    'files.d/lines-subset-19700101T000000.manifest'
    """
    folder, slash, name = manifest.rpartition("/")
    stem, dot, _ = name.rpartition(".")
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%S")
    return f"{folder}{slash}{stem if dot and stem else name}-subset-{stamp}.manifest"
