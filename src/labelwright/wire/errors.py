"""The one table from our exception classes to AWS's codes, and how each protocol writes an error down.

SageMaker's model names four errors (``ConflictException``, ``ResourceInUse``, ``ResourceLimitExceeded``,
``ResourceNotFound``); broken constraints go out as ``ValidationException``. Other services have words of
their own. Whatever has no entry is our fault: logged with the request id and answered as ``InternalFailure``
without a word about what happened.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from typing import Literal

from labelwright import errors
from labelwright.errors import LabelwrightError
from labelwright.wire import aws_json, query, rest_json
from labelwright.wire.sigv4 import SignatureProblem
from labelwright.wire.validate import ConstraintsBroken, MalformedInput

__all__ = ["BodyTooLarge", "NotImplementedYet", "UnknownOperation", "WireError", "body_of", "wire_error"]

_log = logging.getLogger(__name__)

Protocol = Literal["json", "query", "rest-json"]
_MAX_MESSAGE = 1024  # what the modelled exceptions allow
_MAX_ORIGINAL = 2048


class NotImplementedYet(LabelwrightError):
    """AWS has this operation or service, this server does not."""


class UnknownOperation(LabelwrightError):
    """Nobody has this operation, or the request names none."""


class BodyTooLarge(LabelwrightError):
    """The body is longer than any operation needs."""


@dataclasses.dataclass(frozen=True, slots=True)
class WireError:
    """An error as a client sees it: AWS's code, the HTTP status, a message, and further members of a few."""

    code: str
    status: int
    message: str
    members: Mapping[str, object] = dataclasses.field(default_factory=dict)


Row = tuple[str, int]

_COMMON: Mapping[type[LabelwrightError], Row] = {
    errors.InvalidRequest: ("ValidationException", 400),
    errors.NotFound: ("ResourceNotFound", 400),
    errors.NameInUse: ("ResourceInUse", 400),
    errors.LimitExceeded: ("ResourceLimitExceeded", 400),
    errors.Conflict: ("ConflictException", 400),
    errors.AccessRefused: ("AccessDeniedException", 400),
    errors.Busy: ("ThrottlingException", 400),
    errors.IllegalTransition: ("ConflictException", 400),
    errors.ManifestError: ("ValidationException", 400),
    errors.ModelFailed: ("ModelError", 424),
    errors.TemplateError: ("ValidationException", 400),
    ConstraintsBroken: ("ValidationException", 400),
    MalformedInput: ("SerializationException", 400),
    UnknownOperation: ("UnknownOperationException", 400),
    # 501, because no client retries it: 500, 502, 503 and 504 are tried again.
    NotImplementedYet: ("NotImplementedException", 501),
    BodyTooLarge: ("RequestEntityTooLargeException", 413),
    SignatureProblem: ("InvalidSignatureException", 403),
}

_BY_SERVICE: Mapping[str, Mapping[type[LabelwrightError], Row]] = {
    "cognito-idp": {
        errors.InvalidRequest: ("InvalidParameterException", 400),
        errors.PasswordRefused: ("InvalidPasswordException", 400),
        errors.NotFound: ("ResourceNotFoundException", 400),
        errors.UserNotFound: ("UserNotFoundException", 400),
        errors.NameInUse: ("InvalidParameterException", 400),
        errors.UserExists: ("UsernameExistsException", 400),
        errors.GroupExists: ("GroupExistsException", 400),
        errors.LimitExceeded: ("LimitExceededException", 400),
        errors.Conflict: ("InvalidParameterException", 400),
        errors.IllegalTransition: ("UnsupportedUserStateException", 400),
        ConstraintsBroken: ("InvalidParameterException", 400),
    },
    "lambda": {
        errors.InvalidRequest: ("InvalidParameterValueException", 400),
        errors.NotFound: ("ResourceNotFoundException", 404),
        errors.NameInUse: ("ResourceConflictException", 409),
        errors.Conflict: ("ResourceConflictException", 409),
        errors.RevisionChanged: ("PreconditionFailedException", 412),
        errors.LimitExceeded: ("CodeStorageExceededException", 400),
        errors.Busy: ("TooManyRequestsException", 429),
        errors.AccessRefused: ("AccessDeniedException", 403),
        BodyTooLarge: ("RequestTooLargeException", 413),
    },
    "logs": {
        errors.InvalidRequest: ("InvalidParameterException", 400),
        errors.NameInUse: ("ResourceAlreadyExistsException", 400),
        errors.Busy: ("OperationAbortedException", 400),
        errors.NotFound: ("ResourceNotFoundException", 400),
        ConstraintsBroken: ("InvalidParameterException", 400),
    },
    "monitoring": {
        errors.InvalidRequest: ("InvalidParameterValue", 400),
        errors.InvalidCombination: ("InvalidParameterCombination", 400),
        errors.NotFound: ("ResourceNotFoundException", 404),
        ConstraintsBroken: ("ValidationError", 400),
        UnknownOperation: ("InvalidAction", 400),
    },
    "iam": {
        errors.InvalidRequest: ("InvalidInput", 400),
        errors.NotFound: ("NoSuchEntity", 404),
        errors.AccessRefused: ("AccessDenied", 403),
        ConstraintsBroken: ("ValidationError", 400),
        MalformedInput: ("MalformedInput", 400),
        UnknownOperation: ("InvalidAction", 400),
        NotImplementedYet: ("NotImplemented", 501),
        SignatureProblem: ("SignatureDoesNotMatch", 403),
    },
    # The runtime shares SageMaker's signing name, so the door asks for it by the name of its model.
    "sagemaker-runtime": {
        errors.InvalidRequest: ("ValidationError", 400),
        errors.Busy: ("ServiceUnavailable", 503),
        errors.ModelNotReady: ("ModelNotReadyException", 429),
        ConstraintsBroken: ("ValidationError", 400),
        MalformedInput: ("ValidationError", 400),
        BodyTooLarge: ("ValidationError", 400),
    },
    "sts": {
        errors.InvalidRequest: ("ValidationError", 400),
        errors.AccessRefused: ("AccessDenied", 403),
        ConstraintsBroken: ("ValidationError", 400),
        MalformedInput: ("MalformedInput", 400),
        UnknownOperation: ("InvalidAction", 400),
        NotImplementedYet: ("NotImplemented", 501),
        SignatureProblem: ("SignatureDoesNotMatch", 403),
    },
}

# What the JSON and query services call the problems that S3 names as `SignatureProblem.code` does.
_SIGNATURE_CODES: Mapping[str, Mapping[Protocol, Row]] = {
    "MissingAuthenticationToken": {
        "json": ("MissingAuthenticationTokenException", 403),
        "query": ("MissingAuthenticationToken", 403),
    },
    "InvalidAccessKeyId": {
        "json": ("UnrecognizedClientException", 403),
        "query": ("InvalidClientTokenId", 403),
    },
    "IncompleteSignature": {
        "json": ("IncompleteSignatureException", 403),
        "query": ("IncompleteSignature", 403),
    },
    "AccessDenied": {"json": ("AccessDeniedException", 403), "query": ("AccessDenied", 403)},
    "RequestExpired": {"json": ("InvalidSignatureException", 403), "query": ("RequestExpired", 403)},
}


def wire_error(error: BaseException, *, service: str, protocol: Protocol, request_id: str) -> WireError:
    """What the client is told about an exception.

    Parameters
    ----------
    error : BaseException
        One of ours by class; any other becomes ``InternalFailure``, and its traceback goes to the log.
    service : str
        Signing name of the service that is asked.
    """
    row = row_of(type(error), service)
    if isinstance(error, SignatureProblem):
        form: Protocol = "query" if protocol == "query" else "json"
        row = _SIGNATURE_CODES.get(error.code, {}).get(form, row)
    if row is None or not isinstance(error, LabelwrightError):
        _log.error("request failed", exc_info=error, extra={"action": "request", "request_id": request_id})
        return WireError(
            "InternalFailure",
            500,
            "An internal failure stopped this request. The server's log tells more under request id "
            f"{request_id}.",
        )
    message = str(error)
    if len(message) > _MAX_MESSAGE:
        message = f"{message[: _MAX_MESSAGE - 3]}..."
    return WireError(row[0], row[1], message, _members(error))


def _members(error: LabelwrightError) -> Mapping[str, object]:
    if isinstance(error, errors.ModelFailed):
        return {
            "OriginalStatusCode": error.original_status,
            "OriginalMessage": error.original_message[:_MAX_ORIGINAL],
            "LogStreamArn": error.log_stream_arn,
        }
    return {}


def row_of(kind: type[BaseException], service: str) -> Row | None:
    """Code and status of an exception class, by the nearest class in its ancestry; None when it has none."""
    own = _BY_SERVICE.get(service, {})
    for ancestor in kind.__mro__:
        row = own.get(ancestor) or _COMMON.get(ancestor)
        if row is not None:
            return row
    return None


def body_of(error: WireError, *, protocol: Protocol, request_id: str, namespace: str = "") -> bytes:
    """The error in the form of a protocol."""
    if protocol == "rest-json":
        return rest_json.serialise_error(
            error.code, error.message, status=error.status, members=error.members
        )
    if protocol == "json":
        return aws_json.serialise_error(error.code, error.message)
    return query.serialise_error(
        error.code, error.message, status=error.status, request_id=request_id, namespace=namespace
    )
