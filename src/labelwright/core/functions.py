"""The built-in pre- and post-annotation functions: their names, and what each task type is allowed.

``PRE-<suffix>`` and ``ACS-<suffix>`` are recognised whatever region and account their ARN has, so that a
configuration written for any region works. The table holds every documented type; which of them can be run,
and which other packages add, is the business of `labelwright.tasks`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection
from typing import Literal

from labelwright.core.limits import TASK_TIME_S_MAX, TASK_TIME_S_MAX_FRAMES
from labelwright.errors import InvalidRequest

__all__ = [
    "BUILT_IN_ACCOUNTS",
    "CUSTOM",
    "PASS_THROUGH",
    "TASK_KINDS",
    "BuiltIn",
    "TaskKind",
    "kind_of",
    "recognise",
]

CUSTOM = "Custom"
"""Task type of a job without built-in functions."""

PASS_THROUGH = "PassThrough"  # noqa: S105 (a function's name, not a password)
BUILT_IN_ACCOUNTS: dict[str, str] = {
    "us-east-1": "432418664414",
    "us-east-2": "266458841044",
    "us-west-2": "081040173940",
    "ca-central-1": "918755190332",
    "eu-west-1": "568282634449",
    "eu-west-2": "487402164563",
    "eu-central-1": "203001061592",
    "ap-northeast-1": "477331159723",
    "ap-northeast-2": "845288260483",
    "ap-south-1": "565803892007",
    "ap-southeast-1": "377565633583",
    "ap-southeast-2": "454466003867",
}
"""AWS's own account of the built-in functions by region, for requests that we write for others to read."""

_NAME = re.compile(r"arn:aws[a-z\-]*:lambda:[a-z0-9\-]*:[0-9]{12}:function:(PRE|ACS)-([^:]*)(?::[^:]*)?")


@dataclasses.dataclass(frozen=True, slots=True)
class TaskKind:
    """The documented rules on one task type.

    Attributes
    ----------
    suffix : str
        Tail of the function names.
    ref_rule : {"must", "must not", "either"}
        Whether the label attribute name ends in ``-ref``.
    ui : {"template", "built-in", "either"}
        How its worker page is given: ``UiTemplateS3Uri``, ``HumanTaskUiArn``, or one of both.
    ui_name : str
        Last part of its ``HumanTaskUiArn``; empty when it takes a template.
    price : {"class", "box", "mask", "none"}
        Which list of public prices holds; "none" means that the public team is refused.
    is_single_worker : bool
        True when only one worker per object is allowed.
    time_limit_s_max : int
    algorithm : str
        Name of the automated-labeling algorithm, or empty.
    """

    suffix: str
    ref_rule: Literal["must", "must not", "either"] = "must not"
    ui: Literal["template", "built-in", "either"] = "template"
    ui_name: str = ""
    price: Literal["class", "box", "mask", "none"] = "class"
    is_single_worker: bool = False
    time_limit_s_max: int = TASK_TIME_S_MAX
    algorithm: str = ""


def _frames(suffix: str, ui_name: str, *, ref: bool) -> TaskKind:
    return TaskKind(
        suffix,
        ref_rule="must" if ref else "must not",
        ui="built-in",
        ui_name=ui_name,
        price="none",
        is_single_worker=True,
        time_limit_s_max=TASK_TIME_S_MAX_FRAMES,
    )


_KINDS = [
    TaskKind("ImageMultiClass", algorithm="image-classification"),
    TaskKind("ImageMultiClassMultiLabel"),
    TaskKind("BoundingBox", price="box", algorithm="object-detection"),
    TaskKind("SemanticSegmentation", ref_rule="must", price="mask", algorithm="semantic-segmentation"),
    TaskKind("TextMultiClass", algorithm="text-classification"),
    TaskKind("TextMultiClassMultiLabel"),
    # A template for entity recognition is an extension of ours; it does no harm.
    TaskKind("NamedEntityRecognition", ui="either", ui_name="NamedEntityRecognition"),
    TaskKind("VideoMultiClass"),
    TaskKind("VideoClassification"),
    TaskKind("VerificationBoundingBox"),
    TaskKind("VerificationSemanticSegmentation"),
    TaskKind("AdjustmentBoundingBox", price="box"),
    TaskKind("AdjustmentSemanticSegmentation", ref_rule="must", price="mask"),
    *(
        _frames(prefix + suffix, suffix, ref=True)
        for prefix in ("", "Adjustment")
        for suffix in ("VideoObjectDetection", "VideoObjectTracking")
    ),
    *(
        _frames(f"{prefix}3D{suffix}", suffix, ref=suffix != "PointCloudObjectDetection")
        for prefix in ("", "Adjustment")
        for suffix in (
            "PointCloudObjectDetection",
            "PointCloudObjectTracking",
            "PointCloudSemanticSegmentation",
        )
    ),
    TaskKind(PASS_THROUGH, ref_rule="either"),
]

TASK_KINDS: dict[str, TaskKind] = {kind.suffix: kind for kind in _KINDS}
"""Every documented task type by the suffix of its functions."""

_CUSTOM_KIND = TaskKind(CUSTOM, ref_rule="either", ui="either")


@dataclasses.dataclass(frozen=True, slots=True)
class BuiltIn:
    """A built-in function: its role (``PRE`` or ``ACS``) and its task type."""

    role: Literal["PRE", "ACS"]
    suffix: str


def recognise(arn: str, *, field: str, added: Collection[str] = ()) -> BuiltIn | None:
    """The built-in function an ARN names, or None for a function of the caller's own.

    Parameters
    ----------
    arn : str
    field : str
        Member to name in errors.
    added : collection of str, optional
        Suffixes of types that other packages add to the documented ones.

    Raises
    ------
    InvalidRequest
        When the name begins like a built-in one but its type is not known.

    Examples
    --------
    >>> recognise("arn:aws:lambda:eu-west-9:000000000001:function:ACS-BoundingBox", field="x").suffix
    'BoundingBox'
    >>> recognise("arn:aws:lambda:eu-west-1:000000000001:function:my-own", field="x") is None
    True
    """
    match = _NAME.fullmatch(arn)
    if match is None:
        return None
    role, suffix = match.groups()
    if suffix not in TASK_KINDS and suffix not in added:
        raise InvalidRequest(
            f"{field}: {role}-{suffix} is not a built-in function. Use one of "
            f"{', '.join(sorted({*TASK_KINDS, *added}))}, or a function whose name does not begin with "
            f"{role}-.",
            field=field,
            value=arn,
            rule="a known built-in function",
        )
    return BuiltIn("PRE" if role == "PRE" else "ACS", suffix)


def kind_of(
    pre: BuiltIn | None, post: BuiltIn | None, *, has_own_pre: bool = False, has_own_post: bool = False
) -> TaskKind:
    """The task type that a pair of functions selects; custom when there is no built-in one.

    A function of the caller's own may stand in the place of either. What makes labels of the answers decides:
    with a built-in post-annotation function the job is of its type, with an own one it is custom, whatever
    prepares the objects. Types that other packages add have the rules of custom ones: any name, any kind of
    page.

    Raises
    ------
    InvalidRequest
        When the two are of different types, or only one of them is built in (and not the pass-through) and
        the other is missing.
    """
    if has_own_post or (has_own_pre and post is None):
        return _CUSTOM_KIND
    if has_own_pre and post is not None:
        return _kind_named(post.suffix)
    if pre is None or post is None:
        known = pre or post
        if known is None:
            return _CUSTOM_KIND
        if known.suffix == PASS_THROUGH:
            return TASK_KINDS[PASS_THROUGH]
        raise InvalidRequest(
            f"A job of type {known.suffix} needs both functions: PRE-{known.suffix} as "
            f"HumanTaskConfig.PreHumanTaskLambdaArn and ACS-{known.suffix} as HumanTaskConfig."
            "AnnotationConsolidationConfig.AnnotationConsolidationLambdaArn.",
            field="HumanTaskConfig.PreHumanTaskLambdaArn"
            if pre is None
            else "HumanTaskConfig.AnnotationConsolidationConfig.AnnotationConsolidationLambdaArn",
            rule="both functions of one built-in type",
        )
    if pre.suffix != post.suffix:
        raise InvalidRequest(
            f"HumanTaskConfig.PreHumanTaskLambdaArn is of type {pre.suffix} but "
            "HumanTaskConfig.AnnotationConsolidationConfig.AnnotationConsolidationLambdaArn is of type "
            f"{post.suffix}; both must name the same task type.",
            field="HumanTaskConfig.AnnotationConsolidationConfig.AnnotationConsolidationLambdaArn",
            value=post.suffix,
            rule="both functions of one built-in type",
        )
    return _kind_named(pre.suffix)


def _kind_named(suffix: str) -> TaskKind:
    return TASK_KINDS.get(suffix) or dataclasses.replace(_CUSTOM_KIND, suffix=suffix)
