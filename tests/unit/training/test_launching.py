"""What is run for which request: entrypoints, containers, folders and environments of this machine."""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from labelwright.training.container import container_command
from labelwright.training.description import Host, JobDescription
from labelwright.training.launching import Kind, Launcher
from labelwright.training.layout import HostFolders, make_host
from labelwright.training.namespace import is_allowed
from labelwright.training.outcome import JobFailed

SDK_3 = [
    "-c",
    "chmod +x /opt/ml/input/data/sm_drivers/sm_train.sh && /opt/ml/input/data/sm_drivers/sm_train.sh",
]
PYTORCH = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.8.0-cpu-py312"

# What the drivers of SDK 3 do: read the configuration, write an environment, run the script from its channel.
DRIVER = """#!/bin/bash
set -e
command -v pip3 > /dev/null
SM_PYTHON_CMD=$(command -v python3)
$SM_PYTHON_CMD - <<'END'
import json
hosts = json.load(open("/opt/ml/input/config/resourceconfig.json"))
hyperparameters = json.load(open("/opt/ml/input/config/hyperparameters.json"))
with open("/opt/ml/input/sm_training.env", "w") as file:
    file.write(f"export SM_CURRENT_INSTANCE_TYPE={hosts['current_instance_type']}\\n")
    file.write(f"export SM_HP_LR={hyperparameters['lr']}\\n")
END
source /opt/ml/input/sm_training.env
cd /opt/ml/input/data/code
$SM_PYTHON_CMD train.py
"""
SCRIPT = b"""
import os, pathlib
seen = f"{os.getcwd()} {os.environ['SM_CURRENT_INSTANCE_TYPE']} {os.environ['SM_HP_LR']}"
pathlib.Path("/opt/ml/model/seen").write_text(seen)
"""


def described(workshop, image: str, **more: object) -> JobDescription:
    specification = {"TrainingImage": image, "TrainingInputMode": "File", **more.pop("specification", {})}  # type: ignore[dict-item]
    return JobDescription.from_input(
        workshop.description("job", AlgorithmSpecification=specification, **more)  # type: ignore[arg-type]
    )


@pytest.mark.skipif(not is_allowed(), reason="this kernel allows no mount namespaces")
def test_a_script_of_sdk_3_runs_without_an_engine(workshop) -> None:
    from labelwright.training.container import engine

    if engine() is not None:
        pytest.skip("an engine answers here")
    workshop.blobs.put("s3://bucket/v3/input/code/train.py", SCRIPT)
    workshop.blobs.put("s3://bucket/v3/input/sm_drivers/sm_train.sh", DRIVER.encode())
    result = workshop.run(
        "v3",
        HyperParameters={"lr": "0.1"},
        AlgorithmSpecification={
            "TrainingImage": PYTORCH,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["/bin/bash"],
            "ContainerArguments": SDK_3,
        },
        InputDataConfig=[
            workshop.channel(name, f"s3://bucket/v3/input/{name}") for name in ("code", "sm_drivers")
        ],
    )
    assert result["outcome"] == "Completed", workshop.log("v3")
    assert workshop.members("v3") == {"seen": "/opt/ml/input/data/code ml.m5.large 0.1"}
    assert workshop.log("v3")[0].startswith("WARNING: no container engine answers, so the script runs")


def test_without_real_paths_the_reason_says_what_to_do(workshop, tmp_path: Path) -> None:
    entry = {"ContainerEntrypoint": ["/bin/bash"], "ContainerArguments": SDK_3}
    job = described(workshop, "local:python", specification=entry, isolation="process")
    with pytest.raises(JobFailed) as failed:
        Launcher(tmp_path, job, {})
    assert failed.value.reason.startswith("ClientError: This job's entrypoint needs real paths under /opt/ml")
    assert "Docker" in failed.value.reason and "userns" in failed.value.reason


def test_built_in_algorithms_get_an_address_to_meet_at(workshop, tmp_path: Path) -> None:
    job = described(workshop, "object-detection:latest", n_hosts=2)
    launcher = Launcher(tmp_path, job, {"TORCH_HOME": "/weights", "AWS_SECRET_ACCESS_KEY": "store"})
    assert launcher.kind is Kind.BUILTIN and launcher.base is None
    folders = [make_host(tmp_path, job, host, is_container=False) for host in job.hosts]
    one, two = (launcher.launch(each) for each in folders)
    assert one.command == [sys.executable, "-m", "labelwright.train", "object-detection"]
    assert one.variables["LABELWRIGHT_MASTER_ADDR"] == "127.0.0.1"
    assert one.variables["LABELWRIGHT_MASTER_PORT"] == two.variables["LABELWRIGHT_MASTER_PORT"]
    assert one.variables["SAGEMAKER_BASE_DIR"] == str(folders[0].base)
    assert one.variables["TORCH_HOME"] == "/weights"
    assert "AWS_SECRET_ACCESS_KEY" not in one.variables  # the store's, not the job's


def test_a_folder_is_the_source_and_an_environment_the_interpreter(workshop, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    job = described(workshop, f"local:{tmp_path}/source", HyperParameters={"sagemaker_program": "train.py"})
    folders = make_host(tmp_path, job, job.hosts[0], is_container=False)
    command = Launcher(tmp_path, job, {}).launch(folders).command
    assert command[-1] == f"{tmp_path}/source"
    interpreter = tmp_path / "venv/bin/python"
    interpreter.parent.mkdir(parents=True)
    interpreter.write_text('#!/bin/sh\necho "mine $@"\n')
    interpreter.chmod(0o755)
    job = described(workshop, f"local:{tmp_path}/venv", HyperParameters={"sagemaker_program": "train.py"})
    launch = Launcher(tmp_path, job, {}).launch(folders)
    python = Path(launch.command[-1])
    assert python.name == "python" and str(interpreter) in python.read_text()
    assert launch.variables["PATH"].startswith(f"{python.parent}:")


@pytest.mark.parametrize(
    ("specification", "tail"),
    [
        ({}, ["mine:1", "train"]),
        ({"ContainerArguments": ["a", "b"]}, ["mine:1", "a", "b"]),
        ({"ContainerEntrypoint": ["/bin/bash"]}, ["--entrypoint", "/bin/bash", "mine:1"]),
        (
            {"ContainerEntrypoint": ["/bin/bash", "-x"], "ContainerArguments": SDK_3},
            ["--entrypoint", "/bin/bash", "mine:1", "-x", *SDK_3],
        ),
    ],
)
def test_the_command_of_a_container(workshop, tmp_path: Path, specification, tail) -> None:
    job = described(
        workshop,
        "mine:1",
        specification=specification,
        n_hosts=2,
        CheckpointConfig={"S3Uri": "s3://bucket/ck", "LocalPath": "/tmp/ck"},
        ResourceConfig={"InstanceType": "ml.p3.2xlarge", "InstanceCount": 2},
    )
    folders = [make_host(tmp_path, job, host, is_container=True) for host in job.hosts][1]
    variables = {"AWS_SECRET_ACCESS_KEY": "hidden", "TRAINING_JOB_NAME": "job"}
    command = container_command("docker", tmp_path, folders, job, variables, has_gpus=True)
    assert command[-len(tail) :] == tail
    assert command[:3] == ["docker", "run", "--rm"]
    pairs = list(itertools.pairwise(command))
    assert ("--volume", f"{folders.base}:/opt/ml") in pairs
    assert ("--volume", f"{tmp_path}/hosts/algo-1/ml/checkpoints:/tmp/ck") in pairs
    assert ("--env", "AWS_SECRET_ACCESS_KEY") in pairs and "hidden" not in " ".join(command)
    assert ("--gpus", "all") in pairs and "--add-host=algo-1:127.0.0.1" in command
    cpu = HostFolders(tmp_path, Host("algo-1", 1, "ml.m5.large"))
    assert "--gpus" not in container_command("docker", tmp_path, cpu, job, {}, has_gpus=True)


ENGINE = """#!/bin/sh
# Stands in for a container engine: the command line and the environment are real, the walls are not.
echo "$@" >> "$ENGINE_LOG"
case "$1" in
    run)
        for word in "$@"; do case "$word" in *:/opt/ml) base=${word%:/opt/ml};; esac; done
        case "$*" in *absent*) echo "Unable to find image"; exit 125;; esac
        echo "in the container of $TRAINING_JOB_NAME"
        cat "$base"/input/data/train/a.txt > "$base/model/copy"
        case "$*" in *waits*) exec sleep 600;; esac;;
esac
"""


@pytest.fixture
def engine_log(workshop, tmp_path: Path) -> Path:
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(ENGINE)
    program.chmod(0o755)
    workshop.environment |= {
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "DOCKER_HOST": "",
    }
    workshop.blobs.put("s3://bucket/container/a.txt", b"a")
    return tmp_path / "engine.log"


def container_job(workshop, engine_log: Path, image: str) -> dict[str, object]:
    return {
        "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "FastFile"},
        "InputDataConfig": [workshop.channel("train", "s3://bucket/container/")],
        "Environment": {"ENGINE_LOG": str(engine_log)},
    }


def test_a_container_runs_and_is_removed(workshop, engine_log: Path) -> None:
    result = workshop.run("boxed", **container_job(workshop, engine_log, "example.com/mine:1"))
    assert result["outcome"] == "Completed", workshop.log("boxed")
    assert workshop.members("boxed") == {"copy": "a"}  # a copy, for links lead nowhere in there
    assert workshop.log("boxed") == ["in the container of boxed"]
    run, removed = [line for line in engine_log.read_text().splitlines() if not line.startswith("version")]
    assert run.endswith("example.com/mine:1 train")
    assert removed == "rm --force labelwright-boxed-algo-1"


def test_an_image_that_cannot_be_run_is_the_customers_to_mend(workshop, engine_log: Path) -> None:
    result = workshop.run("absent", **container_job(workshop, engine_log, "example.com/absent:1"))
    assert result["failure_reason"] == (
        "ClientError: The image 'example.com/absent:1' could not be run: Unable to find image"
    )


def test_a_container_is_removed_when_its_program_is_killed(workshop, engine_log: Path) -> None:
    folder = workshop.start("dies", **container_job(workshop, engine_log, "example.com/waits:1"))
    workshop.until(lambda: workshop.log("dies"))
    os.kill(json.loads((folder / "process.json").read_text())["pid"], signal.SIGKILL)
    assert workshop.wait("dies") == {}
    assert engine_log.read_text().splitlines()[-1] == "rm --force labelwright-dies-algo-1"


def test_a_command_that_names_no_path_needs_no_namespace(workshop) -> None:
    specification = {
        "TrainingImage": "local:python",
        "TrainingInputMode": "File",
        "ContainerEntrypoint": ["/bin/sh", "-c", 'echo "$0" > "$SAGEMAKER_BASE_DIR/model/said"'],
        "ContainerArguments": ["hello"],
    }
    result = workshop.run("plain", isolation="process", AlgorithmSpecification=specification)
    assert result["outcome"] == "Completed", workshop.log("plain")
    assert workshop.members("plain") == {"said": "hello\n"}
