"""From a row of the outbox to events in the form of EventBridge.

The two kinds that AWS sends through EventBridge look as they do there (``aws.sagemaker``). What AWS writes to
CloudWatch Logs, the job log and the worker activity log, comes in the same envelope with the log entry as
``detail`` and ``labelwright`` as ``source``, so that a receiver reads one form.

An event's ``id`` follows from the job and the row: an event that is sent twice has one id.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Collection, Iterator
from typing import Any

import orjson

from labelwright.config import ACCOUNT_ID
from labelwright.core.arn import team_kind
from labelwright.core.labeling_job import TERMINAL, Status
from labelwright.store.event_tables import OutboxKind
from labelwright.store.outbox import OutboxRow

__all__ = ["JOB_LOG", "KINDS", "WORKER_ACTIVITY", "events_of"]

KINDS = ("job-state", "job-log", "task-status", "worker-activity", "resource-state")
"""Kinds of events, as the setting and the command line name them."""

JOB_LOG = "Labelwright Labeling Job Log"
WORKER_ACTIVITY = "Labelwright Worker Activity"
"""``detail-type`` of what the original writes to its logs service."""

_NAMESPACE = uuid.UUID("5f0c2a4e-6b0d-4c55-9d53-0f6a3c1d7e21")
_RESOURCES = {
    "training-job": "SageMaker Training Job State Change",
    "tuning-job": "SageMaker HyperParameter Tuning Job State Change",
    "transform-job": "SageMaker Transform Job State Change",
    "endpoint": "SageMaker Endpoint State Change",
}
_WORDS = {
    OutboxKind.ACCEPTED: "Accepted",
    OutboxKind.SUBMITTED: "Submitted",
    OutboxKind.DECLINED: "Declined",
    OutboxKind.RETURNED: "Returned",
}


def events_of(row: OutboxRow, kinds: Collection[str] = KINDS) -> Iterator[dict[str, Any]]:
    """The events that a row of the outbox stands for, in order.

    Parameters
    ----------
    row : OutboxRow
    kinds : collection of str
        Those of `KINDS` that are wanted.
    """
    if row.kind is OutboxKind.JOB:
        detail: dict[str, Any] = orjson.loads(row.detail) if row.detail else {}
        if "job-log" in kinds:
            yield _event(row, "job-log", JOB_LOG, "labelwright", _log_entry(row, detail))
        status = detail.get("status")
        if "job-state" in kinds and row.name == "STATUS_CHANGED" and status in {s.value for s in TERMINAL}:
            yield _event(
                row,
                "job-state",
                "SageMaker Ground Truth Labeling Job State Change",
                "aws.sagemaker",
                {"LabelingJobStatus": Status(status).value},
            )
        return
    if row.kind is OutboxKind.RESOURCE:
        if "resource-state" in kinds:
            name = _RESOURCES[row.resource_kind]
            yield _event(row, "resource-state", name, "aws.sagemaker", orjson.loads(row.detail))
        return
    if "task-status" in kinds:
        yield _event(
            row,
            "task-status",
            "SageMaker Ground Truth Labeling Job Task Status Change",
            "aws.sagemaker",
            {
                "State": _WORDS[row.kind],
                "labeling-job-arn": row.job_arn,
                "workteam-team-arn": row.workteam_arn,
            },
        )
    # The log of the original is about private teams only.
    if "worker-activity" in kinds and team_kind(row.workteam_arn) == "private-crowd":
        yield _event(row, "worker-activity", WORKER_ACTIVITY, "labelwright", _activity(row))


def _event(
    row: OutboxRow, kind: str, detail_type: str, source: str, detail: dict[str, Any]
) -> dict[str, Any]:
    return {
        "version": "0",
        "id": str(uuid.uuid5(_NAMESPACE, f"{row.reference_code or row.job_arn}/{row.id}/{kind}")),
        "detail-type": detail_type,
        "source": source,
        "account": ACCOUNT_ID,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(row.at)),
        "region": row.region,
        "resources": [row.job_arn],
        "detail": detail,
    }


def _log_entry(row: OutboxRow, detail: dict[str, Any]) -> dict[str, str]:
    words = " ".join(row.name.split("_")).capitalize()
    status = str(detail.get("status", ""))
    rest = ", ".join(f"{key}: {value}" for key, value in detail.items() if key != "status")
    message = " ".join(part for part in (f"{words}.", f"Status: {status}." if status else "", rest) if part)
    return {
        "labeling-job-name": row.job_name,
        "event-name": row.name,
        "event-log-message": message,
    }


def _activity(row: OutboxRow) -> dict[str, str]:
    code, pool, subject = hashlib.sha256(row.worker_id.encode()).hexdigest()[:16], "", ""
    oidc: dict[str, str] = {}
    if row.identity is not None:
        code = row.identity.public_id.rpartition(".")[2]
        if row.identity.provider == "Oidc":
            oidc = {"oidc_issuer": row.identity.issuer, "oidc_sub": row.identity.subject}
        else:
            pool, subject = row.identity.issuer.rpartition("/")[2], row.identity.subject
    times = dict.fromkeys(("accepted", "submitted", "returned", "declined"), "")
    if row.accepted_at is not None:
        times["accepted"] = _log_time(row.accepted_at)
    word = _WORDS[row.kind]
    times[word.lower()] = _log_time(row.at)
    return {
        "worker_id": code,
        "cognito_user_pool_id": pool,
        "cognito_sub_id": subject,
        **oidc,
        **{f"task_{name}_time": text for name, text in times.items()},
        "workteam_arn": row.workteam_arn,
        "labeling_job_arn": row.job_arn,
        "work_requester_account_id": ACCOUNT_ID,
        "job_reference_code": row.reference_code,
        "job_type": "Private",
        "event_type": f"Tasks{word}",
        "event_timestamp": str(int(row.at)),
    }


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _log_time(at: float) -> str:
    """``Wed Aug 14 16:00:59 UTC 2019``, whatever the locale of the process."""
    t = time.gmtime(at)
    clock = time.strftime("%H:%M:%S", t)
    return f"{_DAYS[t.tm_wday]} {_MONTHS[t.tm_mon - 1]} {t.tm_mday:02d} {clock} UTC {t.tm_year}"
