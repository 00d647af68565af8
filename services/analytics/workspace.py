"""What one transaction works on: the consumer's memory, the batch's facts, and the alerts it raises.

Recent facts are written when something must read them back, and as the journal says.
"""

import sqlite3
from collections.abc import Sequence
from operator import attrgetter

from services.analytics.alert_log import SqliteAlertLog
from services.analytics.batches import Batch
from services.analytics.facts import Fact, facts_by_id, select_facts
from services.analytics.instants import day_of
from services.analytics.late_events import LateRow
from services.analytics.memory import Memory
from services.analytics.raising import Raising
from services.analytics.states import AccountState, CardState, CategoryState, CustomerState, category_key

FACTS_READ_MAX = 10_000
"""Facts of one account that a rule looks at together; the earliest of more are read."""

_PLACE = attrgetter("day", "transaction_id")


class Workspace:
    """State, facts and alerts of one transaction."""

    def __init__(self, connection: sqlite3.Connection, memory: Memory) -> None:
        self.connection = connection
        self.memory = memory
        self.rules = memory.rules
        self.raising = Raising(connection, SqliteAlertLog(connection), memory.bounds, memory.expired_before)
        self.late: list[LateRow] = []
        self.windows_closed = 0
        self._facts: dict[str, Fact] = {}
        memory.journal.recover(connection)
        self.rules.refresh(connection)

    def load(self, batch: Batch) -> None:
        """Bring what a batch touches into memory, by key and all at once."""
        connection, memory = self.connection, self.memory
        memory.accounts.load(connection, batch.accounts)
        memory.cards.load(connection, batch.cards)
        memory.customers.load(connection, batch.customers)
        memory.categories.load(connection, batch.categories)
        recent = memory.facts.known(batch.transactions)
        earlier = facts_by_id(connection, [name for name in batch.transactions if name not in recent])
        self._facts = recent | {fact.transaction_id: fact for fact in earlier}

    def account(self, account_id: str, currency: str) -> AccountState:
        """Return an account; the event service lets no event pass of one that was not opened."""
        found = self.memory.accounts.get(account_id)
        return found or self.known_account(account_id) or AccountState(currency=currency)

    def known_account(self, account_id: str) -> AccountState | None:
        """Return an account that was opened or paid from; None otherwise."""
        return self.memory.accounts.fetch(self.connection, account_id)

    def card(self, card_id: str) -> CardState:
        """Return a card; one not issued yet has no cardholder."""
        cards = self.memory.cards
        return cards.get(card_id) or cards.fetch(self.connection, card_id) or CardState()

    def customer(self, customer_id: str) -> CustomerState:
        """Return a customer; one not registered yet has no residency and no devices."""
        customers = self.memory.customers
        return customers.get(customer_id) or customers.fetch(self.connection, customer_id) or CustomerState()

    def add_spending(self, fact: Fact, minor: int) -> tuple[CategoryState, int]:
        """Add to the total of a fact's day and category; return the category's state and that total."""
        key = category_key(fact.account_id, fact.category)
        categories = self.memory.categories
        state = categories.get(key) or categories.fetch(self.connection, key) or CategoryState()
        categories.put(key, state)
        return state, state.add(fact.day, minor)

    def fact(self, transaction_id: str) -> Fact | None:
        """Return the fact of a transaction of the batch."""
        return self._facts.get(transaction_id)

    def put_fact(self, fact: Fact) -> None:
        """Keep a new or changed fact."""
        self._facts[fact.transaction_id] = fact
        self.memory.facts.put(fact)

    def facts_between(self, account_id: str, start_us: int, end_us: int) -> Sequence[Fact]:
        """Return an account's facts in a time, both ends included, by day and transaction, recent ones among them."""
        where = "account_id = ? AND day BETWEEN ? AND ? AND occurred_us BETWEEN ? AND ? LIMIT ?"
        parameters = (account_id, day_of(start_us), day_of(end_us), start_us, end_us, FACTS_READ_MAX)
        found = {fact.transaction_id: fact for fact in select_facts(self.connection, where, parameters)}
        for fact in self.memory.facts.of_account(account_id):
            if start_us <= fact.occurred_us <= end_us:  # a fact's time never changes: an older one is replaced
                found[fact.transaction_id] = fact
        return sorted(found.values(), key=_PLACE)[:FACTS_READ_MAX]

    def booked_after(self, account_id: str, day: int) -> int:
        """Return the sum, in minor units, of what was booked on an account after a day."""
        self.memory.facts.write_account(self.connection, account_id)
        query = "SELECT coalesce(sum(minor), 0) FROM facts WHERE account_id = ? AND booked_on > ?"
        return int(self.connection.execute(query, (account_id, day)).fetchone()[0])

    def finish(self, events: int) -> None:
        """Write everything that so many events changed; none for a tick of the clock."""
        if self.late:
            self.memory.late.keep(self.connection, self.late)
        self.raising.finish()
        self.memory.journal.close_batch(self.connection, events)


def applied_offset(connection: sqlite3.Connection) -> int:
    """Return the last offset applied, 0 at first."""
    row = connection.execute("SELECT log_offset FROM progress").fetchone()
    return 0 if row is None else int(row[0])


def keep_offset(connection: sqlite3.Connection, offset: int) -> None:
    """Note the last offset applied or set aside, in the transaction that did it."""
    connection.execute(
        "INSERT INTO progress VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET log_offset = excluded.log_offset", (offset,)
    )
