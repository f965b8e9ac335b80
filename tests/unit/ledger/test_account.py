"""Money: exact sums, what was saved, what is to come."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.core.job_options import JobOptions
from labelwright.ledger import Counts, Prices, account, cost_rows, forecast, prices_of, task_cost

D = Decimal
PUBLIC = {"AmountInUsd": {"Cents": 1, "TenthFractionsOfACent": 2}}


def test_a_million_answers_are_summed_exactly() -> None:
    # The published example: three workers at 0.012.
    money = account(Counts(n_human=1_000_000, n_answers=3_000_000), Prices(per_task=D("0.012")))
    assert money.total == D("36000.000")
    assert money.per_human_object == D("0.036")
    assert money.per_answer == D("0.012")


@given(
    n_answers=st.integers(0, 10**7),
    ms=st.integers(0, 10**10),
    n_machine=st.integers(0, 10**7),
    per_task=st.decimals("0.001", "100", places=3),
    per_hour=st.decimals("0.01", "500", places=2),
    per_label=st.decimals("0.0001", "1", places=4),
)
def test_totals_are_exact_to_a_millionth(
    n_answers: int, ms: int, n_machine: int, per_task: Decimal, per_hour: Decimal, per_label: Decimal
) -> None:
    counts = Counts(n_answers=n_answers, seconds=ms / 1000, n_machine=n_machine)
    money = account(counts, Prices(per_task, per_hour, per_label))
    exact = (
        n_answers * Fraction(per_task) + Fraction(per_hour) * ms / 3_600_000 + n_machine * Fraction(per_label)
    )
    assert abs(Fraction(money.total) - exact) <= Fraction(1, 2_000_000)


def test_what_the_machine_saved_is_its_objects_at_peoples_cost_less_its_own() -> None:
    counts = Counts(n_human=100, n_machine=900, n_answers=300)
    money = account(counts, Prices(per_task=D("0.10"), per_machine_label=D("0.01")))
    assert (money.human, money.machine) == (D("30.00"), D("9.00"))
    assert money.saved_by_machine == D(900) * D("0.30") - D("9.00")


def test_a_machine_dearer_than_people_saves_less_than_nothing() -> None:
    money = account(Counts(n_human=1, n_machine=1, n_answers=1), Prices(D("0.1"), None, D("0.5")))
    assert money.saved_by_machine == D("-0.4")


def test_answers_nobody_had_to_give_are_saved() -> None:
    counts = Counts(n_human=100, n_answers=320, n_answers_spared=180)
    assert account(counts, Prices(per_task=D("0.05"))).saved_by_redundancy == D("9.00")


def test_answers_that_wait_for_their_object_are_not_what_labels_cost() -> None:
    # 40 objects with two answers each are labeled; of 20 more there is one answer so far.
    counts = Counts(n_human=40, n_machine=60, n_answers=100, n_answers_waiting=20, n_left=100)
    prices = Prices(per_task=D("0.10"))
    money = account(counts, prices)
    assert (money.human, money.waiting) == (D("10.00"), D("2.00"))
    assert money.per_human_object == D("0.20")
    assert money.saved_by_machine == 60 * D("0.20")
    # 40 of 100 objects at 0.20, and 2.00 of it is paid.
    assert forecast(counts, prices, money).cost == D("6.00")


def test_the_forecast_follows_what_a_model_expects_to_leave_to_people() -> None:
    counts = Counts(n_human=200, n_answers=220, n_answers_waiting=20, n_left=800, n_left_people=100)
    prices = Prices(per_task=D("0.05"), per_machine_label=D("0.01"))
    seen = forecast(counts, prices, account(counts, prices), n_finished=50, window_s=600.0)
    assert seen.cost == 100 * D("0.05") + 700 * D("0.01") - 20 * D("0.05")
    assert seen.low is seen.high is None
    assert seen.saved == 700 * (D("0.05") - D("0.01"))
    assert seen.seconds is not None and seen.seconds.value == 100 * 600.0 / 50
    # All that is left is the machine's: nobody has to wait for people.
    done = forecast(dataclasses.replace(counts, n_left_people=0), prices, account(counts, prices))
    assert done.seconds is not None and done.seconds.value == 0.0


def test_without_prices_nothing_is_claimed() -> None:
    money = account(Counts(n_human=5, n_machine=5, n_answers=15, n_answers_spared=3), Prices())
    assert money.total == 0
    assert money.per_human_object is money.saved_by_machine is money.saved_by_redundancy is None


@pytest.mark.parametrize(
    ("options", "per_task"),
    [
        (JobOptions(), D("0.012")),
        (JobOptions(price_per_task=D("0.5")), D("0.5")),
        (JobOptions(price_per_hour=D(20)), None),
    ],
)
def test_options_win_over_the_public_price(options: JobOptions, per_task: Decimal | None) -> None:
    assert prices_of(options, PUBLIC).per_task == per_task


def test_a_price_per_task_and_one_per_hour_add_up() -> None:
    assert task_cost(Prices(D("0.10"), D(36)), expected_seconds=10.0) == D("0.20")


def test_the_forecast_at_one_price_per_answer_is_sure() -> None:
    counts = Counts(n_human=50, n_answers=150, n_left=100)
    prices = Prices(per_task=D("0.02"))
    seen = forecast(counts, prices, account(counts, prices))
    assert seen.cost == seen.low == seen.high == D("6.000000")


def test_forecasts_cover_what_happens_in_95_of_100_cases() -> None:
    # Jobs whose objects cost a random time each; the range is about the objects that are still to come.
    rng = np.random.default_rng(3)
    prices = Prices(per_hour=D(36))  # a cent a second
    n, left, n_inside = 40, 60, 0
    for _ in range(600):
        seconds = rng.gamma(4.0, 5.0, n + left)
        seen, rest = seconds[:n], seconds[n:]
        counts = Counts(
            n_human=n,
            n_answers=n,
            n_left=left,
            seconds=float(seen.sum()),
            seconds_squared=float((seen**2).sum()),
        )
        outlook = forecast(counts, prices, account(counts, prices))
        assert outlook.low is not None
        assert outlook.high is not None
        n_inside += outlook.low <= D(repr(float(rest.sum()) / 100)) <= outlook.high
    assert 0.92 <= n_inside / 600 <= 0.98


def test_no_range_before_three_objects_and_no_cost_before_one() -> None:
    prices = Prices(per_task=D(1))
    one = Counts(n_human=1, n_answers=1, n_left=9)
    seen = forecast(one, prices, account(one, prices))
    assert (seen.cost, seen.low, seen.high) == (D(9), None, None)
    none = Counts(n_left=10)
    assert forecast(none, prices, account(none, prices)).cost is None


def test_time_to_the_end_follows_the_window() -> None:
    counts = Counts(n_human=100, n_answers=100, n_left=200)
    outlook = forecast(counts, Prices(), account(counts, Prices()), n_finished=100, window_s=3600.0)
    assert outlook.seconds is not None
    assert outlook.seconds.value == 7200.0
    assert outlook.seconds.low is not None
    assert outlook.seconds.high is not None
    assert 5900 < outlook.seconds.low < 6100
    assert 8900 < outlook.seconds.high < 9000
    assert forecast(counts, Prices(), account(counts, Prices())).seconds is None  # nothing happened lately


def test_rows_show_what_is_known() -> None:
    counts = Counts(n_human=10, n_answers=30, n_left=10, seconds=120.0)
    prices = Prices(per_task=D("0.10"), currency="EUR")
    money = account(counts, prices)
    rows = cost_rows(counts, prices, money, forecast(counts, prices, money), budget=D(9))
    assert rows == [
        ("Answers", "30", ""),
        ("Worker time", "2 min", ""),
        ("Spent on people", "3.00 EUR", ""),
        ("Spent in all", "3.00 EUR", ""),
        ("Budget", "9.00 EUR", ""),
        ("An object by people", "0.30 EUR", ""),
        ("Cost to the end", "3.00 EUR", ""),
    ]
    assert cost_rows(counts, Prices(), account(counts, Prices()), None)[-1][0] == "Worker time"
