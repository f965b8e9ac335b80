"""Sentence encoders in a local folder, made here: a tiny BERT as weights, and a lookup as an ONNX graph."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labelwright.autolabel.features.encoder import TextEncoder
from labelwright.autolabel.job_classes import ClassTrainer
from labelwright.autolabel.job_data import Objects
from labelwright.autolabel.job_trainers import Hints
from labelwright.errors import InvalidRequest

torch = pytest.importorskip("torch")
pytest.importorskip("tokenizers")

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film", "book", "##s"]
WIDTH, INNER, HEADS, LAYERS = 12, 20, 3, 2
CONFIG = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "hidden_size": WIDTH,
    "num_attention_heads": HEADS,
    "num_hidden_layers": LAYERS,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 16,
}


def put_tokenizer(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")


def put_pooling(folder: Path, name: str) -> None:
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({f"pooling_mode_{name}": True}))


def put_bert(folder: Path) -> dict[str, Any]:
    from safetensors.torch import save_file

    put_tokenizer(folder)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    chance = torch.Generator().manual_seed(3)
    shapes = {
        "embeddings.word_embeddings.weight": (len(WORDS), WIDTH),
        "embeddings.position_embeddings.weight": (16, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
        "embeddings.LayerNorm.weight": (WIDTH,),
        "embeddings.LayerNorm.bias": (WIDTH,),
    }
    for i in range(LAYERS):
        for name, (out, into) in {
            "attention.self.query": (WIDTH, WIDTH),
            "attention.self.key": (WIDTH, WIDTH),
            "attention.self.value": (WIDTH, WIDTH),
            "attention.output.dense": (WIDTH, WIDTH),
            "intermediate.dense": (INNER, WIDTH),
            "output.dense": (WIDTH, INNER),
        }.items():
            shapes[f"encoder.layer.{i}.{name}.weight"] = (out, into)
            shapes[f"encoder.layer.{i}.{name}.bias"] = (out,)
        for name in ("attention.output", "output"):
            shapes[f"encoder.layer.{i}.{name}.LayerNorm.weight"] = (WIDTH,)
            shapes[f"encoder.layer.{i}.{name}.LayerNorm.bias"] = (WIDTH,)
    weights = {name: torch.randn(shape, generator=chance) * 0.5 for name, shape in shapes.items()}
    save_file(weights, folder / "model.safetensors")
    return weights


def put_graph(folder: Path) -> np.ndarray:
    """A graph that looks a token's vector up."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    put_tokenizer(folder)
    table = np.random.default_rng(0).normal(size=(len(WORDS), WIDTH)).astype(np.float32)
    integers = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "t"])
        for name in ("input_ids", "attention_mask")
    ]
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"])],
        "lookup",
        integers,
        [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["n", "t", WIDTH])],
        [numpy_helper.from_array(table, "table")],
    )
    (folder / "onnx").mkdir()
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / "onnx" / "model.onnx")
    return table


def torch_layers(weights: dict[str, Any], ids: list[int]) -> np.ndarray:
    """The same network by torch's own layers."""
    from torch import nn

    w = weights
    x = w["embeddings.word_embeddings.weight"][torch.tensor(ids)]
    x = x + w["embeddings.position_embeddings.weight"][: len(ids)]
    x = x + w["embeddings.token_type_embeddings.weight"][0]
    norm = "embeddings.LayerNorm"
    x = nn.functional.layer_norm(x, (WIDTH,), w[f"{norm}.weight"], w[f"{norm}.bias"], 1e-12)[None]
    for i in range(LAYERS):
        name = f"encoder.layer.{i}."
        layer = nn.TransformerEncoderLayer(
            WIDTH, HEADS, INNER, 0.0, "gelu", layer_norm_eps=1e-12, batch_first=True
        )
        parts = [f"{name}attention.self.{part}" for part in ("query", "key", "value")]
        layer.load_state_dict(
            {
                "self_attn.in_proj_weight": torch.cat([w[f"{part}.weight"] for part in parts]),
                "self_attn.in_proj_bias": torch.cat([w[f"{part}.bias"] for part in parts]),
                **{
                    f"{ours}.{kind}": w[f"{name}{theirs}.{kind}"]
                    for kind in ("weight", "bias")
                    for ours, theirs in (
                        ("self_attn.out_proj", "attention.output.dense"),
                        ("linear1", "intermediate.dense"),
                        ("linear2", "output.dense"),
                        ("norm1", "attention.output.LayerNorm"),
                        ("norm2", "output.LayerNorm"),
                    )
                },
            }
        )
        with torch.no_grad():
            x = layer.eval()(x)
    return np.asarray(x[0].detach().numpy())


def unit(vector: np.ndarray) -> np.ndarray:
    return np.asarray(vector / np.linalg.norm(vector))


def test_weights_give_what_torchs_own_layers_give(tmp_path: Path) -> None:
    weights = put_bert(tmp_path)
    encoder = TextEncoder(tmp_path)
    found = encoder(["good films", "bad", ""])  # of unequal length, so that padding must not count
    assert found.shape == (3, encoder.width) == (3, WIDTH)
    ids = [2, 5, 7, 9, 3]  # [CLS] good film ##s [SEP]
    assert np.allclose(found[0], unit(torch_layers(weights, ids).mean(axis=0)), atol=1e-5)
    assert np.allclose(found[1], unit(torch_layers(weights, [2, 6, 3]).mean(axis=0)), atol=1e-5)
    put_pooling(tmp_path, "cls_token")
    first = TextEncoder(tmp_path)
    assert np.allclose(first(["bad"])[0], unit(torch_layers(weights, [2, 6, 3])[0]), atol=1e-5)
    assert first.key != encoder.key


@pytest.mark.parametrize("pooling", ["mean_tokens", "max_tokens", "cls_token"])
def test_a_graph_is_pooled_as_its_folder_says(tmp_path: Path, pooling: str) -> None:
    table = put_graph(tmp_path)
    put_pooling(tmp_path, pooling)
    found = TextEncoder(tmp_path)(["book", "good bad film"])
    rows = table[[2, 8, 3]]
    expected = {"mean_tokens": rows.mean(axis=0), "max_tokens": rows.max(axis=0), "cls_token": rows[0]}
    assert np.allclose(found[0], unit(expected[pooling]), atol=1e-5)


def test_order_and_length_of_other_texts_make_no_difference(tmp_path: Path) -> None:
    put_bert(tmp_path)
    encoder = TextEncoder(tmp_path)
    texts = ["good", "bad films good film", "book " * 100, "film"]
    together = encoder(texts)
    for text, row in zip(texts, together, strict=True):
        assert np.allclose(encoder([text])[0], row, atol=1e-5)
    assert encoder([]).shape == (0, WIDTH)


def test_folders_without_a_usable_encoder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="no folder"):
        TextEncoder(tmp_path / "absent")
    with pytest.raises(InvalidRequest, match=r"neither onnx/model\.onnx nor model\.safetensors"):
        TextEncoder(tmp_path)
    put_bert(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({**CONFIG, "model_type": "roberta"}))
    with pytest.raises(InvalidRequest, match="roberta"):
        TextEncoder(tmp_path)
    for wrong in ({"hidden_size": 24}, {"num_hidden_layers": 3}, {"num_attention_heads": 0}):
        (tmp_path / "config.json").write_text(json.dumps({**CONFIG, **wrong}))
        with pytest.raises(InvalidRequest, match=r"does not hold the network"):
            TextEncoder(tmp_path)
    (tmp_path / "config.json").write_text("[")
    with pytest.raises(InvalidRequest, match=r"config\.json cannot be read"):
        TextEncoder(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "model.safetensors").write_bytes(b"\x80\x04N.")
    with pytest.raises(InvalidRequest, match="does not hold the network"):
        TextEncoder(tmp_path)
    (tmp_path / "vocab.txt").unlink()
    with pytest.raises(InvalidRequest, match=r"neither tokenizer\.json nor vocab\.txt"):
        TextEncoder(tmp_path)
    put_tokenizer(tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(InvalidRequest, match="no graph"):
        TextEncoder(tmp_path)


class Texts(Objects):
    """Texts of a job, all labeled."""

    def __init__(self, n: int) -> None:
        self.ids = np.arange(n, dtype=np.int64)

    def line(self, i: int) -> dict[str, Any]:
        return {"source": ("good film", "bad book")[i % 2] + "s" * (i % 3), "topic": i % 2}


def test_a_job_reads_its_texts_once_and_leaves_models_of_other_encoders_aside(tmp_path: Path) -> None:
    put_graph(tmp_path / "encoder")
    content = {
        "label_attribute_name": "topic",
        "labels": ["good", "bad"],
        "algorithm": "text-classification",
        "seed": 1,
        "n_objects": 60,
        "cache": str(tmp_path / "cache"),
        "text_encoder": str(tmp_path / "encoder"),
    }
    objects, hints = Texts(60), Hints(np.ones(60, np.bool_), {})
    trainer = ClassTrainer(content, tmp_path)
    assert not trainer.has_model
    assert trainer.fit(objects, hints)["training-accuracy"] > 0.9
    assert np.array_equal(trainer.predict(objects).labels, np.arange(60) % 2)
    (rows,) = (tmp_path / "cache").glob("encoder-*.f32")
    # What is in the cache is used: the next program sees no difference between the two texts any more.
    vectors = np.memmap(rows, np.float32, "r+", shape=(60, WIDTH))
    vectors[:] = vectors[0]
    vectors.flush()
    (tmp_path / "model").mkdir()
    trainer.save(tmp_path / "model")
    next_one = ClassTrainer(content, tmp_path)
    next_one.load(tmp_path / "model", is_own=False)
    assert next_one.has_model and next_one.n_seen == 60
    next_one.fit(objects, hints)
    assert np.array_equal(np.fromfile(rows, np.float32).reshape(60, WIDTH), vectors)
    other = ClassTrainer({**content, "text_encoder": ""}, tmp_path)
    other.load(tmp_path / "model", is_own=False)
    assert not other.has_model and other.n_seen == 0
    other.fit(objects, hints)
    assert np.array_equal(other.predict(objects).labels, np.arange(60) % 2)
