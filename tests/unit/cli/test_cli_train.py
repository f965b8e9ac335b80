"""``labelwright train``: jobs on this machine, without a server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from labelwright.cli import cli

SCRIPT = """
import json, os, pathlib, sys
data = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"])
loss = 1.0
kept = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"], "checkpoints", "loss")
if kept.exists():
    loss = float(kept.read_text())
for _ in range(2):
    loss /= 2
    print(f"loss={loss};")
kept.write_text(str(loss))
seen = {"args": sys.argv[1:], "files": sorted(p.name for p in data.iterdir())}
pathlib.Path(os.environ["SM_MODEL_DIR"], "seen.json").write_text(json.dumps(seen))
if "--fail" in sys.argv:
    sys.exit("no loss")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "code").mkdir()
    (tmp_path / "code/go.py").write_text(SCRIPT)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.txt").write_text("a")
    (tmp_path / "database.txt").write_text("not meant")
    return tmp_path


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        return 1, result.stdout, result.stderr + str(result.exception)
    return result.exit_code, result.stdout, result.stderr


def options(folder: Path, name: str) -> list[object]:
    return ["--script", folder / "code/go.py", "--train", folder / "data", "--output", folder / "out", "--name", name]  # fmt: skip  # noqa: E501


def test_a_script_trains_and_resumes_on_this_machine(folder: Path) -> None:
    resumed = ["--checkpoints", folder / "kept", "--metric", "loss=loss=(.*?);", "-p", "lr=0.1"]
    code, out, err = run("train", *options(folder, "one"), *resumed)
    assert code == 0, err
    lines = out.splitlines()
    assert "loss=0.25;" in lines and "loss: 0.25" in lines
    output = folder / "out/one/output"
    assert lines[-1] == f"Completed. What it made is in {output}"
    assert sorted(path.name for path in output.iterdir()) == ["metrics.jsonl", "model.tar.gz"]
    assert [path.name for path in output.parent.iterdir()] == ["output"]  # the job's own folder is gone
    code, out, err = run("train", *options(folder, "two"), *resumed, "--json")
    assert code == 0, err
    result = json.loads(out)
    assert result["outcome"] == "Completed" and result["metrics"] == {"loss": 0.0625}
    assert "loss=0.0625;" in err.splitlines()


def test_a_request_may_name_paths(folder: Path) -> None:
    request = {
        "TrainingJobName": "asked",
        "AlgorithmSpecification": {"TrainingImage": f"local:{folder}/code", "TrainingInputMode": "File"},
        "HyperParameters": {"sagemaker_program": "go.py", "fail": "1"},
        "OutputDataConfig": {"S3OutputPath": str(folder / "out"), "CompressionType": "NONE"},
        "InputDataConfig": [
            {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": str(folder / "data")}}}
        ],
    }
    (folder / "request.json").write_text(json.dumps(request))
    code, out, err = run("train", folder / "request.json", "--keep")
    assert code == 1 and "ExecuteUserScriptError" in err and "no loss" in out
    seen = json.loads((folder / "out/asked/work/hosts/algo-1/ml/model/seen.json").read_text())
    assert seen == {"args": ["--fail", "1"], "files": ["a.txt"]}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Give a REQUEST file, --algorithm or --script."),
        (["--algorithm", "xgboost"], "no built-in algorithm 'xgboost'"),
        (["--algorithm", "blazingtext", "--train", "nowhere"], "no file or folder nowhere"),
        (["--algorithm", "blazingtext", "-p", "epochs"], "'epochs' must be of the form NAME=VALUE"),
        (["--algorithm", "blazingtext", "--name", "a/b"], "TrainingJobName is 'a/b'"),
        (["--algorithm", "object-detection", "--train", "s3://b/x"], "--set num_training_samples=N"),
        (["--algorithm", "blazingtext", "--output", "s3://b"], "needs a folder of this machine"),
    ],
)
def test_mistakes_are_named(arguments: list[str], message: str) -> None:
    code, _, err = run("train", *arguments)
    assert code != 0 and message in err


WAITS = """
import os, signal, sys, time
def save(*_):
    open(os.environ["SM_MODEL_DIR"] + "/weights", "w").write("half")
    sys.exit()
signal.signal(signal.SIGTERM, save)
print("pid", os.getpid(), flush=True)
time.sleep(600)
"""


def test_the_keyboard_stops_a_job_and_the_end_of_the_command_ends_it(folder: Path) -> None:
    (folder / "code/go.py").write_text(WAITS)
    command = [sys.executable, "-m", "labelwright.cli", "train", *map(str, options(folder, "stop"))]
    running = [
        subprocess.Popen(
            [*command, "--name", name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for name in ("stopped", "killed")
    ]
    pids = []
    for process in running:
        assert process.stdout is not None
        pids.append(next(int(line.split()[1]) for line in process.stdout if line.startswith("pid")))
    running[0].send_signal(signal.SIGINT)
    running[1].kill()
    out, err = running[0].communicate(timeout=60)
    assert running[0].returncode == 0 and out.splitlines()[-1].startswith("Stopped."), (out, err)
    assert (folder / "out/stopped/output/model.tar.gz").exists()
    running[1].communicate()
    end = time.monotonic() + 60
    while os.path.exists(f"/proc/{pids[1]}"):
        assert time.monotonic() < end, "the script lives on"
        time.sleep(0.01)
