"""One downstream call for each kind of thing and level, whatever is asked of how many."""

from tests.unit.resolvers.services import Services, ask


async def test_accounts_with_balances_and_transactions_take_one_call_each(services: Services) -> None:
    """Four accounts cost what one costs."""
    await ask(
        services,
        """{ viewer { accounts { id balances { type } transactions(first: 5) { nodes { id account { id } } }
             ... on SecuritiesAccount { holdings { quantity } marketValue { amount } }
             ... on CardAccount { cards { id } } } } }""",
    )
    assert services.paths() == [
        "/accounts",
        "/balances",
        "/cards",
        "/customers/anna/entitlements",
        "/holdings",
        "/transactions/by-account",
    ]


async def test_the_leaves_of_a_transaction_take_one_call_for_each_kind(services: Services) -> None:
    """Alerts, cards and accounts of all transactions are asked for together."""
    await ask(
        services, "{ viewer { transactions { nodes { account { displayName } alerts { rule { id } } card { id } } } } }"
    )
    assert services.paths() == [
        "/accounts",
        "/alerts/by-transaction",
        "/cards",
        "/customers/anna/entitlements",
        "/rules/by-id",
        "/transactions",
    ]


async def test_pages_with_different_arguments_are_different_calls(services: Services) -> None:
    """Accounts share a call only with those asked for the same page."""
    await ask(
        services,
        """{ viewer { accounts { recent: transactions(first: 1) { nodes { id } }
                                 debits: transactions(filter: {direction: DEBIT}) { nodes { id } } } } }""",
    )
    asked = [query for _, path, query in services.calls if path == "/transactions/by-account"]
    assert [(query["first"], query.get("direction")) for query in asked] == [(["1"], None), (["20"], ["DBIT"])]
    assert all(len(query["accountId"]) == 4 for query in asked)


async def test_balances_of_a_day_are_one_call_a_day(services: Services) -> None:
    """Closing balances are loaded by day."""
    data = await ask(
        services,
        """{ viewer { accounts { first: balance(on: "2026-11-01") { type amount { amount } referenceDate }
                                 second: balance(on: "2026-11-02") { referenceDate } } } }""",
    )
    assert services.paths().count("/balances/closing") == 2
    assert data["viewer"]["accounts"][0]["first"] == {
        "type": "CLOSING_BOOKED",
        "amount": {"amount": "7.00"},
        "referenceDate": "2026-11-01",
    }


async def test_the_customer_is_read_once_and_only_when_named(services: Services) -> None:
    """Asking for alerts alone does not need the account service."""
    await ask(services, "{ viewer { id unreadAlertCount } }")
    assert services.paths() == ["/alerts/unread-counts"]
    await ask(services, "{ viewer { givenName familyName locale timeZone residencyCountry } }")
    assert services.paths() == ["/alerts/unread-counts", "/customers"]


async def test_a_query_string_cannot_be_widened_by_an_id(services: Services) -> None:
    """Ids are encoded into the query, so that none can bring a parameter of its own."""
    await ask(services, "query($id: ID!) { node(id: $id) { id } }", id="VHJhbnNhY3Rpb246dCZpZD10LTE")
    assert [query for _, path, query in services.calls if path == "/transactions/by-id"] == [{"id": ["t&id=t-1"]}]
