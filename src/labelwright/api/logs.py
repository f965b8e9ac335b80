"""CloudWatch Logs: what jobs, endpoints and functions printed: read, kept for some time, deleted.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html and its neighbours.
Differences: the server alone writes streams, to groups of fixed names, and streams are the same in every
region; log group classes, linked accounts and masking do not exist; filter patterns are words and phrases;
old events go with their stream, when its last one is old. Times never go
back within a stream, and ``ingestionTime`` is the time of the event.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import itertools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from labelwright.api.context import RequestContext
from labelwright.api.dispatch import operation
from labelwright.api.paging import query_of, token_secret
from labelwright.errors import InvalidRequest, NotFound
from labelwright.logstreams import FilterPattern, LogStore, StreamInfo, retention
from labelwright.logstreams.names import GROUP_PATTERNS, is_group
from labelwright.wire.paginate import make_token, read_token

__all__: list[str] = []

_PAGE = 50  # of groups and streams
_EVENTS = 10_000
_PAGING_MEMBERS = frozenset({"nextToken", "limit"})
_GROUP_ARN = re.compile(r"arn:aws[a-z-]*:logs:[a-z0-9-]+:\d{12}:log-group:([^:]+)(:\*)?")


@operation("logs", "DescribeLogGroups")
def describe_log_groups(
    context: RequestContext,
    *,
    limit: int = _PAGE,
    log_group_name_pattern: str = "",
    log_group_name_prefix: str = "",
    next_token: str | None = None,
    **_: Any,
) -> dict[str, Any]:
    """The groups, by name: training jobs, transform jobs, and one for each endpoint and function."""
    if log_group_name_pattern and log_group_name_prefix:
        raise InvalidRequest(
            "Give logGroupNamePrefix or logGroupNamePattern, not both.", field="logGroupNamePattern"
        )
    store = _store(context)
    pattern = f"*{log_group_name_pattern.lower()}*"
    names = [
        name
        for name in store.groups()
        if name.startswith(log_group_name_prefix) and fnmatch.fnmatchcase(name.lower(), pattern)
    ]
    after = _after(context, next_token)
    shown = [name for name in names if after is None or name > after[0]]
    answer: dict[str, Any] = {"logGroups": [_group(context, store, name) for name in shown[:limit]]}
    if len(shown) > limit:
        answer["nextToken"] = _token(context, (shown[limit - 1],))
    return answer


@operation("logs", "DescribeLogStreams")
def describe_log_streams(
    context: RequestContext,
    *,
    descending: bool = False,
    limit: int = _PAGE,
    log_group_identifier: str | None = None,
    log_group_name: str | None = None,
    log_stream_name_prefix: str = "",
    next_token: str | None = None,
    order_by: str = "LogStreamName",
) -> dict[str, Any]:
    """The streams of a group by name, or by the time of their last event."""
    store, group = _store(context), _named(log_group_name, log_group_identifier)
    after = _after(context, next_token)
    ordered: Iterator[tuple[tuple[Any, ...], StreamInfo]]
    if order_by == "LastEventTime":
        if log_stream_name_prefix:
            raise InvalidRequest(
                "Cannot order by LastEventTime with a logStreamNamePrefix.", field="logStreamNamePrefix"
            )
        everything = _infos(store, group, store.names(group))
        keyed = [((info.last_ms, info.name), info) for info in everything]
        ordered = iter(sorted(keyed, key=lambda item: item[0], reverse=descending))
        if after is not None:
            ordered = (k for k in ordered if (k[0] < after if descending else k[0] > after))
    else:
        names = store.names(
            group,
            prefix=log_stream_name_prefix,
            after=None if after is None else after[0],
            descending=descending,
        )
        ordered = (((info.name,), info) for info in _infos(store, group, names))
    page = list(itertools.islice(ordered, limit + 1))
    answer: dict[str, Any] = {"logStreams": [_stream(context, group, info) for _, info in page[:limit]]}
    if len(page) > limit:  # clients go on for as long as there is a token
        answer["nextToken"] = _token(context, page[limit - 1][0])
    return answer


@operation("logs", "GetLogEvents")
def get_log_events(
    context: RequestContext,
    *,
    log_stream_name: str,
    end_time: int | None = None,
    limit: int = _EVENTS,
    log_group_identifier: str | None = None,
    log_group_name: str | None = None,
    next_token: str | None = None,
    start_from_head: bool = False,
    start_time: int | None = None,
    **_: Any,
) -> dict[str, Any]:
    """A page of a stream; the forward token of the last page goes on when there is more."""
    group = _named(log_group_name, log_group_identifier)
    page = _store(context).events(
        group,
        log_stream_name,
        start_ms=_start(context, group, start_time),
        end_ms=end_time,
        token=next_token,
        from_head=start_from_head,
        limit=limit,
    )
    return {
        "events": [
            {"timestamp": e.timestamp_ms, "message": e.message, "ingestionTime": e.timestamp_ms}
            for e in page.events
        ],
        "nextForwardToken": page.forward,
        "nextBackwardToken": page.backward,
    }


@operation("logs", "FilterLogEvents")
def filter_log_events(
    context: RequestContext,
    *,
    end_time: int | None = None,
    filter_pattern: str = "",
    limit: int = _EVENTS,
    log_group_identifier: str | None = None,
    log_group_name: str | None = None,
    log_stream_name_prefix: str = "",
    log_stream_names: list[str] | None = None,
    next_token: str | None = None,
    start_time: int | None = None,
    **_: Any,
) -> dict[str, Any]:
    """Events of several streams of a group in the order of their times, those that fit a pattern."""
    if log_stream_names and log_stream_name_prefix:
        raise InvalidRequest(
            "Give logStreamNames or logStreamNamePrefix, not both.", field="logStreamNamePrefix"
        )
    store, group = _store(context), _named(log_group_name, log_group_identifier)
    present = store.names(group, prefix=log_stream_name_prefix)
    if log_stream_names:
        streams = sorted(set(log_stream_names))
        missing = next((name for name in streams if store.info(group, name) is None), None)
        if missing is not None:
            raise NotFound("The specified log stream does not exist.", kind="log stream", name=missing)
    else:
        streams = list(present)
    after = _after(context, next_token)
    found = store.search(
        group,
        streams,
        fits=FilterPattern(filter_pattern),
        start_ms=_start(context, group, start_time),
        end_ms=end_time,
        after=None if after is None else (after[0], after[1], after[2]),
        limit=limit,
    )
    answer: dict[str, Any] = {
        "events": [
            {
                "logStreamName": e.stream,
                "timestamp": e.timestamp_ms,
                "message": e.message,
                "ingestionTime": e.timestamp_ms,
                "eventId": e.id,
            }
            for e in found.events
        ],
        "searchedLogStreams": [],
    }
    if found.after is not None:
        answer["nextToken"] = _token(context, found.after)
    return answer


@operation("logs", "CreateLogGroup")
def create_log_group(context: RequestContext, *, log_group_name: str, **_: Any) -> None:
    """Make a group before anything is written to it, to set how long it is kept."""
    if not is_group(log_group_name):
        raise InvalidRequest(
            f"The server writes no log group {log_group_name!r}; it writes {', '.join(GROUP_PATTERNS)}.",
            field="logGroupName",
            value=log_group_name,
        )
    retention.create_group(_root(context), log_group_name)


@operation("logs", "DeleteLogGroup")
def delete_log_group(context: RequestContext, *, log_group_name: str) -> None:
    """Delete a group with its streams; it comes back with the next line that is written to it."""
    retention.delete_group(_root(context), _present(context, log_group_name))


@operation("logs", "DeleteLogStream")
def delete_log_stream(context: RequestContext, *, log_group_name: str, log_stream_name: str) -> None:
    """Delete a stream, unless a program is writing it."""
    retention.delete_stream(_root(context), _present(context, log_group_name), log_stream_name)


@operation("logs", "PutRetentionPolicy")
def put_retention_policy(context: RequestContext, *, log_group_name: str, retention_in_days: int) -> None:
    """Keep a group's events for some days only."""
    if retention_in_days not in retention.RETENTION_DAYS:
        raise InvalidRequest(
            f"retentionInDays is {retention_in_days}; it must be one of "
            f"{', '.join(map(str, retention.RETENTION_DAYS))}.",
            field="retentionInDays",
            value=retention_in_days,
        )
    retention.set_retention(_root(context), _present(context, log_group_name), retention_in_days)


@operation("logs", "DeleteRetentionPolicy")
def delete_retention_policy(context: RequestContext, *, log_group_name: str) -> None:
    """Keep a group's events for ever again."""
    retention.set_retention(_root(context), _present(context, log_group_name), None)


def _root(context: RequestContext) -> Path:
    return context.app.settings.data_dir / "logs"


def _store(context: RequestContext) -> LogStore:
    return LogStore(_root(context))


def _present(context: RequestContext, group: str) -> str:
    if not _store(context).has_group(group):
        raise NotFound("The specified log group does not exist.", kind="log group", name=group)
    return group


def _start(context: RequestContext, group: str, asked_ms: int | None) -> int | None:
    """From when on events are shown."""
    since = retention.kept_since_ms(_root(context), group, now_ms=int(context.now * 1000))
    return asked_ms if since is None else max(since, asked_ms or 0)


def _named(name: str | None, identifier: str | None) -> str:
    """The group that is meant, by its name or its ARN."""
    if name and identifier:
        raise InvalidRequest("Give logGroupName or logGroupIdentifier, not both.", field="logGroupIdentifier")
    if identifier:
        found = _GROUP_ARN.fullmatch(identifier)
        return found.group(1) if found else identifier
    if not name:
        raise InvalidRequest("Give logGroupName: which group is meant.", field="logGroupName")
    return name


def _infos(store: LogStore, group: str, names: Iterable[str]) -> Iterator[StreamInfo]:
    return (info for name in names if (info := store.info(group, name)) is not None)


def _group(context: RequestContext, store: LogStore, name: str) -> dict[str, Any]:
    arn = f"arn:aws:logs:{context.region}:{context.account_id}:log-group:{name}"
    first = next(_infos(store, name, store.names(name)), None)
    days = retention.retention_days(_root(context), name)
    return {
        "logGroupName": name,
        "creationTime": 0 if first is None else first.first_ms,
        "metricFilterCount": 0,
        **({} if days is None else {"retentionInDays": days}),
        "arn": f"{arn}:*",
        "storedBytes": 0,
        "logGroupClass": "STANDARD",
        "logGroupArn": arn,
    }


def _stream(context: RequestContext, group: str, info: StreamInfo) -> dict[str, Any]:
    where = f"arn:aws:logs:{context.region}:{context.account_id}:log-group:{group}"
    return {
        "logStreamName": info.name,
        "creationTime": info.first_ms,
        "firstEventTimestamp": info.first_ms,
        "lastEventTimestamp": info.last_ms,
        "lastIngestionTime": info.last_ms,
        "arn": f"{where}:log-stream:{info.name}",
        "storedBytes": info.n_bytes,
    }


def _bound(context: RequestContext) -> dict[str, Any]:
    """What a token belongs to: the query but for its place and the size of its pages."""
    members = {k: v for k, v in context.parameters.items() if k not in _PAGING_MEMBERS}
    return query_of(dataclasses.replace(context, parameters=members))


def _token(context: RequestContext, key: tuple[Any, ...]) -> str:
    return make_token(key, query=_bound(context), secret=token_secret(context))


def _after(context: RequestContext, token: str | None) -> tuple[Any, ...] | None:
    if token is None:
        return None
    return read_token(token, query=_bound(context), secret=token_secret(context))
