"""What runs on which event loop: connectors on both, since the gateway's loop has sockets of its own."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop

LoopFactories = Mapping[str, Callable[[], asyncio.AbstractEventLoop]]


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> LoopFactories:
    """Return the loops a test runs on."""
    loops: LoopFactories = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return loops if "test_connector" in item.nodeid else {"asyncio": asyncio.new_event_loop}
