"""Text classification beside fastText's own C++: words per CPU-second, accuracy, time of a prediction.

Both train on one thread with the same hyperparameters (100 dimensions, bigrams, two million buckets) and read
the same files. Each run is a process of its own; figures are CPU time without the start of Python and
imports, from the file to the finished model in memory and on disk, the best of N_RUNS (2). The large text is
drawn at random: Zipf words, 14 topics. The small ones are public sets from a folder of ``<name>.csv.gz``
(``id,label,text``); without the folder they are left out.

``python -m benchmarks.text.bench [FOLDER] [N_RUNS]``
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.peers import ROOT, environment
from benchmarks.report import Report

SETS = {"banking77": (15, 0.5), "rt_polarity": (10, 0.1), "sms_spam": (10, 0.1)}  # epochs, learning rate
LARGE = ("drawn", (3, 0.1))
N_LINES, N_WORDS, N_TOPICS = 60_000, 60_000, 14
DIM, BUCKETS, NGRAMS, MIN_COUNT = 100, 2_000_000, 2, 2
N_ASKED = 2000


def draw_text(folder: Path) -> None:
    """Zipf words; one in seven is from the topic's own."""
    import numpy as np

    chance = np.random.default_rng(0)
    share = 1 / np.arange(1, N_WORDS + 1) ** 1.05
    share /= share.sum()
    own = [chance.permutation(N_WORDS) for _ in range(N_TOPICS)]
    with (folder / "drawn.train.txt").open("w") as train, (folder / "drawn.test.txt").open("w") as test:
        for i in range(N_LINES + N_LINES // 11):
            topic = int(chance.integers(N_TOPICS))
            words = chance.choice(N_WORDS, size=int(chance.integers(15, 75)), p=share)
            words = np.where(chance.random(len(words)) < 0.15, own[topic][words % 3000], words)
            file = train if i < N_LINES else test
            file.write(f"__label__{topic} " + " ".join(f"w{word}" for word in words) + "\n")


def take_set(source: Path, folder: Path, name: str) -> bool:
    """Four fifths to train on, the rest to test."""
    path = source / f"{name}.csv.gz"
    if not path.is_file():
        return False
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    cut = int(len(rows) * 0.8)
    for part, chosen in (("train", rows[:cut]), ("test", rows[cut:])):
        with (folder / f"{name}.{part}.txt").open("w", encoding="utf-8") as file:
            for row in chosen:
                words = " ".join(re.findall(r"\w+|[^\w\s]", row["text"].lower()))
                file.write(f"__label__{row['label'].replace(' ', '_')} {words}\n")
    return True


def ours(folder: Path, name: str, epochs: int, rate: float) -> dict[str, float]:
    """Our program, as a training job runs it."""
    from labelwright.inference import load_predictor
    from labelwright.testing.training_folder import TrainingFolder
    from labelwright.train.text_classification import program  # imported before the clock starts

    del program
    with tempfile.TemporaryDirectory(dir=folder) as base:
        job = TrainingFolder(
            Path(base),
            {
                "mode": "supervised",
                "epochs": epochs,
                "learning_rate": rate,
                "vector_dim": DIM,
                "buckets": BUCKETS,
                "word_ngrams": NGRAMS,
                "min_count": MIN_COUNT,
            },
        )
        for channel, part in (("train", "train"), ("validation", "test")):
            os.link(folder / f"{name}.{part}.txt", job.channel(channel) / "text.txt")
        begun = time.process_time()
        if job.run("blazingtext"):
            raise SystemExit(job.failure)
        trained = time.process_time() - begun
        about = json.loads((job.model / "labelwright.json").read_bytes())
        predictor = load_predictor(job.model)
        bodies = [json.dumps({"instances": [text]}).encode() for text in asked(folder, name)]
        predictor.predict_many(bodies[:10], "application/json", None)
        begun = time.process_time()
        for body in bodies:
            predictor.predict(body, "application/json", None)
        one = time.process_time() - begun
        begun = time.process_time()
        predictor.predict_many(bodies, "application/json", None)
        many = time.process_time() - begun
    return {
        "cpu_s": trained,
        "accuracy": about["final_metrics"]["validation:accuracy"],
        "one_us": 1e6 * one / len(bodies),
        "many_us": 1e6 * many / len(bodies),
    }


PEER = """
import fasttext, json, sys, time
folder, name, epochs, rate, dim, buckets, ngrams, least, texts = json.loads(sys.argv[1])
begun = time.process_time()
model = fasttext.train_supervised(f"{folder}/{name}.train.txt", epoch=epochs, lr=rate, dim=dim,
    bucket=buckets, wordNgrams=ngrams, minCount=least, thread=1, verbose=0)
model.save_model(f"{folder}/peer.bin")
trained = time.process_time() - begun
texts = json.load(open(texts))
model.f.predict("warm up\\n", 1, 0.0, "strict")
begun = time.process_time()
for text in texts:
    model.f.predict(text + "\\n", 1, 0.0, "strict")
one = time.process_time() - begun
begun = time.process_time()
model.f.multilinePredict([text + "\\n" for text in texts], 1, 0.0, "strict")
many = time.process_time() - begun
print(json.dumps({"cpu_s": trained, "accuracy": model.test(f"{folder}/{name}.test.txt")[1],
    "one_us": 1e6 * one / len(texts), "many_us": 1e6 * many / len(texts)}))
"""


def asked(folder: Path, name: str) -> list[str]:
    """Texts of the test part without their labels."""
    lines = (folder / f"{name}.test.txt").read_text("utf-8").splitlines()[:N_ASKED]
    return [line.partition(" ")[2] for line in lines]


def theirs(python: Path, folder: Path, name: str, epochs: int, rate: float) -> dict[str, float]:
    """FastText's Python package."""
    texts = folder / "texts.json"
    texts.write_text(json.dumps(asked(folder, name)))
    given = [str(folder), name, epochs, rate, DIM, BUCKETS, NGRAMS, MIN_COUNT, str(texts)]
    done = subprocess.run(
        [str(python), "-c", PEER, json.dumps(given)], capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    (folder / "peer.bin").unlink()
    return found


def apart(folder: Path, name: str, epochs: int, rate: float) -> dict[str, float]:
    """Ours in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.text.bench",
        "--one",
        str(folder),
        name,
        str(epochs),
        str(rate),
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["--one"]:
        folder, name, epochs, rate = sys.argv[2:6]
        print(json.dumps(ours(Path(folder), name, int(epochs), float(rate))))
        return
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared" / "data" / "auto-labeling"
    n_runs = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    report = Report("text", "fastText 0.9.3")
    try:
        python = environment("fasttext", "fasttext==0.9.3", "numpy") / "python"
    except (OSError, subprocess.CalledProcessError):
        python = None
        report.note("fastText could not be installed here; its figures are missing.")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        draw_text(folder)
        wanted = dict([LARGE])
        wanted |= {name: how for name, how in SETS.items() if take_set(source, folder, name)}
        if len(wanted) == 1:
            report.note(f"There are no sets in {source}; only the drawn text was measured.")
        for name, (epochs, rate) in wanted.items():
            n_words = len((folder / f"{name}.train.txt").read_bytes().split()) * epochs
            mine = best([apart(folder, name, epochs, rate) for _ in range(n_runs)])
            peer = best([theirs(python, folder, name, epochs, rate) for _ in range(n_runs)]) if python else {}
            report.row(
                f"{name}: training",
                "M words/CPU s",
                n_words / mine["cpu_s"] / 1e6,
                n_words / peer["cpu_s"] / 1e6 if peer else None,
                smaller=False,
            )
            report.row(f"{name}: accuracy", "", mine["accuracy"], peer.get("accuracy"), smaller=False)
            report.row(f"{name}: a text alone", "us", mine["one_us"], peer.get("one_us"))
            report.row(f"{name}: of many texts", "us", mine["many_us"], peer.get("many_us"))
    report.note("Training: one thread, from the text to the written model.bin, all epochs counted.")
    report.note("Predictions: ours from JSON to JSON, the peer's from a string to a tuple.")
    report.finish()


def best(runs: list[dict[str, float]]) -> dict[str, float]:
    """The smallest times; the first accuracy."""
    return {key: runs[0][key] if key == "accuracy" else min(run[key] for run in runs) for key in runs[0]}


if __name__ == "__main__":
    main()
