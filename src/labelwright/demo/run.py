"""The demo from end to end: pictures in, labels from a crowd, augmented manifest out, a detector from it.

Every step uses the same doors as a customer would: the AWS API with botocore, the worker API over HTTP, the
manifest in the bucket. Only the crowd is made of synthetic workers, and the truth that their mistakes are
made from is known because the pictures are drawn here.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from labelwright import manifests, templates
from labelwright.demo import aws
from labelwright.demo.outcome import Outcome, ScoredBox, Shown, agreement_of, picture_of, write_html
from labelwright.demo.scene import CLASSES, IMAGE_SIZE, Scene, draw_scene, jpeg_bytes
from labelwright.demo.server import DemoServer
from labelwright.errors import LabelwrightError
from labelwright.simulate import Rehearsal, simulate_job
from labelwright.simulate.rehearsal import AwsClients
from labelwright.simulate.truth import TrueBox
from labelwright.train.report import contact_sheet

if TYPE_CHECKING:
    from labelwright.train.evaluate import Boxes

__all__ = ["BUCKET", "DemoPlan", "DemoResult", "Teller", "run_demo"]

BUCKET = "labelwright-demo"
_CROWD_TEAM, _HAND_TEAM = "demo-crowd", "demo-you"
_HAND_WORKER = "demo-worker"
_ATTRIBUTE = "things"
_LEAST_CONFIDENCE = 0.5
_SHOWN_SCORE = 0.4
_FIRST_HELD_OUT, _FIRST_BY_HAND = 100_000, 200_000  # seeds of pictures that the crowd never sees
_TRAINING_LIMIT_S = (40.0, 150.0)  # least and most


@dataclasses.dataclass(frozen=True, slots=True)
class DemoPlan:
    """How large the demo is; the defaults take about three minutes on two cores.

    Attributes
    ----------
    n_images, n_held_out, n_by_hand : int
        Pictures for the crowd, for measuring the detector, and for you to label in the browser.
    n_workers_per_object, n_workers : int
        Answers per picture, and size of the crowd.
    accuracy : float
        Mean accuracy of the crowd.
    n_epochs : int
    seed : int
    budget_s : float
        How long all of it should take; on a slow machine the training gets shorter.
    """

    n_images: int = 120
    n_held_out: int = 40
    n_by_hand: int = 6
    n_workers_per_object: int = 3
    n_workers: int = 8
    accuracy: float = 0.88
    n_epochs: int = 18
    seed: int = 0
    budget_s: float = 270.0


@dataclasses.dataclass(frozen=True, slots=True)
class DemoResult:
    """What to show at the end. The password is good for one sign-in."""

    outcome: Outcome
    report_path: Path
    manifest_path: Path
    detector_path: Path
    job_name: str
    hand_job_name: str
    hand_worker: str
    hand_password: str = dataclasses.field(repr=False)


class Teller(Protocol):
    """Where progress goes."""

    def step(self, text: str) -> contextlib.AbstractContextManager[None]:
        """A step that begins now and is over when the context ends."""

    def progress(self, name: str, n_done: int, n_total: int) -> None:
        """How far a long step is."""


def run_demo(server: DemoServer, plan: DemoPlan, out_dir: Path, teller: Teller) -> DemoResult:
    """Run everything against a server that is up.

    Parameters
    ----------
    server : DemoServer
        Started.
    plan : DemoPlan
    out_dir : Path
        Where report, manifest and detector are written.
    teller : Teller

    Raises
    ------
    LabelwrightError
        A step failed; the message says which request and why.
    """
    started = time.monotonic()
    out_dir.mkdir(parents=True, exist_ok=True)
    clients = aws.clients_of(server.url, server.data_dir)
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H%M%S")
    job_name, hand_job_name = f"storage-hall-{stamp}", f"label-by-hand-{stamp}"
    with teller.step(f"Draw {plan.n_images} pictures of a storage hall and upload them with a manifest"):
        scenes = _upload_pictures(clients, plan)
        _upload_job_files(clients, scenes, plan)
    with teller.step("Make a private workforce with two teams"):
        crowd_arn = aws.ensure_team(clients, _CROWD_TEAM, "Simulated workers of the demo")
        hand_arn = aws.ensure_team(clients, _HAND_TEAM, "You, labeling by hand")
        hand_password = aws.one_time_worker(clients, hand_arn, _HAND_WORKER)
    with teller.step(f"Create the labeling job {job_name}, and {hand_job_name} for you"):
        _create_job(clients, job_name, "all.manifest", crowd_arn, n_workers=plan.n_workers_per_object)
        _create_job(clients, hand_job_name, "by-hand.manifest", hand_arn, n_workers=1)
    with teller.step(
        f"{plan.n_workers} simulated workers draw boxes, {plan.n_workers_per_object} per picture"
    ):
        rehearsal = simulate_job(
            job_name,
            clients=clients,
            base_url=server.url,
            truth=f"s3://{BUCKET}/truth/all.manifest",
            attribute=_ATTRIBUTE,
            n_workers=plan.n_workers,
            accuracy=plan.accuracy,
            seed=plan.seed,
            on_progress=lambda n_done, n_all: teller.progress("answers", n_done, n_all),
        )
    with teller.step("Consolidate the answers into the augmented manifest"):
        job = aws.wait_until_over(clients.sagemaker, job_name, limit_s=120)
        manifest = aws.get_object(clients.s3, job["LabelingJobOutput"]["OutputDatasetS3Uri"])
        manifest_path = out_dir / "output.manifest"
        manifest_path.write_bytes(manifest)
        labels = _labels_in(manifest)
    with teller.step(f"Train a detector on it (at most {plan.n_epochs} epochs)"):
        limit_s = plan.budget_s - (time.monotonic() - started) - 40.0  # importing torch, report
        limit_s = min(max(limit_s, _TRAINING_LIMIT_S[0]), _TRAINING_LIMIT_S[1])
        trained = _train(clients, manifest_path, plan, out_dir / "detector.pt", teller, limit_s)
    with teller.step(f"Look at {plan.n_held_out} pictures that nobody labeled, and write the report"):
        outcome = _measure(clients, plan, rehearsal, scenes, labels, trained, job_name)
        report_path = out_dir / "report.html"
        report_path.write_text(write_html(outcome), "utf-8")
        pictures = [picture_of(shown, CLASSES, IMAGE_SIZE) for shown in outcome.held_out]
        (out_dir / "held-out.png").write_bytes(contact_sheet(pictures))
    return DemoResult(
        outcome=outcome,
        report_path=report_path,
        manifest_path=manifest_path,
        detector_path=out_dir / "detector.pt",
        job_name=job_name,
        hand_job_name=hand_job_name,
        hand_worker=_HAND_WORKER,
        hand_password=hand_password,
    )


def _uri(name: str) -> str:
    return f"s3://{BUCKET}/{name}"


def _upload_pictures(clients: AwsClients, plan: DemoPlan) -> dict[str, Scene]:
    """Draw and upload; returns the crowd's scenes by URI."""
    aws.ensure_bucket(clients.s3, BUCKET)
    scenes: dict[str, Scene] = {}
    for number in range(plan.n_images):
        scene = draw_scene(plan.seed * 1000 + number)
        uri = _uri(f"images/hall-{number:04d}.jpg")
        aws.put_object(clients.s3, uri, jpeg_bytes(scene), "image/jpeg")
        scenes[uri] = scene
    for number in range(plan.n_by_hand):
        scene = draw_scene(_FIRST_BY_HAND + number)
        aws.put_object(clients.s3, _uri(f"by-hand/hall-{number}.jpg"), jpeg_bytes(scene), "image/jpeg")
    return scenes


def _upload_job_files(clients: AwsClients, scenes: Mapping[str, Scene], plan: DemoPlan) -> None:
    """Manifests, label categories, template, and the truth that the simulated workers err from."""
    by_hand = [{"source-ref": _uri(f"by-hand/hall-{number}.jpg")} for number in range(plan.n_by_hand)]
    categories = {"document-version": "2018-11-28", "labels": [{"label": name} for name in CLASSES]}
    template = templates.builtin(
        "BoundingBox",
        header="Draw a box around every box, crate, barrel and pallet",
        short_instructions=(
            "<p>One tight box for each thing that stands on the floor or on another thing. Box what you can "
            "see of it.</p><p>Leave out the goods in the racks at the wall.</p>"
        ),
        full_instructions=(
            "<ul><li><b>box</b>: cardboard, closed, often with tape or a sticker</li><li><b>crate</b>: "
            "plastic, open at the top, with slots; some are brown</li><li><b>barrel</b>: a drum with two "
            "ribs</li><li><b>pallet</b>: one or more wooden pallets in a stack, one box for the whole "
            "stack</li></ul>"
        ),
    )
    for name, content, content_type in (
        ("input/all.manifest", _lines([{"source-ref": uri} for uri in scenes]), "application/jsonlines"),
        ("input/by-hand.manifest", _lines(by_hand), "application/jsonlines"),
        (
            "truth/all.manifest",
            _lines([_truth_line(*item) for item in scenes.items()]),
            "application/jsonlines",
        ),
        ("config/classes.json", json.dumps(categories).encode(), "application/json"),
        ("config/boxes.liquid.html", template.encode(), "text/html"),
    ):
        aws.put_object(clients.s3, _uri(name), content, content_type)


def _lines(lines: Sequence[Mapping[str, object]]) -> bytes:
    return b"".join(manifests.dumps(dict(line)) + b"\n" for line in lines)


def _truth_line(uri: str, scene: Scene) -> dict[str, object]:
    """The truth in the form of a bounding-box label, as a finished job would have written it."""
    used = sorted({box.class_id for box in scene.boxes})
    return {
        "source-ref": uri,
        _ATTRIBUTE: {
            "image_size": [{"width": IMAGE_SIZE[0], "height": IMAGE_SIZE[1], "depth": 3}],
            "annotations": [dataclasses.asdict(box) for box in scene.boxes],
        },
        f"{_ATTRIBUTE}-metadata": {
            "objects": [{"confidence": 1} for _ in scene.boxes],
            "class-map": {str(class_id): CLASSES[class_id] for class_id in used},
            "type": "groundtruth/object-detection",
            "human-annotated": "yes",
            "creation-date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f"),
            "job-name": "labeling-job/truth",
        },
    }


def _create_job(clients: AwsClients, name: str, manifest: str, workteam_arn: str, *, n_workers: int) -> None:
    aws.create_box_job(
        clients.sagemaker,
        name=name,
        attribute=_ATTRIBUTE,
        manifest_uri=_uri(f"input/{manifest}"),
        template_uri=_uri("config/boxes.liquid.html"),
        categories_uri=_uri("config/classes.json"),
        output_uri=_uri("output"),
        workteam_arn=workteam_arn,
        n_workers=n_workers,
        title="Box the things in the storage hall",
        description="Draw one tight box around every box, crate, barrel and pallet on the floor",
    )


def _labels_in(manifest: bytes) -> dict[str, list[ScoredBox]]:
    """Consolidated boxes and their confidences by picture."""
    labels: dict[str, list[ScoredBox]] = {}
    for record in manifests.read([manifest]):
        label = record.label(_ATTRIBUTE)
        if label is not None and isinstance(label.value, manifests.BoxesLabel) and record.source_ref:
            labels[record.source_ref] = [
                ScoredBox(TrueBox(b.class_id, b.left, b.top, b.width, b.height), b.confidence or 0.0)
                for b in label.value.boxes
            ]
    if not labels:
        raise LabelwrightError("The output manifest holds no label at all; look at the server's log.")
    return labels


@dataclasses.dataclass(frozen=True, slots=True)
class _Trained:
    files: dict[str, bytes]
    detected: list[Boxes]
    true: list[Boxes]
    held_out: list[tuple[Scene, bytes]]
    epoch_losses: tuple[float, ...]
    training_s: float
    n_examples: int


def _train(
    clients: AwsClients,
    manifest_path: Path,
    plan: DemoPlan,
    detector_path: Path,
    teller: Teller,
    time_limit_s: float,
) -> _Trained:
    """Train from the manifest as it lies on disk, and run the detector over the held-out pictures."""
    # Threads that wait for each other give up their core instead of spinning, which on a busy machine costs
    # several times as much as the work; read when torch is loaded, and by nothing else here.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Only here is torch needed, and importing it takes seconds.
    from labelwright.train.callbacks import LossHistory, OnStep
    from labelwright.train.checkpoint import save_detector
    from labelwright.train.dataset import read_examples
    from labelwright.train.detector import DetectorShape
    from labelwright.train.evaluate import Boxes
    from labelwright.train.recipe import Recipe, detect_in_files, train_detector

    started = time.monotonic()
    lines = (record.data for record in manifests.read(manifest_path))
    examples = list(read_examples(lines, _ATTRIBUTE, least_confidence=_LEAST_CONFIDENCE))
    files: dict[str, bytes] = {}

    def read(uri: str) -> bytes:
        if uri not in files:
            files[uri] = aws.get_object(clients.s3, uri)
        return files[uri]

    recipe = Recipe(n_epochs=plan.n_epochs, seed=plan.seed)
    n_steps = recipe.n_epochs * max(1, len(examples) // recipe.batch_size)
    history = LossHistory()
    shape = DetectorShape(n_classes=len(CLASSES), width=12)
    model = train_detector(
        examples,
        read,
        shape,
        recipe=recipe,
        callbacks=[
            history,
            OnStep(lambda state: teller.progress("steps", state.step, n_steps)),
        ],
        time_limit_s=time_limit_s,
    )
    save_detector(detector_path, model, shape, CLASSES)
    training_s = time.monotonic() - started
    held_out = [
        (scene, jpeg_bytes(scene))
        for scene in (draw_scene(_FIRST_HELD_OUT + i) for i in range(plan.n_held_out))
    ]
    return _Trained(
        files=files,
        detected=list(detect_in_files(model, [content for _, content in held_out])),
        true=[
            Boxes.true(
                [(b.left, b.top, b.left + b.width, b.top + b.height) for b in scene.boxes],
                [b.class_id for b in scene.boxes],
            )
            for scene, _ in held_out
        ],
        held_out=held_out,
        epoch_losses=tuple(history.epochs),
        training_s=training_s,
        n_examples=len(examples),
    )


def _measure(
    clients: AwsClients,
    plan: DemoPlan,
    rehearsal: Rehearsal,
    scenes: Mapping[str, Scene],
    labels: Mapping[str, list[ScoredBox]],
    trained: _Trained,
    job_name: str,
) -> Outcome:
    from labelwright.train.evaluate import evaluate_detections

    truth = {uri: _true_boxes(scene) for uri, scene in scenes.items()}
    answers = _answers_by_object(clients, job_name, n_objects=min(6, len(scenes)))
    labeled = tuple(
        Shown(
            trained.files.get(uri) or aws.get_object(clients.s3, uri),
            uri.rpartition("/")[2],
            truth[uri],
            tuple(labels.get(uri, ())),
            tuple(answers.get(str(number), ())),
        )
        for number, uri in enumerate(list(scenes)[: min(6, len(scenes))])
    )
    held_out = tuple(
        Shown(content, f"held-out picture {number + 1}", _true_boxes(scene), tuple(_detected(found)))
        for number, ((scene, content), found) in enumerate(
            list(zip(trained.held_out, trained.detected, strict=True))[:12]
        )
    )
    return Outcome(
        class_names=CLASSES,
        image_size=IMAGE_SIZE,
        rehearsal=rehearsal,
        consolidated=agreement_of(labels, truth),
        confident=agreement_of(labels, truth, _LEAST_CONFIDENCE),
        least_confidence=_LEAST_CONFIDENCE,
        n_training=trained.n_examples,
        n_held_out=plan.n_held_out,
        n_epochs=len(trained.epoch_losses),
        training_s=trained.training_s,
        epoch_losses=trained.epoch_losses,
        scores=evaluate_detections(trained.detected, trained.true, n_classes=len(CLASSES)),
        labeled=labeled,
        held_out=held_out,
    )


def _true_boxes(scene: Scene) -> tuple[TrueBox, ...]:
    return tuple(TrueBox(b.class_id, b.left, b.top, b.width, b.height) for b in scene.boxes)


def _detected(found: Boxes) -> Iterator[ScoredBox]:
    for (left, top, right, bottom), class_id, score in zip(
        found.boxes_xyxy_px.tolist(), found.class_ids.tolist(), found.scores.tolist(), strict=True
    ):
        if score >= _SHOWN_SCORE:
            yield ScoredBox(TrueBox(class_id, left, top, right - left, bottom - top), score)


def _answers_by_object(
    clients: AwsClients, job_name: str, *, n_objects: int
) -> dict[str, list[tuple[TrueBox, ...]]]:
    """Single workers' boxes by object id, read from the job's worker-response files."""
    index = {name: i for i, name in enumerate(CLASSES)}
    answers: dict[str, list[tuple[TrueBox, ...]]] = {}
    for number in range(n_objects):
        prefix = _uri(f"output/{job_name}/annotations/worker-response/iteration-1/{number}/")
        for uri in aws.list_keys(clients.s3, prefix):
            for answer in json.loads(aws.get_object(clients.s3, uri))["answers"]:
                drawn = answer["answerContent"]["boundingBox"]["boundingBoxes"] or []
                answers.setdefault(str(number), []).append(
                    tuple(
                        TrueBox(index[b["label"]], b["left"], b["top"], b["width"], b["height"])
                        for b in drawn
                    )
                )
    return answers
