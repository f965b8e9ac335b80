"""CloudWatch Logs as boto3 and the SageMaker SDK ask for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from labelwright.logstreams import StreamWriter, stream_path
from labelwright.logstreams.retention import remove_expired

GROUP = "/aws/sagemaker/TrainingJobs"
T0 = 1_700_000_000_000
Write = Callable[..., None]


@pytest.fixture
def logs(served: Any) -> Any:
    return served.client("logs")


@pytest.fixture
def write(served: Any) -> Write:
    def write(stream: str, *messages: str, group: str = GROUP, at: int = T0, step: int = 1000) -> None:
        with StreamWriter(stream_path(served.data_dir / "logs", group, stream)) as writer:
            writer.write_many((at + i * step, message) for i, message in enumerate(messages))

    return write


def test_groups_that_are_always_there_and_others(logs: Any, write: Write) -> None:
    assert [g["logGroupName"] for g in logs.describe_log_groups()["logGroups"]] == [
        "/aws/sagemaker/TrainingJobs", "/aws/sagemaker/TransformJobs",
    ]  # fmt: skip
    write("AllTraffic/i-1", "ping", group="/aws/sagemaker/Endpoints/cats")
    write("2026/11/29/[$LATEST]0a", "START", group="/aws/lambda/pre-cats")
    found = logs.describe_log_groups(logGroupNamePrefix="/aws/sagemaker/E")["logGroups"]
    assert found[0]["arn"] == (
        "arn:aws:logs:eu-west-1:000000000000:log-group:/aws/sagemaker/Endpoints/cats:*"
    )
    assert (found[0]["creationTime"], len(found)) == (T0, 1)
    found = logs.describe_log_groups(logGroupNamePattern="CATS")["logGroups"]
    assert [g["logGroupName"] for g in found] == ["/aws/lambda/pre-cats", "/aws/sagemaker/Endpoints/cats"]
    pages = logs.get_paginator("describe_log_groups").paginate(PaginationConfig={"PageSize": 3})
    assert [len(page["logGroups"]) for page in pages] == [3, 1]
    stream = logs.describe_log_streams(logGroupName="/aws/lambda/pre-cats")["logStreams"][0]
    events = logs.get_log_events(logGroupName="/aws/lambda/pre-cats", logStreamName=stream["logStreamName"])[
        "events"
    ]
    assert events == [{"timestamp": T0, "message": "START", "ingestionTime": T0}]


def test_absent_groups_and_streams_are_named_as_clients_expect(logs: Any) -> None:
    for call, text in (
        (lambda: logs.describe_log_streams(logGroupName="/aws/sagemaker/Endpoints/none"), "group"),
        (lambda: logs.get_log_events(logGroupName="/none", logStreamName="s"), "group"),
        (lambda: logs.get_log_events(logGroupName=GROUP, logStreamName="none/algo-1"), "stream"),
        (lambda: logs.filter_log_events(logGroupName=GROUP, logStreamNames=["none"]), "stream"),
        (lambda: logs.filter_log_events(logGroupName="/none"), "group"),
    ):
        with pytest.raises(ClientError) as caught:
            call()
        assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"
        assert caught.value.response["Error"]["Message"] == f"The specified log {text} does not exist."
    assert logs.describe_log_streams(logGroupName=GROUP)["logStreams"] == []
    assert logs.filter_log_events(logGroupName=GROUP)["events"] == []


def test_streams_by_prefix_in_pages_and_by_time(logs: Any, write: Write) -> None:
    for i in range(3):
        write(f"cats/algo-{i + 1}-17", f"line {i}", at=T0 + 5000 - i)
    write("cats-2/algo-1-17", "other")
    query = {"logGroupName": GROUP, "logStreamNamePrefix": "cats/", "orderBy": "LogStreamName"}
    first = logs.describe_log_streams(**query, limit=1)
    assert first["logStreams"][0] == {
        "logStreamName": "cats/algo-1-17", "creationTime": T0 + 5000, "firstEventTimestamp": T0 + 5000,
        "lastEventTimestamp": T0 + 5000, "lastIngestionTime": T0 + 5000,
        "arn": f"arn:aws:logs:eu-west-1:000000000000:log-group:{GROUP}:log-stream:cats/algo-1-17",
        "storedBytes": 21,
    }  # fmt: skip
    rest = logs.describe_log_streams(**query, nextToken=first["nextToken"])
    assert [s["logStreamName"] for s in rest["logStreams"]] == ["cats/algo-2-17", "cats/algo-3-17"]
    assert "nextToken" not in rest  # clients go on for as long as there is one
    pages = logs.get_paginator("describe_log_streams").paginate(
        logGroupName=GROUP, orderBy="LastEventTime", descending=True, PaginationConfig={"PageSize": 2}
    )
    assert [s["logStreamName"] for page in pages for s in page["logStreams"]] == [
        "cats/algo-1-17", "cats/algo-2-17", "cats/algo-3-17", "cats-2/algo-1-17",
    ]  # fmt: skip
    with pytest.raises(ClientError, match="InvalidParameterException"):
        logs.describe_log_streams(logGroupName=GROUP, orderBy="LastEventTime", logStreamNamePrefix="c")


def test_a_client_that_follows_sees_every_line_once(logs: Any, write: Write) -> None:
    """As the SageMaker SDK does: from the last time that it saw, leaving out what it saw of that time."""
    stream = {"logGroupName": GROUP, "logStreamName": "cats/algo-1-17", "startFromHead": True}
    seen: list[str] = []
    at = skip = 0
    for k in range(4):
        write("cats/algo-1-17", *(f"{k}.{i}" for i in range(5)), at=T0 + k // 2, step=0)
        token: dict[str, str] = {}
        n_to_skip = skip
        while True:
            page = logs.get_log_events(**stream, startTime=at, limit=2, **token)
            token = {"nextToken": page["nextForwardToken"]}
            if not page["events"]:
                break
            for event in page["events"]:
                if n_to_skip:
                    n_to_skip -= 1
                    continue
                seen.append(event["message"])
                skip = skip + 1 if event["timestamp"] == at else 1
                at = event["timestamp"]
    assert seen == [f"{k}.{i}" for k in range(4) for i in range(5)]


def test_without_a_token_the_newest_lines_come(logs: Any, write: Write) -> None:
    write("s", *(f"line {i}" for i in range(10)))
    newest = logs.get_log_events(logGroupName=GROUP, logStreamName="s", limit=3)
    assert [event["message"] for event in newest["events"]] == ["line 7", "line 8", "line 9"]
    older = logs.get_log_events(
        logGroupName=GROUP, logStreamName="s", limit=3, nextToken=newest["nextBackwardToken"]
    )
    assert [event["message"] for event in older["events"]] == ["line 4", "line 5", "line 6"]
    group = f"arn:aws:logs:eu-west-1:000000000000:log-group:{GROUP}"
    part = logs.get_log_events(
        logGroupIdentifier=group, logStreamName="s", startTime=T0 + 2000, endTime=T0 + 4000
    )
    assert [event["message"] for event in part["events"]] == ["line 2", "line 3"]
    for arguments in ({"nextToken": "nonsense"}, {"logStreamName": "../s"}, {"logGroupName": "/a/../b"}):
        with pytest.raises(ClientError) as caught:
            logs.get_log_events(**{"logGroupName": GROUP, "logStreamName": "s", **arguments})
        assert caught.value.response["Error"]["Code"] in (
            "InvalidParameterException", "ResourceNotFoundException",
        )  # fmt: skip


def test_searching_over_streams(logs: Any, write: Write) -> None:
    write("cats/algo-1-17", "loss=3", "ERROR disk", "loss=1")
    write("cats/algo-2-17", "loss=2", "WARN", at=T0 + 500)
    write("dogs/algo-1-17", "ERROR dog")
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=GROUP, logStreamNamePrefix="cats/", PaginationConfig={"PageSize": 2}
    )
    events = [event for page in pages for event in page["events"]]
    assert [event["message"] for event in events] == ["loss=3", "loss=2", "ERROR disk", "WARN", "loss=1"]
    assert len({event["eventId"] for event in events}) == 5
    found = logs.filter_log_events(logGroupName=GROUP, filterPattern="ERROR")["events"]
    assert [(e["logStreamName"], e["message"]) for e in found] == [
        ("dogs/algo-1-17", "ERROR dog"), ("cats/algo-1-17", "ERROR disk"),
    ]  # fmt: skip
    found = logs.filter_log_events(
        logGroupName=GROUP, logStreamNames=["cats/algo-2-17"], filterPattern="?ERROR ?WARN", startTime=T0
    )["events"]
    assert [event["message"] for event in found] == ["WARN"]
    with pytest.raises(ClientError, match="InvalidParameterException"):
        logs.filter_log_events(logGroupName=GROUP, filterPattern="{ $.x = 1 }")


def test_old_events_are_gone_and_groups_are_deleted(served: Any, logs: Any, write: Write) -> None:
    now = int(served.clock() * 1000)
    group, day = "/aws/lambda/pre-cats", 86_400_000
    logs.create_log_group(logGroupName=group)
    for code, call in (
        ("ResourceAlreadyExistsException", lambda: logs.create_log_group(logGroupName=group)),
        ("InvalidParameterException", lambda: logs.create_log_group(logGroupName="/mine")),
        ("ResourceNotFoundException", lambda: logs.delete_log_group(logGroupName="/aws/lambda/none")),
        ("ResourceNotFoundException", lambda: logs.delete_log_stream(logGroupName=group, logStreamName="s")),
        (
            "InvalidParameterException",
            lambda: logs.put_retention_policy(logGroupName=group, retentionInDays=2),
        ),
    ):
        with pytest.raises(ClientError) as caught:
            call()
        assert caught.value.response["Error"]["Code"] == code
    write("2026/01/01/[1]a", "long ago", group=group, at=now - 5 * day)
    write("2026/01/02/[1]b", "old", "new", group=group, at=now - 4 * day, step=4 * day - 1000)
    logs.put_retention_policy(logGroupName=group, retentionInDays=3)
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["retentionInDays"] == 3
    assert [e["message"] for e in logs.filter_log_events(logGroupName=group)["events"]] == ["new"]
    shown = logs.get_log_events(logGroupName=group, logStreamName="2026/01/01/[1]a", startFromHead=True)
    assert shown["events"] == []
    root = served.data_dir / "logs"
    assert remove_expired(root, now_ms=now) == 1
    assert [s["logStreamName"] for s in logs.describe_log_streams(logGroupName=group)["logStreams"]] == [
        "2026/01/02/[1]b"
    ]
    assert sorted(p.name for p in (root / "aws/lambda/pre-cats/2026/01").iterdir()) == ["02"]
    logs.delete_retention_policy(logGroupName=group)
    assert len(logs.filter_log_events(logGroupName=group)["events"]) == 2
    with StreamWriter(stream_path(root, group, "2026/01/02/[1]b")) as writer:
        writer.write(now, "more")
        with pytest.raises(ClientError, match=r"OperationAbortedException.*being written"):
            logs.delete_log_stream(logGroupName=group, logStreamName="2026/01/02/[1]b")
    logs.delete_log_stream(logGroupName=group, logStreamName="2026/01/02/[1]b")
    assert logs.describe_log_streams(logGroupName=group)["logStreams"] == []
    write("s", "line", group=group)
    logs.delete_log_group(logGroupName=group)
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"] == []
    write("cats/algo-1", "line")
    logs.delete_log_group(logGroupName=GROUP)
    assert logs.describe_log_streams(logGroupName=GROUP)["logStreams"] == []
