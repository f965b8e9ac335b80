"""``im2rec`` with the images of a running server."""

from __future__ import annotations

import io
import json
from pathlib import Path

import boto3
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from labelwright import recordio
from labelwright.cli import cli
from labelwright.testing.server import running_server


def test_images_of_a_manifest_come_from_s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        {
            "source-ref": f"s3://{bucket}/{i}.jpg",
            "kind": i,
            "kind-metadata": {"type": "groundtruth/image-classification"},
        }
        for i, bucket in enumerate(("sets", "sets", "sets", "other"))
    ]
    manifest = tmp_path / "m.manifest"

    def pack(*chosen: int) -> tuple[int, str, str]:
        manifest.write_text("".join(json.dumps(lines[i]) + "\n" for i in chosen))
        result = CliRunner().invoke(
            cli, ["im2rec", str(tmp_path / "p"), "--augmented-manifest", str(manifest)]
        )
        return result.exit_code, result.stdout, result.stderr

    with running_server(tmp_path / "data") as server:
        given = server.client_arguments()
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", given["aws_access_key_id"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", given["aws_secret_access_key"])
        s3 = boto3.client("s3", **given)
        s3.create_bucket(Bucket="sets")
        for i in range(2):
            picture = io.BytesIO()
            Image.fromarray(np.full((8, 8 + i), 50, np.uint8)).save(picture, "JPEG")
            s3.put_object(Bucket="sets", Key=f"{i}.jpg", Body=picture.getvalue())
        s3.close()
        code, out, err = pack(0, 1, 2)
        assert (code, "2 images, 1 skipped" in out) == (0, True), err
        assert "s3://sets/2.jpg: " in err
        headers = [recordio.unpack_img(record)[0] for record in recordio.read(tmp_path / "p.rec")]
        assert [(header.id, header.label) for header in headers] == [(0, 0.0), (1, 1.0)]
        before = (tmp_path / "p.rec").read_bytes()
        code, _, err = pack(0, 3)
        assert code == 1
        assert "s3://other/3.jpg" in err
        assert "NoSuchBucket" in err
        assert (tmp_path / "p.rec").read_bytes() == before
