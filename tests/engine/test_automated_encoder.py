"""A job on texts with a sentence encoder of the operator's, whole. The encoder is a lookup, made here."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from automated_workshop import automated_shop, create, drive, label_of, manifest, passes

from labelwright.autolabel import Learner

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("tokenizers")


def put_encoder(folder: Path, words: list[str]) -> None:
    """A vector a word, and the mean of them for a text."""
    from onnx import TensorProto, helper, numpy_helper

    folder.mkdir()
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    table = np.random.default_rng(0).normal(size=(len(vocabulary), 16)).astype(np.float32)
    given = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "t"])
        for name in ("input_ids", "attention_mask")
    ]
    found = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["n", "t", 16])
    node = helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"])
    graph = helper.make_graph([node], "lookup", given, [found], [numpy_helper.from_array(table, "table")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / "model.onnx")


def test_a_job_whose_texts_are_read_by_an_encoder(tmp_path: Path) -> None:
    lines = manifest(150)
    words = {word for line in lines.splitlines() for word in json.loads(line)["source"].split()}
    put_encoder(tmp_path / "encoder", sorted(words))
    shop = automated_shop(tmp_path / "data", autolabel_text_encoder=str(tmp_path / "encoder"))
    job_id = create(shop, manifest=lines, batch=60, options={"auto-labeling": "plain"})
    row = drive(shop, job_id)
    assert row.status == "Completed" and row.n_human + row.n_machine == 150 and row.n_machine > 20
    assert passes(shop, job_id)[0].report["metrics"]["training-accuracy"] > 0.9
    out = shop.read("s3://acme/out/Texts-1/manifests/output/output.manifest").splitlines()
    wrong = [
        i for i, line in enumerate(out) if json.loads(line)["topic-metadata"]["class-name"] != label_of(i)
    ]
    assert len(wrong) <= 8
    key = next(key for key in shop.keys("out/Texts-1/training/") if key.endswith("model.tar.gz"))
    with tarfile.open(fileobj=io.BytesIO(shop.read(f"s3://acme/{key}"))) as archive:
        archive.extractall(tmp_path / "model", filter="data")
    embedding = Learner.load(tmp_path / "model" / "model.npz").embedding
    assert embedding is not None and embedding.kind == "joined" and len(embedding.source) == 16
    assert not list((shop.settings.data_dir / "cache").rglob("encoder-*"))  # nothing is left of the job
    shop.engine.stop()
    shop.database.close()
    shop.blobs.close()
