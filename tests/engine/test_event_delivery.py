"""Delivery of the outbox without a server: restarts, two servers on one database, order of commits."""

from __future__ import annotations

import dataclasses
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from labeling_workshop import Workshop, label, lines

from labelwright.events import Delivery, events_of
from labelwright.events.claims import Claim
from labelwright.store import outbox
from labelwright.store.db import Database
from labelwright.store.event_tables import outbox as outbox_table
from labelwright.testing.webhooks import SECRET, Receiver, receiving, until

both = pytest.mark.parametrize("shop", ["sqlite", "postgres"], indirect=True)
postgres = pytest.mark.parametrize("shop", ["postgres"], indirect=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labelwright.events.delivery._POLL_S", 0.02)
    monkeypatch.setattr("labelwright.events.delivery._BACK_OFF_S", (0.02,))


def delivery(shop: Workshop, receiver: Receiver, database: Database | None = None) -> Delivery:
    settings = dataclasses.replace(
        shop.settings, events_webhook_url=receiver.url, events_webhook_secret=SECRET
    )
    return Delivery(database or shop.database, settings, time.time)


def start(shop: Workshop, n: int) -> None:
    manifest = lines(*({"source": f"text {i}"} for i in range(n)))
    shop.create(manifest=manifest, kind="TextMultiClass", n_workers=1)
    shop.settle()


def truth(shop: Workshop) -> list[str]:
    rows = shop.database.read(lambda c: outbox.page(c, after=0, end=10**9, limit=10**6))
    return [event["id"] for row in rows for event in events_of(row)]


@both
def test_everything_is_delivered_in_order_over_restarts(shop: Workshop) -> None:
    with receiving() as receiver:
        for _ in range(3):
            running = delivery(shop, receiver)
            running.start()
            if not shop.workers:
                start(shop, 30)
            for _ in range(4):
                shop.answer("a", label("bolt"))
            running.stop()
            shop.answer("a", label("bolt"))  # while nobody delivers
        last = delivery(shop, receiver)
        last.start()
        wanted = truth(shop)
        until(lambda: len(receiver.events) == len(wanted))
        last.stop()
    assert [event["id"] for event in receiver.events] == wanted


@both
def test_what_happened_before_a_sink_was_set_up_is_not_sent(shop: Workshop) -> None:
    start(shop, 3)
    n_before = len(truth(shop))
    with receiving() as receiver:
        running = delivery(shop, receiver)
        running.start()
        shop.answer("a", label("bolt"))
        wanted = truth(shop)[n_before:]
        until(lambda: len(receiver.events) == len(wanted))
        running.stop()
    assert [event["id"] for event in receiver.events] == wanted


@both
def test_a_receiver_that_takes_no_large_batches_gets_small_ones(shop: Workshop) -> None:
    with receiving() as receiver:
        running = delivery(shop, receiver)
        running.start()
        running.stop()
        start(shop, 30)
        for _ in range(30):
            shop.answer("a", label("bolt"))
        receiver.statuses = [413] * 7
        running = delivery(shop, receiver)
        running.start()
        wanted = truth(shop)
        until(lambda: len(receiver.events) == len(wanted))
        running.stop()
    assert len(receiver.batches[0]) < 10
    assert [event["id"] for event in receiver.events] == wanted


@postgres
def test_two_servers_on_one_database_send_each_event_once(shop: Workshop) -> None:
    other = Database(shop.database.url)
    with receiving() as receiver:
        servers = [delivery(shop, receiver), delivery(shop, receiver, other)]
        for server in servers:
            server.start()
        start(shop, 30)
        for i in range(30):
            shop.answer("a", label("bolt"))
            if i == 15:
                servers[0].stop()  # the other one takes over
        wanted = truth(shop)
        until(lambda: len(receiver.events) == len(wanted))
        servers[1].stop()
    other.close()
    sent = [event["id"] for batch in receiver.batches for event in batch]
    assert sent == wanted


@postgres
def test_only_one_holds_a_claim_and_it_ends_with_its_session(shop: Workshop) -> None:
    other = Database(shop.database.url)
    mine, theirs = Claim(shop.database, "sink"), Claim(other, "sink")
    assert mine.holds()
    assert not theirs.holds()
    assert mine.holds()
    assert Claim(other, "another sink").holds()
    mine.close()
    assert theirs.holds()
    assert not mine.holds()
    theirs.close()
    other.close()


@postgres
def test_the_horizon_waits_for_rows_that_are_not_committed_yet(shop: Workshop) -> None:
    row = {"job_id": 1, "kind": 0, "at": 0.0}
    with shop.database.engine.connect() as slow, ThreadPoolExecutor(1) as pool:
        with slow.begin():
            smaller = slow.execute(sa.insert(outbox_table).returning(outbox_table.c.id), row).scalar_one()
            with shop.database.engine.begin() as quick_one:
                larger = quick_one.execute(
                    sa.insert(outbox_table).returning(outbox_table.c.id), row
                ).scalar_one()
            assert smaller < larger == shop.database.read(outbox.last)
            asked = threading.Event()

            def ask() -> int:
                asked.set()
                return outbox.horizon(shop.database)

            found = pool.submit(ask)
            asked.wait()
            waiting = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted AND mode LIKE 'ShareRow%'")
            until(lambda: shop.database.read(lambda c: c.execute(waiting).scalar()))
            assert not found.done()
        assert found.result() == larger
