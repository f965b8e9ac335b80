"""The door itself: signatures, errors and limits, before any operation matters."""

from __future__ import annotations

import http.client
import json
import logging
from typing import Any
from urllib.parse import urlsplit

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from labelwright.api import door

JSON = "application/x-amz-json-1.1"


def post(
    served: Any,
    body: bytes,
    *,
    target: str = "SageMaker.ListWorkteams",
    service: str = "sagemaker",
    content_type: str = JSON,
    sign: bool = True,
    path: str = "/",
    tamper: bytes | None = None,
) -> tuple[int, dict[str, str], bytes]:
    """One signed request with exactly this body."""
    headers = {"Content-Type": content_type}
    if target:
        headers["X-Amz-Target"] = target
    request = botocore.awsrequest.AWSRequest("POST", served.url + path, headers=headers, data=body)
    if sign:
        credentials = botocore.credentials.Credentials(served.access_key_id, served.secret)
        botocore.auth.SigV4Auth(credentials, service, served.region).add_auth(request)
    connection = http.client.HTTPConnection(urlsplit(served.url).netloc, timeout=30)
    connection.request("POST", path, body=tamper or body, headers=dict(request.headers.items()))
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, {k.lower(): v for k, v in answer.getheaders()}, content


def test_answer_carries_a_request_id_and_the_protocols_content_type(served: Any) -> None:
    status, headers, body = post(served, b"{}")
    assert status == 200
    assert headers["content-type"] == JSON
    assert len(headers["x-amzn-requestid"]) == 36
    assert json.loads(body) == {"Workteams": []}


def test_wrong_secret_is_refused(served: Any) -> None:
    client = served.client("sagemaker", aws_secret_access_key="x" * 40)
    with pytest.raises(ClientError, match=r"InvalidSignatureException.*does not match") as caught:
        client.list_workteams()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_unknown_key_is_refused(served: Any) -> None:
    client = served.client("sagemaker", aws_access_key_id="LKIAUNKNOWN")
    with pytest.raises(ClientError, match=r"UnrecognizedClientException.*LKIAUNKNOWN"):
        client.list_workteams()
    client = served.client("sts", aws_access_key_id="LKIAUNKNOWN")
    with pytest.raises(ClientError, match=r"InvalidClientTokenId.*LKIAUNKNOWN"):
        client.get_caller_identity()


def test_clock_skew_is_refused(served: Any) -> None:
    served.clock.offset_s = 16 * 60
    with pytest.raises(ClientError, match=r"InvalidSignatureException.*15 minutes"):
        served.client("sagemaker").list_workteams()
    served.clock.offset_s = -14 * 60
    served.client("sagemaker").list_workteams()


def test_unsigned_requests_are_refused(served: Any) -> None:
    status, _, body = post(served, b"{}", sign=False)
    assert status == 403
    assert json.loads(body)["__type"] == "MissingAuthenticationTokenException"
    form = "application/x-www-form-urlencoded"
    status, headers, body = post(
        served, b"Action=GetCallerIdentity", sign=False, target="", content_type=form
    )
    assert status == 403
    assert headers["content-type"] == "text/xml"
    assert b"<Code>MissingAuthenticationToken</Code>" in body


def test_changed_body_is_refused(served: Any) -> None:
    status, _, body = post(served, b'{"MaxResults": 1}', tamper=b'{"MaxResults": 9}')
    assert status == 403
    assert json.loads(body)["__type"] == "InvalidSignatureException"


def test_operation_that_is_missing_here_is_named_and_not_retried(served: Any) -> None:
    client = served.client(
        "sagemaker", config=Config(retries={"mode": "standard", "max_attempts": 3}, read_timeout=10)
    )
    with pytest.raises(ClientError, match=r"NotImplementedException.*CreateApp is not implemented") as caught:
        client.create_app(DomainId="d", UserProfileName="u", AppType="JupyterServer", AppName="a")
    assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 0
    with pytest.raises(ClientError, match=r"NotImplemented.*GetFederationToken is not implemented"):
        served.client("sts").get_federation_token(Name="someone")


def test_service_that_is_missing_here_is_named(served: Any) -> None:
    with pytest.raises(ClientError, match=r"NotImplementedException.*'ecr' is not implemented"):
        served.client("ecr").describe_repositories()
    with pytest.raises(ClientError, match=r"NotImplementedException.*'sqs' is not implemented"):
        served.client("sqs").list_queues()


def test_rest_services_are_refused_in_their_own_form(served: Any) -> None:
    for service, call in (("lambda", "list_functions"), ("lambda", "get_account_settings")):
        client = served.client(service, aws_secret_access_key="x" * 40)
        with pytest.raises(ClientError, match=r"\(InvalidSignatureException\).*: The request signature we"):
            getattr(client, call)()
    runtime = served.client("sagemaker-runtime", aws_access_key_id="LKIAUNKNOWN")
    with pytest.raises(ClientError, match=r"\(UnrecognizedClientException\).*: The access key id"):
        runtime.invoke_endpoint(EndpointName="e", Body=b"x")


def test_operation_nobody_has(served: Any) -> None:
    for target in ("SageMaker.MakeCoffee", "Kitchen.MakeCoffee", ""):
        status, _, body = post(served, b"{}", target=target)
        assert (status, json.loads(body)["__type"]) == (400, "UnknownOperationException"), target


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "not valid JSON"),
        (b"[]", "not a JSON object"),
        (b'{"NameContains": "\xff"}', "not valid JSON"),
        (b'{"NameContains": 5}', "NUMBER_VALUE at 'nameContains' can not be converted to a String"),
        (b'{"MaxResults": "5"}', "STRING_VALUE at 'maxResults' can not be converted to an Integer"),
        (b'{"MaxResults": true}', "TRUE_VALUE at 'maxResults'"),
    ],
)
def test_malformed_bodies(served: Any, body: bytes, words: str) -> None:
    status, _, answer = post(served, body)
    error = json.loads(answer)
    assert (status, error["__type"]) == (400, "SerializationException")
    assert words in error["message"]
    assert error["Message"] == error["message"]


def test_unknown_and_null_members_are_ignored(served: Any) -> None:
    status, _, body = post(served, b'{"Surprise": {"a": [1]}, "MaxResults": null}')
    assert (status, json.loads(body)) == (200, {"Workteams": []})


def test_all_violations_come_in_one_answer(served: Any) -> None:
    request = {"WorkteamName": "-bad-", "MemberDefinitions": [], "Description": "d" * 201}
    status, _, body = post(served, json.dumps(request).encode(), target="SageMaker.CreateWorkteam")
    error = json.loads(body)
    assert (status, error["__type"]) == (400, "ValidationException")
    message = error["message"]
    assert message.startswith(
        "3 validation errors detected: Value '-bad-' at 'workteamName' failed to satisfy"
    )
    assert "constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9])" in message
    assert (
        "at 'memberDefinitions' failed to satisfy constraint: Member must have length greater than" in message
    )
    assert (
        "at 'description' failed to satisfy constraint: Member must have length less than or equal to 200"
        in (message)
    )


def test_large_bodies_are_refused_with_a_readable_answer(served: Any) -> None:
    status, _, body = post(served, b" " * (door.MAX_BODY_BYTES + 1))
    assert (status, json.loads(body)["__type"]) == (413, "RequestEntityTooLargeException")
    assert post(served, b" " * (door.MAX_BODY_BYTES // 8) + b"{}")[0] == 200


def test_a_bug_of_ours_says_nothing_but_its_request_id(
    served: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    served.app.context.database.write(lambda c: c.exec_driver_sql("DROP TABLE workforces"))
    with caplog.at_level(logging.ERROR, logger="labelwright"):
        status, headers, body = post(served, b"{}", target="SageMaker.ListWorkforces")
    error = json.loads(body)
    assert (status, error["__type"]) == (500, "InternalFailure")
    assert headers["x-amzn-requestid"] in error["message"]
    assert "workforces" not in error["message"]
    records = [r for r in caplog.records if getattr(r, "request_id", "") == headers["x-amzn-requestid"]]
    assert any(r.exc_info for r in records)


def test_caller_identity(served: Any) -> None:
    identity = served.client("sts").get_caller_identity()
    assert identity["Account"] == "000000000000"
    assert identity["Arn"] == "arn:aws:sts::000000000000:assumed-role/LabelwrightRole/labelwright"


def test_temporary_credentials_work_until_they_end(served: Any) -> None:
    sts = served.client("sts")
    answer = sts.assume_role(
        RoleArn="arn:aws:iam::000000000000:role/path/labeling", RoleSessionName="night", DurationSeconds=900
    )
    assert answer["AssumedRoleUser"]["Arn"] == "arn:aws:sts::000000000000:assumed-role/labeling/night"
    for made in (answer["Credentials"], sts.get_session_token()["Credentials"]):
        keys = {
            "aws_access_key_id": made["AccessKeyId"],
            "aws_secret_access_key": made["SecretAccessKey"],
            "aws_session_token": made["SessionToken"],
        }
        assert served.client("sagemaker", **keys).list_workteams()["Workteams"] == []
        assert served.client("s3", **keys).list_buckets()["Buckets"] == []
        later = made["AccessKeyId"][:4] + "Z" + made["AccessKeyId"][5:]
        with pytest.raises(ClientError, match="InvalidSignatureException"):
            served.client("sagemaker", **{**keys, "aws_access_key_id": later}).list_workteams()
    credentials = served.app.context.credentials
    key = answer["Credentials"]["AccessKeyId"]
    end = answer["Credentials"]["Expiration"].timestamp()
    assert credentials.secret_for(key, end - 1) == answer["Credentials"]["SecretAccessKey"]
    assert credentials.secret_for(key, end) is None
    assert credentials.secret_for("LTIA!") is None
    others = sts.assume_role(RoleArn="arn:aws:iam::123456789012:role/labeling", RoleSessionName="night")
    assert others["AssumedRoleUser"]["Arn"] == "arn:aws:sts::123456789012:assumed-role/labeling/night"
    with pytest.raises(ClientError, match=r"AccessDenied.*not the ARN of a role"):
        sts.assume_role(RoleArn="arn:aws:iam::000000000000:user/labeling", RoleSessionName="night")
    with pytest.raises(ClientError, match=r"ValidationError.*'durationSeconds'.*less than or equal to"):
        sts.assume_role(
            RoleArn="arn:aws:iam::000000000000:role/r", RoleSessionName="night", DurationSeconds=10**6
        )
