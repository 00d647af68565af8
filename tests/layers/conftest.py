"""The code base, read once."""

import pytest

from tests.layers.sources import Source, read_sources


@pytest.fixture(scope="session")
def sources() -> list[Source]:
    """Every module of the packages that make up Belfry."""
    return read_sources()
