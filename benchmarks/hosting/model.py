"""A classifier to serve: five convolutions, about 0.25 billion multiplications for a picture of 224 x 224."""

from __future__ import annotations

import io
import itertools
import json
import tarfile

import numpy as np

N_CLASSES = 10
SIDE = 224
_CHANNELS = (3, 32, 64, 128, 256, 512)


def graph() -> bytes:
    """The ONNX file: ``images`` (n, 224, 224, 3) uint8 to ``probabilities`` (n, 10)."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    chance = np.random.default_rng(1)
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["floats"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Mul", ["planes", "scale"], ["x0"]),
    ]
    weights = [numpy_helper.from_array(np.array([1 / 255], np.float32), "scale")]
    for i, (n_in, n_out) in enumerate(itertools.pairwise(_CHANNELS)):
        kernel = chance.normal(0, (2 / (9 * n_in)) ** 0.5, (n_out, n_in, 3, 3)).astype(np.float32)
        weights.append(numpy_helper.from_array(kernel, f"w{i}"))
        nodes += [
            helper.make_node("Conv", [f"x{i}", f"w{i}"], [f"c{i}"], strides=[2, 2], pads=[1, 1, 1, 1]),
            helper.make_node("Relu", [f"c{i}"], [f"x{i + 1}"]),
        ]
    head = chance.normal(0, 0.05, (_CHANNELS[-1], N_CLASSES)).astype(np.float32)
    weights.append(numpy_helper.from_array(head, "head"))
    nodes += [
        helper.make_node("GlobalAveragePool", [f"x{len(_CHANNELS) - 1}"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "head"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    made = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", SIDE, SIDE, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", N_CLASSES])],
        weights,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def artifact() -> bytes:
    """A ``model.tar.gz`` as the image classification algorithm writes it, as far as serving needs it."""
    description = {
        "format": "labelwright-model",
        "version": 1,
        "algorithm": "image-classification",
        "network": {"name": "five-convolutions"},
        "classes": [f"class {i}" for i in range(N_CLASSES)],
        "image_shape": [3, SIDE, SIDE],
        "final_metrics": {},
    }
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in (
            ("labelwright.json", json.dumps(description).encode()),
            ("hyperparams.json", json.dumps({"num_classes": str(N_CLASSES)}).encode()),
            ("model.onnx", graph()),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def picture(n_bytes: int = 0) -> bytes:
    """A JPEG of 500 x 375, smooth as photographs are."""
    from PIL import Image

    chance = np.random.default_rng(2)
    coarse = chance.integers(0, 256, (30, 40, 3), np.uint8)
    image = Image.fromarray(coarse).resize((500, 375), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return file.getvalue()
