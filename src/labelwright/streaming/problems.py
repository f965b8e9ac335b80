"""What can be wrong with a channel's data, and the words in which a training job reports it."""

from __future__ import annotations

from labelwright.errors import AccessRefused, BlobNotFound, InvalidRequest, LabelwrightError

__all__ = ["ChannelError", "failure_reason"]


class ChannelError(InvalidRequest):
    """The data of a channel, or what is asked of them, breaks a rule.

    Parameters
    ----------
    message : str
    field : str, optional
        The member of the channel that is meant.
    value : object, optional
    line_number : int
        1-based line of the manifest, 0 where none is meant.
    """

    def __init__(
        self, message: str, *, field: str | None = None, value: object = None, line_number: int = 0
    ) -> None:
        super().__init__(message, field=field, value=value)
        self.line_number = line_number


def failure_reason(error: BaseException) -> str:
    """The ``FailureReason`` of a training job whose channel failed like this, at most 1024 characters.

    Examples
    --------
    >>> failure_reason(BlobNotFound("There is no object s3://b/1.jpg.", kind="object", name="s3://b/1.jpg"))
    'ClientError: Data download failed: NoSuchKey (404): There is no object s3://b/1.jpg.'
    """
    if isinstance(error, BlobNotFound):
        code = "NoSuchBucket" if error.kind == "bucket" else "NoSuchKey"
        return f"ClientError: Data download failed: {code} (404): {error}"[:1024]
    if isinstance(error, AccessRefused):
        return f"ClientError: Data download failed: AccessDenied (403): {error}"[:1024]
    if isinstance(error, InvalidRequest):
        return f"ClientError: {error}"[:1024]
    if isinstance(error, OSError | LabelwrightError):
        return f"InternalServerError: Data download failed: {error}"[:1024]
    return f"InternalServerError: {type(error).__name__}: {error}"[:1024]
