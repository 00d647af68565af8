"""Processes are killed without warning; what comes out is what an undisturbed run gives."""

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from bench.processes import running
from tests.journey.bank import Bank, Json, kinds, take
from tests.journey.conftest import EVERYTHING

pytestmark = pytest.mark.journey

CUSTOMERS = 6
PAYMENTS = 600
BALANCES = "{ viewer { accounts { balances { type amount { amount } creditDebitIndicator } } } }"
DASHBOARD = """{ viewer { accounts { displayName }
  spending(period: {start: "2026-03-01", end: "2026-03-31"}) { total { amount } } unreadAlertCount } }"""


def _events(bank: Bank) -> list[Json]:
    chance = random.Random(5)  # noqa: S311 - drawn from a seed, nothing secret
    events = [bank.customer(f"c{n}") for n in range(CUSTOMERS)]
    events += [bank.account(f"a{n}", f"c{n}", f"c{(n + 1) % CUSTOMERS}") for n in range(CUSTOMERS)]
    for number in range(PAYMENTS):
        amount = f"{chance.choice((12, 40, 90, 1500, 2500))}.{chance.randrange(100):02}"
        direction = chance.choice(("DBIT", "DBIT", "CRDT"))
        account = f"a{chance.randrange(CUSTOMERS)}"
        events.append(bank.payment(account, amount, f"t{number}", creditDebitIndicator=direction))
    return events


async def _outcome(bank: Bank, offset: int) -> Any:
    await bank.applied(offset)
    logs = {f"c{n}": await bank.alert_log(f"c{n}") for n in range(CUSTOMERS)}
    balances = [(await bank.ask(f"c{n}", BALANCES))["data"] for n in range(CUSTOMERS)]
    shown = {
        name: [(entry["seq"], entry["alert"]["id"], entry["alert"]["kind"], entry["alert"]["title"]) for entry in log]
        for name, log in logs.items()
    }
    return shown, balances


async def _run(folder: Path, victims: list[str]) -> Any:
    async with asyncio.timeout(90), running(folder, *EVERYTHING) as belfry, Bank(belfry) as bank:
        events = _events(bank)
        step = len(events) // (len(victims) + 1) + 1
        offset = 0
        for turn, start in enumerate(range(0, len(events), step)):
            posting = asyncio.create_task(bank.post(*events[start : start + step]))
            if turn < len(victims):
                belfry.kill(victims[turn])
                await belfry.start(victims[turn])
            offset = (await posting)["offset"]
            await bank.post(*events[start : start + 20])  # an anxious producer sends again: nothing may change
        return await _outcome(bank, offset)


async def test_sigkill_anywhere_leaves_the_alerts_and_balances_of_a_quiet_run(tmp_path: Path) -> None:
    """Killing each service again and again while events come in changes no alert, no order and no balance."""
    quiet = await _run(tmp_path / "quiet", [])
    stormy = await _run(tmp_path / "stormy", ["analytics", "accounts", "events", "analytics"])
    assert quiet[0] == stormy[0]
    assert quiet[1] == stormy[1]
    assert all([seq for seq, *_ in log] == list(range(1, len(log) + 1)) for log in quiet[0].values())
    assert sum(map(len, quiet[0].values())) > PAYMENTS / 10


async def test_a_dead_service_costs_only_its_own_part_of_the_answer(bank: Bank) -> None:
    """Without analytics the accounts are still there, and the missing part is a typed error."""
    summary = await bank.post(bank.customer("anna"), bank.account("main", "anna"))
    await bank.applied(summary["offset"])
    bank.belfry.kill("analytics")
    answer = await bank.ask("anna", DASHBOARD)
    assert answer["data"]["viewer"]["accounts"] == [{"displayName": "Account main"}]
    assert answer["data"]["viewer"]["spending"] is None
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"UNAVAILABLE"}
    async with bank.http.get(f"{bank.belfry.urls['gateway']}/health/ready") as response:
        assert response.status == 503


async def test_an_open_feed_survives_the_death_of_analytics(bank: Bank) -> None:
    """The stream stays open while analytics is dead, and delivers what happened meanwhile, once."""
    await bank.post(bank.customer("anna"), bank.account("main", "anna"))
    async with bank.sse("anna") as feed:
        await take(feed, 1)
        bank.belfry.kill("analytics")
        await bank.post(bank.payment("main", "2000.00", "one"))
        await bank.belfry.start("analytics")
        await bank.post(bank.payment("main", "2100.00", "two"))
        received = await take(feed, 2)
    assert kinds(received) == ["AlertRaised", "AlertRaised"]
    assert len({item["alert"]["id"] for item in received}) == 2
