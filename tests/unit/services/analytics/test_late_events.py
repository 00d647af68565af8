"""Late events: the newest are kept, whatever becomes of the memory that counts them."""

import sqlite3
from contextlib import closing

from hypothesis import given
from hypothesis import strategies as st

from services.analytics.late_events import LateEvents, LateRow, late_events
from services.analytics.tables import SCHEMA
from tests.examples import examples

KEPT_MAX = 4


def row(offset: int) -> LateRow:
    return offset, f"e{offset}", "urn:test", "a1", "2026-03-01T12:00:00Z", 60


@examples(100)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2), st.booleans(), st.booleans()), max_size=12),
)
def test_the_newest_late_events_are_kept(batches: list[tuple[int, int, bool, bool]]) -> None:
    """Batches come, some again, some are undone, and the memory is lost with those and now and then by itself."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.executescript(SCHEMA)
        late, last = LateEvents(KEPT_MAX), 0
        for count, again, is_undone, is_lost in batches:
            rows = [row(offset) for offset in range(max(1, last + 1 - again), last + count + 1)]
            connection.execute("BEGIN")
            late.keep(connection, rows)
            connection.execute("ROLLBACK" if is_undone else "COMMIT")
            last += 0 if is_undone else count
            if is_undone or is_lost:
                late.forget()
            kept = [event.offset for event in late_events(connection, 0, 100)]
            assert kept == list(range(max(1, last + 1 - KEPT_MAX), last + 1))
