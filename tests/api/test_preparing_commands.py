"""The commands that prepare data, against a running server's objects."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import boto3
import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from labelwright.cli import cli
from labelwright.dataprep.to_manifest import encode_mask
from labelwright.testing.server import RunningServer, running_server


def _line(i: int) -> str:
    color_map = {
        "0": {"class-name": "BACKGROUND", "hex-color": "#ffffff", "confidence": 0.5},
        "1": {"class-name": "road", "hex-color": "#2ca02c", "confidence": 0.5},
    }
    line = {
        "source-ref": f"s3://sets/img/{i}.jpg",
        "camera": i,
        "street-ref": "s3://sets/mask.png",
        "street-ref-metadata": {
            "internal-color-map": color_map,
            "type": "groundtruth/semantic-segmentation",
            "human-annotated": "yes",
            "creation-date": "2024-05-01T10:00:00.000000",
            "job-name": "labeling-job/street",
        },
    }
    return json.dumps(line, separators=(",", ":"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("preparing") / "data") as server:
        s3 = boto3.client("s3", **server.client_arguments())
        s3.create_bucket(Bucket="sets")
        picture = io.BytesIO()
        Image.new("RGB", (6, 4), (0, 0, 200)).save(picture, "JPEG")
        mask = np.array([[0, 0, 1, 1, 1, 0]] * 4, dtype=np.uint8)
        s3.put_object(Bucket="sets", Key="mask.png", Body=encode_mask(mask, {1: "#2ca02c"}))
        for i in range(4):
            s3.put_object(Bucket="sets", Key=f"img/{i}.jpg", Body=picture.getvalue())
        body = "".join(_line(i) + "\n" for i in range(4)).encode()
        s3.put_object(Bucket="sets", Key="in.manifest", Body=body)
        s3.close()
        yield server


def _run(server: RunningServer, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    given = server.client_arguments()
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", given["aws_access_key_id"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", given["aws_secret_access_key"])
    return CliRunner().invoke(cli, ["manifest", *arguments])


def test_from_a_stored_manifest_to_another_format_and_back(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = server.app.context.blobs
    for output in ("s3://sets/out.json", "s3://sets/yolo"):
        kind = "coco" if output.endswith(".json") else "yolo"
        done = _run(
            server,
            monkeypatch,
            "convert",
            "s3://sets/in.manifest",
            "--to",
            kind,
            "--output",
            output,
            *(["--copy-images"] if kind == "yolo" else []),
        )
        assert done.exit_code == 0, done.output
    assert blobs.read("s3://sets/yolo/images/train/3.jpg") == blobs.read("s3://sets/img/3.jpg")
    assert blobs.read("s3://sets/yolo/labels/train/3.txt").startswith(b"0 0.8333")
    back = "s3://sets/back.manifest"
    done = _run(
        server,
        monkeypatch,
        "convert",
        "s3://sets/out.json",
        "--output",
        back,
        "--label-attribute-name",
        "street-ref",
    )
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in blobs.read(back).splitlines()]
    assert [line.pop("street-ref") for line in lines] == [
        f"s3://sets/back-masks/{i}_{i}.png" for i in range(4)
    ]
    given = [json.loads(_line(i)) for i in range(4)]
    assert [line.pop("street-ref") for line in given] == ["s3://sets/mask.png"] * 4
    assert lines == given


def test_augmented_pictures_and_their_manifest_are_stored(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = server.app.context.blobs
    done = _run(
        server, monkeypatch, "augment", "s3://sets/in.manifest", "--output", "s3://sets/more.manifest",
        "--images-to", "s3://sets/more", "--turn", "--copies", "2", "--json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in blobs.read("s3://sets/more.manifest").splitlines()]
    assert len(lines) == 12
    for line in lines:
        assert blobs.head(line["source-ref"]).size_bytes
        assert blobs.head(line["street-ref"]).size_bytes
    parts = _run(
        server, monkeypatch, "split", "s3://sets/more.manifest", "--part", "a=0.5", "--part", "b=0.5",
        "--group", "camera",
    )  # fmt: skip
    assert parts.exit_code == 0, parts.output
    assert len(blobs.read("s3://sets/more-a.manifest").splitlines()) == 6
    gone = _run(
        server,
        monkeypatch,
        "filter",
        "s3://sets/gone",
        "--output",
        "s3://sets/x",
        "--verification",
        "v",
        "--verdict",
        "a",
    )
    assert gone.exit_code == 1
    assert "There is no object s3://sets/gone." in gone.output
