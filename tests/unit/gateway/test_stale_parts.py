"""What was kept from earlier is named beside the data."""

from typing import Any

from clients.deadline import Aged
from gateway.stale_parts import note_stale_parts


def test_parts_from_earlier_are_in_the_extensions_once() -> None:
    """By path, with their age in whole seconds; an answer that is from now has no such entry."""
    aged = [Aged(("viewer", "spending"), 41.7)]
    first: dict[str, Any] = {"data": {}}
    second: dict[str, Any] = {"data": {}}
    note_stale_parts(first, aged)
    note_stale_parts(second, aged)
    assert first == {"data": {}, "extensions": {"stale": [{"path": ["viewer", "spending"], "ageSeconds": 42}]}}
    assert second == {"data": {}}
