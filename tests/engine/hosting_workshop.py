"""Models to serve that are made in a moment, and what tests ask of endpoints."""

from __future__ import annotations

import atexit
import io
import json
import shutil
import tarfile
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from labelwright.api.dispatch import load_handlers
from labelwright.testing.server import RunningServer
from labelwright.wire.model import load_models

_cache: Path | None = None
ROLE = "arn:aws:iam::000000000000:role/serve"
SCRIPT_IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
CLASSIFIER_IMAGE = "811284229777.dkr.ecr.us-east-1.amazonaws.com/image-classification:1"

# Answers {"model": TAG, "sum": ...}; some inputs make it do worse things.
SCRIPT = """
import json, os, time

def model_fn(folder):
    print("loading", sorted(os.listdir(folder)))
    return {tag!r}

def input_fn(body, content_type):
    if content_type != "application/json":
        raise ValueError(f"cannot read {{content_type}}")
    return json.loads(body)

def predict_fn(data, model):
    if data == "die":
        os._exit(3)
    if isinstance(data, dict) and "sleep_s" in data:
        time.sleep(data["sleep_s"])
        data = []
    return {{"model": model, "sum": sum(data)}}

def output_fn(prediction, accept, context):
    attributes = "X-Amzn-SageMaker-Custom-Attributes"
    given = context.get_request_header(0, attributes)
    if given:
        context.set_response_header(0, attributes, given + ";seen")
    return json.dumps(prediction), "application/json"
"""


def with_model_cache(data_dir: Path) -> Path:
    """A new data directory that has the service models already: making them takes a second."""
    global _cache
    if _cache is None:
        _cache = Path(tempfile.mkdtemp(prefix="labelwright-models-"))
        atexit.register(shutil.rmtree, _cache, ignore_errors=True)
        wanted: dict[str, list[str]] = {}
        for service, name in load_handlers():
            wanted.setdefault(service, []).append(name)
        load_models(wanted, _cache)
    shutil.copytree(_cache, data_dir / "cache")
    return data_dir


def packed(files: Mapping[str, bytes | str]) -> bytes:
    """A ``.tar.gz`` of files."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, data in files.items():
            data = data.encode() if isinstance(data, str) else data
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return content.getvalue()


def script_model(tag: str, script: str = SCRIPT) -> bytes:
    """An artifact with a script that answers with a tag."""
    return packed({"code/inference.py": script.format(tag=tag), "weights.txt": tag})


def classifier_model(n_classes: int = 3, side: int = 8) -> bytes:
    """An artifact of the image classification algorithm: the mean colour, through a softmax."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    head = np.eye(3, n_classes, dtype=np.float32) / 25
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("MatMul", ["mean", "head"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "mean-colour",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", side, side, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", n_classes])],
        [numpy_helper.from_array(head, "head")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    about = {
        "format": "labelwright-model",
        "version": 1,
        "algorithm": "image-classification",
        "network": {},
        "classes": ["red", "green", "blue"][:n_classes],
        "image_shape": [3, side, side],
        "final_metrics": {},
    }
    return packed(
        {
            "labelwright.json": json.dumps(about),
            "hyperparams.json": json.dumps({"num_classes": str(n_classes)}),
            "model.onnx": model.SerializeToString(),
        }
    )


def picture(color: tuple[int, int, int], kind: str = "PNG") -> bytes:
    """An image of one colour."""
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (20, 10), color).save(file, kind)
    return file.getvalue()


class Hosting:
    """boto3 clients of a server, and short ways to models and endpoints."""

    def __init__(self, server: RunningServer, *, has_bucket: bool = False) -> None:
        self.server = server
        self._session = boto3.session.Session()
        self.sagemaker = self._client("sagemaker")
        self.runtime = self._client("sagemaker-runtime")
        self.s3 = self._client("s3")
        self.logs = self._client("logs")
        self.unchecked = self._client("sagemaker", parameter_validation=False)
        if not has_bucket:
            self.s3.create_bucket(Bucket="models")

    def _client(self, service: str, **more: Any) -> Any:
        config = Config(retries={"total_max_attempts": 1}, read_timeout=70, max_pool_connections=32, **more)
        return self._session.client(service, config=config, **self.server.client_arguments())

    def close(self) -> None:
        for client in (self.sagemaker, self.runtime, self.s3, self.logs, self.unchecked):
            client.close()

    def model(self, name: str, artifact: bytes, image: str = SCRIPT_IMAGE, **more: Any) -> None:
        """Put an artifact and register it."""
        self.s3.put_object(Bucket="models", Key=f"{name}/model.tar.gz", Body=artifact)
        container = {"Image": image, "ModelDataUrl": f"s3://models/{name}/model.tar.gz", **more}
        self.sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)

    def config(self, name: str, *variants: Mapping[str, Any], **more: Any) -> None:
        """Make a configuration of variants, each with what is usual unless it is given."""
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=[variant_of(**each) for each in variants], **more
        )

    def endpoint(self, name: str, config: str) -> None:
        """Bring an endpoint up."""
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config, Tags=[])
        self.wait(name)

    def wait(self, name: str, status: str = "InService") -> dict[str, Any]:
        """Wait until an endpoint is at rest, in this status."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            found: dict[str, Any] = self.sagemaker.describe_endpoint(EndpointName=name)
            if found["EndpointStatus"] not in ("Creating", "Updating"):
                assert found["EndpointStatus"] == status, found
                return found
            time.sleep(0.02)
        raise AssertionError(f"{name} did not come to rest")

    def wait_until_gone(self, name: str) -> None:
        """Wait until nobody knows the endpoint any more."""
        waiter = self.sagemaker.get_waiter("endpoint_deleted")
        waiter.config.delay = 0.02
        waiter.config.max_attempts = 3000
        waiter.wait(EndpointName=name)

    def answer(self, name: str, body: Any, **more: Any) -> dict[str, Any]:
        """What the script's model answers."""
        found = self.runtime.invoke_endpoint(
            EndpointName=name, Body=json.dumps(body).encode(), ContentType="application/json", **more
        )
        content: dict[str, Any] = json.loads(found["Body"].read())
        return content


def variant_of(ModelName: str, VariantName: str = "AllTraffic", **more: Any) -> dict[str, Any]:
    """A production variant."""
    usual = {"InitialInstanceCount": 1, "InstanceType": "ml.m5.xlarge"}
    return {"VariantName": VariantName, "ModelName": ModelName, **usual, **more}
