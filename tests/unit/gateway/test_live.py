"""Facts about who gets the same bytes of a live event, and who never does."""

from collections.abc import AsyncGenerator, Awaitable
from pathlib import Path
from typing import Any

import pytest
import strawberry

from contracts.alerts import LogEntryKind
from contracts.feed import EntryDelivered
from contracts.settings import Settings
from gateway.answering import Answer
from gateway.callers import Caller
from gateway.engines import Assembly, assemble_engine
from gateway.live import LiveAnswers
from gateway.operations import Operation
from gateway.plans.modes import ExecutionMode, execution_class
from gateway.telemetry import Transport
from resolvers.principal import Principal
from schema.build import build_schema
from tests.unit.resolvers.services import ANNA, BEN, CURSORS, SCHEMA, Feed, Services, context_of, delivered

SCOPES = frozenset({"accounts", "alerts", "cards"})
TITLE = "subscription F($after: FeedCursor) { alertFeed(after: $after) { ... on AlertRaised { alert { title } } } }"
CURSOR = "subscription F($after: FeedCursor) { alertFeed(after: $after) { ... on AlertRaised { cursor } } }"
CONDITIONAL = """subscription F($with: Boolean!) { alertFeed {
  ... on AlertRaised { cursor alert { title @include(if: $with) id } } } }"""
EVERYTHING = """subscription { feed: alertFeed { __typename
  ... on AlertRaised { cursor alert { __typename id title severity reasons { code observed threshold } } }
  ... on AlertChanged { cursor alert { id state ... on LargeTransactionAlert { amount { amount currency } } } } } }"""
LOADED = "subscription { alertFeed { ... on AlertRaised { alert { account { displayName } } } } }"


class Bank:
    """An engine whose feed gives every subscriber the very same hint."""

    def __init__(self, folder: Path, hint: EntryDelivered, schema: strawberry.Schema = SCHEMA) -> None:
        self.seen: list[Principal] = []
        self.services = Services()

        def make_context(principal: Principal) -> Any:
            self.seen.append(principal)
            return context_of(self.services, principal.customer_id, Feed([hint]))

        self.assembly: Assembly = assemble_engine(Settings(data_dir=folder), schema, make_context)

    async def first(self, text: str, caller: Principal, **variables: Any) -> Answer | None:
        """Return the first answer of a new subscriber."""
        engine, who = self.assembly.engine, Caller(caller, Transport.WEBSOCKET, "trace")
        selected = await engine.select(Operation(query=text, variables=variables), who)
        answers: LiveAnswers = engine.live(selected, who)
        await answers.fill()
        answer = answers.take()
        return await answer if isinstance(answer, Awaitable) else answer


def token(customer: str, number: int = 1, scopes: frozenset[str] = SCOPES) -> Principal:
    """Return what one of a customer's tokens says."""
    return Principal(
        customer, customer, scopes, 2e9, acr=f"level-{number}", auth_time=number, token_id=f"t{number}",
        device_id=f"device-{number}",
    )  # fmt: skip


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncGenerator[Bank]:
    made = Bank(tmp_path, delivered(1, account_id="a-current"))
    yield made
    await made.assembly.audit.close()


async def test_a_customers_devices_share_one_execution(bank: Bank) -> None:
    """Whatever cursor each began after, and whatever else their tokens say."""
    first = await bank.first(TITLE, token(ANNA, 1))
    second = await bank.first(TITLE, token(ANNA, 2), after=CURSORS.sign(ANNA, 0, 0))
    assert first is not None
    assert first is second


async def test_customers_never_share(bank: Bank) -> None:
    """Another customer who is handed the very same hint gets nothing of it."""
    assert await bank.first(TITLE, token(ANNA)) is not None
    assert await bank.first(TITLE, token(BEN)) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((TITLE, token(ANNA), {}), (CURSOR, token(ANNA), {})),
        ((TITLE, token(ANNA), {}), (TITLE, token(ANNA, scopes=SCOPES | {"more"}), {})),
        ((CONDITIONAL, token(ANNA), {"with": True}), (CONDITIONAL, token(ANNA), {"with": False})),
    ],
    ids=["documents", "scopes", "variables below the root"],
)
async def test_what_decides_the_bytes_separates(bank: Bank, one: Any, other: Any) -> None:
    """Another document, other scopes or another value of a variable that is used below the root."""
    first, second = [await bank.first(text, who, **variables) for text, who, variables in (one, other)]
    assert first is not second


async def test_a_shared_execution_sees_nothing_of_one_token(bank: Bank) -> None:
    """So no answer can depend on what is not in the key: the principal it runs as is the audience."""
    caller = token(ANNA, 7)
    await bank.first(TITLE, caller)
    subscribed, executed = bank.seen
    assert subscribed == caller
    assert executed == caller.audience()
    assert (executed.token_id, executed.device_id, executed.acr, executed.auth_time) == (None, None, None, None)


async def test_what_must_be_loaded_is_loaded_once(bank: Bank) -> None:
    """Those who come while it is loading wait for the same."""
    first = await bank.first(LOADED, token(ANNA, 1))
    calls = len(bank.services.calls)
    second = await bank.first(LOADED, token(ANNA, 2))
    assert first is second
    assert calls == len(bank.services.calls) > 0


async def test_every_device_is_recorded_as_having_seen_it(bank: Bank, tmp_path: Path) -> None:
    """One execution, a record for each token it was shown to."""
    for number in (1, 2):
        await bank.first(TITLE, token(ANNA, number))
    await bank.assembly.audit.close()
    lines = b"".join(path.read_bytes() for path in (tmp_path / "audit").glob("*.ndjson"))
    assert [lines.count(f'"t{number}"'.encode()) for number in (1, 2)] == [1, 1]


@pytest.mark.parametrize("kind", list(LogEntryKind))
async def test_an_event_read_at_once_is_as_graphql_core_answers_it(tmp_path: Path, kind: LogEntryKind) -> None:
    """Plain reads go past the executor; the bytes are the same."""
    answered = []
    for mode in (ExecutionMode.COMPILED, ExecutionMode.STOCK):
        hint = delivered(1, kind, account_id="a-current")
        bank = Bank(tmp_path / mode, hint, build_schema(execution_class(mode)))
        answers = []
        for _ in range(2):  # operations are compiled when they come again
            hint.shared.clear()
            answers.append(await bank.first(EVERYTHING, token(ANNA)))
        await bank.assembly.audit.close()
        answered.append([answer.json for answer in answers if answer is not None])
    assert answered[0] == answered[1]
    assert len(set(answered[0])) == 1
