"""Functions through unmodified boto3."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import time
import urllib.request
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::000000000000:role/functions"

CODE = """
import json, os, sys

def echo(event, context):
    print("asked", event)
    return {"event": event, "arn": context.invoked_function_arn, "version": context.function_version,
            "colour": os.environ.get("COLOUR"), "ms": context.get_remaining_time_in_millis(),
            "client": getattr(context.client_context, "custom", None)}

def fail(event, context):
    raise KeyError("no such thing")

def copy(event, context):
    import boto3
    s3 = boto3.client("s3")
    body = s3.get_object(Bucket=event["bucket"], Key="in.txt")["Body"].read()
    s3.put_object(Bucket=event["bucket"], Key="out.txt", Body=body.upper())
    return len(body)
"""


def packed(code: str = CODE, name: str = "app.py", **others: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, text in {name: code, **others}.items():
            archive.writestr(zipfile.ZipInfo(each), text)  # without the time: the same bytes each time
    return out.getvalue()


def create(client: Any, name: str = "echo", **options: Any) -> Any:
    arguments = {
        "FunctionName": name,
        "Runtime": "python3.12",
        "Role": ROLE,
        "Handler": f"app.{name}" if name in ("echo", "fail", "copy") else "app.echo",
        "Code": {"ZipFile": packed()},
        "Timeout": 20,
    }
    return client.create_function(**{**arguments, **options})


def payload_of(answer: Any) -> Any:
    return json.loads(answer["Payload"].read())


def refused(code: str, match: str = "") -> Any:
    return pytest.raises(ClientError, match=rf"\({code}\).*{match}")


def test_life_of_a_function(served: Any) -> None:
    client = served.client("lambda")
    made = create(
        client,
        Description="repeats",
        MemorySize=256,
        Environment={"Variables": {"COLOUR": "red"}},
        Tags={"team": "a"},
        Architectures=["x86_64"],
    )
    arn = "arn:aws:lambda:eu-west-1:000000000000:function:echo"
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert (made["FunctionArn"], made["State"], made["Version"]) == (arn, "Active", "$LATEST")
    assert (made["Timeout"], made["MemorySize"], made["Runtime"]) == (20, 256, "python3.12")
    assert made["CodeSha256"] == base64.b64encode(hashlib.sha256(packed()).digest()).decode()
    assert made["CodeSize"] == len(packed())
    client.get_waiter("function_active_v2").wait(FunctionName="echo")

    answer = client.invoke(FunctionName="echo", Payload=b'{"n": 1}', LogType="Tail")
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert "FunctionError" not in answer
    found = payload_of(answer)
    assert (found["event"], found["arn"], found["colour"]) == ({"n": 1}, arn, "red")
    assert 0 < found["ms"] <= 20_000
    log = base64.b64decode(answer["LogResult"]).decode()
    assert "START RequestId" in log and "asked {'n': 1}\n" in log and "Memory Size: 256 MB" in log

    shown = client.get_function(FunctionName=arn)
    assert shown["Configuration"]["Environment"] == {"Variables": {"COLOUR": "red"}}
    assert shown["Tags"] == {"team": "a"}
    with urllib.request.urlopen(shown["Code"]["Location"], timeout=10) as got:
        assert got.read() == packed()

    changed = client.update_function_configuration(
        FunctionName="echo", Environment={"Variables": {"COLOUR": "blue"}}, Timeout=9
    )
    assert (changed["Timeout"], changed["MemorySize"], changed["Description"]) == (9, 256, "repeats")
    assert payload_of(client.invoke(FunctionName="echo"))["colour"] == "blue"

    client.update_function_code(FunctionName="echo", ZipFile=packed("def echo(e, c): return 'new'"))
    assert payload_of(client.invoke(FunctionName=arn)) == "new"
    assert client.get_function_configuration(FunctionName="echo")["LastUpdateStatus"] == "Successful"

    client.delete_function(FunctionName="echo")
    with refused("ResourceNotFoundException", f"Function not found: {arn}"):
        client.get_function(FunctionName="echo")
    with refused("ResourceNotFoundException"):
        client.invoke(FunctionName="echo")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.delete_function(FunctionName="echo")


def test_errors_of_a_function_are_answers(served: Any) -> None:
    client = served.client("lambda")
    create(client, "fail")
    answer = client.invoke(FunctionName="fail", Payload=b"[1, 2]")
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    found = payload_of(answer)
    assert (found["errorType"], found["errorMessage"]) == ("KeyError", "'no such thing'")
    assert "in fail" in found["stackTrace"][0]
    with urllib.request.urlopen(f"{served.url}/metrics", timeout=10) as page:
        lines = page.read().decode().splitlines()
    labels = 'FunctionName="fail",region="eu-west-1"'
    assert f'labelwright_function_invocations_total{{{labels},metric="Errors"}} 1' in lines
    assert f"labelwright_function_seconds_count{{{labels}}} 1" in lines


def test_a_function_reads_and_writes_our_s3(served: Any) -> None:
    s3 = served.client("s3")
    s3.create_bucket(Bucket="function-data", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="function-data", Key="in.txt", Body=b"hello")
    client = served.client("lambda")
    s3.put_object(Bucket="function-data", Key="code.zip", Body=packed())
    create(client, "copy", Code={"S3Bucket": "function-data", "S3Key": "code.zip"}, MemorySize=256)
    answer = client.invoke(FunctionName="copy", Payload=json.dumps({"bucket": "function-data"}))
    assert payload_of(answer) == 5
    assert s3.get_object(Bucket="function-data", Key="out.txt")["Body"].read() == b"HELLO"


def test_versions_and_aliases(served: Any) -> None:
    client = served.client("lambda")
    create(client)
    first = client.publish_version(FunctionName="echo", Description="one")
    assert (first["Version"], first["Description"]) == ("1", "one")
    assert client.publish_version(FunctionName="echo", Description="one")["Version"] == "1"
    client.create_alias(FunctionName="echo", Name="live", FunctionVersion="1")
    client.update_function_code(
        FunctionName="echo", ZipFile=packed("def echo(e, c): return c.function_version"), Publish=True
    )
    assert payload_of(client.invoke(FunctionName="echo:live"))["version"] == "1"
    assert payload_of(client.invoke(FunctionName="echo", Qualifier="2")) == "2"
    assert payload_of(client.invoke(FunctionName="echo")) == "$LATEST"
    client.update_alias(FunctionName="echo", Name="live", FunctionVersion="2")
    answer = client.invoke(FunctionName="arn:aws:lambda:eu-west-1:000000000000:function:echo:live")
    assert (payload_of(answer), answer["ExecutedVersion"]) == ("2", "2")
    versions = client.list_versions_by_function(FunctionName="echo")["Versions"]
    assert [v["Version"] for v in versions] == ["$LATEST", "1", "2"]
    assert [a["Name"] for a in client.list_aliases(FunctionName="echo")["Aliases"]] == ["live"]
    with refused("InvalidParameterValueException", "alias live"):
        client.delete_function(FunctionName="echo", Qualifier="2")
    client.delete_alias(FunctionName="echo", Name="live")
    client.delete_function(FunctionName="echo", Qualifier="2")
    with refused("ResourceNotFoundException", "Cannot find alias"):
        client.get_alias(FunctionName="echo", Name="live")
    with refused("ResourceNotFoundException"):
        client.invoke(FunctionName="echo", Qualifier="2")
    with refused("InvalidParameterValueException", "does not match the specified"):
        client.invoke(FunctionName="echo:live", Qualifier="1")


def test_listing_in_pages(served: Any) -> None:
    client = served.client("lambda")
    names = [f"part-{i:02}" for i in range(7)]
    for name in reversed(names):
        create(client, name)
    pages = client.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 3})
    found = [[f["FunctionName"] for f in page["Functions"]] for page in pages]
    assert found == [names[:3], names[3:6], names[6:]]
    assert served.client("lambda", region_name="us-west-2").list_functions()["Functions"] == []


def test_events_are_run_later(served: Any) -> None:
    client = served.client("lambda")
    served.client("s3").create_bucket(
        Bucket="event-data", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    code = (
        "import boto3\n"
        "def echo(e, c):\n"
        "    boto3.client('s3').put_object(Bucket='event-data', Key=e['key'], Body=c.aws_request_id)\n"
    )
    create(client, Code={"ZipFile": packed(code)}, MemorySize=256)
    answer = client.invoke(FunctionName="echo", InvocationType="Event", Payload=b'{"key": "done"}')
    assert answer["StatusCode"] == 202
    assert answer["Payload"].read() == b""
    end = time.monotonic() + 20
    keys: list[str] = []
    while not keys and time.monotonic() < end:
        listed = served.client("s3").list_objects_v2(Bucket="event-data")
        keys = [item["Key"] for item in listed.get("Contents", [])]
        time.sleep(0.05)
    body = served.client("s3").get_object(Bucket="event-data", Key="done")["Body"].read().decode()
    assert body == answer["ResponseMetadata"]["RequestId"]
    answer = client.invoke(FunctionName="echo", InvocationType="DryRun", Payload=b"{}")
    assert answer["StatusCode"] == 204


def test_an_event_that_fails_is_tried_three_times(served: Any) -> None:
    from labelwright.store import function_events

    client = served.client("lambda")
    create(client, "fail")
    client.invoke(FunctionName="fail", InvocationType="Event", Payload=b"{}")
    database = served.app.context.database
    seen = []
    for attempt in range(1, 4):
        end = time.monotonic() + 20
        while time.monotonic() < end:
            rows = database.read(lambda c: c.execute(function_events.function_events.select()).all())
            if not rows or rows[0].n_attempts >= attempt:
                break
            time.sleep(0.02)
        seen.append(len(rows))
        served.clock.offset_s += 200
    assert seen == [1, 1, 0]


def test_permissions_and_tags(served: Any) -> None:
    client = served.client("lambda")
    arn = create(client)["FunctionArn"]
    client.add_permission(
        FunctionName="echo",
        StatementId="gt",
        Action="lambda:InvokeFunction",
        Principal="sagemaker.amazonaws.com",
        SourceArn="arn:aws:s3:::x",
    )
    with refused("ResourceConflictException", "statement id"):
        client.add_permission(
            FunctionName="echo", StatementId="gt", Action="lambda:InvokeFunction", Principal="*"
        )
    policy = json.loads(client.get_policy(FunctionName="echo")["Policy"])
    assert [s["Principal"] for s in policy["Statement"]] == [{"Service": "sagemaker.amazonaws.com"}]
    client.remove_permission(FunctionName="echo", StatementId="gt")
    with refused("ResourceNotFoundException"):
        client.get_policy(FunctionName="echo")
    client.tag_resource(Resource=arn, Tags={"a": "1", "b": "2"})
    client.untag_resource(Resource=arn, TagKeys=["a"])
    assert client.list_tags(Resource=arn)["Tags"] == {"b": "2"}


@pytest.mark.parametrize(
    ("options", "code", "match"),
    [
        ({"Code": {"ZipFile": b"no zip"}}, "InvalidParameterValueException", "Could not unzip"),
        ({"Code": {"ZipFile": packed(name="../x.py")}}, "InvalidParameterValueException", "stay inside"),
        ({"Code": {}}, "InvalidParameterValueException", "source for function code"),
        ({"Code": {"S3Bucket": "nowhere", "S3Key": "k"}}, "InvalidParameterValueException", "NoSuchKey"),
        ({"Runtime": "nodejs20.x"}, "InvalidParameterValueException", "python3.11"),
        ({"Layers": ["arn:aws:lambda:eu-west-1:0:layer:x:1"]}, "ValidationException", "layers"),
        ({"Timeout": 901}, "InvalidParameterValueException", "at most 900"),
        (
            {"Environment": {"Variables": {"AWS_REGION": "x"}}},
            "InvalidParameterValueException",
            "reserved keys.*AWS_REGION",
        ),
        (
            {"Environment": {"Variables": {"LONG": "x" * 5000}}},
            "InvalidParameterValueException",
            "exceeded the 4KB",
        ),
        ({"Role": "nobody"}, "ValidationException", "role"),
        ({"FunctionName": "x" * 65}, "InvalidParameterValueException", "at most 64"),
    ],
)  # fmt: skip
def test_what_is_refused(served: Any, options: dict[str, Any], code: str, match: str) -> None:
    with refused(code, match):
        create(served.client("lambda"), **options)


def test_names_in_use_and_stale_revisions(served: Any) -> None:
    client = served.client("lambda")
    made = create(client)
    with refused("ResourceConflictException", "already exist"):
        create(client)
    client.update_function_configuration(FunctionName="echo", Timeout=4)
    with refused("PreconditionFailedException", "RevisionId"):
        client.update_function_configuration(FunctionName="echo", Timeout=5, RevisionId=made["RevisionId"])
    with refused("ResourceNotFoundException", "not reachable in this region"):
        client.get_function(FunctionName="arn:aws:lambda:us-east-1:000000000000:function:echo")


def test_what_is_sent_to_a_function_is_checked(served: Any) -> None:
    client = served.client("lambda")
    create(client)
    with refused("SerializationException|InvalidRequestContentException", "Could not parse request body"):
        client.invoke(FunctionName="echo", Payload=b"{nonsense")
    with refused("RequestTooLargeException", "6291456"):
        client.invoke(FunctionName="echo", Payload=b'"' + b"x" * 6_291_456 + b'"')
    with refused("RequestTooLargeException", "1048576"):
        client.invoke(FunctionName="echo", InvocationType="Event", Payload=b'"' + b"x" * 1_048_576 + b'"')


def test_large_packages_need_a_known_key(served: Any) -> None:
    code = {"ZipFile": packed("x = 1\ndef echo(e, c): return 1\n") + b""}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("app.py", "def echo(e, c): return 1")
        archive.writestr("data.bin", b"\0" * (12 << 20))
    code = {"ZipFile": out.getvalue()}
    create(served.client("lambda"), Code=code)
    stranger = served.client("lambda", aws_access_key_id="AKIASTRANGER12345678")
    with refused("RequestTooLargeException"):
        create(stranger, "other", Code=code)


def test_operations_that_are_missing_are_named(served: Any) -> None:
    client = served.client("lambda")
    with refused("NotImplementedException", "GetAccountSettings is not implemented"):
        client.get_account_settings()
