"""Whole jobs in File mode and script mode: what a script sees, and what it leaves."""

from __future__ import annotations

import json
import os
import re
import time
import zipfile
from pathlib import Path

import pytest

from labelwright.training.namespace import is_allowed

needs_namespace = pytest.mark.skipif(not is_allowed(), reason="this kernel allows no mount namespaces")

LOOK = """
    import json, os, socket, sys
    from pathlib import Path
    base = Path(os.environ["SAGEMAKER_BASE_DIR"])
    data = base / "input/data"
    seen = {
        "argv": sys.argv,
        "cwd": os.getcwd(),
        "environment": dict(os.environ),
        "files": {str(p.relative_to(data)): p.read_text() for p in data.rglob("*") if p.is_file()},
        "checkpoints": sorted(p.name for p in (base / "checkpoints").iterdir()),
        "prefix": sys.prefix,
        "uid": os.getuid(),
    }
    Path(os.environ["SM_MODEL_DIR"], "seen.json").write_text(json.dumps(seen))
    Path(os.environ["SM_OUTPUT_DATA_DIR"], "curve.txt").write_text("0.5")
    (base / "checkpoints" / "epoch-1").write_text("1")
    for epoch in range(3):
        print(f"epoch {epoch}: error=({1 / (epoch + 1):.3f});")
    print("and on standard error", file=sys.stderr)
    print("without an end", end="", file=sys.stderr)
"""


@pytest.mark.parametrize("isolation", [pytest.param("namespace", marks=needs_namespace), "process"])
def test_a_script_sees_its_job_and_nothing_of_the_server(workshop, isolation: str) -> None:
    for key, text in {
        "train/a.txt": "a",
        "train/x/b.txt": "b",
        "trainer/c.txt": "c",
        "ck/epoch-0": "0",
    }.items():
        workshop.blobs.put(f"s3://bucket/{isolation}/{key}", text.encode())
    started = time.time()
    result = workshop.run(
        isolation,
        {"go.py": LOOK, "lib/__init__.py": ""},
        isolation=isolation,
        AlgorithmSpecification={
            "TrainingImage": "local:python",
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "train:error", "Regex": "error=(.*?);"}],
        },
        HyperParameters={"lr": "0.5", "name": '"x"'},
        CheckpointConfig={"S3Uri": f"s3://bucket/{isolation}/ck"},
        InputDataConfig=[
            workshop.channel("train", f"s3://bucket/{isolation}/train"),
            workshop.channel("one", f"s3://bucket/{isolation}/train/a.txt", InputMode="FastFile"),
        ],
    )
    folder = workshop.runner.folder(isolation)
    assert result["outcome"] == "Completed" and result["failure_reason"] is None
    assert result["has_model"] and result["has_output"]
    assert started <= result["training_started_at"] <= result["training_ended_at"] <= time.time()
    assert workshop.phases(isolation) == ["Downloading", "Training", "Uploading"]
    assert workshop.members(isolation, "output") == {"curve.txt": "0.5"}
    model = workshop.members(isolation)
    assert list(model) == ["seen.json"]
    seen = json.loads(model["seen.json"])
    base = "/opt/ml" if isolation == "namespace" else str(folder / "hosts/algo-1/ml")
    assert seen["argv"] == ["go.py", "--lr", "0.5", "--name", "x"]
    assert seen["cwd"] == f"{base}/code" and seen["uid"] == os.getuid()
    of_train = {"train/a.txt": "a", "train/x/b.txt": "b", "train/trainer/c.txt": "c"}
    assert seen["files"] == {"one/a.txt": "a", **of_train}
    assert seen["checkpoints"] == ["epoch-0"]
    assert sorted(path.name for path in (folder / "checkpoints").iterdir()) == ["epoch-0", "epoch-1"]
    environment = seen["environment"]
    assert environment["TRAINING_JOB_NAME"] == isolation and environment["SM_MODEL_DIR"] == f"{base}/model"
    assert environment["AWS_ENDPOINT_URL"] == environment["S3_ENDPOINT_URL"] == "http://127.0.0.1:8400"
    assert environment["AWS_ACCESS_KEY_ID"] == "LTIAEXAMPLE"
    assert environment["AWS_SECRET_ACCESS_KEY"] == "derived"
    assert environment["AWS_DEFAULT_REGION"] == environment["AWS_REGION"] == "us-east-1"
    assert not [name for name in environment if name.startswith("LABELWRIGHT") or "SERVER" in name]
    assert Path(seen["prefix"]) == folder / "hosts/algo-1/python"  # what it installs stays here
    log = workshop.log(isolation)
    assert [line for line in log if line.startswith("epoch")][2] == "epoch 2: error=(0.333);"
    assert {"and on standard error", "Invoking user script", "without an end"} <= set(log)
    assert "derived" not in "\n".join(log)
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [(line["name"], line["value"]) for line in lines] == [
        ("train:error", v) for v in (1.0, 0.5, 0.333)
    ]
    assert all(started <= line["at"] <= time.time() for line in lines)


def test_a_script_that_fails_says_why(workshop) -> None:
    result = workshop.run("fails", "import sys\nraise ValueError('no labels')", HyperParameters={"a": "1"})
    assert result["outcome"] == "Failed" and not result["has_model"]
    python = workshop.runner.folder("fails") / "hosts/algo-1/python/bin/python"
    assert result["failure_reason"] == (
        'AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "ValueError: no labels"\n'
        f'Command "{python} train.py -a 1", exit code: 1'
    )
    assert "ValueError: no labels" in workshop.log("fails")


def test_what_was_written_besides_the_model_survives_a_failure(workshop) -> None:
    source = "import os\nopen(os.environ['SM_OUTPUT_DATA_DIR'] + '/log', 'w').write('x')\nos._exit(9)"
    result = workshop.run("nine", source)
    assert result["failure_reason"].endswith("exit code: 9") and result["has_output"]
    assert workshop.members("nine", "output") == {"log": "x"}


def test_a_shell_script_and_uncompressed_artifacts(workshop) -> None:
    source = {
        "run.sh": """
            echo "$@" > $SM_MODEL_DIR/said
            mkdir $SM_MODEL_DIR/sub
            echo 1 > $SM_MODEL_DIR/sub/one
            echo 2 > $SM_OUTPUT_INTERMEDIATE_DIR/two
        """
    }
    result = workshop.run(
        "shell",
        source,
        HyperParameters={"epochs": "3"},
        OutputDataConfig={"S3OutputPath": "s3://bucket/out", "CompressionType": "NONE"},
    )
    assert result["outcome"] == "Completed", result
    model = workshop.runner.folder("shell") / "model"
    assert (model / "said").read_text() == "--epochs 3\n" and (model / "sub/one").read_text() == "1\n"
    assert (model.parent / "intermediate/two").read_text() == "2\n"


@pytest.mark.parametrize(
    ("name", "more", "reason"),
    [
        ("no-object", {"InputDataConfig": ("s3://bucket/absent/",)}, "ClientError: .*s3://bucket/absent/"),
        ("no-bucket", {"InputDataConfig": ("s3://nowhere/x/",)}, "NoSuchBucket"),
        ("no-docker", {"image": "example.com/mine:1"}, "No container engine.*example.com/mine:1.*Docker"),
        ("no-folder", {"image": "local:/does/not/exist"}, "absolute path of a folder"),
        ("no-script", {"HyperParameters": {"sagemaker_program": "other.py"}}, "'other.py'.*holds train.py"),
        ("no-regex", {"regex": "("}, "Regex of the metric 'm'"),
        ("no-path", {"CheckpointConfig": {"S3Uri": "s3://bucket/x", "LocalPath": "/tmp/x"}}, "below /opt/ml"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_ends_with_a_reason(workshop, name, more, reason) -> None:
    from labelwright.training.container import engine

    if name == "no-docker" and engine() is not None:
        pytest.skip("an engine answers here")
    more = dict(more)
    if "InputDataConfig" in more:
        more["InputDataConfig"] = [workshop.channel("train", uri) for uri in more["InputDataConfig"]]
    image, regex = more.pop("image", "local:python"), more.pop("regex", None)
    more["AlgorithmSpecification"] = {"TrainingImage": image, "TrainingInputMode": "File"}
    if regex:
        more["AlgorithmSpecification"]["MetricDefinitions"] = [{"Name": "m", "Regex": regex}]
    result = workshop.run(name, "" if image == "example.com/mine:1" else "print('up')", **more)
    assert result["outcome"] == "Failed" and not result["has_model"]
    assert re.search(reason, result["failure_reason"], re.DOTALL), result["failure_reason"]


WHEEL = {
    "tinylib/__init__.py": "value = 42\n",
    "tinylib-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tinylib\nVersion: 1.0\n",
    "tinylib-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "tinylib-1.0.dist-info/RECORD": "",
}


def test_requirements_are_installed_for_the_job_alone(workshop, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "tinylib-1.0-py3-none-any.whl", "w") as wheel:
        for name, text in WHEEL.items():
            wheel.writestr(name, text)
    source = {
        "train.py": (
            "import os, tinylib\nopen(os.environ['SM_MODEL_DIR'] + '/v', 'w').write(tinylib.__file__)"
        ),
        "requirements.txt": "tinylib\n",
    }
    # Both at once: a job that finds its package, and one for which there is none.
    offline = {"PIP_NO_INDEX": "1"}
    workshop.start("has", source, Environment={**offline, "PIP_FIND_LINKS": str(tmp_path)})
    workshop.start("has-not", source, Environment=offline)
    assert workshop.wait("has")["outcome"] == "Completed", workshop.log("has")
    place = Path(workshop.members("has")["v"])
    assert place.is_relative_to(workshop.runner.folder("has") / "hosts/algo-1/python")
    failed = workshop.wait("has-not")
    assert failed["failure_reason"].startswith("AlgorithmError: InstallRequirementsError:")
    assert "PIP_INDEX_URL" in failed["failure_reason"]


@needs_namespace
def test_network_isolation(workshop) -> None:
    source = """
        import os, socket
        names = [name for _, name in socket.if_nameindex()]
        open(os.environ["SM_MODEL_DIR"] + "/interfaces", "w").write(" ".join(names))
    """
    result = workshop.run("alone", source, EnableNetworkIsolation=True)
    assert result["outcome"] == "Completed", workshop.log("alone")
    assert workshop.members("alone") == {"interfaces": "lo"}


@needs_namespace
def test_a_script_cannot_write_through_links_to_objects(workshop) -> None:
    source = """
        import os
        path = os.environ["SM_CHANNEL_TRAIN"] + "/a.txt"
        try:
            open(path, "a").write("changed")
        except OSError as error:
            open(os.environ["SM_MODEL_DIR"] + "/seen", "w").write(f"{open(path).read()} {error.strerror}")
    """
    workshop.blobs.put("s3://bucket/fast/a.txt", b"a")
    channel = workshop.channel("train", "s3://bucket/fast/", InputMode="FastFile")
    result = workshop.run("fast", source, InputDataConfig=[channel])
    assert result["outcome"] == "Completed", workshop.log("fast")
    assert workshop.members("fast") == {"seen": "a Read-only file system"}
    # Where there is no namespace it gets copies.
    result = workshop.run("slow", source, isolation="process", InputDataConfig=[channel])
    assert workshop.members("slow") == {} and workshop.blobs.read("s3://bucket/fast/a.txt") == b"a"
