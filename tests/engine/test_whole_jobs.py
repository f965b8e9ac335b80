"""Jobs from creation to their end, seen through their outputs."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from labeling_workshop import Workshop, label, lines, png, run

from labelwright.errors import Conflict, InvalidRequest, NotFound

BOX = {"height": 10, "label": "bolt", "left": 2, "top": 3, "width": 8}


def boxes(*items: dict[str, Any], width: int = 32, height: int = 24) -> dict[str, Any]:
    return {
        "boundingBox": {
            "boundingBoxes": list(items),
            "inputImageProperties": {"height": height, "width": width},
        }
    }


def test_the_consolidation_vector_of_six_objects(shop: Workshop) -> None:
    votes = ["000", "110", "222", "012", "111", "200"]
    text = lines(*({"source": f"text {i}"} for i in range(6)))
    job_id = shop.create(manifest=text, kind="TextMultiClass", labels=["zero", "one", "two"])
    shop.settle()
    for i in range(6):
        for who, vote in zip("abc", votes[i], strict=True):
            answer = {"crowd-classifier": {"label": ["zero", "one", "two"][int(vote)]}}
            assert shop.answer(who, answer, after_s=0.5) == str(i)
    shop.settle()
    assert shop.job(job_id).status == "Completed"
    found = [(line["parts"], line["parts-metadata"]["confidence"]) for line in shop.output()]
    assert found == [(0, 0.94), (1, 0.84), (2, 0.94), (1, 0.43), (1, 0.94), (0, 0.87)]
    dates = [line["parts-metadata"]["creation-date"] for line in shop.output()]
    assert len(set(dates)) == 6
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", date) for date in dates)


def test_files_of_a_group(shop: Workshop, pictures: bytes) -> None:
    job_id = shop.create(manifest=pictures.splitlines(keepends=True)[0], n_workers=2)
    shop.settle()
    shop.answer("a", label("bolt"))
    shop.answer("b", label("bolt"), after_s=3.5)
    shop.settle()
    assert shop.job(job_id).status == "Completed"
    assert shop.keys("out/Parts-A/") == [
        "out/Parts-A/annotations/consolidated-annotation/consolidation-request/iteration-1/2024-05-01_10:00:07.json",
        "out/Parts-A/annotations/consolidated-annotation/consolidation-response/iteration-1/2024-05-01_10:00:07.json",
        "out/Parts-A/annotations/intermediate/1/annotations.json",
        "out/Parts-A/annotations/intermediate/1/annotations.manifest",
        "out/Parts-A/annotations/worker-response/iteration-1/0/2024-05-01_10:00:06.json",
        "out/Parts-A/manifests/output/output.manifest",
        "out/Parts-A/temp/input.manifest",
    ]
    folder = "s3://acme/out/Parts-A/annotations/"
    response = json.loads(shop.read(f"{folder}worker-response/iteration-1/0/2024-05-01_10:00:06.json"))
    first = response["answers"][0]
    assert list(first) == [
        "acceptanceTime",
        "answerContent",
        "submissionTime",
        "timeSpentInSeconds",
        "workerId",
        "workerMetadata",
    ]
    assert first["acceptanceTime"] == "2024-05-01T10:00:00.000Z"
    assert first["submissionTime"] == "2024-05-01T10:00:02.000Z"
    assert first["timeSpentInSeconds"] == 2.0
    assert re.fullmatch(r"private\.eu-west-1\.[0-9a-f]{16}", first["workerId"])
    identity = first["workerMetadata"]["identityData"]
    assert list(identity) == ["identityProviderType", "issuer", "sub"]
    assert identity["sub"] == shop.worker("a")
    request = shop.read(
        f"{folder}consolidated-annotation/consolidation-request/iteration-1/2024-05-01_10:00:07.json"
    )
    content = r'"{\"crowd-image-classifier\":{\"label\":\"bolt\"}}"'
    assert request.decode() == (
        '[{"datasetObjectId":"0","dataObject":{"s3Uri":"s3://acme/in/a.png"},"annotations":['
        + ",".join(
            f'{{"workerId":"{answer["workerId"]}","annotationData":{{"content":{content}}}}}'
            for answer in response["answers"]
        )
        + "]}]"
    )
    reply = json.loads(
        shop.read(
            f"{folder}consolidated-annotation/consolidation-response/iteration-1/2024-05-01_10:00:07.json"
        )
    )
    line = shop.output()[0]
    assert reply == [
        {
            "datasetObjectId": "0",
            "consolidatedAnnotation": {"content": {k: v for k, v in line.items() if k != "source-ref"}},
        }
    ]
    batch = json.loads(shop.read(f"{folder}intermediate/1/annotations.json"))
    assert batch == {**line, "datasetObjectId": "0", "inputAttribute": "source-ref"}


def test_boxes_are_averaged_and_written_in_order(shop: Workshop) -> None:
    shop.put("s3://acme/in/a.png", png(1024, 768))
    shop.create(
        manifest=lines({"source-ref": "s3://acme/in/a.png"}), kind="BoundingBox", labels=["clip", "bolt"]
    )
    shop.settle()
    drawn = [(100, 100, 200, 80), (104, 101, 198, 82), (97, 103, 207, 78)]
    for who, (left, top, width, height) in zip("abc", drawn, strict=True):
        box = {"label": "bolt", "left": left, "top": top, "width": width, "height": height}
        shop.answer(who, boxes(box, width=1024, height=768))
    shop.settle()
    raw = shop.read("s3://acme/out/Parts-A/manifests/output/output.manifest").decode()
    date = json.loads(raw)["parts-metadata"]["creation-date"]
    assert raw == (
        '{"source-ref":"s3://acme/in/a.png","parts":{"image_size":[{"width":1024,"height":768,"depth":3}],'
        '"annotations":[{"class_id":1,"top":101.33333333333337,"left":100.33333333333333,"height":80,'
        '"width":201.66666666666669}]},"parts-metadata":{"objects":[{"confidence":0.96}],"class-map":{"1":"bolt"},'
        f'"type":"groundtruth/object-detection","human-annotated":"yes","creation-date":"{date}",'
        '"job-name":"labeling-job/parts-a"}}\n'
    )


def test_no_boxes_are_a_label(shop: Workshop, pictures: bytes) -> None:
    job_id = shop.create(manifest=pictures, kind="BoundingBox", n_workers=1)
    shop.settle()
    for _ in range(4):
        shop.answer(
            "a", {"renamed": {"boundingBoxes": None, "inputImageProperties": {"height": 24, "width": 32}}}
        )
    shop.settle()
    assert shop.job(job_id).counters.n_human == 4
    line = shop.output()[0]
    assert line["parts"]["annotations"] == []
    assert line["parts-metadata"]["objects"] == []
    assert line["parts-metadata"]["class-map"] == {}


def test_the_image_decides_when_answers_disagree_on_its_size(shop: Workshop, pictures: bytes) -> None:
    shop.create(manifest=pictures, kind="BoundingBox", n_workers=2, MaxConcurrentTaskCount=1)
    shop.settle()
    shop.answer("a", boxes(BOX))
    inside, outside = {**BOX, "left": 30, "width": 9}, {**BOX, "left": 50}
    shop.answer("b", boxes(BOX, inside, outside, width=64, height=48))
    shop.settle()
    label = shop.output()[0]["parts"]
    assert label["image_size"] == [{"width": 32, "height": 24, "depth": 3}]
    # What was drawn for another size ends at the image, too.
    assert [(box["left"], box["width"]) for box in label["annotations"]] == [
        (BOX["left"], BOX["width"]),
        (30, 2),
    ]


@pytest.mark.parametrize("kind", [None, "PassThrough"])
def test_custom_templates_without_functions(shop: Workshop, kind: str | None) -> None:
    manifest = lines({"source": "Where is my parcel?", "ticket": 7})
    shop.create("Intent-1", manifest=manifest, kind=kind, labels=None, lan="intent", n_workers=1)
    shop.settle()
    task = shop.take("a", "Intent-1")
    assert task is not None
    assert task.input == {"source": "Where is my parcel?", "ticket": 7}
    shop.clock.tick(5)
    shop.submit("a", task, {"note": "late", "choice": {"yes": True}})
    shop.settle()
    line = shop.output("Intent-1")[0]
    assert line["intent"] == {}
    metadata = line["intent-metadata"]
    assert list(metadata) == ["type", "job-name", "human-annotated", "creation-date", "worker-response-ref"]
    assert metadata["type"] == "groundtruth/custom"
    assert metadata["job-name"] == "Intent-1"
    answers = json.loads(shop.read(metadata["worker-response-ref"]))["answers"]
    assert answers[0]["answerContent"] == {"choice": {"yes": True}, "note": "late"}


def test_one_worker_means_confidence_zero(shop: Workshop, pictures: bytes) -> None:
    shop.create(manifest=pictures, n_workers=1)
    shop.settle()
    for name in ("nut", "bolt", "washer", "nut"):
        shop.answer("a", label(name))
    shop.settle()
    assert [line["parts"] for line in shop.output()] == [1, 0, 2, 1]
    assert {line["parts-metadata"]["confidence"] for line in shop.output()} == {0.0}


def test_batches_follow_each_other(shop: Workshop, pictures: bytes) -> None:
    job_id = shop.create(manifest=pictures, n_workers=1, MaxConcurrentTaskCount=3)
    shop.settle()
    assert [shop.answer("a", label("nut")) for _ in range(3)] == ["0", "1", "2"]
    assert shop.take("a") is None
    shop.settle()
    assert shop.job(job_id).iteration == 2
    assert shop.answer("a", label("nut")) == "3"
    shop.settle()
    assert shop.job(job_id).status == "Completed"
    folders = {key.split("/")[5] for key in shop.keys("out/Parts-A/annotations/worker-response/")}
    assert folders == {"0", "1", "2", "3"}
    assert any("worker-response/iteration-2/3/" in key for key in shop.keys("out/"))


def test_ready_objects_wait_for_others_for_a_while(shop: Workshop, pictures: bytes) -> None:
    job_id = shop.create(manifest=pictures, n_workers=1)
    shop.settle()
    shop.answer("a", label("nut"))
    due = shop.settle()
    assert shop.job(job_id).n_human == 0
    assert due is not None
    shop.clock.now = due
    shop.settle()
    assert shop.job(job_id).n_human == 1


def test_fifty_ready_objects_do_not_wait(shop: Workshop) -> None:
    manifest = lines(*({"source": f"t{i}"} for i in range(60)))
    job_id = shop.create(manifest=manifest, kind="TextMultiClass", n_workers=1)
    shop.settle()
    for _ in range(50):
        shop.answer("a", {"x": {"label": "nut"}}, after_s=0.1)
    shop.settle()
    assert shop.job(job_id).n_human == 50


# -- chaining -----------------------------------------------------------------------------------------


def test_kept_labels_pass_through_and_count(shop: Workshop, pictures: bytes) -> None:
    rows = [json.loads(line) for line in pictures.splitlines()]
    rows[0] |= {"parts": 2, "parts-metadata": {"human-annotated": "no", "job-name": "labeling-job/old"}}
    rows[1] |= {"parts": 0}
    rows[2] |= {"parts": None, "parts-metadata": {"failure-reason": "ClientError: old"}}
    manifest = lines(*rows)
    job_id = shop.create(manifest=manifest, n_workers=1)
    shop.settle()
    counters = shop.job(job_id).counters
    assert (counters.n_human, counters.n_machine, counters.n_unlabeled) == (1, 1, 2)
    assert [shop.answer("a", label("nut")) for _ in range(2)] == ["2", "3"]
    shop.settle()
    job = shop.job(job_id)
    assert job.status == "Completed"
    assert (job.n_human, job.n_machine, job.n_human_here) == (3, 1, 2)
    written = shop.read("s3://acme/out/Parts-A/manifests/output/output.manifest").splitlines()
    assert written[:2] == manifest.splitlines()[:2]
    third = json.loads(written[2])
    assert third["parts"] == 1
    assert "failure-reason" not in third["parts-metadata"]


def test_chaining_the_output_of_a_stopped_job(shop: Workshop, pictures: bytes) -> None:
    first = shop.create(manifest=pictures, n_workers=1, MaxConcurrentTaskCount=2)
    shop.settle()
    shop.answer("a", label("nut"))
    shop.stop(first)
    shop.settle()
    assert shop.job(first).status == "Stopped"
    output = "s3://acme/out/Parts-A/manifests/output/output.manifest"
    second = shop.create("Parts-B", manifest_uri=output, n_workers=1)
    shop.settle()
    assert shop.job(second).n_human == 1
    assert [shop.answer("a", label("bolt"), "Parts-B") for _ in range(3)] == ["1", "2", "3"]
    shop.settle()
    names = [line["parts-metadata"]["job-name"] for line in shop.output("Parts-B")]
    assert names == ["labeling-job/parts-a", *["labeling-job/parts-b"] * 3]


def test_a_fully_labeled_manifest_completes_at_once(shop: Workshop) -> None:
    manifest = lines({"source": "x", "parts": 1})
    job_id = shop.create(manifest=manifest, kind="TextMultiClass")
    shop.settle()
    assert shop.job(job_id).status == "Completed"
    assert shop.read("s3://acme/out/Parts-A/manifests/output/output.manifest") == manifest


# -- stopping -----------------------------------------------------------------------------------------


def test_stopping_keeps_answers_and_withdraws_tasks(shop: Workshop, pictures: bytes) -> None:
    job_id = shop.create(manifest=pictures, n_workers=2)
    shop.settle()
    shop.answer("a", label("nut"))
    held = shop.take("b")
    assert held is not None
    shop.stop(job_id)
    shop.settle()
    job = shop.job(job_id)
    assert (job.status, job.n_human, job.counters.n_unlabeled) == ("Stopped", 1, 3)
    with pytest.raises(Conflict, match="does not need this task"):
        shop.submit("b", held, label("nut"))
    assert shop.take("b") is None
    assert shop.output()[0]["parts"] == 1
    assert shop.output()[1:] == [json.loads(line) for line in pictures.splitlines()[1:]]


def test_stopping_before_anything_was_read(shop: Workshop, pictures: bytes) -> None:
    job_id = shop.create(manifest=pictures)
    shop.stop(job_id)
    shop.settle()
    assert shop.job(job_id).status == "Stopped"
    assert shop.read("s3://acme/out/Parts-A/manifests/output/output.manifest") == pictures


def test_human_count_stops_the_job(shop: Workshop, pictures: bytes) -> None:
    job_id = shop.create(manifest=pictures, n_workers=1, conditions={"MaxHumanLabeledObjectCount": 2})
    shop.settle()
    assert [shop.answer("a", label("nut")) for _ in range(2)] == ["0", "1"]
    assert shop.take("a") is None  # never more objects than are needed
    shop.settle()
    job = shop.job(job_id)
    assert (job.status, job.n_human) == ("Stopped", 2)


def test_percentage_counts_kept_labels(shop: Workshop) -> None:
    rows = [{"source": f"t{i}"} for i in range(4)]
    rows[0]["parts"] = 0  # type: ignore[assignment]
    job_id = shop.create(
        manifest=lines(*rows),
        kind="TextMultiClass",
        n_workers=1,
        conditions={"MaxPercentageOfInputDatasetLabeled": 50},
    )
    shop.settle()
    shop.answer("a", {"crowd-classifier": {"label": "nut"}})
    assert shop.take("a") is None
    shop.settle()
    job = shop.job(job_id)
    assert (job.status, job.counters.n_labeled) == ("Stopped", 2)


def test_a_condition_of_hundred_percent_completes(shop: Workshop, pictures: bytes) -> None:
    job_id = shop.create(
        manifest=pictures, n_workers=1, conditions={"MaxPercentageOfInputDatasetLabeled": 100}
    )
    shop.settle()
    for _ in range(4):
        shop.answer("a", label("nut"))
    shop.settle()
    assert shop.job(job_id).status == "Completed"


def test_a_job_ends_after_thirty_days_with_what_it_has(shop: Workshop, pictures: bytes) -> None:
    job_id = shop.create(manifest=pictures, n_workers=1)
    shop.settle()
    shop.answer("a", label("nut"))
    shop.clock.tick(31 * 86_400)
    shop.settle()
    job = shop.job(job_id)
    assert job.status == "Failed"
    assert job.failure_reason is not None
    assert "30 days" in job.failure_reason
    assert job.n_human == 1
    assert shop.output()[0]["parts"] == 1


# -- what can be wrong --------------------------------------------------------------------------------


def test_bad_lines_are_counted_and_named(shop: Workshop, pictures: bytes) -> None:
    manifest = pictures + b'{"source": 1}\nnot json\n\xff\n' + b'{"camera": 1}\n' * 7 + pictures
    job_id = shop.create(manifest=manifest)
    shop.settle()
    job = shop.job(job_id)
    assert job.status == "Failed"
    reason = job.failure_reason or ""
    assert reason.startswith("ClientError: 10 lines of the input manifest")
    for number in (5, 6, 7, 8, 9):
        assert f"line {number}: " in reason
    assert "(and 5 more)" in reason
    assert job.n_objects == 0


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (
            b'{"source-ref":"s3://acme/a.png"}\n\n{"source-ref":"s3://acme/a.png"}\n',
            "line 2: the line is blank",
        ),
        (b'{"source":"only text"}\n', "needs the key 'source-ref'"),
        (b'{"source-ref":"s3://acme/a.png","x":"' + b"y" * 20_001 + b'"}\n', "line 1: the attribute 'x'"),
    ],
)
def test_unusable_manifests(shop: Workshop, manifest: bytes, words: str) -> None:
    job_id = shop.create(manifest=manifest)
    shop.settle()
    job = shop.job(job_id)
    assert job.status == "Failed"
    assert words in (job.failure_reason or "")


def test_windows_line_ends_and_a_byte_order_mark(shop: Workshop, pictures: bytes) -> None:
    manifest = b"\xef\xbb\xbf" + pictures.replace(b"\n", b"\r\n") + b"\r\n \r\n"
    job_id = shop.create(manifest=manifest, n_workers=1)
    shop.settle()
    assert shop.job(job_id).n_objects == 4
    for _ in range(4):
        shop.answer("a", label("nut"))
    shop.settle()
    assert [line["parts"] for line in shop.output()] == [1, 1, 1, 1]


def test_missing_inputs_fail_the_job(shop: Workshop) -> None:
    job_id = shop.create(manifest_uri="s3://acme/in/absent.jsonl")
    shop.settle()
    assert shop.job(job_id).failure_reason is not None
    assert "s3://acme/in/absent.jsonl" in (shop.job(job_id).failure_reason or "")


def test_too_few_labels_fail_the_job(shop: Workshop, pictures: bytes) -> None:
    job_id = shop.create(manifest=pictures, labels=["only"])
    shop.settle()
    assert "at least 2" in (shop.job(job_id).failure_reason or "")


def test_bad_pictures_fail_alone(shop: Workshop, pictures: bytes) -> None:
    more = [{"source-ref": "s3://acme/in/absent.png"}, {"source-ref": "s3://acme/in/text.png"}]
    more += [{"source-ref": "s3://nobucket/x.png"}, {"source-ref": "http://elsewhere/x.png"}]
    shop.put("s3://acme/in/text.png", b"GIF89a no")
    shop.put("s3://acme/in/large.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x7f\xff\0\0\x7f\xff")
    more.append({"source-ref": "s3://acme/in/large.png"})
    job_id = shop.create(manifest=pictures + lines(*more), n_workers=1)
    shop.settle()
    assert shop.job(job_id).n_failed == 5
    for _ in range(4):
        shop.answer("a", label("nut"))
    shop.settle()
    assert shop.job(job_id).status == "Completed"
    reasons = [line["parts-metadata"]["failure-reason"] for line in shop.output()[4:]]
    assert reasons[0] == "ClientError: Could not access s3://acme/in/absent.png"
    assert reasons[1] == "ClientError: The image file is not a valid JPEG or PNG."
    assert reasons[2] == "ClientError: Could not access s3://nobucket/x.png"
    assert "not an S3 URI" in reasons[3]
    assert "32767 x 32767 pixels" in reasons[4]
    assert all("parts" not in line for line in shop.output()[4:])


@pytest.mark.parametrize(
    ("flags", "words"),
    [([], "FreeOfPersonally"), (["FreeOfPersonallyIdentifiableInformation"], "closed on 30 September 2026")],
)
def test_public_team_jobs_fail_with_a_reason(
    shop: Workshop, pictures: bytes, flags: list[str], words: str
) -> None:
    team = "arn:aws:sagemaker:eu-west-1:394669845002:workteam/public-crowd/default"
    job_id = shop.create(manifest=pictures, team=team)
    if flags:
        import orjson

        from labelwright.store import labeling_jobs

        request = orjson.loads(shop.job(job_id).request)
        request["InputConfig"]["DataAttributes"] = {"ContentClassifiers": flags}
        text = orjson.dumps(request).decode()
        shop.database.write(lambda c: labeling_jobs.set_columns(c, job_id, request=text))
    shop.settle()
    assert shop.job(job_id).status == "Failed"
    assert words in (shop.job(job_id).failure_reason or "")


# -- answers that do not fit --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "field"),
    [
        ([], "answer"),
        ({}, "answer.boundingBox.boundingBoxes"),
        ({"boundingBox": {"boundingBoxes": []}}, "answer.boundingBox.inputImageProperties"),
        (boxes({**BOX, "label": "cow"}), "answer.boundingBox.boundingBoxes[0].label"),
        (boxes(BOX, {**BOX, "width": 0}), "answer.boundingBox.boundingBoxes[1].width"),
        (boxes({**BOX, "left": 32}), "answer.boundingBox.boundingBoxes[0].left"),
        (boxes({**BOX, "top": -10}), "answer.boundingBox.boundingBoxes[0].top"),
        (boxes({**BOX, "top": "3"}), "answer.boundingBox.boundingBoxes[0].top"),
        (boxes({"label": "bolt"}), "answer.boundingBox.boundingBoxes[0].left"),
        (boxes({**BOX, "label": ["bolt"]}), "answer.boundingBox.boundingBoxes[0].label"),
        (boxes(7), "answer.boundingBox.boundingBoxes[0]"),  # type: ignore[arg-type]
    ],
)
def test_answers_that_do_not_fit_name_the_field(
    shop: Workshop, pictures: bytes, answer: Any, field: str
) -> None:
    shop.create(manifest=pictures, kind="BoundingBox")
    shop.settle()
    task = shop.take("a")
    assert task is not None
    with pytest.raises(InvalidRequest) as refused:
        shop.submit("a", task, answer)
    assert refused.value.field == field
    shop.submit("a", task, boxes(BOX))  # the task is still theirs


def test_boxes_are_clamped_to_the_image(shop: Workshop, pictures: bytes) -> None:
    shop.create(manifest=pictures, kind="BoundingBox", n_workers=1, MaxConcurrentTaskCount=1)
    shop.settle()
    shop.answer("a", boxes({"label": "bolt", "left": -4, "top": 20, "width": 10, "height": 9}))
    shop.settle()
    assert shop.output()[0]["parts"]["annotations"] == [
        {"class_id": 0, "top": 20, "left": 0, "height": 4, "width": 6}
    ]


def test_another_workers_task_is_nobody_elses_business(shop: Workshop, pictures: bytes) -> None:
    shop.create(manifest=pictures)
    shop.settle()
    task = shop.take("a")
    assert task is not None
    with pytest.raises(NotFound):
        shop.submit("b", task, label("nut"))


def test_large_answers_are_referred_to(shop: Workshop) -> None:
    shop.create("Big-1", manifest=lines({"source": "x"}), kind=None, n_workers=1)
    shop.settle()
    answer = {"picture": "A" * 1_100_000}
    shop.answer("a", answer, "Big-1")
    shop.settle()
    key = next(k for k in shop.keys("out/Big-1/annotations/") if "consolidation-request" in k)
    data = json.loads(shop.read(f"s3://acme/{key}"))[0]["annotations"][0]["annotationData"]
    assert data["s3Uri"] == data["s3uri"]
    assert json.loads(shop.read(data["s3Uri"])) == answer


@pytest.mark.parametrize("text", [b"{", b"[1]", b'"x"', b'{"a":' * 65 + b"1" + b"}" * 65, b"\xff"])
def test_answers_that_are_no_json_object(shop: Workshop, text: bytes) -> None:
    shop.create("Any-1", manifest=lines({"source": "x"}), kind=None, n_workers=1)
    shop.settle()
    task = shop.take("a", "Any-1")
    assert task is not None
    with pytest.raises(InvalidRequest) as refused:
        run(shop.desk.submit(shop.worker("a"), task.id, text))
    assert refused.value.field == "answer"


def test_labels_of_an_earlier_batch_reach_its_intermediate_file(shop: Workshop, pictures: bytes) -> None:
    shop.create(manifest=pictures, n_workers=1, MaxConcurrentTaskCount=2)
    shop.settle()
    for _ in range(4):
        shop.answer("a", label("nut"))
        shop.settle()
    for iteration in (1, 2):
        text = shop.read(f"s3://acme/out/Parts-A/annotations/intermediate/{iteration}/annotations.manifest")
        assert [json.loads(line)["parts"] for line in text.splitlines()] == [1, 1]


@pytest.mark.parametrize(
    ("manifest", "copied"),
    [
        (b'{ "source":"x" }\n{"source":"y"}\n', b'{ "source":"x" }\n{"source":"y"}\n'),
        (b'\xef\xbb\xbf{"source":"x"}\r\n{"source":"y"}', b'{"source":"x"}\n{"source":"y"}\n'),
        (b'{"source":"x","parts":1}\n{"source":"y"}\n\n', b'{"source":"x","parts":1}\n{"source":"y"}\n'),
    ],
)
def test_the_output_manifest_is_there_from_the_beginning(
    shop: Workshop, manifest: bytes, copied: bytes
) -> None:
    job_id = shop.create(manifest=manifest, kind="TextMultiClass", n_workers=1)
    shop.settle()
    job = shop.job(job_id)
    assert job.status == "InProgress"
    assert job.manifest_written_at is not None
    assert shop.read("s3://acme/out/Parts-A/manifests/output/output.manifest") == copied
    while shop.take("a") is not None:
        shop.answer("a", label("nut"))
    shop.settle()
    assert shop.job(job_id).status == "Completed"
    assert [line["parts"] for line in shop.output()][-1] == 1


def test_a_job_that_is_too_old_keeps_every_answer(shop: Workshop) -> None:
    text = lines(*({"source": f"text {i}"} for i in range(3)))
    job_id = shop.create(manifest=text, kind="TextMultiClass", n_workers=2)
    shop.settle()
    for who in "ab":
        shop.answer(who, label("nut"))
    shop.answer("a", label("bolt"))  # and the second worker never comes
    shop.clock.tick(30 * 86_400)
    shop.settle()
    job = shop.job(job_id)
    assert (job.status, job.n_human, job.counters.n_unlabeled) == ("Failed", 2, 1)
    assert "within 30 days" in (job.failure_reason or "")
    assert [line.get("parts") for line in shop.output()] == [1, 0, None]
