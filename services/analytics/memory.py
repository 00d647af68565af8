"""What the consumer keeps in memory between batches: state by key, recent facts, and the rules.

Bounded; about 200 MB when full.
"""

import sqlite3

from services.analytics.handoffs import Bounds
from services.analytics.journal import Journal, Pace
from services.analytics.keyed_state import StateTable
from services.analytics.late_events import LateEvents
from services.analytics.recent_facts import RecentFacts
from services.analytics.rule_book import RuleBook
from services.analytics.states import AccountState, CardState, CategoryState, CustomerState

ACCOUNTS_MAX = 100_000
CARDS_MAX = 50_000
CUSTOMERS_MAX = 50_000
CATEGORIES_MAX = 100_000


class Memory:
    """State, recent facts and their journal, and the rule book; forget all after a transaction that was undone."""

    def __init__(self, bounds: Bounds | None = None, pace: Pace = Pace()) -> None:  # noqa: B008 - immutable
        """With `bounds` alerts are handed over (raising.py)."""
        self.bounds = bounds
        self.expired_before = ""
        """Alerts of before are not raised: see `restored_alerts.py`."""
        self.accounts = StateTable("account_states", AccountState, kept_max=ACCOUNTS_MAX)
        self.cards = StateTable("card_states", CardState, kept_max=CARDS_MAX)
        self.customers = StateTable("customer_states", CustomerState, kept_max=CUSTOMERS_MAX)
        self.categories = StateTable("category_states", CategoryState, kept_max=CATEGORIES_MAX)
        self._tables = (self.accounts, self.cards, self.customers, self.categories)
        self.facts = RecentFacts()
        self.journal = Journal(self._tables, self.facts, pace)
        self.rules = RuleBook()
        self.late = LateEvents()

    def settle_facts(self, connection: sqlite3.Connection) -> None:
        """Write all facts that wait, those that only the journal still knows among them."""
        self.journal.recover(connection)
        self.facts.settle(connection)

    def sizes(self) -> dict[str, int]:
        """Return how many entries of each kind are kept."""
        return {
            "accounts": len(self.accounts),
            "cards": len(self.cards),
            "customers": len(self.customers),
            "categories": len(self.categories),
            "facts": len(self.facts),
        }

    def forget(self) -> None:
        """Empty everything."""
        for table in self._tables:
            table.forget()
        self.facts.forget()
        self.journal.forget()
        self.rules.forget()
        self.late.forget()
