"""What the demo shows: the numbers of one run, as a table on the terminal and as a picture report."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from labelwright.simulate.agreement import BoxAgreement
from labelwright.simulate.truth import TrueBox
from labelwright.train.report import (
    CLASS_COLOURS,
    Curve,
    Gallery,
    Overlay,
    Picture,
    Section,
    Table,
    render_report,
)

if TYPE_CHECKING:
    from labelwright.simulate import Rehearsal
    from labelwright.train.evaluate import DetectionScores

__all__ = ["Outcome", "ScoredBox", "Shown", "agreement_of", "result_rows", "write_html"]

_WORKER_COLOURS = ("#ffd166", "#06d6a0", "#ef6f9f", "#8ecae6", "#cdb4db")
_TRUTH_COLOUR = "#ffffff"


@dataclasses.dataclass(frozen=True, slots=True)
class ScoredBox:
    """A box with the confidence of the label or the score of the detector."""

    box: TrueBox
    score: float


@dataclasses.dataclass(frozen=True, slots=True)
class Shown:
    """A picture for the report: its file and the boxes over it, by origin."""

    content: bytes
    caption: str
    true: tuple[TrueBox, ...]
    found: tuple[ScoredBox, ...]
    by_worker: tuple[tuple[TrueBox, ...], ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """Everything one run of the demo found out.

    ``consolidated`` and ``confident`` compare the labels of the output manifest with the truth: all of them,
    and those with a confidence of at least ``least_confidence``, which the detector is trained on.
    """

    class_names: tuple[str, ...]
    image_size: tuple[int, int]
    rehearsal: Rehearsal
    consolidated: BoxAgreement
    confident: BoxAgreement
    least_confidence: float
    n_training: int
    n_held_out: int
    n_epochs: int
    training_s: float
    epoch_losses: tuple[float, ...]
    scores: DetectionScores
    labeled: tuple[Shown, ...]
    held_out: tuple[Shown, ...]


def agreement_of(
    found: Mapping[str, Sequence[ScoredBox]], true: Mapping[str, Sequence[TrueBox]], least_score: float = 0.0
) -> BoxAgreement:
    """Agreement of scored boxes with the truth, picture by picture; pictures of the truth that are missing
    in ``found`` count as without boxes."""
    agreement = BoxAgreement()
    for key, boxes in true.items():
        agreement.add([item.box for item in found.get(key, ()) if item.score >= least_score], boxes)
    return agreement


def result_rows(outcome: Outcome) -> tuple[tuple[str, ...], ...]:
    """Rows of (whose boxes, precision, recall, F1, mean IoU)."""
    single = outcome.rehearsal.single_quality
    rows = [
        (
            "one worker, on average",
            *(f"{single.get(name, 0.0):.3f}" for name in ("precision", "recall", "f1", "mean_iou")),
        )
    ]
    n_asked = outcome.rehearsal.n_workers_per_object
    for name, agreement in (
        (f"{n_asked} workers, consolidated", outcome.consolidated),
        (f"... with confidence from {outcome.least_confidence:g}", outcome.confident),
    ):
        numbers = (agreement.precision, agreement.recall, agreement.f1, agreement.mean_iou)
        rows.append((name, *(f"{number:.3f}" for number in numbers)))
    return tuple(rows)


def ap_rows(outcome: Outcome) -> tuple[tuple[str, ...], ...]:
    """Rows of (class, number of true boxes, average precision)."""
    scores = outcome.scores
    return tuple(
        (name, str(scores.n_true[i]), "-" if (ap := scores.average_precision[i]) is None else f"{ap:.3f}")
        for i, name in enumerate(outcome.class_names)
    )


def write_html(outcome: Outcome) -> str:
    """The picture report of one run."""
    rehearsal, scores = outcome.rehearsal, outcome.scores
    return render_report(
        title="From pictures to a detector",
        lead=(
            f"{outcome.n_training} drawn pictures of a storage hall, labeled by a simulated crowd of "
            f"{rehearsal.n_workers} through the worker API, consolidated into an augmented manifest, and "
            f"used to train a small detector that then looked at {outcome.n_held_out} pictures it had never "
            "seen."
        ),
        headline=[
            (f"{rehearsal.n_answers}", f"answers, {rehearsal.answers_per_s:.0f} per second"),
            (f"{rehearsal.single_quality.get('f1', 0.0):.2f}", "F1 of one worker's boxes"),
            (f"{outcome.confident.f1:.2f}", "F1 of the labels trained on"),
            (f"{scores.mean_average_precision:.2f}", "mAP@0.5 of the detector"),
            (f"{outcome.training_s:.0f} s", f"training, {outcome.n_epochs} epochs on the CPU"),
        ],
        sections=[_labels_section(outcome), _training_section(outcome), _held_out_section(outcome)],
    )


def _labels_section(outcome: Outcome) -> Section:
    rehearsal = outcome.rehearsal
    skills = ", ".join(f"{accuracy:.2f}" for accuracy in rehearsal.worker_accuracies)
    return Section(
        "What the workers drew, and what became of it",
        f"Every picture went to {rehearsal.n_workers_per_object} of {rehearsal.n_workers} workers. Their "
        f"accuracies in naming classes are {skills}; they also miss things, draw boxes twice and are off by "
        "some pixels. Boxes of the same class that overlap are averaged; each label has a confidence. Thin "
        "lines are single workers, thick ones the consolidated labels, dashed white the truth.",
        (
            Table(
                ("Agreement with the truth", "Precision", "Recall", "F1", "Mean IoU"),
                result_rows(outcome),
                "A box is right when class and place agree (IoU of at least 0.5).",
            ),
            Gallery(
                tuple(_picture(shown, outcome) for shown in outcome.labeled),
                tuple((f"worker {i + 1}", colour, False) for i, colour in enumerate(_WORKER_COLOURS[:3]))
                + _legend(outcome),
            ),
        ),
    )


def _training_section(outcome: Outcome) -> Section:
    return Section(
        "Training",
        f"The detector starts from random weights and sees only the {outcome.n_training} pictures with the "
        "crowd's labels, never the truth. Mean training loss per epoch:",
        (Curve(outcome.epoch_losses, "epoch", "mean loss"),),
    )


def _held_out_section(outcome: Outcome) -> Section:
    return Section(
        "Pictures it had never seen",
        f"mAP@0.5 is {outcome.scores.mean_average_precision:.3f} on {outcome.n_held_out} held-out pictures "
        "(average precision over all recall points, mean over classes, measured against the truth). Solid "
        "boxes are what the detector found with a score from 0.4, dashed ones the truth.",
        (
            Table(("Class", "True boxes", "AP@0.5"), ap_rows(outcome)),
            Gallery(tuple(_picture(shown, outcome) for shown in outcome.held_out), _legend(outcome)),
        ),
    )


def _legend(outcome: Outcome) -> tuple[tuple[str, str, bool], ...]:
    classes = tuple((name, _colour(i), False) for i, name in enumerate(outcome.class_names))
    return (*classes, ("truth", _TRUTH_COLOUR, True))


def _picture(shown: Shown, outcome: Outcome) -> Picture:
    return picture_of(shown, outcome.class_names, outcome.image_size)


def picture_of(shown: Shown, class_names: Sequence[str], image_size: tuple[int, int]) -> Picture:
    """The picture with its overlays, truth lowest."""
    overlays = [
        _overlay(box, f"truth: {class_names[box.class_id]}", _TRUTH_COLOUR, "dashed") for box in shown.true
    ]
    for i_worker, boxes in enumerate(shown.by_worker):
        colour = _WORKER_COLOURS[i_worker % len(_WORKER_COLOURS)]
        overlays += [
            _overlay(box, f"worker {i_worker + 1}: {class_names[box.class_id]}", colour, "thin")
            for box in boxes
        ]
    overlays += [
        _overlay(
            item.box,
            f"{class_names[item.box.class_id]} {item.score:.2f}",
            _colour(item.box.class_id),
            "thick",
        )
        for item in shown.found
    ]
    return Picture(shown.content, image_size[0], image_size[1], shown.caption, tuple(overlays))


def _overlay(box: TrueBox, label: str, colour: str, style: str) -> Overlay:
    return Overlay(
        box.left,
        box.top,
        box.width,
        box.height,
        label,
        colour,
        is_dashed=style == "dashed",
        is_thin=style == "thin",
    )


def _colour(class_id: int) -> str:
    return CLASS_COLOURS[class_id % len(CLASS_COLOURS)]
