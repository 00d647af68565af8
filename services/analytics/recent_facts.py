"""The facts that wait to be written to their table, by account and by transaction; the writer thread's alone.

Facts are clustered by account, so that those of one batch lie on a page each. Many events later an account has
several, and they are written together.
"""

import sqlite3
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence

from services.analytics.facts import Fact, FactRow, row_of, write_rows
from services.analytics.keyed_state import Waiting


class RecentFacts:
    """Facts of the latest batches; `put` adds, `fold` ends a batch."""

    def __init__(self) -> None:
        self._by_id: dict[str, Fact] = {}
        self._by_account: defaultdict[str, list[Fact]] = defaultdict(list)
        self._waiting = Waiting()
        self._put: list[Fact] = []

    def __len__(self) -> int:
        """Return how many facts are kept, those of movements with several as many times."""
        return sum(map(len, self._by_account.values()))

    def known(self, transaction_ids: Iterable[str]) -> dict[str, Fact]:
        """Return those of these transactions' facts that wait."""
        by_id = self._by_id
        return {name: by_id[name] for name in transaction_ids if name in by_id}

    def put(self, fact: Fact) -> None:
        """Add a new or changed fact."""
        self._by_id[fact.transaction_id] = fact
        self._by_account[fact.account_id].append(fact)
        self._put.append(fact)

    def of_account(self, account_id: str) -> Sequence[Fact]:
        """Return the facts of an account that wait, in the order put: of two of one movement the later one holds."""
        return self._by_account.get(account_id, ())

    def changes(self) -> list[FactRow]:
        """Return the facts that the batch put, those written since among them."""
        return list(map(row_of, self._put))

    def write_account(self, connection: sqlite3.Connection, account_id: str) -> None:
        """Write the facts of one account, so that they can be read together with its earlier ones."""
        if account_id in self._by_account:
            write_rows(connection, list(map(row_of, self._take(account_id))))

    def fold(self, connection: sqlite3.Connection, event: int, up_to: int) -> None:
        """End a batch: write the facts of the accounts first changed up to an event."""
        self._waiting.add(dict.fromkeys([fact.account_id for fact in self._put]), event)
        self._put.clear()
        write_rows(
            connection, [row_of(fact) for name in sorted(self._waiting.take(up_to)) for fact in self._take(name)]
        )

    @property
    def waiting(self) -> bool:
        """Whether facts wait."""
        return bool(self._waiting)

    def settle(self, connection: sqlite3.Connection) -> None:
        """Write all facts that wait, between two batches, so that others read what was applied."""
        self.fold(connection, 0, sys.maxsize)

    def forget(self) -> None:
        """Empty the memory."""
        self._by_id.clear()
        self._by_account.clear()
        self._waiting.clear()
        self._put.clear()

    def _take(self, account_id: str) -> list[Fact]:
        facts = self._by_account.pop(account_id, [])
        for fact in facts:
            self._by_id.pop(fact.transaction_id, None)
        return facts
