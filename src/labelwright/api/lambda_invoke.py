"""Functions: invoke.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html. Differences: an event of an asynchronous
invocation is kept in the database until it was run; after its third failure it is dropped with a line in the
log, and there are no destinations.
"""

from __future__ import annotations

import asyncio
import base64
from functools import partial
from typing import Any

import orjson

from labelwright.api.context import RequestContext
from labelwright.api.dispatch import operation
from labelwright.api.lambda_shapes import qualified
from labelwright.errors import InvalidRequest
from labelwright.functions import ASYNC_EVENT_BYTES_MAX, PAYLOAD_BYTES_MAX
from labelwright.store import functions as store
from labelwright.store.function_events import EventRow
from labelwright.wire.errors import BodyTooLarge
from labelwright.wire.validate import MalformedInput

__all__: list[str] = []

_TAIL_BYTES = 4096


@operation("lambda", "Invoke")
async def invoke(
    context: RequestContext,
    *,
    function_name: str,
    invocation_type: str = "RequestResponse",
    log_type: str = "None",
    client_context: str | None = None,
    payload: bytes = b"",
    qualifier: str | None = None,
    **ignored: Any,
) -> dict[str, Any]:
    """Run a function and wait for it (`RequestResponse`), later (`Event`), or not at all (`DryRun`)."""
    name, which = qualified(context, function_name, qualifier)
    row = await context.app.database.aread(
        partial(store.resolve, region=context.region, name=name, qualifier=which)
    )
    event = _event(payload, most=ASYNC_EVENT_BYTES_MAX if invocation_type == "Event" else PAYLOAD_BYTES_MAX)
    custom = _client_context(client_context)
    arn = row.arn + (f":{which}" if which else "")
    functions = context.app.functions
    if invocation_type == "DryRun":
        return {"StatusCode": 204, "ExecutedVersion": row.version}
    if invocation_type == "Event":
        accepted = EventRow(context.request_id, arn, event, 0, context.now)
        await asyncio.to_thread(functions.events.accept, accepted)
        return {"StatusCode": 202, "Payload": b""}
    running = await asyncio.to_thread(
        functions.submit, row, arn, event, client_context=custom, request_id=context.request_id
    )
    done = await asyncio.wrap_future(running)
    log = base64.b64encode(done.log[-_TAIL_BYTES:]).decode() if log_type == "Tail" else None
    return {
        "StatusCode": 200,
        "FunctionError": done.error,
        "LogResult": log,
        "Payload": done.payload,
        "ExecutedVersion": done.version,
    }


def _event(payload: bytes, *, most: int) -> bytes:
    if len(payload) > most:
        raise BodyTooLarge(f"Request must be smaller than {most} bytes for the InvokeFunction operation")
    if not payload:
        return b"{}"
    try:
        orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise MalformedInput(f"Could not parse request body into json: {error}") from error
    return payload


def _client_context(text: str | None) -> Any:
    if text is None:
        return None
    try:
        found = orjson.loads(base64.b64decode(text, validate=True))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InvalidRequest(
            "Client context must be a valid Base64-encoded JSON object.", field="ClientContext"
        )
    return found
