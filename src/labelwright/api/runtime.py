"""InvokeEndpoint: from a signed request to the serving process and back, with as little as possible between.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html. Differences:
explanations, inference components and sessions are refused; an endpoint whose processes are being started
again after they ended is ServiceUnavailable, which clients try again by themselves.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import Any

from labelwright.api.context import RequestContext
from labelwright.api.dispatch import operation
from labelwright.core.endpoint import Status
from labelwright.engine.hosting.capture import Captured, Captures
from labelwright.engine.hosting.proxy import Saturated, Unreachable, head_of
from labelwright.engine.hosting.routes import Route, VariantRoute
from labelwright.errors import Busy, InvalidRequest, ModelFailed, NotFound
from labelwright.hosting.interface import CUSTOM_ATTRIBUTES, LOG_GROUP, TIMED_OUT, Reply
from labelwright.store import endpoints as store

__all__: list[str] = []

_TIMEOUT_S = 60.0
_BODY_BYTES_MAX = 6 << 20
# After a start of the server it takes a moment until the processes that went on without it are found again.
_FOUND_S = 10.0
_MESSAGE_CHARS_MAX = 512

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
    context.app.supervisor.wake("endpoint", row.id)
    route = await asyncio.to_thread(context.app.routes.wait, context.region, name, _FOUND_S)
    if route is None:
        raise Busy(f"The processes of endpoint {name} do not answer yet. Try again later.")
    return route
