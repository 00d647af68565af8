"""Keyed state on DynamoDB: the common suite."""

from collections.abc import AsyncIterator

import pytest

from aws.clients import aws_client
from bench.aws_resources import make_state_table
from services.keyed_state import DynamoKeyedState, KeyedState
from tests.contract.keyed_state_contract import KeyedStateContract


@pytest.mark.usefixtures("aws")
class TestDynamoKeyedState(KeyedStateContract):
    """`DynamoKeyedState` keeps every promise of the port."""

    @pytest.fixture
    async def state(self, name: str) -> AsyncIterator[KeyedState]:
        """Open a table of the test's own."""
        async with aws_client("dynamodb") as client:
            yield DynamoKeyedState(client, await make_state_table(client, name))
