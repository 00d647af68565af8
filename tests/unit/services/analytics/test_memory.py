"""What the consumer keeps in memory has a bound, counted in entries."""

from collections.abc import Iterator

import pytest

from services.analytics import memory as memories
from services.analytics.journal import Pace
from services.analytics.memory import Memory
from tests.unit.services.analytics.logs import Log, Store, people

BATCH = 20
PACE = Pace(busy_events_min=BATCH, facts_wait=4 * BATCH, states_wait=8 * BATCH)


def batches(log: Log, count: int, accounts: int) -> Iterator[Log]:
    """Yield logs of one batch each: card payments on so many accounts, in turn."""
    for number in range(count * BATCH):
        log.pay(
            "-7.00",
            category="GROCERIES",
            accountId=f"of-{number % accounts}",
            cardId=f"k-{number % accounts}",
            transactionId=f"t{number}",
        )
        if len(log.entries) >= BATCH:
            yield log
            log.entries.clear()


def fed(store: Store, count: int, accounts: int) -> list[dict[str, int]]:
    """Apply so many busy batches on so many accounts; return the sizes of the memory after each."""
    log = people()
    for number in range(accounts):
        log.account(f"of-{number}", "cust-1").card(f"k-{number}", f"of-{number}", "cust-1")
    store.apply(log.entries)
    log.entries.clear()
    sizes: list[dict[str, int]] = []
    for batch in batches(log, count, accounts):
        store.apply(batch.entries)
        sizes.append(store.memory.sizes())
    return sizes


def test_a_fixed_population_fills_memory_once() -> None:
    """However many events come, what is kept is a state a key and the facts of the latest batches."""
    sizes = fed(Store(PACE), 60, accounts=40)
    earlier, later = sizes[:30], sizes[30:]
    for kind in sizes[0]:
        assert 0 < max(each[kind] for each in later) <= max(each[kind] for each in earlier), kind
    assert max(each["facts"] for each in later) <= PACE.facts_wait + BATCH


def test_ever_new_accounts_push_out_those_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too much leaves memory once it is in its table, the state of an account as well as that of a card."""
    monkeypatch.setattr(memories, "ACCOUNTS_MAX", 50)
    monkeypatch.setattr(memories, "CARDS_MAX", 50)
    store = Store(PACE)
    store.memory = Memory(pace=PACE)
    largest = fed(store, 40, accounts=40 * BATCH)[-1]
    assert max(largest["accounts"], largest["cards"]) <= 50 + PACE.states_wait + BATCH
