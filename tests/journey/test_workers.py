"""Several gateway processes on one port: one that dies is replaced, all stop together, none outlives the parent."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest

from bench.processes import Belfry, prepare
from contracts.scopes import TokenScope
from gateway.audit_verification import verify_audit
from gateway.demo_issuer import DemoIssuer
from tests.journey.bank import PATIENCE_S

pytestmark = pytest.mark.journey

WORKERS = 3
TOKEN = "s" * 32


@pytest.fixture
async def belfry(tmp_path: Path) -> AsyncGenerator[Belfry]:
    """A gateway of three workers; no service is there, so it is alive and not ready."""
    settings = {"BELFRY_WORKERS": str(WORKERS), "BELFRY_DRAIN_S": "0", "BELFRY_SERVICE_TOKEN": TOKEN}
    started = prepare(tmp_path / "data", settings)
    started._launch("gateway")  # `start` would wait for readiness
    try:
        yield started
    finally:
        started.stop()


async def logged(belfry: Belfry, event: str, count: int) -> list[dict[str, object]]:
    """Return the log lines of an event once there are so many."""
    path = belfry.data_dir / "gateway.log"
    async with asyncio.timeout(PATIENCE_S):
        while True:
            lines = [json.loads(line) for line in path.read_text().splitlines() if line.startswith("{")]
            found = [line for line in lines if line["event"] == event]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.05)


async def alive(session: aiohttp.ClientSession, belfry: Belfry) -> bool:
    async with session.get(f"{belfry.urls['gateway']}/health/live") as response:
        return response.status == 200


def runs(pid: object) -> bool:
    with suppress(ProcessLookupError):
        os.kill(int(str(pid)), 0)
        return True
    return False


async def test_a_worker_that_dies_is_replaced(belfry: Belfry) -> None:
    """It is said which and how, the others answer meanwhile, and SIGTERM ends them all."""
    first = await logged(belfry, "listening", WORKERS)
    assert {line["worker"] for line in first} == {1, 2, 3}
    os.kill(int(str(first[0]["pid"])), signal.SIGKILL)
    (ended,) = await logged(belfry, "worker ended", 1)
    assert (ended["worker"], ended["code"]) == (first[0]["worker"], -signal.SIGKILL)
    async with aiohttp.ClientSession(headers={"Connection": "close"}) as session:
        assert all([await alive(session, belfry) for _ in range(20)])
    listening = await logged(belfry, "listening", WORKERS + 1)
    assert listening[-1]["worker"] == ended["worker"]
    gateway = belfry.processes["gateway"]
    gateway.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(gateway.wait, PATIENCE_S) == 0
    assert not any(runs(line["pid"]) for line in listening)


async def test_workers_end_with_their_parent(belfry: Belfry) -> None:
    """Nobody would replace them, and the port must be free for the next parent."""
    workers = [line["pid"] for line in await logged(belfry, "listening", WORKERS)]
    belfry.kill("gateway")
    async with asyncio.timeout(PATIENCE_S):
        while any(map(runs, workers)):  # noqa: ASYNC110 (they are nobody's children)
            await asyncio.sleep(0.05)


async def test_a_revocation_at_one_worker_holds_at_all(belfry: Belfry) -> None:
    """Within a second; and each worker's audit chain can be verified."""
    await logged(belfry, "listening", WORKERS)
    issuer = DemoIssuer.open(belfry.data_dir, audience="belfry")
    token = issuer.mint_token("anna", [scope.value for scope in TokenScope])
    asked = {"query": 'mutation { freezeCard(id: "x") { __typename } }'}
    url = belfry.urls["gateway"]
    async with aiohttp.ClientSession(headers={"Connection": "close"}) as session:

        async def statuses(count: int) -> set[int]:
            answered: set[int] = set()
            for _ in range(count):
                headers = {"Authorization": f"Bearer {token}"}
                async with session.post(f"{url}/graphql", json=asked, headers=headers) as response:
                    answered.add(response.status)
            return answered

        assert 401 not in await statuses(12)
        async with session.post(
            f"{url}/revocations", json={"customerId": "anna"}, headers={"Authorization": f"Bearer {TOKEN}"}
        ) as response:
            assert (
                response.status == 503
            )  # no account service is there to end pushes: the tokens are revoked all the same
            assert "are revoked" in await response.text()
        async with asyncio.timeout(1.0):
            while await statuses(12) != {401}:  # noqa: ASYNC110 (another process's state)
                await asyncio.sleep(0.05)
    belfry.stop()
    chains = verify_audit(belfry.data_dir / "audit")
    assert 1 <= len(chains) <= WORKERS
