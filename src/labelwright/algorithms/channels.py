"""Which channels an algorithm must and may have."""

from __future__ import annotations

from collections.abc import Mapping

from labelwright.algorithms.description import Algorithm
from labelwright.errors import InvalidRequest

__all__ = ["CONTENT_TYPES_OF_IMAGES", "MODEL_CONTENT_TYPE", "check_channels", "media_type"]

CONTENT_TYPES_OF_IMAGES: tuple[str, ...] = ("image/jpeg", "image/png", "application/x-image")
MODEL_CONTENT_TYPE = "application/x-sagemaker-model"


def media_type(content_type: str | None) -> str:
    """A content type without its parameters, in lower case; "" when there is none.

    Examples
    --------
    >>> media_type("Application/X-RecordIO; label-format=class-id")
    'application/x-recordio'
    """
    return (content_type or "").partition(";")[0].strip().lower()


def check_channels(
    algorithm: Algorithm, content_types: Mapping[str, str | None], *, in_files: bool = True
) -> None:
    """Raise when a channel is missing, unknown or of a type the algorithm does not read.

    Parameters
    ----------
    algorithm : Algorithm
    content_types : mapping of str to (str or None)
        Per channel of the request.
    in_files : bool
        Whether the channel ``train`` is given as files. Images that come through a pipe (from an augmented
        manifest) bring their labels along, so no channel of labels is required then.

    Raises
    ------
    InvalidRequest
        Says which channel, without the prefix ``ClientError:``.
    """
    known = {rule.name: rule for rule in algorithm.channels}
    for name in content_types:
        if name == "model" and not algorithm.can_continue:
            raise InvalidRequest(
                f"Channel 'model' is given, but {algorithm.name} does not support incremental training; "
                "leave the channel out.",
                field="InputDataConfig",
                value=name,
            )
        if name not in known:
            raise InvalidRequest(
                f"Channel {name!r} is unknown to {algorithm.name}; its channels are {', '.join(known)}.",
                field="InputDataConfig",
                value=name,
            )
    has_images = in_files and media_type(content_types.get("train")) in CONTENT_TYPES_OF_IMAGES
    for rule in algorithm.channels:
        needed = rule.required == "always" or (rule.required == "with-images" and has_images)
        if needed and rule.name not in content_types:
            raise InvalidRequest(
                f"Required channel {rule.name!r} is missing; {algorithm.name} needs "
                f"{', '.join(_needed(algorithm, has_images))}.",
                field="InputDataConfig",
                value=rule.name,
            )
        given = media_type(content_types.get(rule.name))
        if given and rule.content_types and given not in rule.content_types:
            raise InvalidRequest(
                f"Unable to read data channel {rule.name!r}. Requested content-type is {given!r}; "
                f"{algorithm.name} reads {', '.join(rule.content_types)} there.",
                field="InputDataConfig",
                value=given,
            )


def _needed(algorithm: Algorithm, has_images: bool) -> list[str]:
    return [
        rule.name
        for rule in algorithm.channels
        if rule.required == "always" or (rule.required == "with-images" and has_images)
    ]
