"""Whole jobs of text classification: every input, early stopping, what is refused, what is left."""

from __future__ import annotations

import io
import json
import re
import signal
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra: pip install 'labelwright[train]'")

from labelwright import recordio
from labelwright.inference import load_predictor
from labelwright.inference.fasttext_file import read_model
from labelwright.streaming import open_objects
from labelwright.testing.training_folder import TrainingFolder

pytestmark = pytest.mark.train

NAME = "blazingtext"
LEAST = {
    "mode": "supervised",
    "vector_dim": 10,
    "buckets": 2000,
    "min_count": 1,
    "learning_rate": 0.3,
    "epochs": 10,
}
TOPICS = {
    1: "goal match keeper pitch score",
    2: "bank rate bond market price",
    3: "oven flour salt dough bake",
}


def lines(n: int, *, seed: int = 0, label_place: str = "first") -> list[str]:
    """Texts of three topics with some noise."""
    generator = np.random.default_rng(seed)
    found = []
    for i in range(n):
        topic = 1 + i % 3
        words = [*generator.choice(TOPICS[topic].split(), 4), *generator.choice(["the", "a", "and", ","], 4)]
        generator.shuffle(words)
        label = f"__label__{topic}"
        place = 0 if label_place == "first" else int(generator.integers(len(words) + 1))
        words.insert(place, label)
        found.append(" ".join(words))
    return found


def folder_of(
    base: Path, train: list[str], validation: list[str] | None = None, **given: object
) -> TrainingFolder:
    folder = TrainingFolder(base, LEAST | given)
    (folder.channel("train") / "a.txt").write_text("\n".join(train), encoding="utf-8")
    if validation is not None:
        (folder.channel("validation") / "b.txt").write_text("\n".join(validation) + "\n", encoding="utf-8")
    return folder


def best_label(folder: TrainingFolder, text: str) -> str:
    body = json.dumps({"instances": [text]}).encode()
    answer, _ = load_predictor(folder.model).predict(body, "application/json", None)
    label: str = json.loads(answer)[0]["label"][0]
    return label


def test_text_trains_to_a_model_that_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = folder_of(tmp_path, lines(300, label_place="anywhere"), lines(60, seed=1), epochs=6)
    assert folder.run(NAME) == 0
    log = capsys.readouterr().out
    for form in (
        r"Read 0M words",
        r"Number of words:  20",
        r"-------------- End of epoch: 6",
        r"##### Alpha: 0\.0000  Progress: 100\.00%  Million Words/sec: \d+\.\d\d #####",
        r"Training finished\.",
        r"Average throughput in Million words/sec: \d+\.\d\d",
        r"Total training time in seconds: \d+\.\d\d",
        r"#train_accuracy: (1\.0000|0\.99\d\d)",
        r"Number of train examples: 300",
        r"#validation_accuracy: (1\.0000|0\.9[5-9]\d\d)",
        r"Number of validation examples: 60",
    ):
        assert re.search(rf"^{form}$", log, re.MULTILINE), form
    assert "Validation accuracy" not in log  # that is early stopping's
    assert best_label(folder, "the keeper and the goal") == "__label__1"
    assert best_label(folder, "salt , flour and a dough") == "__label__3"
    about = json.loads((folder.model / "labelwright.json").read_bytes())
    assert about["algorithm"] == "blazingtext"
    assert about["final_metrics"]["validation:accuracy"] > 0.9
    kept = json.loads((folder.model / "hyperparams.json").read_bytes())
    assert (kept["epochs"], kept["word_ngrams"], kept["patience"]) == ("6", "2", "4")


def test_one_thread_repeats_itself_to_the_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    made = []
    for name in ("one", "two"):
        folder = folder_of(tmp_path / name, lines(90), epochs=2)
        assert folder.run(NAME) == 0
        made.append((folder.model / "model.bin").read_bytes())
    assert made[0] == made[1]


def test_early_stopping_keeps_the_best_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = {"early_stopping": "True", "patience": 2, "min_epochs": 3, "epochs": 50}
    folder = folder_of(tmp_path, lines(300), lines(60, seed=1), **given)
    assert folder.run(NAME) == 0
    log = capsys.readouterr().out
    scores = [float(each) for each in re.findall(r"^Validation accuracy: (\d\.\d{6})$", log, re.MULTILINE)]
    assert 3 <= len(scores) < 50
    assert max(scores[-2:]) <= max(scores[:-2])
    assert log.count("Validation accuracy improved! Storing best weights...") >= 1
    assert f"#validation_accuracy: {max(scores):.4f}" in log


def test_an_augmented_manifest_streams_through_a_pipe(tmp_path: Path) -> None:
    manifest = tmp_path / "train.manifest"
    with manifest.open("w", encoding="utf-8") as file:
        for i, line in enumerate(lines(240)):
            label, text = line.split(" ", 1)
            number = int(label.removeprefix("__label__"))
            value = [number, 7] if i % 2 else number
            file.write(json.dumps({"source": text + "\nagain", "topic": value, "other": 1}) + "\n")
    folder = TrainingFolder(tmp_path / "job", LEAST | {"epochs": 8})
    folder.pipe("train", manifest, ["source", "topic"], objects=open_objects())
    assert folder.run(NAME) == 0
    model = read_model(folder.model / "model.bin")
    assert sorted(model.labels) == [b"__label__1", b"__label__2", b"__label__3", b"__label__7"]
    assert best_label(folder, "market price") in ("__label__2", "__label__7")


def test_records_of_whole_texts_are_read_as_well(tmp_path: Path) -> None:
    folder = TrainingFolder(tmp_path, LEAST | {"epochs": 1})
    stream = io.BytesIO()
    with recordio.RecordWriter(stream) as writer:
        for part in (lines(30), lines(30, seed=1)):
            writer.write("\n".join(part).encode())
    (folder.channel("train") / "texts.rec").write_bytes(stream.getvalue())
    assert folder.run(NAME) == 0
    about = read_model(folder.model / "model.bin")
    assert len(about.labels) == 3
    assert about.n_rows == len(about.words) + 2000


@pytest.mark.parametrize(
    ("texts", "given", "says"),
    [
        (["no label here"], {}, "holds no label"),
        (["__label__1 one two"], {"min_count": 5}, "min_count asks for"),
        (["__label__1 one two"], {"early_stopping": "True"}, "no channel 'validation'"),
        (["__label__1 one two"], {"mode": "skipgram"}, "'supervised'"),
        (["__label__1 one two"], {"vector_dims": 10}, "Did you mean 'vector_dim'?"),
    ],
)
def test_what_cannot_be_trained_is_refused(
    tmp_path: Path, texts: list[str], given: dict[str, object], says: str
) -> None:
    folder = folder_of(tmp_path, texts, **given)
    assert folder.run(NAME) == 2
    assert says in folder.failure
    assert not (folder.model / "model.bin").exists()


def test_a_rate_that_breaks_the_weights_is_named(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, lines(90), learning_rate=1e30)
    assert folder.run(NAME) == 2
    assert "Set a lower learning_rate than 1e+30" in folder.failure


def test_a_wish_to_end_leaves_the_model_as_it_is(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, lines(90), epochs=1_000_000)
    process = folder.start(NAME, OMP_NUM_THREADS="1")
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("-------------- End of epoch: 3"):
            process.send_signal(signal.SIGTERM)
            break
    rest = process.communicate()[0]
    assert process.returncode == 0, rest
    assert "asked to end" in rest and "Training finished." in rest
    assert best_label(folder, "market price") == "__label__2"


def test_a_label_that_is_none_is_named_by_sample(tmp_path: Path) -> None:
    manifest = tmp_path / "train.manifest"
    manifest.write_text('{"source": "a", "label": 1}\n{"source": "b", "label": {"x": 1}}\n', encoding="utf-8")
    folder = TrainingFolder(tmp_path / "job", LEAST)
    folder.pipe("train", manifest, ["source", "label"], objects=open_objects())
    assert folder.run(NAME) == 2
    assert "Sample 2 of channel 'train' has the label {\"x\": 1}" in folder.failure
