from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from labelwright.cli.consolidate import consolidate


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "answers.csv"
    rows = [f"t{i},{worker},{'cat' if i % 2 else 'dog'}" for i in range(8) for worker in ("ann", "bob")]
    rows += [f"t{i},eve,cat" for i in range(8)]
    path.write_text("\n".join(["task,worker,label", *rows, ""]))
    return path


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(consolidate, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


def test_a_label_with_its_probability_per_task(file: Path) -> None:
    code, out, _ = run(file, "--algorithm", "majority")
    lines = [line.split("\t") for line in out.splitlines()]
    assert code == 0
    assert lines[:3] == [
        ["task", "label", "confidence"],
        ["t0", "dog", "0.6667"],
        ["t1", "cat", "1.0000"],
    ]


def test_json_lines_by_the_recommended_algorithm(file: Path) -> None:
    code, out, _ = run(file, "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [row["label"] for row in rows] == ["dog", "cat"] * 4
    assert all(0.5 < row["confidence"] <= 1 for row in rows)


def test_workers_with_intervals(file: Path) -> None:
    _, out, _ = run(file, "--workers", "--json")
    ann, bob, eve = (json.loads(line) for line in out.splitlines())
    assert (ann["worker"], ann["answers"]) == ("ann", 8)
    assert ann["accuracy"] == bob["accuracy"] > eve["accuracy"]
    assert ann["lower"] < ann["accuracy"] < ann["upper"]


def test_bad_files_and_names_are_explained(file: Path, tmp_path: Path) -> None:
    code, _, err = run(file, "--algorithm", "best")
    assert code == 2
    assert "there is no 'best'; choose one of compatible, bayesian" in err
    bad = tmp_path / "bad.csv"
    bad.write_text("task,person,label\n")
    code, _, err = run(bad)
    assert (code, "line 1: no column worker" in err) == (1, True)
    bad.write_text("task,worker,label\nt1,w1,\n")
    code, _, err = run(bad)
    assert (code, "line 2: label is empty" in err) == (1, True)
    bad.write_text("task,worker,label\n")
    code, _, err = run(bad)
    assert (code, "holds no answers" in err) == (1, True)
