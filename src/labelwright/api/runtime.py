"""Invoking endpoints: from a signed request to the serving process and back, with little between.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html. Differences:
explanations, inference components and sessions are refused; an endpoint whose processes are being started
again after they ended is ServiceUnavailable, which clients try again by themselves. An endpoint with an
AsyncInferenceConfig answers InvokeEndpoint as well; its topics are not told of anything, and a request that
was accepted may reach the model twice when the server is killed.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from functools import partial
from typing import Any

from labelwright.api.context import RequestContext
from labelwright.api.dispatch import operation
from labelwright.core.endpoint import Status
from labelwright.engine.hosting.capture import Captured, Captures
from labelwright.engine.hosting.proxy import Saturated, Unreachable, head_of
from labelwright.engine.hosting.routes import Route, VariantRoute
from labelwright.errors import Busy, InvalidRequest, ModelFailed, ModelNotReady, NotFound
from labelwright.hosting.interface import CUSTOM_ATTRIBUTES, LOG_GROUP, NOT_READY, TIMED_OUT, Reply
from labelwright.s3 import eventstream
from labelwright.store import async_invocations
from labelwright.store import endpoints as store
from labelwright.store.async_invocations import AsyncRequest
from labelwright.store.endpoints import EndpointRow

__all__: list[str] = []

_TIMEOUT_S = 60.0
_BODY_BYTES_MAX = 6 << 20
# After a start of the server it takes a moment until the processes that went on without it are found again.
_FOUND_S = 10.0
_MESSAGE_CHARS_MAX = 512
_PART_BYTES = 128 << 10
_TTL_S = 21_600
_ASYNC_TIMEOUT_S = 900

_REFUSED = ("enable_explanations", "inference_component_name", "session_id")


@operation("sagemaker-runtime", "InvokeEndpoint")
async def invoke_endpoint(
    context: RequestContext,
    *,
    endpoint_name: str,
    body: bytes = b"",
    content_type: str = "application/octet-stream",
    accept: str | None = None,
    custom_attributes: str | None = None,
    target_model: str | None = None,
    target_variant: str | None = None,
    target_container_hostname: str | None = None,
    inference_id: str | None = None,
    **others: Any,
) -> dict[str, Any]:
    """Send a body to a model and answer what it answers."""
    for name in _REFUSED:
        if others.get(name):
            raise InvalidRequest(f"{name} is not supported by this server; leave it out.", field=name)
    if len(body) > _BODY_BYTES_MAX:
        raise InvalidRequest(f"The body has {len(body)} bytes; at most {_BODY_BYTES_MAX} are allowed.")
    route = context.app.routes.get(context.region, endpoint_name)
    if route is None:
        route = await _awaited(context, endpoint_name)
    try:
        variant = route.choose(target_variant)
    except NotFound as error:
        raise InvalidRequest(
            f"Variant {target_variant} not found for endpoint {endpoint_name}.", field="TargetVariant"
        ) from error
    headers = {"content-type": content_type}
    for header, value in (
        ("accept", accept),
        (CUSTOM_ATTRIBUTES, custom_attributes),
        ("x-amzn-sagemaker-inference-id", inference_id),
        ("x-amzn-sagemaker-target-model", target_model),
        ("x-amzn-sagemaker-target-container-hostname", target_container_hostname),
    ):
        if value is not None:
            headers[header] = value
    reply = await _sent(context, route.name, variant, head_of(headers, len(body)), body)
    capture = route.deployment.config.get("DataCaptureConfig")
    if capture is not None and Captures.wants(capture):
        item = Captured(
            context.app.clock(), context.request_id, inference_id or "", body, content_type, reply
        )
        context.app.captures.add(route.name, variant.name, capture, item)
    return {
        "Body": reply.body,
        "ContentType": reply.content_type,
        "InvokedProductionVariant": variant.name,
        "CustomAttributes": reply.headers.get(CUSTOM_ATTRIBUTES),
    }


@operation("sagemaker-runtime", "InvokeEndpointWithResponseStream")
async def invoke_endpoint_with_response_stream(context: RequestContext, **members: Any) -> dict[str, Any]:
    """Answer as a stream of parts, which begins when the model has answered."""
    answer = await invoke_endpoint(context, **members)
    body = answer["Body"]
    parts = (body[start : start + _PART_BYTES] for start in range(0, len(body), _PART_BYTES))
    events = (eventstream.event("PayloadPart", part, "application/octet-stream") for part in parts)
    return {**answer, "Body": b"".join(events)}


@operation("sagemaker-runtime", "InvokeEndpointAsync")
async def invoke_endpoint_async(
    context: RequestContext,
    *,
    endpoint_name: str,
    input_location: str = "",
    content_type: str = "",
    accept: str = "",
    custom_attributes: str = "",
    inference_id: str = "",
    s3_output_path_extension: str = "",
    filename: str = "",
    request_ttl_seconds: int = _TTL_S,
    invocation_timeout_seconds: int = _ASYNC_TIMEOUT_S,
    **_: Any,
) -> dict[str, Any]:
    """Answer an object of the store later, into another one."""
    if not input_location.startswith("s3://"):
        raise InvalidRequest(
            f"InputLocation is {input_location!r}; it must be an s3:// URI.", field="InputLocation"
        )
    read = partial(store.named, region=context.region, name=endpoint_name)
    row = await context.app.database.aread(read)
    _require_in_service(context, endpoint_name, row)
    assert row is not None  # noqa: S101 - it is in service
    deployment = store.state_of(row).deployment
    config = deployment.config.get("AsyncInferenceConfig") if deployment is not None else None
    output = (config or {}).get("OutputConfig", {})
    if not output.get("S3OutputPath"):
        raise InvalidRequest(
            f"Endpoint {endpoint_name} is not asynchronous: its configuration has no AsyncInferenceConfig "
            "with an S3OutputPath.",
            field="EndpointName",
        )
    own = filename or f"{context.request_id}.out"
    name = "/".join(filter(None, (s3_output_path_extension.strip("/"), own)))
    failures = output.get("S3FailurePath", "").rstrip("/")
    request = AsyncRequest(
        inference_id=inference_id or str(uuid.uuid4()),
        input_uri=input_location,
        output_uri=f"{output['S3OutputPath'].rstrip('/')}/{name}",
        failure_uri=f"{failures}/{context.request_id}-error.out" if failures else "",
        content_type=content_type,
        accept=accept,
        custom_attributes=custom_attributes,
        timeout_s=float(invocation_timeout_seconds),
    )
    add = partial(
        async_invocations.add,
        endpoint_id=row.id,
        region=row.region,
        endpoint=row.name,
        request=request,
        now=context.now,
        expires_at=context.now + request_ttl_seconds,
    )
    await context.app.database.awrite(add)
    context.app.async_invocations.wake()
    return {
        "InferenceId": request.inference_id,
        "OutputLocation": request.output_uri,
        "FailureLocation": request.failure_uri or None,
    }


async def _sent(
    context: RequestContext, endpoint: str, variant: VariantRoute, head: bytes, body: bytes
) -> Reply:
    """The reply of one of a variant's instances; an error unless it is a prediction."""
    stats = variant.stats
    started = time.perf_counter()
    try:
        reply = await _answered(context, variant, head, body)
    except Busy:
        stats.n_invocations += 1
        stats.n_server_errors += 1
        raise
    seconds = time.perf_counter() - started
    stats.n_invocations += 1
    stats.model_seconds.observe(seconds)
    if reply.is_ok:
        return reply
    if NOT_READY in reply.headers:
        raise ModelNotReady(
            f"The model that endpoint {endpoint} was asked for is still being loaded. Try again."
        )
    if 400 <= reply.status < 500:
        stats.n_client_errors += 1
    else:
        stats.n_server_errors += 1
    raise _failed(context, endpoint, reply)


async def _answered(context: RequestContext, variant: VariantRoute, head: bytes, body: bytes) -> Reply:
    for _ in range(len(variant.instances) + 1):
        instance = variant.choose()
        try:
            return await instance.request(head, body, _TIMEOUT_S)
        except TimeoutError:
            return Reply(0, b"")
        except Saturated as error:
            raise Busy(f"{error} Try again later, or give the endpoint more instances.") from error
        except Unreachable as error:
            instance.is_retired = True  # until the engine has looked
            context.app.supervisor.wake("endpoint", variant.key)
            if error.was_sent:
                raise Busy(
                    "The instance that worked on this request ended; it is started again. Try again."
                ) from error
        finally:
            instance.n_in_work -= 1
    raise Busy(f"No instance of variant {variant.name} answers at the moment. Try again later.")


def _failed(context: RequestContext, endpoint: str, reply: Reply) -> ModelFailed:
    group = f"{LOG_GROUP}/{endpoint}"
    arn = f"arn:aws:logs:{context.region}:{context.account_id}:log-group:{group}"
    if reply.status == 0 or TIMED_OUT in reply.headers:
        status = 0
        said = (
            "Your invocation timed out while waiting for a response from container primary. Review the "
            "latency metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
        )
    else:
        status = reply.status
        said = reply.body.decode("utf-8", "replace")
    kind = "client" if 400 <= status < 500 else "server"
    shown = said if len(said) <= _MESSAGE_CHARS_MAX else f"{said[: _MESSAGE_CHARS_MAX - 3]}..."
    return ModelFailed(
        f'Received {kind} error ({status}) from primary with message "{shown}". See '
        f"the log group {group} in account {context.account_id} for more information.",
        original_status=status,
        original_message=said,
        log_stream_arn=arn,
    )


async def _awaited(context: RequestContext, name: str) -> Route:
    """The route of an endpoint that is in service but not found again yet; an error for every other."""
    row = await context.app.database.aread(partial(store.named, region=context.region, name=name))
    _require_in_service(context, name, row)
    assert row is not None  # noqa: S101 - it is in service
    context.app.supervisor.wake("endpoint", row.id)
    route = await asyncio.to_thread(context.app.routes.wait, context.region, name, _FOUND_S)
    if route is None:
        raise Busy(f"The processes of endpoint {name} do not answer yet. Try again later.")
    return route


def _require_in_service(context: RequestContext, name: str, row: EndpointRow | None) -> None:
    if row is None:
        raise InvalidRequest(
            f"Endpoint {name} of account {context.account_id} not found.", field="EndpointName", value=name
        )
    if row.status not in (Status.IN_SERVICE, Status.UPDATING):
        raise InvalidRequest(
            f"Endpoint {name} of account {context.account_id} is {row.status}; it answers once it is "
            "InService.",
            field="EndpointName",
            value=name,
        )
