"""``labelwright predict`` beside a bare onnxruntime loop: pictures per second, same model and pictures.

The bare loop is what one writes first: open with Pillow, resize, one picture at a time through a session with
its default threads. Wall time on all processors of this machine, and CPU time; results are compared. The
model is a detector with random weights (time does not depend on them); pictures are drawn unless a folder is
given.

``python -m benchmarks.prediction.bench [FOLDER_OF_PICTURES] [N_RUNS]``
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.peers import ROOT
from benchmarks.report import Report

N_PICTURES = 200
SIDE_PX = 300


def make_model(folder: Path) -> None:
    """An SSD on MobileNet, 300 x 300."""
    import torch

    from labelwright.train.object_detection.detecting import Suppression
    from labelwright.train.object_detection.export import export_onnx
    from labelwright.train.object_detection.network import Detector, DetectorShape

    torch.manual_seed(0)
    folder.mkdir()
    export_onnx(Detector(DetectorShape("mobilenet", 3, SIDE_PX)), folder / "model.onnx", Suppression())
    about = {
        "format": "labelwright-model",
        "version": 1,
        "algorithm": "object-detection",
        "network": {},
        "classes": None,
        "image_shape": [3, SIDE_PX, SIDE_PX],
        "final_metrics": {},
    }
    (folder / "labelwright.json").write_text(json.dumps(about))


def draw_pictures(folder: Path) -> None:
    """JPEG files of 640 x 480 with some detail."""
    import numpy as np
    from PIL import Image

    folder.mkdir()
    chance = np.random.default_rng(0)
    for i in range(N_PICTURES):
        small = Image.fromarray(chance.integers(0, 255, (60, 80, 3), dtype=np.uint8))
        small.resize((640, 480), Image.Resampling.BICUBIC).save(folder / f"{i:04d}.jpg", quality=88)


def bare(model: Path, pictures: Path) -> int:
    """The plain loop."""
    import numpy as np
    import onnxruntime
    from PIL import Image

    session = onnxruntime.InferenceSession(str(model / "model.onnx"), providers=["CPUExecutionProvider"])
    n = 0
    with open(model / "bare.json", "w") as file:
        for path in sorted(pictures.iterdir()):
            image = Image.open(path).convert("RGB").resize((SIDE_PX, SIDE_PX))
            rows = session.run(None, {"images": np.asarray(image)[None]})[0][0]
            kept = rows[(rows[:, 0] >= 0) & (rows[:, 1] >= 0.05)]
            file.write(json.dumps({"image": path.name, "prediction": kept.tolist()}) + "\n")
            n += 1
    return n


def ours(model: Path, pictures: Path) -> int:
    """What the command does."""
    from labelwright.inference import load_predictor
    from labelwright.prediction import list_inputs, predict_inputs, write_results

    predictor = load_predictor(model)
    inputs = list_inputs(pictures, predictor.algorithm)
    with open(model / "ours.json", "wb") as file:
        return write_results(predict_inputs(predictor, inputs, pictures, least_score=0.05), file)[0]


def measured(which: str, model: Path, pictures: Path) -> dict[str, float]:
    """In a process of its own; the clock starts after imports."""
    command = [sys.executable, "-m", "benchmarks.prediction.bench", "--one", which, str(model), str(pictures)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def one(which: str, model: Path, pictures: Path) -> None:
    """Print wall and CPU seconds a picture and the memory at its highest."""
    import onnxruntime  # noqa: F401

    import labelwright.prediction  # noqa: F401

    begun, cpu = time.perf_counter(), time.process_time()
    n = (ours if which == "ours" else bare)(model, pictures)
    wall, cpu = time.perf_counter() - begun, time.process_time() - cpu
    status = Path("/proc/self/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    print(json.dumps({"rate": n / wall, "cpu_ms": 1000 * cpu / n, "peak_mib": peak}))


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
        return
    given = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    n_runs = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    report = Report("prediction", "bare onnxruntime")
    with tempfile.TemporaryDirectory() as scratch:
        model, pictures = Path(scratch) / "model", Path(scratch) / "pictures"
        make_model(model)
        if given is None:
            draw_pictures(pictures)
        else:
            pictures = given
        runs = {"ours": [], "bare": []}
        for _ in range(n_runs):  # in turn, so that a busy minute meets both
            for which, found in runs.items():
                found.append(measured(which, model, pictures))
        mine, peer = (
            {
                "rate": max(run["rate"] for run in found),
                "cpu_ms": min(run["cpu_ms"] for run in found),
                "peak_mib": min(run["peak_mib"] for run in found),
            }
            for found in runs.values()
        )
        report.row("pictures per second", "1/s", mine["rate"], peer["rate"], smaller=False)
        report.row("CPU time of a picture", "ms", mine["cpu_ms"], peer["cpu_ms"])
        report.row("memory at its highest", "MiB", mine["peak_mib"], peer["peak_mib"])
        same = sum(
            len(json.loads(a)["prediction"]) == len(json.loads(b)["prediction"])
            for a, b in zip((model / "ours.json").open(), (model / "bare.json").open(), strict=True)
        )
        report.note(f"{same} pictures have equally many detections in both; JPEG is decoded at a lower")
        report.note("resolution by ours where that suffices, so pixels differ a little.")
        report.note(
            f"MobileNet SSD at {SIDE_PX} px on {os.cpu_count()} processors, best of {n_runs} runs each."
        )
    report.finish()


if __name__ == "__main__":
    main()
