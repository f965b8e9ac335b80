from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from labelwright.cli.manifest import manifest

DATA = Path(__file__).parents[2] / "data" / "manifests"


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(manifest, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


def test_valid_input_prints_its_size() -> None:
    code, out, err = run("validate", DATA / "worked-input.manifest")
    assert (code, out, err) == (0, "4 lines, 0 errors, 0 warnings\n", "")


def test_bad_lines_are_listed_and_the_exit_code_is_1(tmp_path: Path) -> None:
    file = tmp_path / "bad.manifest"
    file.write_bytes(b'{"source":"x"}\n{"source":1}\n')
    code, out, err = run("validate", file)
    assert code == 1
    assert "line 2: 'source' is a number" in err
    assert "2 lines, 1 errors" in out
    code, out, _ = run("validate", "--json", file)
    assert code == 1
    assert json.loads(out)["findings"][0]["line_number"] == 2


def test_lines_after_a_blank_one_are_checked_too(tmp_path: Path) -> None:
    file = tmp_path / "gaps.manifest"
    file.write_bytes(b'{"source":"x"}\n\n \n{"source":"y"}\nfoo\n\n{"a":1}\n\n')
    code, out, err = run("validate", file)
    assert code == 1
    assert [line.split(": ")[1] for line in err.splitlines()] == ["line 2", "line 5", "line 6", "line 7"]
    assert out == "4 lines, 4 errors, 0 warnings\n"


def test_output_is_compared_with_input_and_labels(tmp_path: Path) -> None:
    labels = tmp_path / "labels.json"
    labels.write_text('{"labels": [{"label": "bolt"}, {"label": "screw"}]}')
    code, _, err = run(
        "validate",
        DATA / "worked-output.manifest",
        "--input",
        DATA / "worked-input.manifest",
        "--labels",
        labels,
        "--label-attribute-name",
        "parts",
    )
    assert code == 1
    assert "class-name 'nut' is not label 1, 'screw'" in err
    labels.write_text("[]")
    code, _, err = run("validate", DATA / "worked-output.manifest", "--labels", labels)
    assert code == 1 and "label category file" in err


def test_contradicting_options_are_misuse() -> None:
    code, _, err = run("validate", DATA / "worked-input.manifest", "--kind", "input", "--workers", "1")
    assert code == 2 and "--kind input" in err


def test_stats_in_words_and_json() -> None:
    code, out, _ = run("stats", DATA / "worked-output.manifest")
    assert code == 0
    assert "labeled 2 (human 2, machine 0), failed 1, unlabeled 1" in out
    code, out, _ = run("stats", "--json", DATA / "labels.manifest")
    assert json.loads(out)["attributes"]["parts"]["classes"] == {"screw": 1, "clip": 1}
