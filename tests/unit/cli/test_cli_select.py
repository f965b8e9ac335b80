from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from click.testing import CliRunner

from labelwright.cli.select import select

LINES = b"".join(b'{"source": "text %d", "camera": %d}\r\n' % (i, i % 4) for i in range(40))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "in.manifest"
    path.write_bytes(LINES)
    return path


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(select, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


def test_condition_writes_a_manifest_beside_the_original(file: Path) -> None:
    code, out, err = run(file, "--where", "s.camera = 2")
    assert (code, err) == (0, "")
    first, name = out.splitlines()
    assert first == "10 of 40 lines"
    subset = Path(name)
    assert subset.parent == file.parent
    assert subset.name.startswith("in-subset-")
    assert subset.read_bytes() == b"".join(LINES.splitlines(keepends=True)[2::4])
    assert file.read_bytes() == LINES


def test_sample_is_repeatable(file: Path, tmp_path: Path) -> None:
    code, out, _ = run(file, "--sample", 10, "--seed", 3, "--output", tmp_path / "a", "--json")
    assert code == 0
    assert json.loads(out) == {
        "manifest": str(file), "output": str(tmp_path / "a"), "n_lines": 40, "n_selected": 4,
        "bytes_returned": len((tmp_path / "a").read_bytes()), "seed": 3,
    }  # fmt: skip
    assert run(file, "--sample", 10, "--seed", 3, "--output", tmp_path / "b")[0] == 0
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_bar_of_a_sample_goes_from_nothing_to_all(file: Path, tmp_path: Path) -> None:
    """The manifest is read twice; the bar is for a terminal."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    command = [sys.executable, "-m", "labelwright.cli", "select", str(file), "--sample", "50"]
    # 2.8 KB in one block each: without a pause between two drawings, each of them is seen.
    environment = os.environ | {"TQDM_MININTERVAL": "0"}
    with subprocess.Popen(
        [*command, "--output", str(tmp_path / "a")], stderr=theirs, stdout=subprocess.DEVNULL, env=environment
    ) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # what Linux says at the end of a terminal
            while piece := os.read(ours, 4096):
                shown += piece
    os.close(ours)
    assert process.returncode == 0
    assert [int(percent) for percent in re.findall(rb"(\d+)%", shown)] == [0, 50, 100]


def test_statement_prints_its_rows(file: Path) -> None:
    assert run(file, "--sql", "SELECT COUNT(*) AS n FROM S3Object s WHERE s.camera > 1") == (
        0,
        '{"n":20}\n',
        "",
    )
    assert run(file, "--where", "s.camera IN (0, 1)", "--count") == (0, "20\n", "")


def test_nothing_selected_writes_nothing(file: Path) -> None:
    code, _, err = run(file, "--where", "s.camera = 9")
    assert code == 1
    assert "none of 40 lines matches" in err
    assert [path.name for path in file.parent.iterdir()] == ["in.manifest"]


def test_bad_query_is_misuse_and_shows_the_place(file: Path) -> None:
    code, _, err = run(file, "--where", "s.camera = `2`")
    assert code == 2
    assert "column 12" in err
    assert err.rstrip().endswith("s.camera = `2`\n" + " " * 13 + "^")
    assert run(file)[0] == 2
    assert run(file, "--where", "s.a = 1", "--sample", 5)[0] == 2
    assert run(file, "--where", "s.a = 1", "--seed", 5)[0] == 2


def test_broken_line_and_missing_file_are_failures(tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.write_bytes(b'{"source": "x"}\n{"source":\n')
    result = CliRunner().invoke(select, [str(bad), "--where", "s.source = 'x'"])
    assert "Line 2 of the input is not valid JSON" in str(result.exception)
    assert result.exit_code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["bad"]
    assert run(tmp_path / "gone", "--where", "s.a = 1")[0] == 1
