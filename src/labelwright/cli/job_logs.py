"""``labelwright job logs``: what a job, an endpoint or a function printed, through the logs service."""

from __future__ import annotations

import dataclasses
import heapq
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import click
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

__all__ = ["KINDS", "LogReader", "print_logs"]

_POLL_S = 1.0


@dataclasses.dataclass(frozen=True, slots=True)
class _Kind:
    """Where the logs of one kind of thing are, and how it is asked for its state."""

    title: str
    group: str
    prefix: str
    operation: str
    argument: str
    status: str


KINDS = {
    "training": _Kind(
        "Training job",
        "/aws/sagemaker/TrainingJobs",
        "{name}/",
        "describe_training_job",
        "TrainingJobName",
        "TrainingJobStatus",
    ),
    "transform": _Kind(
        "Transform job",
        "/aws/sagemaker/TransformJobs",
        "{name}/",
        "describe_transform_job",
        "TransformJobName",
        "TransformJobStatus",
    ),
    "endpoint": _Kind(
        "Endpoint",
        "/aws/sagemaker/Endpoints/{name}",
        "",
        "describe_endpoint",
        "EndpointName",
        "EndpointStatus",
    ),
    "function": _Kind("Function", "/aws/lambda/{name}", "", "", "", ""),
}
"""What may be asked for by name, in the order in which a name is looked for."""

_ENDED = frozenset({"Completed", "Failed", "Stopped"})


class LogReader:
    """Reads the streams of a group from where it stopped, new ones from their beginning.

    Parameters
    ----------
    client
        botocore's client of the logs service.
    group, prefix : str
        Which streams.
    """

    def __init__(self, client: Any, group: str, prefix: str) -> None:
        self._client = client
        self._group = group
        self._prefix = prefix
        # Token of the page that each stream is at, and how many of its events were handed out.
        self._places: dict[str, tuple[str, int]] = {}

    @property
    def n_streams(self) -> int:
        """How many streams were seen so far."""
        return len(self._places)

    def read(self) -> Iterator[tuple[int, str, str]]:
        """New events as (epoch milliseconds, stream, message), in the order of their times.

        When a request fails on the way, the next call goes on behind the last event that was handed out.
        """
        streams = self._streams()
        for name in streams:
            self._places.setdefault(name, ("", 0))
        yield from heapq.merge(*(self._new(name) for name in streams))

    def _streams(self) -> list[str]:
        query = {"logGroupName": self._group}
        if self._prefix:
            query["logStreamNamePrefix"] = self._prefix
        names: list[str] = []
        try:
            for page in self._client.get_paginator("describe_log_streams").paginate(**query):
                names += [stream["logStreamName"] for stream in page["logStreams"]]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
        return names

    def _new(self, stream: str) -> Iterator[tuple[int, str, str]]:
        while True:
            token, n_seen = self._places[stream]
            page = self._client.get_log_events(
                logGroupName=self._group,
                logStreamName=stream,
                startFromHead=True,
                **({"nextToken": token} if token else {}),
            )
            for i, event in enumerate(page["events"][n_seen:], n_seen):
                yield event["timestamp"], stream, event["message"]
                # Only who has taken the event comes back for more.
                self._places[stream] = (token, i + 1)
            self._places[stream] = (page["nextForwardToken"], 0)
            if not page["events"]:
                return


def print_logs(
    name: str,
    *,
    client: Callable[[str], Any],
    kind: str | None,
    follow: bool,
    timestamps: bool,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Print the log of the thing of this name; with ``follow`` until it has ended.

    Following goes on when the server is away for a while: no line is lost or printed twice.

    Parameters
    ----------
    client : callable
        From the name of a service to a botocore client of it.
    kind : str, optional
        One of `KINDS`; without it the first that has logs under this name, or is known by it.
    sleep : callable
        Waits between two looks.

    Raises
    ------
    click.ClickException
        Nothing has this name, or the job that was followed failed.
    """
    logs, sagemaker = client("logs"), client("sagemaker")
    found = KINDS[kind] if kind else _find(name, logs, sagemaker)
    reader = LogReader(logs, found.group.format(name=name), found.prefix.format(name=name))
    is_reached = False
    while True:
        try:
            status, reason = _status(found, name, sagemaker)  # first: nothing comes after the end
            is_reached = True
            _print(reader, len(found.prefix.format(name=name)), timestamps)
        except (ConnectionError, HTTPClientError):
            if not follow or not is_reached:
                raise
            sleep(_POLL_S)  # the server is started again; the job goes on meanwhile
            continue
        if found.operation and not status and not reader.n_streams:
            raise click.ClickException(f"There is no {found.title.lower()} {name!r}; check the name.")
        if not follow or status in _ENDED:
            break
        sleep(_POLL_S)
    if reader.n_streams == 0:
        click.echo(
            f"{found.title} {name} has printed nothing{' yet' if status not in _ENDED else ''}.", err=True
        )
    if follow:
        click.echo(f"{found.title} {name}: {status}", err=True)
        if status == "Failed":
            raise click.ClickException(reason or "It failed without a reason.")


def _print(reader: LogReader, n_prefix: int, timestamps: bool) -> None:
    for at, stream, message in reader.read():
        head = (
            f"{datetime.fromtimestamp(at / 1000).isoformat(timespec='milliseconds')}  " if timestamps else ""
        )
        if reader.n_streams > 1:
            head += f"{stream[n_prefix:]}  "
        click.echo(head + message)
    sys.stdout.flush()


def _find(name: str, logs: Any, sagemaker: Any) -> _Kind:
    for kind in KINDS.values():
        reader = LogReader(logs, kind.group.format(name=name), kind.prefix.format(name=name))
        if next(reader.read(), None) is not None or _status(kind, name, sagemaker)[0]:
            return kind
    raise click.ClickException(
        f"No training job, transform job, endpoint or function is called {name!r}, and none has left logs. "
        "`aws sagemaker list-training-jobs` lists the training jobs."
    )


def _status(kind: _Kind, name: str, sagemaker: Any) -> tuple[str, str]:
    """Status and failure reason; empty when there is nothing of this kind and name."""
    if not kind.operation:
        return "", ""
    try:
        answer = getattr(sagemaker, kind.operation)(**{kind.argument: name})
    except ClientError as error:
        if error.response["Error"]["Code"] in ("ValidationException", "ResourceNotFound"):
            return "", ""  # there is none
        raise
    return answer[kind.status], answer.get("FailureReason", "")
