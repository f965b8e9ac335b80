"""The program that learns and predicts for a labeling job: ``python -m labelwright.autolabel.job <folder>``.

It runs outside the server. Its folder holds ``input.json`` and the sets of objects (see
`labelwright.autolabel.job_data`); it leaves there

===================  =====================================================================================
``auto.jsonl``       objects that the machine labels: ``{"id", "confidence", "label"}``, in order of their ids
``queries.ids``      objects that people should see next, most wanted first (64-bit integers)
``validation.jsonl`` ``{"id", "confidence", "quality"}`` of the validation objects
``unlabeled.jsonl``  ``{"id", "confidence"}`` of the objects without a label
``threshold.json``   the threshold and what is known of the error above it
``model.tar.gz``     the model, when one was trained
``result.json``      the sum of it, last of all
===================  =====================================================================================

What users' monitoring reads from the logs of trainings is printed in the form it expects.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from labelwright.autolabel.job_rounds import certified_round, plain_round
from labelwright.autolabel.job_trainers import trainer_for
from labelwright.work import read_input, report_progress, write_result

__all__ = ["main"]


def main(folder: Path) -> None:
    """Do what the folder says."""
    started = time.monotonic()
    content = read_input(folder)
    trainer = trainer_for(content, folder)
    play = plain_round if content["mode"] == "plain" else certified_round
    result = play(content, folder, trainer)
    metrics = result["metrics"]
    metrics["seconds"] = round(time.monotonic() - started, 3)
    # All that was no training: looking at objects, predicting, checking what people said of predictions.
    metrics["inference_s"] = round(metrics["seconds"] - metrics.get("training_s", 0.0), 3)
    report_progress(folder, "done", seconds=metrics["seconds"])
    write_result(folder, result)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
