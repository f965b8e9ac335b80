"""The one tree of exceptions. Classes name the situation and carry data; doors put them into words.

Only ``wire.errors`` knows AWS's codes and only ``portal`` knows the worker API's; nothing below them does.
"""

from __future__ import annotations

__all__ = [
    "AccessRefused",
    "BlobNotFound",
    "Busy",
    "Conflict",
    "GroupExists",
    "IllegalTransition",
    "InvalidCombination",
    "InvalidRequest",
    "LabelwrightError",
    "LimitExceeded",
    "ManifestError",
    "ModelFailed",
    "ModelNotReady",
    "NameInUse",
    "NotFound",
    "PasswordRefused",
    "RevisionChanged",
    "TemplateError",
    "UserExists",
    "UserNotFound",
]


class LabelwrightError(Exception):
    """Root of everything we raise on purpose.

    Parameters
    ----------
    message : str
        One or two plain sentences: what was wrong, the value, the rule, the next step.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidRequest(LabelwrightError):
    """A value breaks a documented rule.

    Parameters
    ----------
    message : str
    field : str, optional
        Path of the member, in the words of the door it came through (``HumanTaskConfig.TaskTitle``).
    value : object, optional
        The offending value; doors shorten it before showing it.
    rule : str, optional
        The rule it broke.
    """

    def __init__(
        self, message: str, *, field: str | None = None, value: object = None, rule: str | None = None
    ) -> None:
        super().__init__(message)
        self.field = field
        self.value = value
        self.rule = rule


class InvalidCombination(InvalidRequest):
    """Each value may be given, but not with these others."""


class PasswordRefused(InvalidRequest):
    """A password breaks the policy of its user pool; the message says which rule."""


class NotFound(LabelwrightError):
    """The named thing does not exist. ``kind`` and ``name`` say which."""

    def __init__(self, message: str, *, kind: str = "", name: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.name = name


class UserNotFound(NotFound):
    """No such user in this user pool."""


class BlobNotFound(NotFound):
    """No object at this URI."""


class NameInUse(LabelwrightError):
    """The name is taken, or the thing is in use and cannot be removed."""


class UserExists(NameInUse):
    """The user pool has a user of this name."""


class GroupExists(NameInUse):
    """The user pool has a group of this name."""


class LimitExceeded(LabelwrightError):
    """A documented quota is reached."""


class Conflict(LabelwrightError):
    """The thing is in a state in which this cannot be done now."""


class RevisionChanged(Conflict):
    """The thing was changed since the caller looked at it."""


class Busy(LabelwrightError):
    """Too much is going on already; the same request may succeed later."""


class ModelNotReady(Busy):
    """One of the models of a multi-model endpoint is still being loaded."""


class ModelFailed(LabelwrightError):
    """A hosted model answered with an error, or not in time.

    Parameters
    ----------
    message : str
    original_status : int
        HTTP status of the model's answer, 0 when there was none in time.
    original_message : str
        What the model said.
    log_stream_arn : str
        Where it logs.
    """

    def __init__(
        self, message: str, *, original_status: int, original_message: str, log_stream_arn: str
    ) -> None:
        super().__init__(message)
        self.original_status = original_status
        self.original_message = original_message
        self.log_stream_arn = log_stream_arn


class AccessRefused(LabelwrightError):
    """The caller is known but may not do this."""


class IllegalTransition(LabelwrightError):
    """A state machine was asked for a step its table does not have."""


class ManifestError(LabelwrightError):
    """A manifest line is not usable.

    Parameters
    ----------
    message : str
        The reason alone, without the place.
    line_number : int
        1-based number of the line, 0 when the whole file is meant.
    """

    def __init__(self, message: str, *, line_number: int = 0) -> None:
        super().__init__(message)
        self.line_number = line_number

    def __str__(self) -> str:
        return f"line {self.line_number}: {self.message}" if self.line_number else self.message


class TemplateError(LabelwrightError):
    """A worker template cannot be parsed or rendered.

    Parameters
    ----------
    message : str
    code : str
        ``TemplateSyntaxError``, ``UnknownFilter``, ``UnknownTag``, ``FilterArgumentError``,
        ``RenderLimitExceeded``, ``OutputTooLarge`` ...
    line, column : int
        1-based place in the template, 0 when unknown.
    """

    def __init__(self, message: str, *, code: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.line = line
        self.column = column
