from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from labelwright.cli.manifest import manifest


def run(*arguments: object) -> Result:
    return CliRunner().invoke(manifest, [str(argument) for argument in arguments])


def write(path: Path, *lines: str) -> Path:
    path.write_text("".join(line + "\n" for line in lines))
    return path


def test_join_and_its_summary(tmp_path: Path) -> None:
    a = write(tmp_path / "a.manifest", '{"source":"x","n":1}')
    b = write(tmp_path / "b.manifest", '{"source":"x","n":2}', '{"source":"y"}')
    out = tmp_path / "out.manifest"
    refused = run("join", a, b, "--output", out)
    assert refused.exit_code == 1
    assert "b.manifest line 1" in refused.output
    assert not out.exists()
    done = run("join", a, b, "--output", out, "--on-conflict", "last", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["n_conflicts"] == {"n": 1}
    assert out.read_text() == '{"source":"x","n":2}\n{"source":"y"}\n'
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.manifest", "b.manifest", "out.manifest"]


def test_split_names_its_parts(tmp_path: Path) -> None:
    source = write(tmp_path / "all.manifest", *(f'{{"source":"{i}"}}' for i in range(10)))
    done = run("split", source, "--part", "train=70%", "--part", "val=30%")
    assert done.exit_code == 0, done.output
    assert len((tmp_path / "all-train.manifest").read_text().splitlines()) == 7
    assert len((tmp_path / "all-val.manifest").read_text().splitlines()) == 3
    assert run("split", source, "--part", "../x=1", "--part", "b=1").exit_code == 2
    assert run("split", source, "--part", "a=1").exit_code == 2


def test_filter_writes_nothing_when_nothing_passes(tmp_path: Path) -> None:
    source = write(tmp_path / "all.manifest", '{"source":"x"}')
    out = tmp_path / "out.manifest"
    refused = run("filter", source, "--output", out, "--label-attribute-name", "a", "--labeled")
    assert (refused.exit_code, out.exists()) == (1, False)
    assert "No line passes" in refused.output
    assert run("filter", source, "--output", out, "--min-confidence", "0.5").exit_code == 2


def test_a_bad_line_is_named_with_its_file(tmp_path: Path) -> None:
    source = write(tmp_path / "all.manifest", '{"source":"x"}', "nonsense")
    refused = run("inject", source, "--output", tmp_path / "o", "--from", "a=b", "--into", "c")
    assert refused.exit_code == 1
    assert f"{source}: line 2: " in refused.output
