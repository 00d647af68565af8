"""Facts about a gateway that stops: who is told what, and who is let in no more."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from contracts.failures import Overloaded
from gateway.admission import BEGINNING_MAX, BURST, WAIT_S_MAX, Admission
from gateway.draining import RETURN_MS_MAX, RETURN_MS_MIN, TICK_S, Draining
from gateway.websocket_protocol import CloseCode
from tests.sockets.test_websocket import close_of, let_in, opened, say

SILENT = {"query": "subscription { silent { name } }"}


class Stream:
    """Something open that notes what it is told."""

    def __init__(self, draining: Draining) -> None:
        self.told: list[int] = []
        self._draining = draining
        draining.enter(self)

    def drain(self, reconnect_after_ms: int) -> None:
        self.told.append(reconnect_after_ms)
        self._draining.leave(self)

    def reconsider(self) -> None:
        raise AssertionError("nothing was withdrawn")


async def test_streams_are_closed_over_the_window_and_come_back_spread_out() -> None:
    """Each once, some at a time, and not all at the same moment."""
    draining = Draining()
    streams = [Stream(draining) for _ in range(100)]
    running = asyncio.create_task(draining.run(window_s=10 * TICK_S))
    await asyncio.sleep(0)
    assert 0 < sum(bool(one.told) for one in streams) < len(streams)
    await running
    delays = [delay for one in streams for delay in one.told]
    assert len(delays) == len(streams)
    assert len(set(delays)) > 10
    assert RETURN_MS_MIN <= min(delays) <= max(delays) <= RETURN_MS_MIN + RETURN_MS_MAX
    assert len(draining) == 0


async def test_a_socket_is_told_when_to_come_back(address: str, app: Starlette, token: str) -> None:
    """1012, which clients take for a restart, and a reason that a machine reads."""
    async with opened(address) as socket:
        await let_in(socket, token)
        await say(socket, type="subscribe", id="1", payload=SILENT)
        await app.state.draining.run(0)
        code, reason = await close_of(socket)
    assert code == CloseCode.RESTARTING
    assert json.loads(reason)["reconnectAfterMs"] >= RETURN_MS_MIN
    assert len(app.state.draining) == 0


async def test_an_event_stream_is_told_when_to_come_back(address: str, app: Starlette, token: str) -> None:
    """With the field an EventSource obeys, and no `complete`; then others are refused and the replica is not ready."""
    headers: dict[str, Any] = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    url = f"http://{address}/graphql"
    async with httpx.AsyncClient() as client:
        async with client.stream("POST", url, json=SILENT, headers=headers) as response:
            chunks = response.aiter_text()
            await anext(chunks)
            await app.state.draining.run(0)
            rest = "".join([chunk async for chunk in chunks])
        refused = await client.post(url, json=SILENT, headers=headers)
        ready = await client.get(f"http://{address}/health/ready")
    assert rest.startswith("retry: ")
    assert "complete" not in rest
    assert refused.status_code == ready.status_code == 503
    assert refused.json()["errors"][0]["extensions"]["code"] == "DRAINING"


async def test_subscriptions_begin_in_turn_and_the_line_is_bounded() -> None:
    """A burst at once, then one after another; who would wait too long is told so."""
    admission = Admission(per_s=BURST / WAIT_S_MAX)

    async def begin() -> None:
        async with admission.turn():
            pass

    for _ in range(BURST):
        await begin()  # at once
    waiting = [asyncio.ensure_future(begin()) for _ in range(BURST + 10)]
    done, pending = await asyncio.wait(waiting, timeout=0)
    refused = [one for one in done if isinstance(one.exception(), Overloaded)]
    for one in pending:
        one.cancel()
    assert 5 <= len(refused) < 12
    assert len(pending) >= BURST - 2


async def test_subscriptions_that_begin_slowly_are_few_at_a_time() -> None:
    """The next one waits outside of its own time to begin, and no longer than the line is long."""
    admission = Admission(per_s=1e6, wait_s_max=0.05)
    going_on = asyncio.Event()
    begun: list[None] = []

    async def begin() -> None:
        async with admission.turn():
            begun.append(None)
            await going_on.wait()

    slow = [asyncio.create_task(begin()) for _ in range(BEGINNING_MAX)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await begin()
    assert len(begun) == BEGINNING_MAX
    going_on.set()
    await asyncio.gather(*slow, begin())
