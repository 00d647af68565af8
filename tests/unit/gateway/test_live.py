"""Facts about who gets the same bytes of a live event, and who never does."""

from collections.abc import AsyncGenerator, Awaitable
from pathlib import Path
from typing import Any

import pytest

from contracts.feed import EntryDelivered
from contracts.settings import Settings
from gateway.answering import Answer
from gateway.callers import Caller
from gateway.engines import Assembly, assemble_engine
from gateway.live import LiveAnswers
from gateway.operations import Operation
from gateway.telemetry import Transport
from resolvers.principal import Principal
from tests.unit.resolvers.services import ANNA, BEN, CURSORS, SCHEMA, Feed, Services, context_of, delivered

SCOPES = frozenset({"accounts", "alerts", "cards"})
TITLE = "subscription F($after: FeedCursor) { alertFeed(after: $after) { ... on AlertRaised { alert { title } } } }"
CURSOR = "subscription F($after: FeedCursor) { alertFeed(after: $after) { ... on AlertRaised { cursor } } }"
CONDITIONAL = """subscription F($with: Boolean!) { alertFeed {
  ... on AlertRaised { cursor alert { title @include(if: $with) id } } } }"""
LOADED = "subscription { alertFeed { ... on AlertRaised { alert { account { displayName } } } } }"


class Bank:
    """An engine whose feed gives every subscriber the very same hint."""

    def __init__(self, folder: Path, hint: EntryDelivered) -> None:
        self.seen: list[Principal] = []
        self.services = Services()

        def make_context(principal: Principal) -> Any:
            self.seen.append(principal)
            return context_of(self.services, principal.customer_id, Feed([hint]))

        self.assembly: Assembly = assemble_engine(Settings(data_dir=folder), SCHEMA, make_context)

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
