"""Task types are found as entry points, ours and those of other packages alike."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from labeling_workshop import Workshop, lines

from labelwright import tasks
from labelwright.core.functions import TASK_KINDS, kind_of, recognise
from labelwright.errors import InvalidRequest, LabelwrightError
from labelwright.templates.builtin import BUILTIN_TASK_TYPES

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "add-a-task-type.md"
FUNCTIONS = "arn:aws:lambda:eu-west-1:000000000000:function"


def forget() -> None:
    tasks._registered.cache_clear()
    tasks.task_type.cache_clear()


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The package of the how-to page, installed."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (entries,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    folder = tmp_path / "site"
    info = folder / "text_score-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "text_score.py").write_text(code)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: text-score\nVersion: 1.0\n")
    points = re.sub(r'project.entry-points."(.*?)"', r"\1", entries).replace('"', "")
    taken = "BoundingBox = text_score:TASK_TYPE\nBroken = text_score:NOTHING\n"
    (info / "entry_points.txt").write_text(points + taken)
    monkeypatch.syspath_prepend(folder)
    forget()
    yield "TextScore"
    forget()


def test_every_module_is_registered_under_all_its_suffixes() -> None:
    found = {}
    for module in pkgutil.iter_modules(tasks.__path__):
        loaded = importlib.import_module(f"labelwright.tasks.{module.name}")
        if hasattr(loaded, "TASK_TYPE"):
            found.update(dict.fromkeys(loaded.TASK_TYPE.suffixes, loaded.TASK_TYPE))
    assert {suffix: tasks.task_type(suffix) for suffix in tasks.implemented()} == found


def test_types_with_a_template_are_types_that_run() -> None:
    assert set(BUILTIN_TASK_TYPES) <= tasks.implemented()
    assert tasks.implemented() - {"Custom"} <= set(TASK_KINDS)


def test_a_type_of_another_package_does_a_whole_job(shop: Workshop, plugin: str) -> None:
    job_id = shop.create(manifest=lines({"source": "x"}, {"source": "y"}), kind=plugin, lan="score")
    shop.settle()
    task = shop.take("a")
    assert task is not None
    with pytest.raises(InvalidRequest) as caught:
        shop.submit("a", task, {"score": 11})
    assert caught.value.field == "answer.score"
    shop.answers({"score": 3}, {"score": 8}, {"score": 4})
    shop.answers({"score": 0}, {"score": 8}, {"score": 4})
    shop.settle()
    assert (shop.job(job_id).status, shop.job(job_id).n_failed) == ("Completed", 1)
    assert shop.raw_output()[0] == (
        '{"source":"x","score":4,"score-metadata":{"spread":5,"job-name":"labeling-job/parts-a",'
        '"type":"example/text-score","human-annotated":"yes","creation-date":"DATE"}}\n'
    )


def test_its_functions_select_it(plugin: str) -> None:
    added = tasks.implemented()
    pre = recognise(f"{FUNCTIONS}:PRE-{plugin}", field="x", added=added)
    post = recognise(f"{FUNCTIONS}:ACS-{plugin}", field="x", added=added)
    kind = kind_of(pre, post)
    assert (kind.suffix, kind.ref_rule) == (plugin, "either")
    with pytest.raises(InvalidRequest, match="not a built-in function"):
        recognise(f"{FUNCTIONS}:PRE-{plugin}", field="x")


def test_ours_cannot_be_replaced_and_broken_ones_say_so(plugin: str) -> None:
    assert tasks.task_type("BoundingBox").n_labels_max == 50
    with pytest.raises(LabelwrightError, match=r"Broken of the package text-score cannot be loaded"):
        tasks.task_type("Broken")
