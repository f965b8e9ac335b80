"""What a script is told, against the documented table."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from labelwright.training.description import JobDescription
from labelwright.training.layout import make_host, write_configuration
from labelwright.training.script_environment import ScriptEnvironment, arguments_of, read_environment
from labelwright.training.toolkit import ScriptRun, error_message

HYPERPARAMETERS = {
    "b": '"x"',
    "lr": "0.5",
    "d": "[1, 2]",
    "e": "true",
    "mode": "fast",
    "sizes": '{"w": 2, "a": 1}',
    "sagemaker_program": '"train.py"',
    "sagemaker_submit_directory": '"s3://bucket/job/source/sourcedir.tar.gz"',
    "sagemaker_container_log_level": "20",
    "sagemaker_job_name": '"job"',
    "sagemaker_region": '"us-east-1"',
    "sagemaker_instance_type": '"ml.m5.large"',
    "_tuning_objective_metric": "validation:error",
}


def request(**more: Any) -> dict[str, Any]:
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/train/"}}
    return {
        "AlgorithmSpecification": {"TrainingImage": "local:python", "TrainingInputMode": "File"},
        "HyperParameters": HYPERPARAMETERS,
        "InputDataConfig": [
            {"ChannelName": "train", "DataSource": source, "ContentType": "text/csv"},
            {
                "ChannelName": "test",
                "DataSource": source,
                "InputMode": "Pipe",
                "RecordWrapperType": "RecordIO",
            },
        ],
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1},
        **more,
    }


def described(n_hosts: int = 2, **more: Any) -> JobDescription:
    identity = {"name": "job", "arn": "arn:aws:x", "region": "us-east-1", "account": "000000000000"}
    return JobDescription.from_input({"job": identity, "request": request(**more), "host_count": n_hosts})


def configured(folder: Path, job: JobDescription, i_host: int) -> Path:
    for host in job.hosts:
        folders = make_host(folder, job, host, is_container=False)
        write_configuration(folders, job, job.channels(), base=str(folders.base))
    return folder / "hosts" / job.hosts[i_host].name / "ml"


def read(folder: Path, i_host: int = 1) -> ScriptEnvironment:
    return read_environment(configured(folder, described(), i_host), {"TRAINING_JOB_NAME": "job"})


def test_configuration_files_are_as_documented(tmp_path: Path) -> None:
    job = described(CheckpointConfig={"S3Uri": "s3://bucket/ckpt"})
    base = configured(tmp_path, job, 1)
    config = {path.stem: json.loads(path.read_text()) for path in (base / "input/config").iterdir()}
    assert config == {
        "hyperparameters": HYPERPARAMETERS,
        "inputdataconfig": {
            "train": {
                "ContentType": "text/csv",
                "TrainingInputMode": "File",
                "S3DistributionType": "FullyReplicated",
                "RecordWrapperType": "None",
            },
            "test": {
                "TrainingInputMode": "Pipe",
                "S3DistributionType": "FullyReplicated",
                "RecordWrapperType": "RecordIO",
            },
        },
        "resourceconfig": {
            "current_host": "algo-2",
            "current_instance_type": "ml.m5.large",
            "current_group_name": "homogeneousCluster",
            "hosts": ["algo-1", "algo-2"],
            "instance_groups": [
                {
                    "instance_group_name": "homogeneousCluster",
                    "instance_type": "ml.m5.large",
                    "hosts": ["algo-1", "algo-2"],
                }
            ],
            "network_interface_name": "lo",
        },
        "checkpointconfig": {"S3Uri": "s3://bucket/ckpt", "LocalPath": f"{base}/checkpoints"},
    }
    # All hosts share one folder of checkpoints.
    (base / "checkpoints" / "x").touch()
    assert (tmp_path / "checkpoints" / "x").exists() and (tmp_path / "hosts/algo-1/ml/checkpoints/x").exists()


def test_hosts_are_sorted_as_texts_and_groups_keep_their_own(tmp_path: Path) -> None:
    groups = [
        {"InstanceGroupName": "small", "InstanceType": "ml.m5.large", "InstanceCount": 9},
        {"InstanceGroupName": "big", "InstanceType": "ml.p3.2xlarge", "InstanceCount": 1},
    ]
    base = configured(tmp_path, described(ResourceConfig={"InstanceGroups": groups}), 9)
    resources = json.loads((base / "input/config/resourceconfig.json").read_text())
    assert resources["hosts"][:3] == ["algo-1", "algo-10", "algo-2"]
    assert resources["current_group_name"] == "big"
    environment = read_environment(base, {}).variables()
    assert environment["SM_CURRENT_INSTANCE_GROUP_HOSTS"] == '["algo-10"]'
    assert environment["SM_IS_HETERO"] == "true"
    assert json.loads(environment["SM_TRAINING_ENV"])["master_hostname"] == "algo-1"


def test_arguments_are_sorted_and_reserved_names_stripped(tmp_path: Path) -> None:
    assert read(tmp_path).arguments == [
        *("-b", "x", "-d", "[1, 2]", "-e", "True"),
        *("--lr", "0.5", "--mode", "fast", "--sizes", "a=1,w=2"),
    ]
    assert arguments_of({}) == []


def test_every_documented_variable_is_there(tmp_path: Path) -> None:
    environment = read(tmp_path)
    base = environment.base
    found = environment.variables()
    training = json.loads(found.pop("SM_TRAINING_ENV"))
    n_cpus = found.pop("SM_NUM_CPUS")
    assert int(n_cpus) >= 1 and int(found.pop("SM_NUM_GPUS")) >= 0
    config = Path(base, "input/config")

    def compact(text: str) -> str:
        return json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))

    group = {"hosts": ["algo-1", "algo-2"], "instance_group_name": "homogeneousCluster", "instance_type": "ml.m5.large"}  # fmt: skip  # noqa: E501
    assert found == {
        "SM_MODEL_DIR": f"{base}/model",
        "SM_OUTPUT_DIR": f"{base}/output",
        "SM_OUTPUT_DATA_DIR": f"{base}/output/data",
        "SM_OUTPUT_INTERMEDIATE_DIR": f"{base}/output/intermediate",
        "SM_INPUT_DIR": f"{base}/input",
        "SM_INPUT_CONFIG_DIR": f"{base}/input/config",
        "SM_CHANNELS": '["test","train"]',
        "SM_CHANNEL_TRAIN": f"{base}/input/data/train",
        "SM_CHANNEL_TEST": f"{base}/input/data/test",
        "SM_HPS": '{"b":"x","d":[1,2],"e":true,"lr":0.5,"mode":"fast","sizes":{"a":1,"w":2}}',
        "SM_HP_B": "x",
        "SM_HP_D": "[1,2]",
        "SM_HP_E": "true",
        "SM_HP_LR": "0.5",
        "SM_HP_MODE": "fast",
        "SM_HP_SIZES": '{"a":1,"w":2}',
        "SM_CURRENT_HOST": "algo-2",
        "SM_HOSTS": '["algo-1","algo-2"]',
        "SM_NUM_NEURONS": "0",
        "SM_NETWORK_INTERFACE_NAME": "lo",
        "SM_CURRENT_INSTANCE_TYPE": "ml.m5.large",
        "SM_CURRENT_INSTANCE_GROUP": "homogeneousCluster",
        "SM_CURRENT_INSTANCE_GROUP_HOSTS": '["algo-1","algo-2"]',
        "SM_INSTANCE_GROUPS": '["homogeneousCluster"]',
        "SM_INSTANCE_GROUPS_DICT": compact(json.dumps({"homogeneousCluster": group})),
        "SM_DISTRIBUTION_INSTANCE_GROUPS": "[]",
        "SM_IS_HETERO": "false",
        "SM_RESOURCE_CONFIG": compact((config / "resourceconfig.json").read_text()),
        "SM_INPUT_DATA_CONFIG": compact((config / "inputdataconfig.json").read_text()),
        "SM_MODULE_NAME": "train",
        "SM_MODULE_DIR": "s3://bucket/job/source/sourcedir.tar.gz",
        "SM_USER_ENTRY_POINT": "train.py",
        "SM_FRAMEWORK_MODULE": "",
        "SM_FRAMEWORK_PARAMS": (
            '{"_tuning_objective_metric":"validation:error","sagemaker_instance_type":"ml.m5.large"}'
        ),
        "SM_LOG_LEVEL": "20",
        "SM_USER_ARGS": json.dumps(environment.arguments, separators=(",", ":")),
    }
    assert training["hyperparameters"] == json.loads(found["SM_HPS"])
    assert training["channel_input_dirs"]["train"] == f"{base}/input/data/train"
    assert training["job_name"] == "job" and training["is_master"] is False
    assert training["num_cpus"] == int(n_cpus)


@pytest.mark.parametrize(
    ("tail", "message"),
    [
        (
            ["Traceback:", "  File", "pkg.mod.OddError: a", "more of it", ""],
            "pkg.mod.OddError: a\nmore of it",
        ),
        (["warming up", "killed"], "killed"),
        ([], ""),
    ],
)
def test_the_message_of_an_error_is_the_last_exception(tail: list[str], message: str) -> None:
    assert error_message(tail) == message


def test_torchrun_gets_the_hosts_in_order(tmp_path: Path) -> None:
    asked = {**HYPERPARAMETERS, "sagemaker_torch_distributed_enabled": "true"}
    base = configured(tmp_path, described(HyperParameters=asked), 1)
    environment = dataclasses.replace(read_environment(base, {}), n_gpus=2)
    command = ScriptRun(base, "python").command(environment, is_package=False)
    assert command[:3] == ["python", "-m", "torch.distributed.run"]
    assert command[3:6] == ["--nnodes=2", "--nproc_per_node=2", "--node_rank=1"]
    assert command[6] == "--master_addr=127.0.0.1" and command[8:10] == ["train.py", "-b"]
