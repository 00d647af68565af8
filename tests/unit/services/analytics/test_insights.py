"""Insights are exact sums over the facts, and rhythms and forecasts say no more than the facts do."""

import sqlite3
from collections.abc import Iterator
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.money import minor_of
from contracts.vocabulary import Frequency, Interval, SpendingCategory, SpendingGroup, TransactionStatus
from services.analytics.cash_flow import cash_flow, days_between
from services.analytics.facts import Fact, row_of, write_rows
from services.analytics.forecast import forecast
from services.analytics.insight_routes import forecast_of
from services.analytics.instants import DAY_US, number_of
from services.analytics.recurring import frequency_of, next_date, read_streams, recurring_payments
from services.analytics.spending import spending_report
from services.analytics.tables import SCHEMA
from tests.examples import examples

START = number_of(date(2026, 3, 1))
MARCH = days_between(date(2026, 3, 1), date(2026, 3, 31))


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    opened = sqlite3.connect(":memory:")
    opened.executescript(SCHEMA)
    yield opened
    opened.close()


def fact(number: int, day: int, minor: int, **more: object) -> Fact:
    spending = -minor if more.pop("spends", True) else 0
    values: dict[str, object] = {
        "account_id": "a1", "day": day, "transaction_id": f"t{number}", "occurred_us": day * DAY_US,
        "status": TransactionStatus.BOOKED, "currency": "EUR", "minor": minor, "spending": spending,
        "category": SpendingCategory.GROCERIES, "party": "Corner Shop", "country": "DE", "purpose": "food",
        "booked_on": day,
    }  # fmt: skip
    return Fact(**(values | more))  # type: ignore[arg-type]  # the fields of a fact


@examples(25)
@given(
    st.lists(
        st.tuples(
            st.integers(-400, 60), st.integers(-50_000, 50_000), st.sampled_from(list(SpendingCategory)),
            st.sampled_from(["EUR", "JPY"]),
        ),
        max_size=40,
    )
)  # fmt: skip
def test_spending_is_the_sum_of_the_facts(rows: list[tuple[int, int, SpendingCategory, str]]) -> None:
    """Each group's total and its previous period are what adding up gives, in the currency asked for alone."""
    with sqlite3.connect(":memory:") as connection:
        connection.executescript(SCHEMA)
        facts = [
            fact(number, START + offset, minor, category=category, currency=currency)
            for number, (offset, minor, category, currency) in enumerate(rows)
        ]
        write_rows(connection, list(map(row_of, facts)))
        report = spending_report(connection, ["a1"], MARCH, SpendingGroup.CATEGORY, "EUR")
    connection.close()
    for insight in report.groups:
        own = [one for one in facts if one.category == insight.key and one.currency == "EUR"]
        assert minor_of(insight.total.amount, "EUR", signed=True) == sum(o.spending for o in own if o.day in MARCH)
        before = sum(o.spending for o in own if START - 31 <= o.day < START)
        assert minor_of(insight.previous_total.amount, "EUR", signed=True) == before
    whole = sum(one.spending for one in facts if one.day in MARCH and one.currency == "EUR")
    assert minor_of(report.total.amount, "EUR", signed=True) == whole


def test_a_report_names_every_currency_and_takes_the_most_used(connection: sqlite3.Connection) -> None:
    """Nothing spent in another currency is overlooked."""
    write_rows(
        connection, list(map(row_of, [fact(1, START, -500), fact(2, START, -700), fact(3, START, -9, currency="JPY")]))
    )
    report = spending_report(connection, ["a1"], MARCH, SpendingGroup.MERCHANT, None)
    assert (report.currency, report.currencies, report.total.amount) == ("EUR", ["EUR", "JPY"], "12.00")


def test_days_are_groups_of_their_own(connection: sqlite3.Connection) -> None:
    """Grouped by day, a key is its date and compares with the day a period earlier."""
    write_rows(connection, list(map(row_of, [fact(1, START + 2, -500), fact(2, START + 2 - len(MARCH), -300)])))
    (group,) = spending_report(connection, ["a1"], MARCH, SpendingGroup.DAY, None).groups
    assert (group.key, group.total.amount, group.previous_total.amount) == ("2026-03-03", "5.00", "3.00")


def test_a_baseline_needs_three_earlier_periods(connection: sqlite3.Connection) -> None:
    """Median and MAD of the earlier periods; nothing with fewer than three."""
    write_rows(connection, list(map(row_of, [fact(n, START - 31 * n + 5, -1000 * n) for n in range(4)])))
    write_rows(connection, list(map(row_of, [fact(9, START + 1, -4200)])))
    (group,) = spending_report(connection, ["a1"], MARCH, SpendingGroup.CATEGORY, None).groups
    assert group.baseline is not None
    assert (group.baseline.median, group.baseline.observations) == ("20.00", 3)


def test_cash_flow_has_every_interval(connection: sqlite3.Connection) -> None:
    """Empty intervals are there too, and money in and out are apart."""
    write_rows(connection, list(map(row_of, [fact(1, START, 100_000, spends=False), fact(2, START + 40, -2500)])))
    flows = cash_flow(connection, ["a1"], days_between(date(2026, 3, 1), date(2026, 5, 10)), Interval.MONTH, None)
    assert [(flow.start, flow.net.amount) for flow in flows] == [
        ("2026-03-01", "1000.00"), ("2026-04-01", "-25.00"), ("2026-05-01", "0.00"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("days", "frequency"),
    [
        ([0, 7, 14, 21], Frequency.WEEKLY),
        ([0, 30, 61, 91, 122], Frequency.MONTHLY),
        ([0, 365, 730], Frequency.YEARLY),
        ([0, 30], None),
        ([0, 3, 30, 31, 60, 77], None),
    ],
)
def test_a_rhythm_is_told_from_its_gaps(days: list[int], frequency: Frequency | None) -> None:
    """Three payments whose gaps fit make a rhythm; fewer or irregular ones make none."""
    assert frequency_of(days) is frequency


def test_the_end_of_the_month_stays_the_end() -> None:
    """A payment on the 31st is next expected on the last day of a shorter month."""
    assert next_date(date(2026, 1, 31), Frequency.MONTHLY) == date(2026, 2, 28)
    assert next_date(date(2024, 2, 29), Frequency.YEARLY) == date(2025, 2, 28)


def test_a_subscription_is_found_and_lapses(connection: sqlite3.Connection) -> None:
    """A monthly payment is recurring, with its next date, until that is long past."""
    days = [number_of(date(2026, month, 5)) for month in (1, 2, 3)]
    write_rows(connection, list(map(row_of, [fact(n, day, -999, party="Streamly") for n, day in enumerate(days)])))
    (payment,) = recurring_payments(read_streams(connection, ["a1"], date(2026, 3, 20)), date(2026, 3, 20))
    (lapsed,) = recurring_payments(read_streams(connection, ["a1"], date(2026, 6, 1)), date(2026, 6, 1))
    assert (payment.counterparty, payment.next_expected_date, payment.status) == ("Streamly", "2026-04-05", "ACTIVE")
    assert lapsed.status == "LAPSED"


def test_a_forecast_follows_what_is_due_and_names_its_lowest_day() -> None:
    """Without a spread the band is the line itself, and rent makes the lowest day."""
    result = forecast(100_000, [0] * 30, {START + 3: -80_000, START + 5: 50_000}, START, 7, "EUR")
    assert [point.expected.amount for point in result.points][1:5] == ["1000.00", "200.00", "200.00", "700.00"]
    assert result.lowest_point.date == "2026-03-04"
    assert result.points[0].low == result.points[0].expected == result.points[0].high


def test_a_forecast_does_not_count_a_rhythm_twice(connection: sqlite3.Connection) -> None:
    """What is scheduled is taken out of the average."""
    days = [number_of(date(2026, month, 5)) for month in (1, 2, 3)]
    write_rows(connection, list(map(row_of, [fact(n, day, -3100, party="Streamly") for n, day in enumerate(days)])))
    result = forecast_of(connection, ["a1"], date(2026, 3, 20), 10, "EUR")
    assert {point.expected.amount for point in result.points} == {"0.00"}
