"""From labels to a detector in use, with the SageMaker Python SDK: a notebook's walk-through as a script.

Pictures with labeled boxes, as a Ground Truth job leaves them, train an object detector straight from their
augmented manifest in Pipe mode. The detector is deployed and answers requests, looks at a whole folder in a
batch transform job, and what it found is drawn into the pictures. Nothing in here knows about Labelwright; it
needs ``sagemaker>=2.200,<3`` and ``pillow``::

    labelwright exec -- python examples/train_a_detector.py --output found

The pictures are drawn here, so that everything is in one file: red squares and blue discs on light grounds.
"""

from __future__ import annotations

import argparse
import io
import json
import random
from pathlib import Path
from typing import Any

import sagemaker
from PIL import Image, ImageDraw
from sagemaker import get_execution_role, image_uris
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.predictor import Predictor
from sagemaker.s3 import S3Downloader
from sagemaker.serializers import IdentitySerializer

CLASSES = ("square", "disc")
WIDTH, HEIGHT = 200, 160


def draw_picture(rng: random.Random) -> tuple[Image.Image, list[dict[str, int]]]:
    """A picture with one to three shapes, and their boxes as a labeling job writes them."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), tuple(rng.randrange(190, 256) for _ in range(3)))
    pen = ImageDraw.Draw(picture)
    boxes = []
    for _ in range(rng.randint(1, 3)):
        side, class_id = rng.randrange(40, 80), rng.randrange(2)
        left, top = rng.randrange(WIDTH - side), rng.randrange(HEIGHT - side)
        place = (left, top, left + side - 1, top + side - 1)
        if class_id == 0:
            pen.rectangle(place, fill=(200, 40, 40))
        else:
            pen.ellipse(place, fill=(40, 60, 200))
        boxes.append({"class_id": class_id, "left": left, "top": top, "width": side, "height": side})
    return picture, boxes


def upload_labeled_pictures(
    session: sagemaker.Session, prefix: str, part: str, n: int, seed: int
) -> TrainingInput:
    """Draw and upload pictures with their output manifest; the channel that streams them."""
    bucket, rng = session.default_bucket(), random.Random(seed)  # noqa: S311 - pictures
    lines = []
    for i in range(n):
        picture, boxes = draw_picture(rng)
        body = io.BytesIO()
        picture.save(body, "JPEG", quality=90)
        key = f"{prefix}/images/{part}-{i:04}.jpg"
        session.boto_session.client("s3").put_object(Bucket=bucket, Key=key, Body=body.getvalue())
        line = {
            "source-ref": f"s3://{bucket}/{key}",
            "shapes": {
                "image_size": [{"width": WIDTH, "height": HEIGHT, "depth": 3}],
                "annotations": boxes,
            },
            "shapes-metadata": {
                "objects": [{"confidence": 0.9} for _ in boxes],
                "class-map": {str(i): name for i, name in enumerate(CLASSES)},
                "type": "groundtruth/object-detection",
                "human-annotated": "yes",
                "creation-date": "2026-11-29T00:00:00.000000",
                "job-name": "labeling-job/shapes",
            },
        }
        lines.append(json.dumps(line))
    manifest = session.upload_string_as_file_body(
        "\n".join(lines) + "\n", bucket, f"{prefix}/{part}.manifest"
    )
    return TrainingInput(
        manifest,
        distribution="FullyReplicated",
        content_type="application/x-recordio",
        s3_data_type="AugmentedManifestFile",
        attribute_names=["source-ref", "shapes"],  # the picture first, then its label
        record_wrapping="RecordIO",
        input_mode="Pipe",
    )


def train(
    session: sagemaker.Session, prefix: str, channels: dict[str, TrainingInput], **hyperparameters: Any
) -> Estimator:
    """A training job of the built-in detector; its log comes while it runs."""
    estimator = Estimator(
        image_uri=image_uris.retrieve("object-detection", session.boto_region_name, version="latest"),
        role=get_execution_role(session),
        instance_count=1,
        instance_type="ml.p3.2xlarge",
        volume_size=50,
        max_run=360000,
        input_mode="Pipe",
        output_path=f"s3://{session.default_bucket()}/{prefix}/output",
        sagemaker_session=session,
    )
    estimator.set_hyperparameters(num_classes=len(CLASSES), image_shape=300, **hyperparameters)
    estimator.fit(channels, logs=True)
    return estimator


def deploy(estimator: Estimator) -> Predictor:
    """An endpoint with the trained detector."""
    return estimator.deploy(
        initial_instance_count=1, instance_type="ml.m5.xlarge", serializer=IdentitySerializer("image/jpeg")
    )


def transform(session: sagemaker.Session, estimator: Estimator, prefix: str) -> dict[str, list[list[float]]]:
    """Detections of all pictures of the validation set, by file name."""
    where = f"s3://{session.default_bucket()}/{prefix}"
    transformer = estimator.transformer(
        instance_count=1,
        instance_type="ml.m4.xlarge",
        output_path=f"{where}/found",
        strategy="SingleRecord",
        assemble_with="Line",
        accept="application/jsonlines",
        max_payload=6,
        max_concurrent_transforms=2,
    )
    transformer.transform(f"{where}/images/validation-", content_type="application/x-image", logs=True)
    found = {}
    for uri in S3Downloader.list(f"{where}/found", sagemaker_session=session):
        name = uri.rpartition("/")[2].removesuffix(".out")
        found[name] = json.loads(S3Downloader.read_file(uri, sagemaker_session=session))["prediction"]
    return found


def draw_detections(picture: Image.Image, detections: list[list[float]], least_score: float) -> Image.Image:
    """The picture with the boxes that are sure enough; corners are shares of its width and height."""
    shown = picture.convert("RGB")
    pen = ImageDraw.Draw(shown)
    for class_id, score, left, top, right, bottom in detections:
        if score >= least_score:
            place = (left * shown.width, top * shown.height, right * shown.width, bottom * shown.height)
            pen.rectangle(place, outline=(0, 140, 60), width=3)
            pen.text((place[0] + 4, place[1] + 2), f"{CLASSES[int(class_id)]} {score:.2f}", fill=(0, 80, 30))
    return shown


def main() -> None:
    """Everything, one after the other."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", type=Path, default=Path("found"), help="folder of the drawn detections")
    parser.add_argument("--pictures", type=int, default=200, help="pictures to train on")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--least-score", type=float, default=0.3)
    given = parser.parse_args()

    session = sagemaker.Session()
    prefix = "train-a-detector"
    channels = {
        "train": upload_labeled_pictures(session, prefix, "train", given.pictures, seed=1),
        "validation": upload_labeled_pictures(session, prefix, "validation", 20, seed=2),
    }
    estimator = train(
        session,
        prefix,
        channels,
        base_network="mobilenet",
        use_pretrained_model=1,
        epochs=given.epochs,
        num_training_samples=given.pictures,
        mini_batch_size=8,
        optimizer="adam",
        learning_rate=0.001,
        lr_scheduler_step=str(given.epochs * 2 // 3),
    )
    print(f"The model is {estimator.model_data}")

    predictor = deploy(estimator)
    picture, boxes = draw_picture(random.Random(3))  # noqa: S311 - a picture
    body = io.BytesIO()
    picture.save(body, "JPEG", quality=90)
    answer = json.loads(predictor.predict(body.getvalue()))["prediction"]
    sure = [detection for detection in answer if detection[1] >= given.least_score]
    print(f"The endpoint sees {len(sure)} shapes in a picture that has {len(boxes)}")
    given.output.mkdir(parents=True, exist_ok=True)
    draw_detections(picture, answer, given.least_score).save(given.output / "endpoint.png")

    for name, detections in transform(session, estimator, prefix).items():
        uri = f"s3://{session.default_bucket()}/{prefix}/images/{name}"
        original = Image.open(io.BytesIO(S3Downloader.read_bytes(uri, sagemaker_session=session)))
        draw_detections(original, detections, given.least_score).save(given.output / f"{name}.png")
    print(f"The detections are drawn in {given.output}/")

    predictor.delete_model()
    predictor.delete_endpoint()


if __name__ == "__main__":
    main()
