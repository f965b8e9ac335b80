"""Frames of a video as pictures, with PyAV (the extra ``labelwright[video]``)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelwright.errors import InvalidRequest, LabelwrightError

__all__ = ["Frame", "frames_of"]


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a video.

    Attributes
    ----------
    number : int
        0-based number among all frames of the video.
    time_s : float
        When it is shown, from the beginning.
    data : bytes
        JPEG or PNG.
    width, height : int
    """

    number: int
    time_s: float
    data: bytes
    width: int
    height: int


def frames_of(
    path: Path,
    *,
    every_s: float | None = None,
    every_n: int | None = None,
    start_s: float = 0.0,
    end_s: float | None = None,
    n_max: int | None = None,
    is_png: bool = False,
    quality: int = 92,
) -> Iterator[Frame]:
    """Decode a video and yield some of its frames in order; one frame is in memory at a time.

    Parameters
    ----------
    path : Path
    every_s : float, optional
        At most one frame in this time.
    every_n : int, optional
        Each n-th frame.
    start_s, end_s : float
        The part of the video.
    n_max : int, optional
        Stop after so many.
    is_png : bool
        PNG instead of JPEG.
    quality : int
        Of JPEGs, 1 to 100.

    Raises
    ------
    LabelwrightError
        PyAV is not installed; the message says how to.
    InvalidRequest
        The file is no video that can be decoded.
    """
    if (every_s is not None and not every_s > 0) or (every_n is not None and every_n < 1):
        raise InvalidRequest("The step between frames must be positive.", field="every")
    av = _av()
    n_given = 0
    due_s = start_s
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise InvalidRequest(f"{path} has no pictures in it. Is it a video?", field="video")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            rate = float(stream.average_rate or 25)
            for number, frame in enumerate(container.decode(stream)):
                time_s = float(frame.time) if frame.time is not None else number / rate
                if end_s is not None and time_s > end_s:
                    return
                # Half a frame of slack: time stamps are rounded.
                if time_s + 0.5 / rate < due_s or (every_n is not None and number % every_n):
                    continue
                if every_s is not None:
                    due_s += every_s * max(1, int((time_s + 0.5 / rate - due_s) / every_s) + 1)
                image = frame.to_image()
                out = io.BytesIO()
                if is_png:
                    image.save(out, "PNG")
                else:
                    image.save(out, "JPEG", quality=quality)
                yield Frame(number, round(time_s, 6), out.getvalue(), image.width, image.height)
                n_given += 1
                if n_max is not None and n_given >= n_max:
                    return
    except av.FFmpegError as error:
        raise InvalidRequest(f"{path} cannot be decoded as a video: {error}.", field="video") from error


def _av() -> Any:
    try:
        import av
    except ImportError as error:
        raise LabelwrightError(
            "Frames of videos need PyAV, which is not installed. Install it with: pip install "
            "'labelwright[video]'"
        ) from error
    return av
