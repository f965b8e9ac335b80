"""What can go wrong, in S3's own codes: one exception and the table of codes with their HTTP status."""

from __future__ import annotations

from labelwright.errors import LabelwrightError

__all__ = ["STATUS_OF", "S3Problem", "not_implemented"]

STATUS_OF: dict[str, int] = {
    "AccessControlListNotSupported": 400,
    "AccessDenied": 403,
    "AuthorizationHeaderMalformed": 400,
    "AuthorizationQueryParametersError": 400,
    "BadDigest": 400,
    "BucketAlreadyExists": 409,
    "BucketAlreadyOwnedByYou": 409,
    "BucketNotEmpty": 409,
    "EntityTooLarge": 400,
    "EntityTooSmall": 400,
    "IncompleteBody": 400,
    "InternalError": 500,
    "InvalidAccessKeyId": 403,
    "InvalidArgument": 400,
    "InvalidBucketName": 400,
    "InvalidDigest": 400,
    "InvalidLocationConstraint": 400,
    "InvalidPart": 400,
    "InvalidPartNumber": 416,
    "InvalidPartOrder": 400,
    "InvalidRange": 416,
    "InvalidRequest": 400,
    "InvalidTag": 400,
    "InvalidURI": 400,
    "KeyTooLongError": 400,
    "MalformedXML": 400,
    "MetadataTooLarge": 400,
    "MethodNotAllowed": 405,
    "MissingContentLength": 411,
    "NoSuchBucket": 404,
    "NoSuchBucketPolicy": 404,
    "NoSuchCORSConfiguration": 404,
    "NoSuchKey": 404,
    "NoSuchLifecycleConfiguration": 404,
    "NoSuchTagSet": 404,
    "NoSuchUpload": 404,
    "NoSuchVersion": 404,
    "NoSuchWebsiteConfiguration": 404,
    "NotImplemented": 501,
    "ObjectLockConfigurationNotFoundError": 404,
    "OwnershipControlsNotFoundError": 404,
    "PreconditionFailed": 412,
    "ReplicationConfigurationNotFoundError": 404,
    "RequestTimeTooSkewed": 403,
    "ServerSideEncryptionConfigurationNotFoundError": 404,
    "ServiceUnavailable": 503,
    "SlowDown": 503,
    "SignatureDoesNotMatch": 403,
    "XAmzContentChecksumMismatch": 400,
    "XAmzContentSHA256Mismatch": 400,
}
STATUS_OF |= dict.fromkeys(
    (  # of SelectObjectContent
        "EvaluatorInvalidArguments", "EvaluatorInvalidTimestampFormatPattern", "ExpressionTooLong",
        "InvalidCompressionFormat", "InvalidDataSource", "InvalidExpressionType", "InvalidFileHeaderInfo",
        "InvalidJsonType", "InvalidRequestParameter", "InvalidScanRange", "InvalidTextEncoding",
        "JSONParsingError", "LexerInvalidChar", "LikeInvalidInputs", "MissingRequiredParameter",
        "OverMaxRecordSize", "ParseExpectedDatePart", "ParseExpectedExpression",
        "ParseExpectedIdentForAlias", "ParseExpectedKeyword", "ParseExpectedMember", "ParseExpectedNumber",
        "ParseExpectedTokenType", "ParseExpectedTypeName", "ParseInvalidTypeParam", "ParseMissingFrom",
        "ParseSelectMissing", "ParseUnexpectedKeyword", "ParseUnexpectedToken", "UnsupportedFunction",
        "UnsupportedScanRangeInput", "UnsupportedSqlOperation", "UnsupportedSyntax",
    ),
    400,
)  # fmt: skip


class S3Problem(LabelwrightError):
    """A request to the S3 door that cannot be done.

    Parameters
    ----------
    code : str
        One of `STATUS_OF`.
    message : str
    details : str
        Further elements of the error document, by name (``BucketName``, ``Key``, ``Condition`` ...).
    """

    def __init__(self, code: str, message: str, **details: str) -> None:
        super().__init__(message)
        self.code = code
        self.details = details

    @property
    def status(self) -> int:
        """HTTP status of the answer."""
        return STATUS_OF[self.code]


def not_implemented(operation: str) -> S3Problem:
    """The answer to an operation that exists in S3 and not here."""
    return S3Problem(
        "NotImplemented", f"The operation {operation} is not implemented by this server.", Operation=operation
    )
