"""The AWS door: one ASGI callable that takes signed requests and hands them to the registered handlers.

It decides nothing about labeling. A request is read (up to a limit), its signature checked against the hash
of its body, its operation found, its members parsed and validated by botocore's model, the handler called,
and its answer, or its exception, written in the form of the service that was asked.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import logging
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from labelwright.api.context import RequestContext
from labelwright.api.dispatch import Handler, call, load_handlers
from labelwright.context import AppContext
from labelwright.wire import aws_json, query, rest_json
from labelwright.wire.errors import (
    BodyTooLarge,
    NotImplementedYet,
    Protocol,
    UnknownOperation,
    WireError,
    body_of,
    wire_error,
)
from labelwright.wire.model import Operation, ServiceModel, load_models
from labelwright.wire.sigv4 import scope_service

__all__ = ["MAX_BODY_BYTES", "build", "served_models"]

_log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY_BYTES = 8 << 20
"""Few implemented operations need a tenth of it; those that need more say so where they are registered."""

# Clients read the answer only after they have sent everything, so somewhat larger bodies are taken and
# dropped.
_MAX_DRAINED_BYTES = 64 << 20
# Hashing and parsing more than this holds up everybody else.
_THREAD_BYTES = 1 << 20
_KEY_ID = re.compile(r"Credential=([^/,\s]+)/")


class _ClientGone(Exception):
    """The connection closed while the body was coming; nobody is there to be answered."""


@dataclasses.dataclass(slots=True)
class _Asked:
    """What is known of a request so far; errors are written in the form of the service that is asked."""

    request_id: str
    service: str
    protocol: Protocol
    content_type: str
    model: ServiceModel | None = None
    route: tuple[str, dict[str, str]] | None = None  # of a REST service: operation and labels of the path
    operation: str = ""
    namespace: str = ""


def build(context: AppContext) -> ASGIApp:
    """The door over the parts of a running server."""
    handlers = load_handlers()
    return _Door(context, served_models(context, handlers), handlers)


def served_models(
    context: AppContext, handlers: Mapping[tuple[str, str], Handler]
) -> Mapping[str, ServiceModel]:
    """The models of the operations that have handlers, by service."""
    wanted: dict[str, list[str]] = {}
    for service, name in handlers:
        wanted.setdefault(service, []).append(name)
    return load_models(wanted, context.settings.data_dir / "cache")


class _Door:
    def __init__(
        self,
        context: AppContext,
        models: Mapping[str, ServiceModel],
        handlers: Mapping[tuple[str, str], Handler],
    ) -> None:
        self._context = context
        self._models = models
        self._handlers = handlers
        self._routers = {
            name: rest_json.Router(model.routes) for name, model in models.items() if model.routes
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        headers = scope.get("labelwright.headers") or {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        asked = self._asked(scope, headers)
        try:
            body = await _read_body(headers, receive, self._body_bytes_max(headers, asked))
            answer = await self._answer(scope, headers, body, asked)
        except _ClientGone:
            return
        except Exception as error:
            # Services that share a signing name have words of their own for errors.
            is_rest = asked.model is not None and asked.protocol == "rest-json"
            service = asked.model.name if is_rest and asked.model is not None else asked.service
            found = wire_error(error, service=service, protocol=asked.protocol, request_id=asked.request_id)
            more = {"x-amzn-errortype": found.code} if asked.protocol == "rest-json" else {}
            if asked.protocol == "json" and asked.model is not None and asked.model.has_query_errors:
                more = {
                    "x-amzn-query-error": f"{found.code};{'Sender' if found.status < 500 else 'Receiver'}"
                }
            answer = rest_json.Answer(found.status, more, self._error_body(found, asked))
        await _respond(send, answer, asked)

    def _asked(self, scope: Scope, headers: Mapping[str, str]) -> _Asked:
        service = scope_service(headers, scope["query_string"]) or ""
        content_type = headers.get("content-type", "")
        target = headers.get("x-amz-target", "")
        if not service:  # unsigned: guess, so that the refusal is in a form that the client reads
            prefix = target.partition(".")[0]
            service = next(
                (m.name for m in self._models.values() if prefix and m.target_prefix == prefix), ""
            )
        model = self._model(service, scope["path"])
        # Of what we have no model of, only the query protocol posts forms; REST services speak JSON as well.
        is_json = bool(target) or not content_type.startswith("application/x-www-form-urlencoded")
        if model is not None and not (model.speaks_query and not is_json):
            is_json = model.protocol != "query"
        is_rest = is_json and not target and scope["path"] != "/"
        version = "1.0" if content_type.startswith("application/x-amz-json-1.0") else "1.1"
        asked = _Asked(
            request_id=str(uuid.uuid4()),
            service=service,
            protocol="json" if is_json else "query",
            content_type=_content_type(is_json=is_json, is_rest=is_rest, version=version),
            model=model,
            namespace=model.xml_namespace if model is not None else "",
        )
        if model is not None and model.protocol == "rest-json":
            asked.protocol, asked.content_type = "rest-json", "application/json"
            asked.route = self._routers[model.name].find(
                scope["method"], _raw_path(scope), rest_json.path_query(scope["query_string"])
            )
        return asked

    def _model(self, service: str, path: str) -> ServiceModel | None:
        """The model that a signing name means; a service at ``/`` and a REST service may share one."""
        own = [model for model in self._models.values() if model.signing_name == service]
        fitting = [model for model in own if bool(model.routes) == (path != "/")]
        return next(iter(fitting or own), None)

    def _body_bytes_max(self, headers: Mapping[str, str], asked: _Asked) -> int:
        """What the operation takes, for callers who know a key id; nobody else may fill our memory."""
        if asked.route is None or asked.model is None:
            return MAX_BODY_BYTES
        handler = self._handlers.get((asked.model.name, asked.route[0]))
        if handler is None or handler.body_bytes_max is None:
            return MAX_BODY_BYTES
        named = _KEY_ID.search(headers.get("authorization", ""))
        credentials, now = self._context.credentials, self._context.clock()
        if named is None or credentials.secret_for(named.group(1), now) is None:
            return MAX_BODY_BYTES
        return handler.body_bytes_max

    async def _answer(
        self, scope: Scope, headers: Mapping[str, str], body: bytes, asked: _Asked
    ) -> rest_json.Answer:
        now = self._context.clock()
        if len(body) > _THREAD_BYTES:
            payload_hash = await asyncio.to_thread(_sha256, body)
        else:
            payload_hash = _sha256(body)
        verified = self._context.verifier.verify(
            method=scope["method"],
            raw_path=_raw_path(scope),
            query=scope["query_string"],
            headers=headers,
            now=now,
            payload_hash=payload_hash,
        )
        model = asked.model
        if model is None:
            raise NotImplementedYet(
                f"The service {verified.service!r} is not implemented yet; this server answers "
                f"{', '.join(sorted(self._models))} and s3."
            )
        form = _form(scope, body) if asked.protocol == "query" else None
        operation = self._operation(model, self._named(model, scope, headers, form, asked), asked)
        handler = self._handlers[model.name, operation.name]
        parameters = await self._parameters(operation, scope, headers, form, body, asked)
        context = RequestContext(
            app=self._context,
            region=verified.region,
            request_id=asked.request_id,
            now=now,
            base_url=self._base_url(scope, headers),
            access_key_id=verified.access_key_id,
            operation=operation.name,
            parameters=parameters,
        )
        snake_names = operation.snake_names
        answer = await call(
            handler, context, {snake_names[name]: value for name, value in parameters.items()}
        )
        if model.protocol == "rest-json":
            return rest_json.serialise(operation, answer)
        if form is None:
            return rest_json.Answer(200, {}, aws_json.serialise(operation, answer))
        return rest_json.Answer(200, {}, query.serialise(operation, answer, asked.request_id))

    def _named(
        self,
        model: ServiceModel,
        scope: Scope,
        headers: Mapping[str, str],
        form: Mapping[str, str] | None,
        asked: _Asked,
    ) -> str:
        """The name of the operation that a request is about."""
        if model.protocol == "rest-json":
            if asked.route is None:
                raise UnknownOperation(
                    f"The service {model.name!r} has no operation at {scope['method']} {scope['path'][:200]}."
                )
            return asked.route[0]
        if scope["path"] != "/":
            raise NotImplementedYet(
                f"{scope['method']} {scope['path'][:200]} of service {asked.service!r} is not implemented "
                "yet; "
                "its operations are posted to '/'."
            )
        if form is not None:
            return form.get("Action", "")
        prefix, _, name = headers.get("x-amz-target", "").rpartition(".")
        return name if prefix == model.target_prefix else prefix

    async def _parameters(
        self,
        operation: Operation,
        scope: Scope,
        headers: Mapping[str, str],
        form: Mapping[str, str] | None,
        body: bytes,
        asked: _Asked,
    ) -> dict[str, Any]:
        if form is not None:
            return query.parse(operation, form)
        if asked.route is None:
            return aws_json.parse(operation, body)

        def parse() -> dict[str, Any]:
            assert asked.route is not None  # noqa: S101 - for the type checker
            return rest_json.parse(
                operation,
                labels=asked.route[1],
                query=rest_json.path_query(scope["query_string"]),
                headers=headers,
                body=body,
            )

        return await asyncio.to_thread(parse) if len(body) > _THREAD_BYTES else parse()

    def _operation(self, model: ServiceModel, name: str, asked: _Asked) -> Operation:
        asked.operation = name
        operation = model.operation(name)
        if operation is not None:
            return operation
        if name in model.operation_names:
            raise NotImplementedYet(
                f"{name} is not implemented yet by this server; docs/reference/operations.md lists what is."
            )
        raise UnknownOperation(
            f"The service {model.name!r} has no operation {name[:80]!r}."
            if name
            else "The request names no operation: the X-Amz-Target header or the Action field is missing."
        )

    def _base_url(self, scope: Scope, headers: Mapping[str, str]) -> str:
        settings = self._context.settings
        if settings.public_url:
            return settings.public_url.rstrip("/")
        host = headers.get("host") or f"{settings.host}:{settings.port}"
        return f"{scope.get('scheme', 'http')}://{host}"

    def _error_body(self, error: WireError, asked: _Asked) -> bytes:
        _log.info(
            "request refused",
            extra={
                "action": "request",
                "service": asked.service,
                "operation": asked.operation,
                "code": error.code,
                "request_id": asked.request_id,
            },
        )
        return body_of(error, protocol=asked.protocol, request_id=asked.request_id, namespace=asked.namespace)


def _raw_path(scope: Scope) -> bytes:
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _content_type(*, is_json: bool, is_rest: bool, version: str) -> str:
    if is_rest:
        return "application/json"
    return f"application/x-amz-json-{version}" if is_json else "text/xml"


def _form(scope: Scope, body: bytes) -> dict[str, str]:
    in_query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    in_query = {name: value for name, value in in_query.items() if not name.startswith("X-Amz-")}
    return {**in_query, **query.fields(body)}


async def _read_body(headers: Mapping[str, str], receive: Receive, bytes_max: int) -> bytes:
    drained_max = max(_MAX_DRAINED_BYTES, bytes_max)
    length = headers.get("content-length", "0")
    if length.isdigit() and int(length) > drained_max:
        raise _too_large(bytes_max)
    chunks: list[bytes] = []
    n_bytes = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _ClientGone
        chunk = message.get("body", b"")
        n_bytes += len(chunk)
        if n_bytes > drained_max:
            raise _too_large(bytes_max)
        if n_bytes <= bytes_max:
            chunks.append(chunk)
        else:
            chunks.clear()
        if not message.get("more_body", False):
            break
    if n_bytes > bytes_max:
        raise _too_large(bytes_max)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_large(bytes_max: int) -> BodyTooLarge:
    return BodyTooLarge(
        f"The body is larger than {bytes_max} bytes. Put large content into S3 and refer to it by its URI."
    )


async def _respond(send: Send, answer: rest_json.Answer, asked: _Asked) -> None:
    headers = {
        "content-type": asked.content_type,
        **answer.headers,
        "x-amzn-requestid": asked.request_id,
    }
    if answer.status != 204:
        headers["content-length"] = str(len(answer.body))
    await send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [
                (name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()
            ],
        }
    )
    await send({"type": "http.response.body", "body": b"" if answer.status == 204 else answer.body})
