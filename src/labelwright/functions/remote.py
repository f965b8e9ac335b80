"""A real Lambda endpoint, through botocore, for functions of other accounts."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import Future
from typing import Any

from labelwright.errors import Busy, LabelwrightError, NotFound
from labelwright.functions.interface import PAYLOAD_BYTES_MAX, Invocation, RunnerClosed

__all__ = ["RemoteLambda"]

_CONNECT_S = 10
_N_CONNECTIONS = 32
_POLL_S = 0.25


class RemoteLambda:
    """Functions behind a Lambda endpoint.

    Parameters
    ----------
    endpoint_url : str
        ``https://lambda.eu-west-1.amazonaws.com``, or what behaves like it. Credentials are found in the ways
        that botocore has (``AWS_ACCESS_KEY_ID`` and so on), the region is the function's.
    """

    def __init__(self, endpoint_url: str) -> None:
        self._endpoint_url = endpoint_url
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, int], Any] = {}
        self._closed = threading.Event()

    def close(self) -> None:
        """Wait for no answer any longer."""
        self._closed.set()

    def invoke(
        self, arn: str, event: bytes, *, timeout_s: float, answer_bytes_max: int = PAYLOAD_BYTES_MAX
    ) -> Invocation:
        """Invoke a function and wait for it; see `labelwright.functions.Invoker`."""
        # In a thread that does not keep the server from ending.
        ended: Future[Invocation] = Future()

        def run() -> None:
            try:
                ended.set_result(self._invoke(arn, event, timeout_s, answer_bytes_max))
            except Exception as error:
                ended.set_exception(error)

        threading.Thread(target=run, name="remote-function", daemon=True).start()
        while not self._closed.is_set():
            try:
                return ended.result(_POLL_S)
            except TimeoutError:
                continue
        raise RunnerClosed("The server is stopping; invoke the function again.")

    def _invoke(self, arn: str, event: bytes, timeout_s: float, answer_bytes_max: int) -> Invocation:
        from botocore.exceptions import BotoCoreError, ClientError

        region = arn.split(":")[3]
        try:
            answer = self._client(region, int(timeout_s) + 1).invoke(
                FunctionName=arn, InvocationType="RequestResponse", LogType="Tail", Payload=event
            )
            with contextlib.closing(answer["Payload"]) as body:
                payload = body.read(answer_bytes_max + 1)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "Unknown")
            text = f"{code}: {error.response.get('Error', {}).get('Message', '')}"
            if code == "ResourceNotFoundException":
                raise NotFound(text, kind="function", name=arn) from error
            if code in ("TooManyRequestsException", "ServiceException"):
                raise Busy(text) from error
            raise LabelwrightError(text) from error
        except BotoCoreError as error:
            raise Busy(f"The Lambda endpoint {self._endpoint_url} cannot be used: {error}") from error
        if len(payload) > answer_bytes_max:
            raise LabelwrightError(f"The answer of {arn} is larger than {answer_bytes_max} bytes.")
        version = answer.get("ExecutedVersion", "$LATEST")
        return Invocation(payload, answer.get("FunctionError"), b"", version)

    def _client(self, region: str, timeout_s: int) -> Any:
        with self._lock:
            client = self._clients.get((region, timeout_s))
            if client is None:
                import botocore.session
                from botocore.config import Config

                config = Config(
                    connect_timeout=_CONNECT_S,
                    read_timeout=timeout_s,
                    retries={"total_max_attempts": 1},
                    max_pool_connections=_N_CONNECTIONS,
                )
                client = botocore.session.get_session().create_client(
                    "lambda", region_name=region, endpoint_url=self._endpoint_url, config=config
                )
                self._clients[region, timeout_s] = client
            return client
