"""The S3 door: one ASGI application that verifies, routes, answers, and words every refusal as S3 does.

A signed GET of a small object is what a labeling server does all day, so it has a short way through here:
verify, look up, read, two sends. Everything else goes through `_operation`, a table in the shape of code.

Who has the root credentials, or a link signed with them, may do everything; nobody else may do anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import ipaddress
import itertools
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from labelwright.errors import LabelwrightError
from labelwright.s3 import attributes as at
from labelwright.s3 import buckets, cors, multipart, objects
from labelwright.s3.documents import error_document
from labelwright.s3.problems import S3Problem, not_implemented
from labelwright.s3.requests import Answer, Receive, Request, Send, bucket_and_key, header_map, parse_query
from labelwright.s3.store import Entry, ObjectStore
from labelwright.s3.uploads import Uploads
from labelwright.wire.sigv2 import verify_presigned
from labelwright.wire.sigv4 import SignatureProblem, Verified, Verifier

if TYPE_CHECKING:
    from labelwright.config import Settings
    from labelwright.context import AppContext

__all__ = [
    "ASGIApp",
    "Door",
    "ExpectedBody",
    "Rooms",
    "base_hosts",
    "build",
    "problem_of",
    "refusal",
    "send_answer",
]

ASGIApp = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]

_log = logging.getLogger(__name__)

_BUCKET_READS = frozenset({"location", "cors", "tagging", "acl", *buckets._ABSENT, *buckets._EMPTY})
_BUCKET_WRITES = frozenset({"cors", "tagging", "publicAccessBlock"})
_BUCKET_REMOVALS = _BUCKET_WRITES | {
    "policy", "lifecycle", "website", "replication", "encryption", "ownershipControls",
}  # fmt: skip
_OTHER_BUCKET = frozenset(
    {"analytics", "inventory", "metrics", "intelligent-tiering", "session", "metadataTable", "abac"}
)
_OTHER_OBJECT = frozenset({"acl", "legal-hold", "retention", "torrent", "restore", "renameObject"})

_AUTH_PARAMETERS = frozenset(
    {
        "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders",
        "X-Amz-Signature", "X-Amz-Security-Token", "X-Amz-Content-Sha256",
    }
)  # fmt: skip

# Parameters that leave a GET the plain one.
_PLAIN_PARAMETERS = _AUTH_PARAMETERS | {"x-id", "AWSAccessKeyId", "Signature", "Expires"}

# The service-neutral codes of `wire.sigv4` in S3's words.
_SIGNATURE_CODES = {
    "MissingAuthenticationToken": "AccessDenied",
    "RequestExpired": "AccessDenied",
    "IncompleteSignature": "AuthorizationHeaderMalformed",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Rooms:
    """What the operations work with."""

    store: ObjectStore
    uploads: Uploads
    pool: ThreadPoolExecutor
    selecting: asyncio.Semaphore = dataclasses.field(default_factory=lambda: asyncio.Semaphore(8))
    """So many selections run at once; others wait."""


def build(context: AppContext) -> ASGIApp:
    """The S3 door of a server: over its own files, or in front of another store.

    Blobs stand above this room, so it does not import them: those with files have a ``store``, the others an
    ``upstream``.
    """
    hosts = base_hosts(context.settings)
    store = getattr(context.blobs, "store", None)
    if isinstance(store, ObjectStore):
        return Door(store, context.verifier, clock=context.clock, hosts=hosts)
    # Only servers in front of another store pay for its client.
    from labelwright.s3.forward import Forwarder
    from labelwright.s3.upstream import Upstream

    upstream = getattr(context.blobs, "upstream", None)
    if isinstance(upstream, Upstream):
        return Forwarder(upstream, context.verifier, clock=context.clock, hosts=hosts)
    raise TypeError(f"no S3 door for {type(context.blobs).__name__}")


def base_hosts(settings: Settings) -> tuple[str, ...]:
    """Host names of this server, under which ``<bucket>.<name>`` is a bucket; the longest first."""
    names = {"localhost", "s3.localhost", settings.host, urlsplit(settings.public_url).hostname or ""}
    usable: list[str] = []
    for name in names:
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            if name:
                usable.append(name.lower())
    return tuple(sorted(usable, key=lambda name: (-len(name), name)))


class Door:
    """The application.

    Parameters
    ----------
    store : ObjectStore
    verifier : Verifier
    clock : callable
        Epoch seconds.
    hosts : tuple of str
        See `base_hosts`.
    """

    def __init__(
        self,
        store: ObjectStore,
        verifier: Verifier,
        *,
        clock: Callable[[], float],
        hosts: tuple[str, ...] = ("localhost",),
    ) -> None:
        self._store = store
        self._verifier = verifier
        self._clock = clock
        self._hosts = hosts
        self._rooms = Rooms(store, Uploads(store), ThreadPoolExecutor(16, "s3"))
        self._ids = itertools.count()
        self._id_start = secrets.token_hex(6).upper()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        method: str = scope["method"]
        request_id = f"{self._id_start}{next(self._ids):08X}"
        raw: list[Header] = scope["headers"]
        headers = scope.get("labelwright.headers")
        if headers is None or len(headers) != len(raw):
            headers = header_map(raw)
        bucket = key = ""
        # A client that waits for "100 Continue" sends no body after a refusal; what follows on the connection
        # could not be told from that body, so it must end.
        body = ExpectedBody(receive) if "expect" in headers else None
        if body is not None:
            receive = body
        try:
            bucket, key = bucket_and_key(scope["raw_path"], headers.get("host", ""), self._hosts)
            outcome = await self._decide(scope, receive, headers, bucket, key, request_id)
        except LabelwrightError as error:
            outcome = refusal(problem_of(error), bucket, key, request_id)
        except Exception:
            _log.exception("request failed", extra={"action": "s3", "request_id": request_id})
            problem = S3Problem("InternalError", "We encountered an internal error. Please try again.")
            outcome = refusal(problem, bucket, key, request_id)
        if isinstance(outcome, Entry):
            await self._send_whole(send, outcome, headers, request_id)
            return
        if method != "OPTIONS":
            rules = self._rules(bucket) if bucket else None
            outcome.headers.extend(cors.allow_headers(rules, headers, method))
        if body is not None and not body.is_asked_for:
            outcome.headers.append((b"connection", b"close"))
        await send_answer(send, receive, outcome, method, request_id)

    async def aclose(self) -> None:
        """Let the threads go; what they do is finished."""
        self._rooms.pool.shutdown(wait=False)

    async def _decide(
        self,
        scope: MutableMapping[str, Any],
        receive: Receive,
        headers: dict[str, str],
        bucket: str,
        key: str,
        request_id: str,
    ) -> Answer | Entry:
        """The answer; an `Entry` when it is simply the whole of a small object."""
        method: str = scope["method"]
        query: bytes = scope["query_string"]
        if method == "OPTIONS":
            return Answer(200, cors.preflight_headers(self._rules(bucket), headers))
        now = self._clock()
        verified = verify_request(self._verifier, scope, headers, bucket, now)
        # Six parameters in a good presigned link are the six of the signature.
        is_bare = not query or (verified.is_presigned and verified.scope and query.count(b"&") == 5)
        parameters = {} if is_bare else parse_query(query)
        if (
            method == "GET"
            and key
            and "range" not in headers
            and "if-none-match" not in headers
            and "if-modified-since" not in headers
            and "if-match" not in headers
            and "if-unmodified-since" not in headers
            and (not parameters or all(name in _PLAIN_PARAMETERS for name in parameters))
        ):
            entry = self._store.entry(bucket, key)
            if entry.row.size <= objects.INLINE_BYTES:
                return entry
        if verified.is_presigned:
            headers = with_hoisted(headers, parameters)
        request = Request(method, bucket, key, parameters, headers, verified, receive, now, request_id)
        return await _operation(self._rooms, request)

    async def _send_whole(self, send: Send, entry: Entry, headers: dict[str, str], request_id: str) -> None:
        row = entry.row
        prepared = entry.answer
        if prepared is None:
            length = (b"content-length", str(row.size).encode())
            prepared = entry.answer = (
                [length, *at.object_headers(row, with_checksums=False)],
                [length, *at.object_headers(row, with_checksums=True)],
            )
        rules = self._store.bucket(row.bucket).documents.get("cors")
        allowed = cors.allow_headers(rules, headers, "GET")
        body = await objects.read_piece(self._rooms, entry.file, 0, row.size) if row.size else b""
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [
                    *prepared["x-amz-checksum-mode" in headers],
                    *allowed,
                    (b"x-amz-request-id", request_id.encode()),
                ],
            }
        )
        await send({"type": "http.response.body", "body": body})

    def _rules(self, bucket: str) -> list[dict[str, Any]] | None:
        try:
            rules: list[dict[str, Any]] | None = self._store.bucket(bucket).documents.get("cors")
        except S3Problem:
            return None
        return rules


def verify_request(
    verifier: Verifier, scope: MutableMapping[str, Any], headers: Mapping[str, str], bucket: str, now: float
) -> Verified:
    """Check the signature, of version 4, or of version 2 for links.

    Raises
    ------
    SignatureProblem
    """
    query: bytes = scope["query_string"]
    raw_path: bytes = scope["raw_path"]
    if b"AWSAccessKeyId=" in query and "authorization" not in headers:
        is_in_path = raw_path[1:].split(b"/", 1)[0] == bucket.encode()
        named = headers.get("host", "").startswith(f"{bucket}.")
        return verify_presigned(
            verifier.secret_for,
            method=scope["method"],
            raw_path=raw_path,
            bucket_from_host=bucket if named or not is_in_path else "",
            query=query,
            headers=headers,
            now=now,
        )
    return verifier.verify(
        method=scope["method"],
        raw_path=raw_path,
        query=query,
        headers=headers,
        now=now,
        service_hint="s3",
    )


def with_hoisted(headers: dict[str, str], parameters: Mapping[str, str]) -> dict[str, str]:
    """Headers, with those that a link carries in its query instead."""
    hoisted = {
        name.lower(): value
        for name, value in parameters.items()
        if name.lower().startswith("x-amz-") and name not in _AUTH_PARAMETERS
    }
    return {**hoisted, **headers} if hoisted else headers


def is_own_parameter(name: str) -> bool:
    """Whether a parameter belongs to the signature or stands for a header, not to the operation."""
    return name in _PLAIN_PARAMETERS or name.lower().startswith("x-amz-")


class ExpectedBody:
    """Remembers whether the body was asked for, which is when the client is told to go on."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.is_asked_for = False

    async def __call__(self) -> MutableMapping[str, Any]:
        """The next event."""
        self.is_asked_for = True
        return await self._receive()


async def send_answer(send: Send, receive: Receive, answer: Answer, method: str, request_id: str) -> None:
    """Send an answer; a stream ends early when the client is gone."""
    headers = [*answer.headers, (b"x-amz-request-id", request_id.encode())]
    if answer.stream is None:
        length = len(answer.body) if answer.length is None else answer.length
        if answer.status not in (204, 304):
            headers.append((b"content-length", str(length).encode()))
    elif answer.length is not None:
        headers.append((b"content-length", str(answer.length).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if answer.stream is None:
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else answer.body})
        return
    gone = asyncio.ensure_future(_until_disconnect(receive))
    try:
        async for piece in answer.stream:
            if gone.done():  # nobody reads any more, and sending would not tell us
                return
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await gone
        close = getattr(answer.stream, "aclose", None)
        if close is not None:  # what makes the pieces need not go on
            await close()


def refusal(problem: S3Problem, bucket: str, key: str, request_id: str) -> Answer:
    """The error document."""
    body = error_document(
        code=problem.code,
        message=problem.message,
        resource=f"/{bucket}/{key}" if key else f"/{bucket}",
        request_id=request_id,
        details=problem.details,
    )
    answer = Answer(problem.status, [(b"content-type", b"application/xml")], body)
    if problem.code == "InvalidRange":
        size = problem.details.get("ActualObjectSize", "*")
        answer.headers.append((b"content-range", f"bytes */{size}".encode()))
    return answer


async def _until_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def problem_of(error: LabelwrightError) -> S3Problem:
    """Any of our errors as S3 says it."""
    if isinstance(error, S3Problem):
        return error
    if isinstance(error, SignatureProblem):
        details = {}
        if error.string_to_sign:
            details = {"StringToSign": error.string_to_sign, "CanonicalRequest": error.canonical_request}
        return S3Problem(_SIGNATURE_CODES.get(error.code, error.code), error.message, **details)
    _log.error("unexpected error at the S3 door", exc_info=error, extra={"action": "s3"})
    return S3Problem("InternalError", "We encountered an internal error. Please try again.")


async def _operation(rooms: Rooms, request: Request) -> Answer:
    if not request.bucket:
        if request.method == "GET" and not request.key:
            return await buckets.list_buckets(rooms, request)
        raise S3Problem("MethodNotAllowed", "The specified method is not allowed against this resource.")
    if not request.key:
        return await _bucket_operation(rooms, request)
    return await _object_operation(rooms, request)


async def _bucket_operation(rooms: Rooms, request: Request) -> Answer:
    query, method = request.query, request.method
    sub = next((name for name in query if name in _BUCKET_READS or name in _OTHER_BUCKET), None)
    match method:
        case "HEAD":
            return await buckets.head_bucket(rooms, request)
        case "GET":
            if "uploads" in query:
                return await multipart.list_uploads(rooms, request)
            if "versions" in query:
                return await buckets.list_versions(rooms, request)
            if sub is None:
                is_second = query.get("list-type") == "2"
                return await (buckets.list_objects_v2 if is_second else buckets.list_objects)(rooms, request)
            if sub in _BUCKET_READS:
                return await buckets.get_sub_resource(rooms, request, sub)
        case "PUT":
            if sub is None:
                return await buckets.create_bucket(rooms, request)
            if sub in _BUCKET_WRITES:
                return await buckets.put_sub_resource(rooms, request, sub)
        case "DELETE":
            if sub is None:
                return await buckets.delete_bucket(rooms, request)
            if sub in _BUCKET_REMOVALS:
                return await buckets.delete_sub_resource(rooms, request, sub)
        case "POST":
            if "delete" in query:
                return await objects.delete_objects(rooms, request)
            raise not_implemented("PostObject")
        case _:
            raise S3Problem("MethodNotAllowed", "The specified method is not allowed against this resource.")
    raise not_implemented(f"{method.capitalize()}Bucket{_words(sub or '')}")


async def _object_operation(rooms: Rooms, request: Request) -> Answer:
    query, method = request.query, request.method
    other = next((name for name in query if name in _OTHER_OBJECT), None)
    if other is not None and not (other == "acl" and method == "GET"):
        raise not_implemented(f"{method.capitalize()}Object{_words(other)}")
    match method:
        case "GET" | "HEAD":
            if other == "acl":
                rooms.store.entry(request.bucket, request.key)
                return buckets.acl_answer()
            if "uploadId" in query:
                return await multipart.list_parts(rooms, request)
            if "tagging" in query:
                return await objects.get_tagging(rooms, request)
            if "attributes" in query:
                return await objects.get_attributes(rooms, request)
            return await objects.get_object(rooms, request)
        case "PUT":
            is_copy = "x-amz-copy-source" in request.headers
            if "uploadId" in query or "partNumber" in query:
                return await (multipart.upload_part_copy if is_copy else multipart.upload_part)(
                    rooms, request
                )
            if "tagging" in query:
                return await objects.put_tagging(rooms, request)
            return await (objects.copy_object if is_copy else objects.put_object)(rooms, request)
        case "POST":
            if "uploads" in query:
                return await multipart.create_upload(rooms, request)
            if "uploadId" in query:
                return await multipart.complete_upload(rooms, request)
            if "select" in query:
                from labelwright.s3.select import select_object_content

                return await select_object_content(rooms, request)
        case "DELETE":
            if "uploadId" in query:
                return await multipart.abort_upload(rooms, request)
            if "tagging" in query:
                return await objects.delete_tagging(rooms, request)
            return await objects.delete_object(rooms, request)
    raise S3Problem("MethodNotAllowed", "The specified method is not allowed against this resource.")


def _words(sub_resource: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in sub_resource.split("-"))
