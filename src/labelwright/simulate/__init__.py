"""Synthetic workers: rehearse a labeling job against known labels before paying people.

`simulate_job` answers the tasks of a running job through the same worker API that the portal uses, with the
errors real people make, and says what came out: agreement with the truth, speed, and what the job would
cost. The error models (`labelwright.simulate.error_models`) are pure and usable on their own.
"""

from __future__ import annotations

from labelwright.simulate.agreement import (
    BoxAgreement,
    ClassAgreement,
    MaskAgreement,
    SetAgreement,
    match_boxes,
)
from labelwright.simulate.error_models import Skill, draw_skills
from labelwright.simulate.rehearsal import Rehearsal, simulate_job
from labelwright.simulate.truth import (
    BoxTruth,
    ClassTruth,
    MaskTruth,
    SpansTruth,
    TicksTruth,
    TrueBox,
    TrueSpan,
    TruthBook,
    read_truth,
)
from labelwright.simulate.worker_client import WorkerClient, WorkerRefused

__all__ = [
    "BoxAgreement",
    "BoxTruth",
    "ClassAgreement",
    "ClassTruth",
    "MaskAgreement",
    "MaskTruth",
    "Rehearsal",
    "SetAgreement",
    "Skill",
    "SpansTruth",
    "TicksTruth",
    "TrueBox",
    "TrueSpan",
    "TruthBook",
    "WorkerClient",
    "WorkerRefused",
    "draw_skills",
    "match_boxes",
    "read_truth",
    "simulate_job",
]
