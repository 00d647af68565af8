"""What may be asked for, and what is refused with a code of its own."""

from typing import Any

from contracts.failures import Failure
from tests.cases import each
from tests.unit.resolvers.services import HISTORY_FROM, SCHEMA, Services, ask, context_of


async def _code(services: Services, query: str) -> str:
    result = await SCHEMA.execute(query, context_value=context_of(services))
    assert result.errors is not None
    failure = result.errors[0].original_error
    assert isinstance(failure, Failure)
    return failure.reason


@each(
    ("field", "code"),
    [
        ("transactions(first: 0) { nodes { id } }", "BAD_PAGE_SIZE"),
        ("transactions(first: 101) { nodes { id } }", "BAD_PAGE_SIZE"),
        ("alerts(first: -1) { nodes { id } }", "BAD_PAGE_SIZE"),
        ('alerts(after: "") { nodes { id } }', "BAD_CURSOR"),
        ('spending(period: {start: "2026-02-01", end: "2026-01-01"}) { currency }', "BAD_PERIOD"),
        ('cashFlow(period: {start: "2010-01-01", end: "2026-01-01"}) { start }', "BAD_PERIOD"),
        (
            'spending(period: {start: "2026-01-01", end: "2026-01-02"}, currency: "XXQ") { currency }',
            "UNKNOWN_CURRENCY",
        ),
        ("forecast(days: 0) { currency }", "BAD_DAYS"),
        ("forecast(days: 366) { currency }", "BAD_DAYS"),
        ('transactions(filter: {from: "2026-02-01", to: "2026-01-01"}) { nodes { id } }', "BAD_PERIOD"),
        (f'transactions(filter: {{text: "{"x" * 141}"}}) {{ nodes {{ id }} }}', "TEXT_TOO_LONG"),
    ],
)
async def test_what_is_out_of_bounds_is_refused_by_name(services: Services, field: str, code: str) -> None:
    """Pages, periods, days and texts have bounds, and nobody is asked beyond them."""
    assert await _code(services, f"{{ viewer {{ {field} }} }}") == code


async def test_more_than_a_hundred_nodes_are_refused(services: Services) -> None:
    """`nodes` is bounded."""
    ids = ", ".join(['"x"'] * 101)
    assert await _code(services, f"{{ nodes(ids: [{ids}]) {{ id }} }}") == "TOO_MANY"


@each(
    "filter",
    [
        '{from: "2026-02-30"}',
        '{from: "2026-2-3"}',
        "{from: 20260203}",
        "{minAmount: 1.5}",
        "{minAmount: 1}",
        '{minAmount: "1e3"}',
        '{minAmount: "+1"}',
        '{maxAmount: " 1"}',
    ],
)
async def test_scalars_take_nothing_but_their_own_form(services: Services, filter: str) -> None:
    """A wrong scalar is a coercion error before anything runs."""
    query = f"{{ viewer {{ transactions(filter: {filter}) {{ nodes {{ id }} }} }} }}"
    result = await SCHEMA.execute(query, context_value=context_of(services))
    assert result.errors is not None
    assert result.data is None
    assert services.calls == []


async def test_a_filter_reaches_the_event_service_whole(services: Services) -> None:
    """Every condition is passed on in the service's own words."""
    await ask(
        services,
        """{ viewer { transactions(first: 7, after: "c", filter: {from: "2026-01-01", to: "2026-01-31", text: "a b&c"
             minAmount: "1.00", maxAmount: "2", categories: [DINING, CASH], statuses: [BOOKED], direction: CREDIT})
             { nodes { id } } } }""",
    )
    query = services.calls[-1][2]
    query.pop("accountId")
    assert query == {
        "from": ["2026-01-01"],
        "to": ["2026-01-31"],
        "minAmount": ["1.00"],
        "maxAmount": ["2"],
        "direction": ["CRDT"],
        "text": ["a b&c"],
        "category": ["DINING", "CASH"],
        "status": ["BOOK"],
        "first": ["7"],
        "after": ["c"],
    }


async def test_alert_filters_reach_the_analytics_service(services: Services) -> None:
    """States, kinds and least severity are passed on."""
    await ask(
        services,
        """{ viewer { alerts(filter: {states: [NEW], kinds: [LOGIN], minimumSeverity: HIGH})
             { pageInfo { hasNextPage } } } }""",
    )
    query = services.calls[-1][2]
    assert query == {
        "customerId": ["anna"],
        "state": ["NEW"],
        "kind": ["LOGIN"],
        "minimumSeverity": ["HIGH"],
        "first": ["20"],
    }


async def test_a_page_says_where_it_stands(services: Services) -> None:
    """Relay's page information comes from the service's own cursors, and from when on history is whole with it."""
    data = await ask(
        services,
        """{ viewer { transactions(first: 2) { completeFrom edges { cursor node { id } }
             pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }
             accounts { transactions(first: 1) { completeFrom } } } }""",
    )
    assert data["viewer"]["transactions"]["completeFrom"] == HISTORY_FROM
    assert {one["transactions"]["completeFrom"] for one in data["viewer"]["accounts"]} == {HISTORY_FROM}
    assert data["viewer"]["transactions"]["pageInfo"] == {
        "hasNextPage": True,
        "hasPreviousPage": False,
        "startCursor": "at-t-1",
        "endCursor": "at-t-2",
    }


async def test_every_insight_is_a_view_on_what_the_service_answers(services: Services) -> None:
    """Spending, cash flow, recurring payments and forecast pass through unchanged."""
    data: dict[str, Any] = await ask(
        services,
        """{ viewer {
             spending(period: {start: "2026-11-01", end: "2026-11-30"}, groupBy: PURPOSE, currency: "EUR")
               { period { start end } currencies total { amount } groups { key transactionCount baseline { median } } }
             cashFlow(period: {start: "2026-11-01", end: "2026-11-30"}) { start net { amount } }
             recurringPayments { counterparty merchant { name } status frequency account { displayName } }
             forecast { lowestPoint { date expected { amount } } } } }""",
    )
    viewer = data["viewer"]
    assert viewer["spending"]["currencies"] == ["EUR", "GBP"]
    assert viewer["spending"]["period"] == {"start": "2026-11-01", "end": "2026-11-30"}
    assert viewer["recurringPayments"][0]["merchant"] is None
    assert viewer["recurringPayments"][0]["account"] == {"displayName": "a-current"}
    assert viewer["forecast"]["lowestPoint"] == {"date": "2026-11-25", "expected": {"amount": "1.00"}}


async def test_a_balance_history_has_positive_amounts_and_a_side(services: Services) -> None:
    """The signed balance of a day becomes an amount with an indicator."""
    data = await ask(
        services,
        """query($id: ID!) { node(id: $id) { ... on Account {
             balanceHistory(period: {start: "2026-11-01", end: "2026-11-30"})
             { type referenceDate creditDebitIndicator amount { amount } } } } }""",
        id="QWNjb3VudDphLWN1cnJlbnQ",
    )
    assert data["node"]["balanceHistory"] == [
        {
            "type": "CLOSING_BOOKED",
            "referenceDate": "2026-11-01",
            "creditDebitIndicator": "DEBIT",
            "amount": {"amount": "3.00"},
        }
    ]
