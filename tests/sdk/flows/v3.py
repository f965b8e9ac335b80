"""The flows of the SageMaker Python SDK 3, as its guides have them."""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path

import record
from record import FastClock, Recorder
from sagemaker.core import image_uris, resources, shapes
from sagemaker.core.helper import session_helper
from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core.inputs import TransformInput  # noqa: F401 - its path is part of the flow
from sagemaker.core.parameter import ContinuousParameter
from sagemaker.core.resources import Endpoint, EndpointConfig, Model, TrainingJob
from sagemaker.core.transformer import Transformer
from sagemaker.serve import ModelBuilder
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, OutputDataConfig, SourceCode, StoppingCondition
from sagemaker.train.tuner import HyperparameterTuner

for module in (resources, session_helper):
    module.time = FastClock()
recorder = Recorder()
step = recorder.step
pictures = Path(sys.argv[2])
here = Path(__file__).parent

log_lines: list[str] = []


class _Kept(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        log_lines.append(record.getMessage())


logging.getLogger().addHandler(_Kept())
for name in ("sagemaker.core.resources", "sagemaker.core"):
    logging.getLogger(name).addHandler(_Kept())

with step("session") as facts:
    session = Session()
    bucket, role = session.default_bucket(), get_execution_role()
    facts |= {"bucket": bucket, "role": role}
    facts["image"] = image = image_uris.retrieve(
        "image-classification", session.boto_region_name, version="latest"
    )

with step("upload", "session") as facts:
    facts["uri"] = session.upload_data(str(pictures), bucket, "v3/data")
    session.upload_string_as_file_body("1 2 6\n", bucket, "v3/numbers/a.txt")

with step("train", "upload") as facts:
    trainer = ModelTrainer(
        training_image=image,
        role=role,
        base_job_name="shapes",
        sagemaker_session=session,
        compute=Compute(instance_type="ml.p3.2xlarge", instance_count=1),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=3600),
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/v3/output"),
        training_input_mode="File",
        hyperparameters={
            "num_layers": 20,
            "use_pretrained_model": 0,
            "image_shape": "3,32,32",
            "num_classes": 2,
            "num_training_samples": 8,
            "mini_batch_size": 4,
            "epochs": 1,
        },
    )
    channels = [
        InputData(
            channel_name=part,
            data_source=f"s3://{bucket}/v3/data/{part}.rec",
            content_type="application/x-recordio",
        )
        for part in ("train", "validation")
    ]
    trainer.train(input_data_config=channels, wait=True, logs=True)
    job = trainer._latest_training_job
    facts["job"] = job.training_job_name
    facts["model"] = job.model_artifacts.s3_model_artifacts
    facts["status"] = job.training_job_status
    facts["log"] = [line for line in log_lines if "ccuracy=" in line]

with step("resources", "train") as facts:
    again = TrainingJob.get(training_job_name=job.training_job_name)
    facts["metrics"] = [metric.metric_name for metric in again.final_metric_data_list]
    made = Model.create(
        model_name="shapes-model",
        primary_container=shapes.ContainerDefinition(
            image=image, model_data_url=job.model_artifacts.s3_model_artifacts
        ),
        execution_role_arn=role,
    )
    EndpointConfig.create(
        endpoint_config_name="shapes",
        production_variants=[
            shapes.ProductionVariant(
                variant_name="AllTraffic",
                model_name=made.model_name,
                initial_instance_count=1,
                instance_type="ml.m5.large",
            )
        ],
    )
    endpoint = Endpoint.create(endpoint_name="shapes", endpoint_config_name="shapes")
    endpoint.wait_for_status("InService", poll=1)
    picture = (pictures / "validation-0.jpg").read_bytes()
    answer = endpoint.invoke(body=picture, content_type="application/x-image", accept="application/json")
    facts["answer"] = json.loads(answer.body.read())
    facts["listed"] = [e.endpoint_name for e in Endpoint.get_all()]
    facts["status"] = Endpoint.get(endpoint_name="shapes").endpoint_status
    endpoint.delete()
    EndpointConfig.get(endpoint_config_name="shapes").delete()

with step("transform", "resources") as facts:
    transformer = Transformer(
        model_name="shapes-model",
        instance_count=1,
        instance_type="ml.m5.large",
        output_path=f"s3://{bucket}/v3/batch",
        sagemaker_session=session,
    )
    transformer.transform(
        f"s3://{bucket}/v3/data/validation-", content_type="application/x-image", wait=True, logs=True
    )
    text = session.read_s3_file(bucket, "v3/batch/validation-0.jpg.out")
    facts["first"] = json.loads(text)

with step("script", "upload") as facts:
    script = ModelTrainer(
        training_image="683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
        role=role,
        base_job_name="mean",
        sagemaker_session=session,
        source_code=SourceCode(source_dir=str(here / "source"), entry_script="train.py"),
        compute=Compute(instance_type="ml.m5.large", instance_count=1),
        hyperparameters={"rate": 0.5, "epochs": 2, "name": "a b"},
    )
    numbers = InputData(channel_name="training", data_source=f"s3://{bucket}/v3/numbers")
    script.train(input_data_config=[numbers], wait=True, logs=True)
    facts["status"] = script._latest_training_job.training_job_status
    facts["model"] = script._latest_training_job.model_artifacts.s3_model_artifacts
    facts["log"] = [line for line in log_lines if "epoch=1; error=" in line]

with step("builder", "train") as facts:
    builder = ModelBuilder(
        image_uri=image,
        s3_model_data_url=job.model_artifacts.s3_model_artifacts,
        role_arn=role,
        sagemaker_session=session,
        instance_type="ml.m5.large",
    )
    facts["model"] = builder.build(model_name="built").model_name
    deployed = builder.deploy(endpoint_name="built", initial_instance_count=1, instance_type="ml.m5.large")
    answer = deployed.invoke(body=picture, content_type="application/x-image")
    facts["answer"] = json.loads(answer.body.read())
    deployed.delete()

with step("tuner", "upload") as facts:
    tuned = ModelTrainer(
        training_image="local:python",
        role=role,
        base_job_name="tuned",
        sagemaker_session=session,
        source_code=SourceCode(source_dir=str(here / "source"), entry_script="train.py"),
        compute=Compute(instance_type="ml.m5.large", instance_count=1),
        hyperparameters={"epochs": 2},
    )
    tuner = HyperparameterTuner(
        model_trainer=tuned,
        objective_metric_name="error",
        objective_type="Minimize",
        metric_definitions=[{"Name": "error", "Regex": "error=(.*?);"}],
        hyperparameter_ranges={"rate": ContinuousParameter(0.1, 0.9)},
        max_jobs=2,
        max_parallel_jobs=2,
    )
    tuner.tune(inputs=[numbers], wait=True)
    facts["best"] = tuner.best_training_job()
    facts["status"] = tuner.describe().hyper_parameter_tuning_job_status

assert time and record
