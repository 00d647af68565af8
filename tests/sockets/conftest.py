"""What tests on real sockets start from: the edge of the unit tests, served as the gateway is."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from starlette.applications import Starlette

from tests.serving import serving as listening
from tests.unit.gateway.conftest import (  # noqa: F401 (fixtures)
    anonymous,
    app,
    assembly,
    authenticator,
    client,
    engine,
    issuer,
    rates,
    revocations,
    schema,
    settings,
    token,
)

Serve = Callable[[Starlette], AbstractAsyncContextManager[str]]


@asynccontextmanager
async def serving(app: Starlette) -> AsyncGenerator[str]:  # noqa: F811 (no fixture here)
    """Serve an application as the gateway is served, on a free port; yields `host:port`."""
    async with listening(app) as (host, port):
        yield f"{host}:{port}"


@pytest.fixture
def serve() -> Serve:
    """How to serve another application."""
    return serving


@pytest.fixture
async def address(app: Starlette) -> AsyncGenerator[str]:  # noqa: F811 (the fixture is meant)
    """Where the edge listens on a real socket."""
    async with serving(app) as found:
        yield found
