"""What resolver tests start from."""

import pytest

from tests.unit.resolvers.services import Services


@pytest.fixture
def services() -> Services:
    """The three services, all answering."""
    return Services()
