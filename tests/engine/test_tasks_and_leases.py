"""What workers may do with tasks, and what time does to them."""

from __future__ import annotations

import pytest
from labeling_workshop import Workshop, label, lines, run

from labelwright.engine import TaskView
from labelwright.errors import Conflict, NotFound, TemplateError


def taken(shop: Workshop, who: str, **options: bool) -> TaskView:
    task = shop.take(who, **options)
    assert task is not None
    return task


@pytest.fixture
def job(shop: Workshop, pictures: bytes) -> int:
    job_id = shop.create(manifest=pictures, n_workers=2, TaskAvailabilityLifetimeInSeconds=3600)
    shop.settle()
    return job_id


def test_objects_closest_to_completion_come_first(shop: Workshop, job: int) -> None:
    assert taken(shop, "a").object_id == "0"
    assert taken(shop, "b").object_id == "0"
    assert taken(shop, "c").object_id == "1"


def test_take_returns_the_task_already_held(shop: Workshop, job: int) -> None:
    first = taken(shop, "a")
    assert taken(shop, "a") == first


def test_one_task_may_be_reserved_ahead(shop: Workshop, job: int) -> None:
    working = taken(shop, "a")
    ahead = taken(shop, "a", ahead=True)
    assert (ahead.object_id, ahead.state, ahead.accepted_at) == ("1", "reserved", None)
    assert taken(shop, "a", ahead=True).id == ahead.id
    with pytest.raises(Conflict, match="in progress"):
        run(shop.desk.start(shop.worker("a"), ahead.id))
    shop.clock.tick(100)
    shop.submit("a", working, label("nut"))
    started = run(shop.desk.start(shop.worker("a"), ahead.id))
    assert started.state == "working"
    assert started.accepted_at == shop.clock.now
    assert started.expires_at == shop.clock.now + 300


def test_take_starts_the_reserved_task(shop: Workshop, job: int) -> None:
    ahead = taken(shop, "a", ahead=True)
    assert taken(shop, "a").id == ahead.id
    assert run(shop.desk.view(shop.worker("a"), ahead.id)).state == "working"


def test_the_same_answer_twice_is_one_answer(shop: Workshop, job: int) -> None:
    task = taken(shop, "a")
    shop.submit("a", task, label("nut"))
    shop.submit("a", task, label("nut"))
    with pytest.raises(Conflict, match="another answer"):
        shop.submit("a", task, label("bolt"))


def test_released_task_goes_back_and_may_be_taken_again(shop: Workshop, job: int) -> None:
    task = taken(shop, "a")
    run(shop.desk.release(shop.worker("a"), task.id))
    run(shop.desk.release(shop.worker("a"), task.id))
    with pytest.raises(Conflict, match="went back"):
        shop.submit("a", task, label("nut"))
    again = taken(shop, "a")
    assert again.object_id == "0"
    assert again.id != task.id


def test_declined_object_is_not_offered_again(shop: Workshop, job: int) -> None:
    task = taken(shop, "a")
    run(shop.desk.decline(shop.worker("a"), task.id))
    assert taken(shop, "a").object_id == "1"
    assert taken(shop, "b").object_id == "1"  # one answer away from its end
    assert taken(shop, "c").object_id == "0"


def test_object_declined_by_all_fails(shop: Workshop, job: int) -> None:
    for who in "ab":
        task = taken(shop, who)
        assert task.object_id == "0"
        run(shop.desk.decline(shop.worker(who), task.id))
    assert shop.job(job).n_failed == 1
    assert taken(shop, "c").object_id == "1"
    shop.stop(job)
    shop.settle()
    reason = shop.output()[0]["parts-metadata"]["failure-reason"]
    assert reason.startswith("ClientError: Annotation tasks expired")


def test_answer_in_progress_saves_a_declined_object(shop: Workshop, pictures: bytes) -> None:
    job_id = shop.create(manifest=pictures, n_workers=2, MaxConcurrentTaskCount=1)
    shop.settle()
    for who in "ab":
        taken(shop, who)
    run(shop.desk.decline(shop.worker("a"), taken(shop, "a").id))
    third = taken(shop, "c")
    run(shop.desk.decline(shop.worker("c"), third.id))  # two declined, b still works on it
    assert shop.job(job_id).n_failed == 0
    assert shop.take("d") is None
    shop.submit("b", taken(shop, "b"), label("nut"))
    shop.settle()
    assert shop.job(job_id).n_human == 1


def test_paused_task_is_resumed_by_its_worker(shop: Workshop, job: int) -> None:
    task = taken(shop, "a")
    run(shop.desk.pause(shop.worker("a"), task.id))
    assert run(shop.desk.view(shop.worker("a"), task.id)).state == "paused"
    shop.clock.tick(60)
    resumed = taken(shop, "a")
    assert (resumed.id, resumed.state) == (task.id, "working")
    assert resumed.expires_at == task.expires_at  # the limit keeps counting
    assert resumed.accepted_at == task.accepted_at


def test_expired_lease_returns_the_task_to_the_pool(shop: Workshop, job: int) -> None:
    task = taken(shop, "a")
    shop.clock.tick(301)
    with pytest.raises(Conflict, match="time for this task is over"):
        shop.submit("a", task, label("nut"))
    shop.settle()
    assert taken(shop, "b").object_id == "0"
    assert taken(shop, "c").object_id == "0"


def test_worker_who_comes_back_late_gets_a_new_task(shop: Workshop, job: int) -> None:
    task = taken(shop, "a")
    shop.clock.tick(301)
    again = taken(shop, "a")
    assert again.id != task.id
    assert again.object_id == "0"


def test_lifetime_ends_the_batch(shop: Workshop, job: int) -> None:
    shop.answer("a", label("nut"))
    held = taken(shop, "b")
    assert held.object_id == "0"
    shop.clock.tick(3600)
    shop.settle()
    row = shop.job(job)
    assert (row.status, row.n_human, row.n_failed) == ("Completed", 1, 3)
    assert shop.output()[0]["parts"] == 1
    for line in shop.output()[1:]:
        assert line["parts-metadata"]["failure-reason"].startswith("ClientError: Annotation tasks expired")
    with pytest.raises(Conflict):
        shop.submit("b", held, label("nut"))


def test_time_spent_is_never_longer_than_the_task_was_held(shop: Workshop, job: int) -> None:
    task = taken(shop, "a")
    shop.clock.tick(10)
    shop.submit("a", task, label("nut"), time_spent_s=9999)
    rows = shop.database.engine.connect()
    with rows:
        assert rows.exec_driver_sql("SELECT time_spent_s FROM tasks").scalar() == 10


def test_job_cards_count_what_the_worker_can_take(shop: Workshop, job: int) -> None:
    cards = run(shop.desk.jobs(shop.worker("a")))
    assert [(card.name, card.available_tasks, card.task_type) for card in cards] == [
        ("Parts-A", 4, "ImageMultiClass")
    ]
    shop.answer("a", label("nut"))
    assert run(shop.desk.jobs(shop.worker("a")))[0].available_tasks == 3
    assert run(shop.desk.jobs(shop.worker("b")))[0].available_tasks == 4


def test_jobs_of_other_teams_are_not_there(shop: Workshop, job: int) -> None:
    def leave(connection: object) -> None:
        connection.exec_driver_sql("DELETE FROM group_members")  # type: ignore[attr-defined]

    worker = shop.worker("a")
    shop.database.write(leave)
    assert run(shop.desk.jobs(worker)) == []
    with pytest.raises(NotFound):
        run(shop.desk.take(worker, "Parts-A"))


def test_rendering_signs_the_picture(shop: Workshop, job: int) -> None:
    task = taken(shop, "a")
    page = run(shop.desk.render(shop.worker("a"), task.id, base_url="http://localhost:8400"))
    assert page.errors == []
    assert "http://localhost:8400/acme/in/a.png?" in page.html
    with pytest.raises(NotFound):
        run(shop.desk.render(shop.worker("b"), task.id, base_url="http://localhost:8400"))


def test_a_submitted_task_cannot_be_given_back(shop: Workshop, job: int) -> None:
    task = taken(shop, "a")
    shop.submit("a", task, label("nut"))
    for give_back in (shop.desk.release, shop.desk.decline):
        with pytest.raises(Conflict, match="submitted already; the answer given then is kept"):
            run(give_back(shop.worker("a"), task.id))


@pytest.mark.parametrize("n_answers", [0, 1])
def test_an_object_that_cannot_be_rendered_is_closed(shop: Workshop, n_answers: int) -> None:
    endless = "{% if task.input.endless %}{% for i in (1..9999999) %}x{% endfor %}{% endif %}<p>fine</p>"
    manifest = lines({"source": "x", "endless": True}, {"source": "y"})
    job_id = shop.create(manifest=manifest, kind=None, n_workers=2)
    shop.put("s3://acme/cfg/page.liquid.html", endless.encode())
    shop.settle()
    if n_answers:
        shop.answer("a", {"note": "seen elsewhere"})
    task = taken(shop, "b")
    waiting = taken(shop, "c")
    assert (task.object_id, waiting.object_id) == ("0", "1" if n_answers else "0")
    with pytest.raises(TemplateError, match="1000000 times") as caught:
        run(shop.desk.render(shop.worker("b"), task.id, base_url="http://host"))
    assert caught.value.code == "RenderLimitExceeded"
    with pytest.raises(Conflict, match="does not need this task any more"):
        shop.submit("b", task, {"note": "blind"})
    if n_answers:
        run(shop.desk.release(shop.worker("c"), waiting.id))
    for who in "ab":
        assert shop.answer(who, {"note": "y"}) == "1"
    shop.settle()
    job = shop.job(job_id)
    assert (job.status, job.n_human, job.n_failed) == ("Completed", 1 + n_answers, 1 - n_answers)
    first = shop.output()[0]
    if n_answers:
        assert first["parts"] == {}
    else:
        assert first["parts-metadata"]["failure-reason"].startswith(
            "ClientError: The template cannot be rendered for this object: RenderLimitExceeded: "
        )
