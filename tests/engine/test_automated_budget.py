"""Automated labeling with a budget: people's and the machine's labels are paid from one purse."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from automated_workshop import automated_shop, create, drive, texts
from labeling_workshop import Workshop, lines

from labelwright.engine.accounts import account_of


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    shop = automated_shop(tmp_path / "data")
    yield shop
    shop.engine.stop()
    shop.database.close()
    shop.blobs.close()


def test_machine_labels_stop_where_the_budget_ends(shop: Workshop) -> None:
    options = {
        "auto-labeling": "plain",
        "price-per-task": "0.10",
        "price-per-machine-label": "0.05",
        "budget": "33.00",
    }
    job_id = create(shop, manifest=lines(*texts(700)), options=options, batch=100)
    job = drive(shop, job_id)
    kept = shop.database.read(lambda c: account_of(c, job, now=shop.clock()))
    assert job.status == "Stopped"
    assert kept.money.human == Decimal("0.10") * job.n_human
    assert kept.money.machine == Decimal("0.05") * job.n_machine
    assert job.n_machine > 0
    assert Decimal("32.90") < kept.money.total <= Decimal("33.00")
    assert kept.money.saved_by_machine == Decimal("0.05") * job.n_machine
    assert kept.counts.training_s > 0 and kept.counts.inference_s > 0
    assert sum("topic" in line for line in shop.output("Texts-1")) == job.n_human + job.n_machine
