"""Adaptive redundancy: more workers are asked only where the label is unsure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from labeling_workshop import Workshop, lines, make_workshop, run

from labelwright.engine.accounts import account_of
from labelwright.engine.facts import facts_of
from labelwright.store import redundancy

NAMES = ["bolt", "nut", "washer"]


def options(**values: Any) -> dict[str, str]:
    return {key.replace("_", "-"): str(value) for key, value in values.items()}


def text_label(name: str) -> dict[str, Any]:
    return {"crowd-classifier": {"label": name}}


def create(shop: Workshop, n: int, *, n_workers: int, tags: dict[str, str], **human: Any) -> int:
    return shop.create(
        manifest=lines(*({"source": f"text {i}"} for i in range(n))),
        kind="TextMultiClass",
        labels=NAMES,
        n_workers=n_workers,
        options=tags,
        **human,
    )


def counts(shop: Workshop, job_id: int) -> redundancy.RedundancyCounts:
    facts = facts_of(shop.job(job_id))
    most = facts.options.max_workers_per_object or facts.n_workers
    return shop.database.read(
        lambda c: redundancy.counts(c, job_id, n_workers=facts.n_workers, n_workers_max=most)
    )


def spared(shop: Workshop, job_id: int) -> int:
    job = shop.job(job_id)
    return shop.database.read(lambda c: account_of(c, job, now=shop.clock())).counts.n_answers_spared


def test_answers_are_spared_where_the_first_ones_agree_and_not_where_time_ran_out(shop: Workshop) -> None:
    tags = options(max_workers_per_object=4, ask_more_below=0.9)
    for who in "abcde":
        shop.worker(who)
    job_id = create(shop, 3, n_workers=2, tags=tags, TaskAvailabilityLifetimeInSeconds=600)
    shop.settle()
    for who in "ab":
        shop.answer(who, text_label("bolt"))
        shop.answer(who, text_label("nut"))
    shop.answer("a", text_label("nut"))  # the third object gets one answer of two
    shop.settle()
    assert spared(shop, job_id) == 0  # nothing is decided yet
    shop.clock.tick(601)
    shop.settle()
    assert (shop.job(job_id).status, shop.job(job_id).n_human) == ("Completed", 3)
    assert spared(shop, job_id) == 2 * (4 - 2)


def work(shop: Workshop, answer: Callable[[str, int], str], workers: str = "abcdefg") -> int:
    """Everybody works until there is nothing left; how many answers that took."""
    n = 0
    while True:
        n_before = n
        for who in workers:
            while task := shop.take(who):
                shop.submit(who, task, text_label(answer(who, int(task.object_id))))
                n += 1
        shop.clock.tick(61)
        shop.settle()
        if n == n_before:
            return n


@pytest.mark.parametrize(
    "shop", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
def test_a_second_opinion_where_the_first_ones_differ(shop: Workshop) -> None:
    job_id = create(shop, 3, n_workers=2, tags=options(max_workers_per_object=4, ask_more_below=0.8))
    for who in "abcd":
        shop.worker(who)
    shop.settle()
    for i in range(3):
        shop.answer("a", text_label("bolt"))
        shop.answer("b", text_label("nut" if i == 1 else "bolt"))
    shop.settle()
    # The worker who has seen the object is not asked again.
    assert shop.take("a") is None
    assert shop.answer("c", text_label("nut")) == "1"
    shop.settle()
    if (task := shop.take("d")) is not None:
        shop.submit("d", task, text_label("nut"))
    shop.clock.tick(61)
    shop.settle()
    assert shop.job(job_id).status == "Completed"
    assert [line["parts"] for line in shop.output()] == [0, 1, 0]
    found = counts(shop, job_id)
    assert found.n_objects == 3
    assert found.n_asked_more == 1
    assert found.n_extra in (1, 2)
    assert found.n_saved == 12 - found.n_answers


def test_fewer_answers_for_the_same_accuracy(tmp_path: Any, clock: Any) -> None:
    n, workers = 90, "abcdefg"
    rng = np.random.default_rng(3)
    truth = rng.integers(3, size=n)
    skill = dict(zip(workers, (0.95, 0.9, 0.9, 0.85, 0.85, 0.75, 0.6), strict=True))
    said = {
        (who, i): int(truth[i]) if rng.random() < skill[who] else int(rng.integers(3))
        for who in workers
        for i in range(n)
    }
    n_answers, accuracy = {}, {}
    plans = {
        "fixed": (5, options(consolidation="bayesian")),
        "adaptive": (2, options(consolidation="bayesian", max_workers_per_object=6, ask_more_below=0.95)),
    }
    for name, (n_workers, tags) in plans.items():
        shop = make_workshop(tmp_path / name, clock)
        for who in workers:
            shop.worker(who)
        job_id = create(shop, n, n_workers=n_workers, tags=tags, MaxConcurrentTaskCount=45)
        shop.settle()
        n_answers[name] = work(shop, lambda who, i: NAMES[said[who, i]], workers)
        assert shop.job(job_id).status == "Completed"
        found = np.array([line["parts"] for line in shop.output()])
        accuracy[name] = float((found == truth).mean())
        shop.engine.stop()
        shop.database.close()
        shop.blobs.close()
    assert n_answers["fixed"] == 5 * n
    assert n_answers["adaptive"] < 0.75 * n_answers["fixed"]
    assert accuracy["adaptive"] >= accuracy["fixed"] - 0.012


def test_the_maximum_and_the_team_bound_what_is_asked(shop: Workshop) -> None:
    tags = options(max_workers_per_object=9, ask_more_below=0.999)
    job_id = create(shop, 2, n_workers=1, tags=tags)
    for who in "abc":
        shop.worker(who)
    shop.settle()
    assert spared(shop, job_id) == 0
    assert work(shop, lambda who, i: NAMES["abc".index(who)], "abc") == 6  # three workers are all there are
    assert shop.job(job_id).status == "Completed"
    assert spared(shop, job_id) == 0  # nine were never to be had


def test_what_is_asked_more_ends_with_the_batch_and_with_the_job(shop: Workshop) -> None:
    tags = options(max_workers_per_object=3, ask_more_below=0.99)
    for who in "abc":
        shop.worker(who)
    job_id = create(shop, 1, n_workers=2, tags=tags, TaskAvailabilityLifetimeInSeconds=600)
    shop.settle()
    shop.answer("a", text_label("bolt"))
    shop.answer("b", text_label("nut"))
    shop.settle()
    task = shop.take("c")
    assert task is not None
    shop.clock.tick(601)
    shop.settle()
    assert shop.job(job_id).status == "Completed"
    assert counts(shop, job_id).n_answers == 2

    job_id = create(shop, 1, n_workers=2, tags=tags, name="Parts-B")
    shop.settle()
    shop.answer("a", text_label("bolt"), "Parts-B")
    shop.answer("b", text_label("nut"), "Parts-B")
    shop.settle()
    assert shop.take("c", "Parts-B") is not None
    shop.stop(job_id)
    shop.settle()
    assert shop.job(job_id).status in ("Stopped", "Completed")
    assert "parts" in shop.output("Parts-B")[0]


def test_a_new_engine_goes_on_where_the_old_one_was_killed(shop: Workshop) -> None:
    tags = options(max_workers_per_object=3, ask_more_below=0.99)
    for who in "abc":
        shop.worker(who)
    job_id = create(shop, 2, n_workers=2, tags=tags)
    shop.settle()
    for who, name in (("a", "bolt"), ("b", "nut")):
        for _ in range(2):
            shop.answer(who, text_label(name))
    shop.settle()
    shop.engine._memos.clear()  # all that a process forgets
    shop.settle()
    for _ in range(2):
        shop.answer("c", text_label("nut"))
        shop.engine._memos.clear()
        shop.settle()
    shop.clock.tick(61)
    shop.settle()
    assert shop.job(job_id).status == "Completed"
    assert counts(shop, job_id).n_answers == 6


def test_a_decline_does_not_leave_an_object_open(shop: Workshop) -> None:
    tags = options(max_workers_per_object=3, ask_more_below=0.99)
    for who in "abcd":
        shop.worker(who)
    job_id = create(shop, 1, n_workers=1, tags=tags)
    shop.settle()
    shop.answer("a", text_label("bolt"))
    shop.settle()
    task = shop.take("b")
    assert task is not None
    run(shop.desk.decline(shop.worker("b"), task.id))
    shop.clock.tick(61)
    shop.settle()
    assert shop.job(job_id).status == "Completed"
