"""The decision table in memory, which other tests stand on: the common suite."""

import pytest

from tests.contract.decision_table_contract import DecisionTableContract, MemoryDecisionTable


class TestMemoryDecisionTable(DecisionTableContract):
    """It keeps every promise of the port."""

    @pytest.fixture
    def table(self) -> MemoryDecisionTable:
        """Make an empty table."""
        return MemoryDecisionTable()
