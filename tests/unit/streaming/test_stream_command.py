"""``labelwright stream`` as a user calls it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from labelwright import recordio
from labelwright.cli import cli
from labelwright.errors import BlobNotFound


def test_counting_reads_everything_once(make_folder) -> None:
    folder = make_folder(15)
    arguments = ["stream", folder.manifest, "--attributes", "source-ref,class", "--json"]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    facts = json.loads(done.stdout)
    expected = sum(len(recordio.frame(picture)) + 12 for picture in folder.pictures)
    assert (facts["n_lines"], facts["n_bytes"]) == (15, expected)


def test_counting_finds_a_missing_object(make_folder) -> None:
    folder = make_folder(15)
    (folder.path / "pictures/0007.jpg").unlink()
    done = CliRunner().invoke(cli, ["stream", folder.manifest, "--attributes", "source-ref"])
    assert done.exit_code == 1
    assert isinstance(done.exception, BlobNotFound)
    assert "0007.jpg" in str(done.exception)


def test_a_folder_goes_with_pipes_only(make_folder) -> None:
    folder = make_folder(1)
    for more in (["--mode", "pipe"], ["--folder", "x"]):
        done = CliRunner().invoke(cli, ["stream", folder.manifest, "--attributes", "class", *more])
        assert done.exit_code == 2
        assert "--folder goes with --mode pipe" in done.stderr


def test_pipes_are_fed_until_the_program_is_ended(make_folder, tmp_path: Path) -> None:
    folder = make_folder(5)
    command = [sys.executable, "-m", "labelwright.cli", "stream", folder.manifest]
    options = ["--attributes", "source-ref", "--mode", "pipe", "--folder", str(tmp_path / "pipes")]
    with subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True) as process:
        assert "train_0" in process.stderr.readline()
        assert list(recordio.read(tmp_path / "pipes/train_0")) == folder.pictures
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert said.startswith("1 epochs, ")
    assert list((tmp_path / "pipes").iterdir()) == []
