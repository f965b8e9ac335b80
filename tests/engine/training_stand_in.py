"""Obeys the file protocol of the training program and does what the job's hyperparameters say.

``do`` is a list of steps separated by blanks:

    phase:NAME  metric:NAME=VALUE  hold (until the file ``go`` is in the folder, or somebody interrupts)
    model  output  checkpoint:NAME  rest:SECONDS  die:CODE  end:OUTCOME
"""

from __future__ import annotations

import json
import signal
import sys
import tarfile
import time
from pathlib import Path

from labelwright.work import is_interrupted, read_input, report_progress, write_result


def main(folder: Path) -> None:
    signal.signal(signal.SIGINT, lambda *_: None)
    content = read_input(folder)
    hyperparameters = content["request"].get("HyperParameters", {})
    result = {"outcome": "Completed", "failure_reason": hyperparameters.get("reason"), "has_model": False}
    for step in hyperparameters.get("do", "phase:Training model").split():
        name, _, value = step.partition(":")
        match name:
            case "phase":
                report_progress(folder, value)
            case "metric":
                key, _, number = value.rpartition("=")
                line = {"name": key, "value": float(hyperparameters.get(number, number)), "at": time.time()}
                with (folder / "metrics.jsonl").open("a") as file:
                    file.write(json.dumps(line) + "\n")
            case "hold":
                while not (folder / "go").exists():
                    if is_interrupted(folder):
                        result["outcome"] = "Stopped"
                        break
                    time.sleep(0.005)
            case "model" | "output":
                pack(folder, name)
                result[f"has_{name}"] = True
            case "checkpoint":
                (folder / "checkpoints").mkdir(exist_ok=True)
                (folder / "checkpoints" / value).write_text(value)
            case "rest":
                time.sleep(float(value))
            case "die":
                sys.exit(int(value))
            case "end":
                result["outcome"] = value
            case _:
                raise ValueError(step)
    write_result(folder, result)


def pack(folder: Path, name: str) -> None:
    path = folder / f"{name}.txt"
    path.write_text(name)
    with tarfile.open(folder / f"{name}.tar.gz", "w:gz") as archive:
        archive.add(path, path.name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
