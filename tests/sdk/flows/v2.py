"""The flows of the SageMaker Python SDK 2, as notebooks have them."""

from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path

import boto3
import sagemaker
import sagemaker.session
from PIL import Image
from record import FastClock, Recorder
from sagemaker import get_execution_role, image_uris
from sagemaker.analytics import TrainingJobAnalytics
from sagemaker.deserializers import JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.model import Model
from sagemaker.predictor import Predictor
from sagemaker.pytorch import PyTorch
from sagemaker.s3 import S3Downloader, S3Uploader
from sagemaker.serializers import IdentitySerializer, JSONSerializer
from sagemaker.sklearn import SKLearn, SKLearnModel
from sagemaker.transformer import Transformer
from sagemaker.tuner import ContinuousParameter, HyperparameterTuner, IntegerParameter

sys.path.insert(0, str(Path(__file__).parents[3] / "examples"))
import train_a_detector as example

sagemaker.session.time = FastClock()
recorder = Recorder()
step = recorder.step
pictures = Path(sys.argv[2])
here = Path(__file__).parent
METRICS = [{"Name": "error", "Regex": "error=(.*?);"}]

with step("session") as facts:
    session = sagemaker.Session()
    bucket, role = session.default_bucket(), get_execution_role()
    facts |= {"bucket": bucket, "role": role, "account": session.account_id()}
    facts["image"] = image = image_uris.retrieve(
        "object-detection", session.boto_region_name, version="latest"
    )

with step("upload", "session") as facts:
    facts["uri"] = session.upload_data(str(pictures), bucket, "flow/images")
    (big := pictures.parent / "big.bin").write_bytes(bytes(range(256)) * (9 << 12))
    facts["big"] = session.upload_data(str(big), key_prefix="flow")
    S3Uploader.upload_string_as_file_body(
        "1 2 6\n", f"s3://{bucket}/flow/numbers/a.txt", sagemaker_session=session
    )
    facts["read"] = S3Downloader.read_file(f"s3://{bucket}/flow/numbers/a.txt", sagemaker_session=session)
    facts["listed"] = len(S3Downloader.list(f"s3://{bucket}/flow/images", sagemaker_session=session))
    session.download_data(str(pictures.parent / "back"), bucket, "flow/big.bin")
    facts["same"] = (pictures.parent / "back" / "big.bin").read_bytes() == big.read_bytes()

with step("fit", "session") as facts:
    channels = {
        part: example.upload_labeled_pictures(session, "walk", part, n, seed)
        for seed, (part, n) in enumerate({"train": 8, "validation": 3}.items())
    }
    estimator = example.train(
        session,
        "walk",
        channels,
        base_network="mobilenet",
        use_pretrained_model=0,
        mini_batch_size=4,
        epochs=1,
        learning_rate=0.01,
        num_training_samples=8,
    )
    facts["job"] = job = estimator.latest_training_job.name
    facts["model"] = estimator.model_data

with step("attach", "fit") as facts:
    attached = Estimator.attach(job, sagemaker_session=session)
    facts["model"] = attached.model_data
    facts["hyperparameters"] = attached.hyperparameters()
    facts["image"] = attached.training_image_uri()

with step("analytics", "fit") as facts:
    frame = TrainingJobAnalytics(job, sagemaker_session=session).dataframe()
    facts["names"] = sorted(set(frame["metric_name"]))
    facts["values"] = frame["value"].tolist()

with step("deploy", "fit") as facts:
    picture = (pictures / "validation-0.jpg").read_bytes()
    predictor = example.deploy(estimator)
    facts["endpoint"] = endpoint = predictor.endpoint_name
    facts["answer"] = json.loads(predictor.predict(picture))
    plain = boto3.client("runtime.sagemaker").invoke_endpoint(
        EndpointName=endpoint, ContentType="application/x-image", Body=picture
    )
    facts["plain"] = json.loads(plain["Body"].read())
    facts["variant"] = plain["InvokedProductionVariant"]

with step("update_endpoint", "deploy") as facts:
    predictor.update_endpoint(initial_instance_count=2, instance_type="ml.m5.xlarge")
    about = session.sagemaker_client.describe_endpoint(EndpointName=endpoint)
    facts["count"] = about["ProductionVariants"][0]["CurrentInstanceCount"]
    facts["status"] = about["EndpointStatus"]
    facts["answer"] = json.loads(predictor.predict(picture))

with step("transform", "deploy") as facts:
    found = example.transform(session, estimator, "walk")
    facts["outputs"] = sorted(found)
    picture_0 = S3Downloader.read_bytes(
        f"s3://{bucket}/walk/images/validation-0000.jpg", sagemaker_session=session
    )
    facts["found"] = found["validation-0000.jpg"]
    facts["answer"] = json.loads(predictor.predict(picture_0))["prediction"]
    drawn = example.draw_detections(Image.open(io.BytesIO(picture_0)), facts["found"], 0.3)
    facts["drawn"] = drawn.size

with step("delete", "deploy") as facts:
    predictor.delete_model()
    predictor.delete_endpoint()
    facts["models"] = len(session.sagemaker_client.list_models(NameContains=job)["Models"])
    session.sagemaker_client.get_waiter("endpoint_deleted").wait(
        EndpointName=endpoint, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )

shared = {
    "role": "arn:aws:iam::000000000000:role/service-role/Scripts",
    "instance_count": 1,
    "instance_type": "ml.m5.large",
    "entry_point": "train.py",
    "source_dir": str(here / "source"),
    "sagemaker_session": session,
}

with step("script", "upload") as facts:
    script = Estimator(
        image_uri="local:python",
        hyperparameters={"rate": 0.5, "epochs": 2, "name": "a b"},
        metric_definitions=METRICS,
        tags=[{"Key": "team", "Value": "flow"}],
        **shared,
    )
    script.fit(f"s3://{bucket}/flow/numbers")
    facts["model"] = script.model_data
    about = script.latest_training_job.describe()
    facts["metrics"] = about["FinalMetricDataList"]
    arn = about["TrainingJobArn"]
    facts["tags"] = session.sagemaker_client.list_tags(ResourceArn=arn)["Tags"]

with step("frameworks", "upload") as facts:
    sklearn = SKLearn(
        framework_version="1.2-1", hyperparameters={"rate": 0.25, "epochs": 1, "name": "a b"}, **shared
    )
    sklearn.fit({"training": f"s3://{bucket}/flow/numbers"}, wait=False)
    torch = PyTorch(framework_version="2.3", py_version="py311", hyperparameters={"rate": 0.25}, **shared)
    torch.fit({"training": f"s3://{bucket}/flow/numbers"})
    sklearn.latest_training_job.wait(logs="None")
    facts["statuses"] = [e.latest_training_job.describe()["TrainingJobStatus"] for e in (sklearn, torch)]

with step("script_endpoint", "frameworks") as facts:
    predictor = sklearn.deploy(initial_instance_count=1, instance_type="ml.m5.large")
    predictor.serializer = IdentitySerializer("text/csv")
    predictor.deserializer = JSONDeserializer()
    facts["answer"] = predictor.predict("1,3")
    predictor.delete_model()
    predictor.delete_endpoint()

with step("variants", "script") as facts:
    model = SKLearnModel(
        model_data=script.model_data,
        role=role,
        entry_point="train.py",
        source_dir=str(here / "source"),
        framework_version="1.2-1",
        sagemaker_session=session,
    )
    model.create(instance_type="ml.m5.large")
    variants = [
        sagemaker.session.production_variant(model.name, "ml.m5.large", 1, name, weight)
        for name, weight in (("a", 1), ("b", 3))
    ]
    session.endpoint_from_production_variants("two", variants)
    predictor = Predictor(
        "two", sagemaker_session=session, serializer=JSONSerializer(), deserializer=JSONDeserializer()
    )
    facts["answers"] = [predictor.predict([1, 3]), predictor.predict([1, 3], target_variant="b")]
    session.sagemaker_client.update_endpoint_weights_and_capacities(
        EndpointName="two", DesiredWeightsAndCapacities=[{"VariantName": "a", "DesiredWeight": 0.0}]
    )
    session.wait_for_endpoint("two")
    shown = session.describe_endpoint("two")["ProductionVariants"]
    facts["weights"] = {each["VariantName"]: each["CurrentWeight"] for each in shown}
    predictor.delete_endpoint()

with step("filters", "variants") as facts:
    lines = '{"id": 1, "x": [1, 3]}\n{"id": 2, "x": [2]}\n'
    S3Uploader.upload_string_as_file_body(
        lines, f"s3://{bucket}/flow/lines/a.jsonl", sagemaker_session=session
    )
    transformer = Transformer(
        model.name,
        instance_count=1,
        instance_type="ml.m5.large",
        output_path=f"s3://{bucket}/flow/joined",
        strategy="SingleRecord",
        assemble_with="Line",
        accept="application/json",
        sagemaker_session=session,
    )
    transformer.transform(
        f"s3://{bucket}/flow/lines",
        content_type="application/json",
        split_type="Line",
        input_filter="$.x",
        join_source="Input",
        output_filter="$['id','SageMakerOutput']",
        logs=False,
    )
    joined = S3Downloader.read_file(f"s3://{bucket}/flow/joined/a.jsonl.out", sagemaker_session=session)
    facts["joined"] = [json.loads(line) for line in joined.splitlines()]
    attached = Transformer.attach(transformer.latest_transform_job.name, sagemaker_session=session)
    facts["attached"] = attached.output_path

with step("failures", "upload") as facts:
    failing = Estimator(image_uri="local:python", hyperparameters={"fail": "no luck"}, **shared)
    try:
        failing.fit(f"s3://{bucket}/flow/numbers")
    except sagemaker.exceptions.UnexpectedStatusException as error:
        facts["script"] = str(error)
    wrong = Estimator(
        image_uri=image,
        role=role,
        instance_count=1,
        instance_type="ml.m5.large",
        hyperparameters={"num_classes": 2},
        sagemaker_session=session,
    )
    try:
        wrong.fit(f"s3://{bucket}/flow/numbers", logs=False)
    except Exception as error:
        facts["builtin"] = f"{type(error).__name__}: {error}"

with step("stop", "upload") as facts:
    slow = Estimator(image_uri="local:python", hyperparameters={"epochs": 100_000_000}, **shared)
    slow.fit(f"s3://{bucket}/flow/numbers", wait=False)
    name = slow.latest_training_job.name
    while session.describe_training_job(name)["SecondaryStatus"] != "Training":
        time.sleep(0.1)
    session.stop_training_job(name)
    session.logs_for_job(name, wait=True)
    facts["status"] = session.describe_training_job(name)["TrainingJobStatus"]
    try:
        session.stop_training_job(name)
    except session.sagemaker_client.exceptions.ClientError as error:
        facts["again"] = str(error)

with step("tuner", "upload") as facts:
    tuner = HyperparameterTuner(
        estimator=Estimator(image_uri="local:python", **shared),
        objective_metric_name="error",
        objective_type="Minimize",
        metric_definitions=METRICS,
        hyperparameter_ranges={"rate": ContinuousParameter(0.1, 0.9), "epochs": IntegerParameter(1, 4)},
        max_jobs=3,
        max_parallel_jobs=3,
    )
    tuner.fit(f"s3://{bucket}/flow/numbers", wait=True)
    facts["best"] = tuner.best_training_job()
    frame = tuner.analytics().dataframe()
    facts["columns"] = sorted(frame.columns)
    facts["values"] = frame["FinalObjectiveValue"].tolist()
    facts["attached"] = HyperparameterTuner.attach(
        tuner.latest_tuning_job.name, sagemaker_session=session
    ).best_training_job()
    warm = tuner.identical_dataset_and_algorithm_tuner()
    warm.max_jobs = warm.max_parallel_jobs = 1
    warm.metric_definitions = METRICS  # the SDK forgets them
    warm.fit(f"s3://{bucket}/flow/numbers", job_name="warm")
    facts["warm"] = warm.best_training_job()

with step("existing_model", "fit") as facts:
    model = Model(image_uri=image, model_data=estimator.model_data, role=role, sagemaker_session=session)
    model.deploy(1, "ml.m5.large", endpoint_name="again")
    predictor = Predictor("again", sagemaker_session=session, serializer=IdentitySerializer("image/jpeg"))
    facts["answer"] = json.loads(predictor.predict(picture))
    try:
        Model(image_uri=image, model_data=estimator.model_data, role=role, sagemaker_session=session).deploy(
            1, "ml.m5.large", endpoint_name="again"
        )
    except Exception as error:
        facts["twice"] = str(error)
    session.delete_endpoint("again")
