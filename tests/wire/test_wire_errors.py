"""The table from our exceptions to AWS's codes."""

from __future__ import annotations

import importlib
import logging
import pkgutil
from collections.abc import Iterator

import pytest

import labelwright
from labelwright import errors
from labelwright.wire.errors import row_of, wire_error
from labelwright.wire.sigv4 import SignatureProblem

# They run in users' containers or need libraries that the server must not.
APART = (
    "labelwright.autolabel.job",
    "labelwright.hosting",
    "labelwright.inference",
    "labelwright.train",
    "labelwright.demo",
    "labelwright.testing",
    "labelwright.simulate",
    "labelwright.tuning",
    "labelwright.cli",
    "labelwright.store.migrations.env",  # Alembic runs it, and nobody can import it
)

# Raised by the other doors about their own protocols, and caught there; or about a picture, and caught by
# whoever knows its name.
OTHER_DOORS = (
    "labelwright.s3",
    "labelwright.portal",
    "labelwright.console",
    "labelwright.segment",
    "labelwright.pictures",
)


def descendants(kind: type[Exception]) -> Iterator[type[Exception]]:
    for child in kind.__subclasses__():
        yield child
        yield from descendants(child)


def test_every_exception_of_ours_has_a_code() -> None:
    for module in pkgutil.walk_packages(labelwright.__path__, "labelwright."):
        if not module.name.startswith(APART):
            importlib.import_module(module.name)
    kinds = {
        kind for kind in descendants(errors.LabelwrightError) if kind.__module__.startswith("labelwright.")
    }
    kinds = {kind for kind in kinds if not kind.__module__.startswith((*OTHER_DOORS, *APART))}
    assert len(kinds) > 15
    for service in ("sagemaker", "sts", "cognito-idp", "lambda"):
        assert [kind.__name__ for kind in kinds if row_of(kind, service) is None] == []


@pytest.mark.parametrize(
    ("error", "service", "code"),
    [
        (errors.InvalidRequest("m"), "sagemaker", "ValidationException"),
        (errors.NotFound("m"), "sagemaker", "ResourceNotFound"),
        (errors.BlobNotFound("m"), "sagemaker", "ResourceNotFound"),
        (errors.NameInUse("m"), "sagemaker", "ResourceInUse"),
        (errors.LimitExceeded("m"), "sagemaker", "ResourceLimitExceeded"),
        (errors.Conflict("m"), "sagemaker", "ConflictException"),
        (errors.UserNotFound("m"), "cognito-idp", "UserNotFoundException"),
        (errors.NotFound("m"), "cognito-idp", "ResourceNotFoundException"),
        (errors.UserExists("m"), "cognito-idp", "UsernameExistsException"),
        (errors.PasswordRefused("m"), "cognito-idp", "InvalidPasswordException"),
        (errors.InvalidRequest("m"), "cognito-idp", "InvalidParameterException"),
        (errors.InvalidRequest("m"), "sts", "ValidationError"),
        (SignatureProblem("m", code="SignatureDoesNotMatch"), "sagemaker", "InvalidSignatureException"),
        (SignatureProblem("m", code="InvalidAccessKeyId"), "sagemaker", "UnrecognizedClientException"),
    ],
)
def test_codes(error: Exception, service: str, code: str) -> None:
    found = wire_error(error, service=service, protocol="json", request_id="r")
    assert (found.code, found.message) == (code, "m")
    assert 400 <= found.status < 500


def test_unmapped_exception_is_logged_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        found = wire_error(
            ZeroDivisionError("secret"), service="sagemaker", protocol="json", request_id="r-1"
        )
    assert (found.code, found.status) == ("InternalFailure", 500)
    assert "r-1" in found.message
    assert "secret" not in found.message
    assert caplog.records[0].exc_info is not None


def test_messages_are_cut_to_what_the_model_allows() -> None:
    found = wire_error(
        errors.InvalidRequest("x" * 5000), service="sagemaker", protocol="json", request_id="r"
    )
    assert len(found.message) == 1024
    assert found.message.endswith("...")
