"""Jobs with functions of the user's own; the functions are Python callables here, called as the runner is."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from labeling_workshop import Clock, Workshop, label, lines, make_workshop

from labelwright.engine.advancing import Memo, advance
from labelwright.errors import Busy, LabelwrightError, NotFound
from labelwright.functions import Invocation, RunnerClosed

ARN = "arn:aws:lambda:eu-west-1:000000000000:function"
PRE, POST = f"{ARN}:prepare", f"{ARN}:decide:live"
BOTH = {
    "PreHumanTaskLambdaArn": PRE,
    "AnnotationConsolidationConfig": {"AnnotationConsolidationLambdaArn": POST},
}
LINES = lines(*({"source": f"text {i}", "n": i} for i in range(4)))


class Functions:
    """Functions by ARN; a callable gets the event and returns what is to be answered, or raises."""

    def __init__(self) -> None:
        self.by_arn: dict[str, Callable[[Any], Any]] = {}
        self.events: list[tuple[str, Any]] = []
        self.timeouts: set[tuple[str, float]] = set()
        self.lock = threading.Lock()

    def invoke(
        self, arn: str, event: bytes, *, timeout_s: float, answer_bytes_max: int = 6_291_456
    ) -> Invocation:
        given = json.loads(event)
        with self.lock:
            self.events.append((arn, given))
            self.timeouts.add((arn, timeout_s))
        try:
            answer = self.by_arn[arn](given)
        except LabelwrightError:
            raise
        except Exception as error:
            about = {"errorType": type(error).__name__, "errorMessage": str(error)}
            return Invocation(json.dumps(about).encode(), "Unhandled")
        return Invocation(answer if isinstance(answer, bytes) else json.dumps(answer).encode())

    def asked(self, arn: str) -> list[Any]:
        return [event for name, event in self.events if name == arn]


def prepare(event: Any) -> Any:
    return {"taskInput": {"shown": event["dataObject"]["source"].upper()}}


@pytest.fixture
def functions() -> Functions:
    made = Functions()
    made.by_arn[PRE] = prepare
    return made


@pytest.fixture(params=["sqlite"])
def shop(
    request: pytest.FixtureRequest, tmp_path: Path, clock: Clock, functions: Functions
) -> Iterator[Workshop]:
    options = {}
    if request.param == "postgres":
        options["database_url"] = request.getfixturevalue("postgres_url")
    shop = make_workshop(tmp_path / "data", clock, functions, **options)

    def decide(event: Any) -> Any:
        items = json.loads(shop.read(event["payload"]["s3Uri"]))
        out = []
        for item in items:
            votes = [
                json.loads(a["annotationData"]["content"])["crowd-image-classifier"]["label"]
                for a in item["annotations"]
            ]
            best, n = Counter(votes).most_common(1)[0]
            content = {event["labelAttributeName"]: {"label": best, "votes": n}}
            out.append(
                {"datasetObjectId": item["datasetObjectId"], "consolidatedAnnotation": {"content": content}}
            )
        return out

    functions.by_arn[POST] = decide
    yield shop
    shop.engine.stop()
    shop.database.close()
    shop.blobs.close()


def create(shop: Workshop, *, manifest: bytes = LINES, **options: Any) -> int:
    job_id = shop.create(manifest=manifest, kind=None, **{"n_workers": 2, **BOTH, **options})
    shop.settle()
    return job_id


def finish(shop: Workshop) -> None:
    shop.clock.tick(100)
    shop.settle()


def answer_all(shop: Workshop, who: str = "ab", name: str = "bolt") -> list[str]:
    seen = []
    for worker in who:
        while (task := shop.take(worker)) is not None:
            shop.submit(worker, task, label(name))
            seen.append(task.object_id)
    return seen


def failures(shop: Workshop) -> list[str | None]:
    return [line.get("parts-metadata", {}).get("failure-reason") for line in shop.output()]


def test_both_functions(shop: Workshop, functions: Functions) -> None:
    job_id = create(shop, labels=["bolt", "nut"])
    task = shop.take("a")
    assert task is not None
    assert task.input == {"shown": "TEXT 0"}
    assert sorted(e["dataObject"]["n"] for e in functions.asked(PRE)) == [0, 1, 2, 3]
    assert functions.asked(PRE)[0] == {
        "version": "2018-10-16",
        "labelingJobArn": "arn:aws:sagemaker:eu-west-1:000000000000:labeling-job/parts-a",
        "dataObject": functions.asked(PRE)[0]["dataObject"],
    }
    shop.submit("a", task, label("nut"))
    answer_all(shop, "ab", "bolt")
    finish(shop)
    job = shop.job(job_id)
    assert (job.status, job.n_human, job.n_failed) == ("Completed", 4, 0)
    output = shop.output()
    assert [line["parts"]["votes"] for line in output] == [1, 2, 2, 2]
    # As real outputs of custom jobs: milliseconds, padded, where built-in types tell objects apart by more.
    assert all(line["parts-metadata"]["creation-date"].endswith("000") for line in output)
    assert shop.raw_output()[1] == (
        '{"source":"text 1","n":1,"parts":{"label":"bolt","votes":2},"parts-metadata":{"type":'
        '"groundtruth/custom","job-name":"Parts-A","human-annotated":"yes","creation-date":"DATE"}}\n'
    )
    (event,) = functions.asked(POST)
    assert event == {
        "version": "2018-10-16",
        "labelingJobArn": "arn:aws:sagemaker:eu-west-1:000000000000:labeling-job/parts-a",
        "labelCategories": ["bolt", "nut"],
        "labelAttributeName": "parts",
        "roleArn": "arn:aws:iam::000000000000:role/label",
        "outputConfig": "s3://acme/out/Parts-A/annotations",
        "payload": event["payload"],
    }
    folder = "out/Parts-A/annotations/consolidated-annotation/consolidation-"
    assert event["payload"]["s3Uri"].removeprefix("s3://acme/") in shop.keys(f"{folder}request/iteration-1/")
    (response,) = shop.keys(f"{folder}response/iteration-1/")
    answered = json.loads(shop.read(f"s3://acme/{response}"))
    assert [item["datasetObjectId"] for item in answered] == ["0", "1", "2", "3"]
    assert functions.timeouts == {(PRE, 60.0), (POST, 300.0)}


@pytest.mark.postgres
@pytest.mark.parametrize("shop", ["postgres"], indirect=True)
def test_both_functions_on_postgresql(shop: Workshop, functions: Functions) -> None:
    functions.by_arn[PRE] = lambda event: (
        {"isHumanAnnotationRequired": False} if event["dataObject"]["n"] == 3 else prepare(event)
    )
    job_id = create(shop, MaxConcurrentTaskCount=2)
    for _ in range(2):
        answer_all(shop)
        finish(shop)
    job = shop.job(job_id)
    assert (job.status, job.n_human, job.n_failed, job.iteration) == ("Completed", 3, 0, 2)


@pytest.mark.parametrize(
    "answer",
    [
        {"taskInput": {}, "isHumanAnnotationRequired": False},
        {"taskInput": {}, "isHumanAnnotationRequired": "false"},
        {"taskInput": {}, "humanAnnotationRequired": "False"},
        {"humanAnnotationRequired": False},
    ],
)
def test_objects_that_need_nobody_pass_through(shop: Workshop, functions: Functions, answer: Any) -> None:
    functions.by_arn[PRE] = lambda event: answer if event["dataObject"]["n"] % 2 else prepare(event)
    job_id = create(shop)
    assert answer_all(shop) == ["0", "2", "0", "2"]
    finish(shop)
    job = shop.job(job_id)
    assert (job.status, job.n_human, job.n_failed) == ("Completed", 2, 0)
    assert job.counters.n_unlabeled == 2
    assert shop.raw_output()[1] == LINES.decode().splitlines(keepends=True)[1]


def test_a_job_of_which_nothing_needs_anybody_is_completed(shop: Workshop, functions: Functions) -> None:
    functions.by_arn[PRE] = lambda event: {"isHumanAnnotationRequired": False}
    job_id = create(shop)
    finish(shop)
    assert shop.job(job_id).status == "Completed"
    assert shop.read("s3://acme/out/Parts-A/manifests/output/output.manifest") == LINES


def test_one_object_fails_after_three_attempts_and_the_job_goes_on(
    shop: Workshop, functions: Functions
) -> None:
    def pre(event: Any) -> Any:
        if event["dataObject"]["n"] == 2:
            raise ValueError("no picture")
        return prepare(event)

    functions.by_arn[PRE] = pre
    job_id = create(shop)
    assert answer_all(shop) == ["0", "1", "3"] * 2
    finish(shop)
    job = shop.job(job_id)
    assert (job.status, job.n_human, job.n_failed) == ("Completed", 3, 1)
    assert failures(shop)[2] == (
        f"ClientError: Exception invoking the Lambda function {PRE}. LambdaErrorCode: Unhandled. Ensure the "
        "Lambda function exists, that the role arn:aws:iam::000000000000:role/label has permissions to "
        "invoke it and try your request again. (ValueError: no picture)"
    )
    assert Counter(e["dataObject"]["n"] for e in functions.asked(PRE)) == {0: 1, 1: 1, 2: 3, 3: 1}


def test_a_passing_trouble_costs_nothing(shop: Workshop, functions: Functions) -> None:
    tried: Counter[int] = Counter()

    def pre(event: Any) -> Any:
        n = event["dataObject"]["n"]
        tried[n] += 1
        if tried[n] < 3:
            raise Busy("later")
        return prepare(event)

    functions.by_arn[PRE] = pre
    job_id = create(shop)
    answer_all(shop)
    finish(shop)
    assert shop.job(job_id).n_human == 4


@pytest.mark.parametrize(
    ("answer", "match"),
    [
        ([1], r"answered \[1\] instead of"),
        ({"taskInput": "x"}, 'taskInput: "x"; taskInput must be a JSON object'),
        ({}, "no taskInput"),
        ({"taskInput": {}, "isHumanAnnotationRequired": 7}, "must be true or false"),
        (b"nonsense", "not JSON"),
    ],
)
def test_what_a_function_may_not_answer(
    shop: Workshop, functions: Functions, answer: Any, match: str
) -> None:
    functions.by_arn[PRE] = lambda event: answer if event["dataObject"]["n"] == 0 else prepare(event)
    create(shop)
    answer_all(shop)
    finish(shop)
    reasons = failures(shop)
    assert reasons[1:] == [None, None, None]
    assert reasons[0] is not None
    assert reasons[0].startswith(f"ClientError: The Lambda function {PRE} ")
    assert re.search(match, reasons[0])
    assert len(functions.asked(PRE)) == 4  # an odd answer is not asked for again


def test_a_job_fails_when_the_first_ten_fail(shop: Workshop, functions: Functions) -> None:
    functions.by_arn[PRE] = lambda event: 1 / 0
    job_id = create(shop, manifest=lines(*({"source": f"t{i}"} for i in range(200))))
    job = shop.job(job_id)
    assert job.status == "Failed"
    assert job.failure_reason is not None
    assert "LambdaErrorCode: Unhandled" in job.failure_reason
    assert len(functions.asked(PRE)) == 30
    assert len(shop.output()) == 200


def test_a_job_fails_when_everything_fails(shop: Workshop, functions: Functions) -> None:
    def gone(event: Any) -> Any:
        raise NotFound(f"Function not found: {PRE}")

    functions.by_arn[PRE] = gone
    job_id = create(shop)
    finish(shop)
    job = shop.job(job_id)
    assert (job.status, job.n_failed) == ("Failed", 4)
    assert job.failure_reason is not None
    assert "LambdaErrorCode: ResourceNotFound" in job.failure_reason


def test_slow_functions_run_side_by_side(shop: Workshop, functions: Functions) -> None:
    barrier = threading.Barrier(4, timeout=30)

    def pre(event: Any) -> Any:
        barrier.wait()
        return prepare(event)

    functions.by_arn[PRE] = pre
    create(shop)
    assert answer_all(shop, "a") == ["0", "1", "2", "3"]


def test_batches_wait_for_the_objects_that_are_prepared(shop: Workshop, functions: Functions) -> None:
    job_id = create(shop, MaxConcurrentTaskCount=2)
    assert answer_all(shop) == ["0", "1", "0", "1"]
    finish(shop)
    assert answer_all(shop) == ["2", "3", "2", "3"]
    finish(shop)
    job = shop.job(job_id)
    assert (job.status, job.n_human, job.iteration) == ("Completed", 4, 2)
    assert len(functions.asked(PRE)) == 4


# -- after the workers ------------------------------------------------------------------------------


def labels_of(*numbers: int, **more: Any) -> list[Any]:
    return [
        {"datasetObjectId": str(n), "consolidatedAnnotation": {"content": {"parts": {"n": n}, **more}}}
        for n in numbers
    ]


def run_with(shop: Workshop, functions: Functions, post: Callable[[Any], Any]) -> Any:
    functions.by_arn[POST] = post
    job_id = create(shop)
    answer_all(shop)
    finish(shop)
    return shop.job(job_id)


def test_objects_left_out_fail_and_unknown_ones_are_ignored(shop: Workshop, functions: Functions) -> None:
    job = run_with(shop, functions, lambda event: labels_of(3, 99, 0, 1))
    assert (job.status, job.n_human, job.n_failed) == ("Completed", 3, 1)
    assert failures(shop)[2] == "ClientError: Annotation consolidation returned no label"
    assert shop.output()[3]["parts"] == {"n": 3}


def test_ids_may_be_numbers(shop: Workshop, functions: Functions) -> None:
    def post(event: Any) -> Any:
        return [{**item, "datasetObjectId": int(item["datasetObjectId"])} for item in labels_of(0, 1, 2, 3)]

    assert run_with(shop, functions, post).n_human == 4


def test_an_entry_for_each_worker_is_taken_as_the_original_example_has_it(
    shop: Workshop, functions: Functions
) -> None:
    last = []

    def post(event: Any) -> Any:
        out = []
        for item in json.loads(shop.read(event["payload"]["s3Uri"])):
            last.append(item["annotations"][-1]["workerId"])
            for annotation in item["annotations"]:
                content = {event["labelAttributeName"]: {"workerId": annotation["workerId"]}}
                out.append({**item, "consolidatedAnnotation": {"content": content}})
        return out

    job = run_with(shop, functions, post)
    assert (job.status, job.n_human, job.n_failed) == ("Completed", 4, 0)
    assert [line["parts"]["workerId"] for line in shop.output()] == last


def test_single_answers_without_sense_fail_alone(shop: Workshop, functions: Functions) -> None:
    def post(event: Any) -> Any:
        return [
            *labels_of(0, 1),
            {"datasetObjectId": "1", "consolidatedAnnotation": None},
            {"datasetObjectId": "2", "consolidatedAnnotation": {"content": "yes"}},
            {"datasetObjectId": "3", "consolidatedAnnotation": {"content": {"other": 1}}},
        ]

    job = run_with(shop, functions, post)
    assert (job.status, job.n_human, job.n_failed) == ("Completed", 1, 3)
    reasons = failures(shop)
    assert reasons[0] is None
    start = "ClientError: Annotation consolidation failed: the function answered "
    assert reasons[1] is not None and reasons[1].startswith(f"{start}consolidatedAnnotation null")
    assert reasons[2] is not None and reasons[2].startswith(f"{start}consolidatedAnnotation")
    assert reasons[3] == f"{start}a content without the key 'parts'; its keys are [\"other\"]"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ([], "Annotation consolidation returned no label."),
        ([{"datasetObjectId": i} for i in range(4)], "it must have a content object."),
    ],
)
def test_a_job_fails_when_no_object_gets_a_label(
    shop: Workshop, functions: Functions, answer: Any, told: str
) -> None:
    job = run_with(shop, functions, lambda event: answer)
    assert (job.status, job.n_failed) == ("Failed", 4)
    assert job.failure_reason is not None
    assert f"The Lambda function {POST} gave no object a label." in job.failure_reason
    assert job.failure_reason.endswith(told)


def test_other_keys_and_metadata_of_the_function(shop: Workshop, functions: Functions) -> None:
    meta = {"model": "m1", "type": "mine", "job-name": "mine"}
    more = {"extra": [1], "source": "changed", "parts-metadata": meta}
    run_with(shop, functions, lambda event: labels_of(0, 1, 2, 3, **more))
    line = shop.output()[0]
    assert list(line) == ["source", "n", "parts", "parts-metadata", "extra"]
    assert (line["source"], line["extra"]) == ("text 0", [1])
    found = line["parts-metadata"]
    assert (found["type"], found["job-name"], found["model"]) == ("groundtruth/custom", "Parts-A", "m1")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"labels": []}, 'answered {"labels":[]} instead of a list'),
        ([{"id": 1}], "entry 0 has no datasetObjectId"),
        (b"\xff\xfe", "not JSON"),
        (None, "answered null"),
    ],
)
def test_a_group_without_sense_fails_whole(
    shop: Workshop, functions: Functions, answer: Any, told: str
) -> None:
    job = run_with(shop, functions, lambda event: answer)
    assert (job.status, job.n_failed) == ("Failed", 4)  # nothing at all was labeled
    assert all(reason is not None and told in reason for reason in failures(shop))
    assert len(functions.asked(POST)) == 1


def test_a_group_whose_function_fails_three_times(shop: Workshop, functions: Functions) -> None:
    def post(event: Any) -> Any:
        raise RuntimeError("no memory")

    job = run_with(shop, functions, post)
    assert job.status == "Failed"
    assert f"Exception invoking the Lambda function {POST}. LambdaErrorCode: Unhandled" in job.failure_reason
    assert "RuntimeError: no memory" in job.failure_reason
    assert len(functions.asked(POST)) == 3
    files = shop.keys("out/Parts-A/annotations/worker-response/")
    assert len(files) == 4  # the answers are not lost


def test_ten_megabytes_are_taken_with_a_warning(
    shop: Workshop, functions: Functions, caplog: pytest.LogCaptureFixture
) -> None:
    job = run_with(shop, functions, lambda event: labels_of(0, 1, 2, 3, blob="x" * 2_500_000))
    assert job.n_human == 4
    assert "a function answered more than Lambda would let through" in caplog.text


def test_only_a_function_before(shop: Workshop, functions: Functions) -> None:
    job_id = create(shop, AnnotationConsolidationConfig=None)
    answer_all(shop)
    finish(shop)
    assert shop.job(job_id).n_human == 4
    line = shop.output()[0]
    assert line["parts"] == {}
    assert "worker-response-ref" in line["parts-metadata"]


def test_only_a_function_after(shop: Workshop, functions: Functions) -> None:
    job_id = create(shop, PreHumanTaskLambdaArn=None)
    task = shop.take("a")
    assert task is not None
    assert task.input == {"source": "text 0", "n": 0}
    answer_all(shop)
    finish(shop)
    assert shop.job(job_id).n_human == 4
    assert functions.asked(PRE) == []


def test_own_function_before_and_built_in_one_after(shop: Workshop) -> None:
    acs = "arn:aws:lambda:us-west-2:081040173940:function:ACS-TextMultiClass"
    job_id = shop.create(
        manifest=LINES,
        kind="TextMultiClass",
        n_workers=2,
        PreHumanTaskLambdaArn=PRE,
        AnnotationConsolidationConfig={"AnnotationConsolidationLambdaArn": acs},
    )
    shop.settle()
    for who in "ab":
        while (task := shop.take(who)) is not None:
            assert task.input["shown"].startswith("TEXT")
            shop.submit(who, task, {"crowd-classifier": {"label": "nut"}})
    finish(shop)
    assert shop.job(job_id).n_human == 4
    assert [line["parts"] for line in shop.output()] == [1, 1, 1, 1]


def test_built_in_function_before_and_own_one_after(shop: Workshop) -> None:
    pre = "arn:aws:lambda:us-west-2:081040173940:function:PRE-TextMultiClass"
    job_id = create(shop, labels=["bolt", "nut"], PreHumanTaskLambdaArn=pre)
    task = shop.take("a")
    assert task is not None
    assert (task.input["taskObject"], task.input["labels"]) == ("text 0", ["bolt", "nut"])
    answer_all(shop)
    finish(shop)
    assert shop.job(job_id).n_human == 4
    assert shop.output()[0]["parts"] == {"label": "bolt", "votes": 2}


# -- stopping and starting again --------------------------------------------------------------------


def test_stopping_while_objects_are_prepared(shop: Workshop, functions: Functions) -> None:
    def pre(event: Any) -> Any:
        if event["dataObject"]["n"] == 1:
            shop.stop(1)
        return prepare(event)

    functions.by_arn[PRE] = pre
    job_id = create(shop)
    finish(shop)
    job = shop.job(job_id)
    assert (job.status, job.n_failed) == ("Stopped", 0)
    assert len(shop.output()) == 4


def test_stopping_waits_for_the_labels_of_what_was_answered(shop: Workshop, functions: Functions) -> None:
    job_id = create(shop)
    answer_all(shop, "a")
    shop.stop(job_id)
    finish(shop)
    job = shop.job(job_id)
    assert (job.status, job.n_human) == ("Stopped", 4)
    assert [line["parts"]["votes"] for line in shop.output()] == [1, 1, 1, 1]


def test_a_call_that_is_cut_off_is_made_again(tmp_path: Path, clock: Clock) -> None:
    """The server ends while functions run: neither the objects nor the answers are lost or doubled."""
    first = Functions()

    def cut(event: Any) -> Any:
        if event["dataObject"]["n"] > 1:
            raise RunnerClosed("stopping")
        return prepare(event)

    first.by_arn[PRE] = cut
    shop = make_workshop(tmp_path / "data", clock, first)
    shop.create(manifest=LINES, kind=None, n_workers=1, **BOTH)
    for _ in range(6):  # the steps that a dying server still does
        advance(shop.engine._tools, 1, Memo())
    shop.engine.stop()
    shop.database.close()
    shop.blobs.close()

    second = Functions()
    second.by_arn[PRE] = prepare
    shop = make_workshop(tmp_path / "data", clock, second)
    second.by_arn[POST] = lambda event: labels_of(
        *(int(item["datasetObjectId"]) for item in json.loads(shop.read(event["payload"]["s3Uri"])))
    )
    try:
        shop.settle()
        assert answer_all(shop, "a") == ["0", "1", "2", "3"]
        finish(shop)
        assert (shop.job(1).status, shop.job(1).n_human) == ("Completed", 4)
        asked = Counter(e["dataObject"]["n"] for e in (*first.asked(PRE), *second.asked(PRE)))
        assert set(asked) == {0, 1, 2, 3}
    finally:
        shop.engine.stop()
        shop.database.close()
        shop.blobs.close()
