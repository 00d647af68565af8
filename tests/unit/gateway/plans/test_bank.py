"""Belfry's own schema: its operations, whole and with services away, are answered on plans as by graphql-core."""

import asyncio
import gc
import json
import weakref
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
import strawberry
from graphql import ExecutionResult, parse
from strawberry.execution import optimized_is_awaitable

from gateway.launches import Launches
from gateway.plans.cache import PlanCache
from gateway.plans.executor import compiled_executor
from gateway.plans.runtime_types import ViewTypes
from resolvers.node_ids import encode_node_id
from schema.build import build_schema
from tests.unit.resolvers.services import (
    ACCOUNTS,
    ALERTS,
    CARDS,
    DEVICES,
    RULES,
    SCHEMA,
    TRANSACTIONS,
    Feed,
    Services,
    context_of,
    delivered,
)

IS_AWAITABLE: Any = optimized_is_awaitable
FOLDER = Path(__file__).parents[4] / "schema" / "operations"
OPERATIONS = sorted(FOLDER.glob("*.graphql"))
TEXTS = {path: path.read_text() for path in OPERATIONS}
QUERIES = [path for path in OPERATIONS if "\nquery " in f"\n{TEXTS[path]}"]
VARIABLES = {path: json.loads(path.with_suffix(".variables.json").read_text()) for path in OPERATIONS}
AWAY: list[set[str]] = [
    set(), {"accounts"}, {"events"}, {"analytics"}, {"/balances"}, {"/spending", "/transactions"}, {"/accounts"},
]  # fmt: skip
IDS: dict[str, Sequence[Any]] = {
    "Account": ACCOUNTS, "Transaction": TRANSACTIONS, "Alert": ALERTS, "AlertRule": RULES, "Card": CARDS,
    "Device": DEVICES,
}  # fmt: skip
NODES = """
query Nodes($ids: [ID!]!, $brief: Boolean!) {
  nodes(ids: $ids) {
    __typename id
    ... on Account {
      displayName currency @skip(if: $brief) openedOn iban
      transactions(first: 5) @skip(if: $brief) { edges { cursor node { ...T } } pageInfo { hasNextPage endCursor } }
      ... on CurrentAccount { overdraftLimit { amount } } ... on SavingsAccount { interestRate }
      ... on SecuritiesAccount { marketValue { amount currency } }
    }
    ... on Transaction { ...T account { id __typename } alerts { title } }
    ... on Alert { title reasons { code observed threshold transactions { id } } }
    ... on LoginAlert { platform device { name } }
    ... on AlertRule { name condition { ...C } cooldown }
    ... on Card { maskedPan expiry account { id } } ... on Device { name trusted lastSeenAt }
  }
}
fragment C on AlertCondition { __typename ... on AmountCondition { raises amount { amount } direction } }
fragment T on Transaction {
  id status occurredAt category amount { amount currency } merchant { name category country } originalAmount { amount }
}
"""


class Bank:
    """Belfry's schema both ways."""

    def __init__(self) -> None:
        self.plans = PlanCache(ViewTypes(), compile_after=0)
        self.compiled = build_schema(compiled_executor(self.plans))

    async def both(self, text: str, variables: dict[str, Any], away: set[str]) -> Any:
        """Execute it both ways; return the data, which is the same, as are errors and calls."""
        seen = []
        for schema in (SCHEMA, self.compiled):
            services = Services(away=set(away))
            results = [result async for result in _results(schema, text, variables, services)]
            errors = [sorted((str(error.path), error.message) for error in one.errors or ()) for one in results]
            seen.append((json.dumps([one.data for one in results]), errors, services.calls))
        assert seen[0] == seen[1]
        return json.loads(seen[0][0])


async def _results(
    schema: strawberry.Schema, text: str, variables: dict[str, Any], services: Services
) -> AsyncIterator[Any]:
    context = context_of(services, feed=Feed([delivered(1), delivered(2)]))
    if text.startswith("subscription") or "\nsubscription" in text:
        stream: Any = await schema.subscribe(text, variable_values=variables, context_value=context)
        async for result in stream:
            yield result
    else:
        yield await schema.execute(text, variable_values=variables, context_value=context)


@pytest.fixture(scope="module")
def bank() -> Bank:
    return Bank()


@pytest.mark.parametrize("away", AWAY, ids=lambda away: ",".join(sorted(away)) or "all there")
@pytest.mark.parametrize("path", OPERATIONS, ids=lambda path: path.stem)
async def test_an_example_operation_is_answered_alike(bank: Bank, path: Path, away: set[str]) -> None:
    """Data, errors and calls to services are the same, whichever service is away."""
    await bank.both(TEXTS[path], VARIABLES[path], away)
    assert bank.plans.compiled > 0
    assert bank.plans.interpreted == 0


@pytest.mark.parametrize("brief", [True, False])
async def test_every_kind_of_node_is_answered_alike(bank: Bank, brief: bool) -> None:
    """Objects of every type, told by class or by kind, and what is not the customer's."""
    ids = [encode_node_id(kind, one.id) for kind, structs in IDS.items() for one in structs]
    [data] = await bank.both(NODES, {"ids": [*ids, "nonsense"], "brief": brief}, set())
    assert {one["__typename"] for one in data["nodes"] if one} >= {
        "CurrentAccount",
        "CardAccount",
        "LoginAlert",
        "Card",
    }


@pytest.mark.parametrize("kind", IDS)
def test_a_struct_is_told_as_its_views_tell_it(kind: str) -> None:
    """`ViewTypes` and the schema's `is_type_of` agree about every type and every struct there is a sample of."""
    types = ViewTypes()
    for struct in IDS[kind]:
        told = [
            name
            for name, one in SCHEMA._schema.type_map.items()
            if (is_type_of := getattr(one, "is_type_of", None)) is not None and is_type_of(struct, None)
        ]
        assert told == [types.by_value(struct)]
        assert types.by_class(struct) in (told[0], None)


async def test_strawberrys_own_execute_runs_plans_on_documents_it_parses_itself(bank: Bank) -> None:
    """Nothing but the executor class is needed; identities of documents that are gone are not confused."""
    before = bank.plans.compiled
    for _ in range(50):
        result = await bank.compiled.execute("{ viewer { id } }", context_value=context_of(Services()))
        assert result.data == {"viewer": {"id": encode_node_id("Customer", "anna")}}
    assert bank.plans.compiled == before + 50


def test_a_document_is_executed_without_a_loop() -> None:
    """A selection that awaits nothing is answered at once."""
    bank = Bank()
    executor: Any = bank.compiled.execution_context_class.build(
        bank.compiled._schema, parse("{ viewer { id } }"), None, context_of(Services())
    )
    assert isinstance(executor.execute_operation(), ExecutionResult)


@pytest.mark.parametrize("path", QUERIES, ids=[path.stem for path in QUERIES])
async def test_what_a_query_loaded_is_freed_with_it(path: Path, bank: Bank) -> None:
    """Nothing of a request refers to itself in a ring: the garbage collector is not waited for."""
    compiled = bank.compiled
    launches = Launches(cast("Any", compiled.execution_context_class), compiled._schema, IS_AWAITABLE)
    document = parse(TEXTS[path])
    gc.disable()
    try:
        for _ in range(2):  # the first one makes the plan
            context = context_of(Services())
            executor: Any = launches.find(document, None).executor(context, VARIABLES[path])
            result = await executor.execute_operation()
            assert result.errors is None
            kept = weakref.ref(executor), weakref.ref(context.loaders)
            del executor, result, context
            await asyncio.sleep(0)
            assert [one() for one in kept] == [None, None]
    finally:
        gc.enable()
