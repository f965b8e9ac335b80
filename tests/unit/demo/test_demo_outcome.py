"""The demo's table and report say what was measured."""

from __future__ import annotations

from labelwright.demo.outcome import Outcome, ScoredBox, Shown, agreement_of, ap_rows, result_rows, write_html
from labelwright.demo.scene import CLASSES, IMAGE_SIZE, draw_scene, jpeg_bytes
from labelwright.simulate import Rehearsal
from labelwright.simulate.truth import TrueBox
from labelwright.train.evaluate import DetectionScores


def _shown(caption: str, *, with_workers: bool) -> Shown:
    scene = draw_scene(1)
    true = tuple(TrueBox(b.class_id, b.left, b.top, b.width, b.height) for b in scene.boxes)
    found = tuple(ScoredBox(box, 0.9) for box in true)
    return Shown(jpeg_bytes(scene), caption, true, found, (true, true) if with_workers else ())


def make_outcome() -> Outcome:
    rehearsal = Rehearsal(
        job_name="storage-hall-1",
        task_type="BoundingBox",
        job_status="InProgress",
        n_workers=4,
        n_workers_per_object=3,
        worker_accuracies=(0.91, 0.85, 0.88, 0.8),
        n_objects=2,
        n_answers=6,
        n_declined=0,
        n_without_truth=0,
        n_late=0,
        duration_s=0.5,
        answers_per_s=12.0,
        single_quality={"precision": 0.8, "recall": 0.85, "f1": 0.824, "mean_iou": 0.83},
        consolidated_quality={"precision": 0.7, "recall": 0.95, "f1": 0.8, "mean_iou": 0.87},
        cost_usd=0.38,
    )
    true = {"a": [TrueBox(0, 0, 0, 10, 10)], "b": [TrueBox(1, 5, 5, 10, 10)]}
    found = {"a": [ScoredBox(TrueBox(0, 0, 0, 10, 10), 0.9), ScoredBox(TrueBox(2, 50, 50, 9, 9), 0.2)]}
    return Outcome(
        class_names=CLASSES,
        image_size=IMAGE_SIZE,
        rehearsal=rehearsal,
        consolidated=agreement_of(found, true),
        confident=agreement_of(found, true, 0.5),
        least_confidence=0.5,
        n_training=2,
        n_held_out=1,
        n_epochs=3,
        training_s=1.25,
        epoch_losses=(2.5, 2.0, 1.25),
        scores=DetectionScores(0.75, (0.5, 1.0, None, 0.75), (3, 2, 0, 1), (9, 9, 9, 9), 0.5),
        labeled=(_shown("hall-0000.jpg", with_workers=True),),
        held_out=(_shown("held-out picture 1", with_workers=False),),
    )


def test_rows_compare_one_worker_with_consolidated_labels() -> None:
    rows = result_rows(make_outcome())
    assert rows[0] == ("one worker, on average", "0.800", "0.850", "0.824", "0.830")
    # picture b was not labeled, so one of two true boxes is missing
    assert rows[1] == ("3 workers, consolidated", "0.500", "0.500", "0.500", "1.000")
    assert rows[2] == ("... with confidence from 0.5", "1.000", "0.500", "0.667", "1.000")


def test_class_without_true_boxes_has_no_number() -> None:
    assert ap_rows(make_outcome())[2] == ("barrel", "0", "-")


def test_report_shows_pictures_curve_and_numbers() -> None:
    document = write_html(make_outcome())
    assert document.count("<figure>") == 2
    assert document.count("data:image/jpeg;base64,") == 2
    assert "mAP@0.5 is 0.750 on 1 held-out pictures" in document
    assert "worker 1: " in document
    assert "<path d=" in document
