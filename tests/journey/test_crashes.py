"""Processes are killed without warning; what comes out is what an undisturbed run gives."""

import asyncio
import random
from typing import Any

import pytest

from tests.journey.bank import PATIENCE_S, Bank, Json, kinds, take

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]

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


async def _run(bank: Bank, victims: list[str]) -> Any:
    events = _events(bank)
    step = len(events) // (len(victims) + 1) + 1
    offset = 0
    for turn, start in enumerate(range(0, len(events), step)):
        posting = asyncio.create_task(bank.post(*events[start : start + step]))
        if turn < len(victims):
            bank.belfry.kill(victims[turn])
            await bank.belfry.start(victims[turn])
        offset = (await posting)["offset"]
        await bank.post(*events[start : start + 20])  # an anxious producer sends again: nothing may change
    return await _outcome(bank, offset)


async def test_sigkill_anywhere_leaves_the_alerts_and_balances_of_a_quiet_run(bank: Bank, mortal_bank: Bank) -> None:
    """Killing each service again and again while events come in changes no alert, no order and no balance."""
    async with asyncio.timeout(PATIENCE_S):
        quiet = await _run(bank, [])
        stormy = await _run(mortal_bank, ["analytics", "accounts", "events", "analytics"])
    assert quiet[0] == stormy[0]
    assert quiet[1] == stormy[1]
    assert all([seq for seq, *_ in log] == list(range(1, len(log) + 1)) for log in quiet[0].values())
    assert sum(map(len, quiet[0].values())) > PAYMENTS / 10


async def _readiness(bank: Bank, status: int) -> bool:
    """Wait until the gateway's readiness, which it repeats for a second, is this."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            async with bank.http.get(f"{bank.belfry.urls['gateway']}/health/ready") as response:
                if response.status == status:
                    return True
            await asyncio.sleep(0.05)


async def test_a_dead_service_costs_only_its_own_part_of_the_answer(mortal_bank: Bank) -> None:
    """Without analytics the accounts are still there, and the missing part is a typed error."""
    await mortal_bank.settle(mortal_bank.customer("gina"), mortal_bank.account("ginas-account", "gina"))
    mortal_bank.belfry.kill("analytics")
    answer = await mortal_bank.ask("gina", DASHBOARD)
    assert answer["data"]["viewer"]["accounts"] == [{"displayName": "Account ginas-account"}]
    assert answer["data"]["viewer"]["spending"] is None
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"UNAVAILABLE"}
    assert await _readiness(mortal_bank, 503)
    await mortal_bank.belfry.start("analytics")
    assert await _readiness(mortal_bank, 200)


async def test_an_open_feed_survives_the_death_of_analytics(mortal_bank: Bank) -> None:
    """The stream stays open while analytics is dead, and delivers what happened meanwhile, once."""
    await mortal_bank.post(
        mortal_bank.customer("hans"), mortal_bank.account("hans-account", "hans"), mortal_bank.salary("hans-account")
    )
    async with mortal_bank.sse("hans") as feed:
        await take(feed, 1)
        mortal_bank.belfry.kill("analytics")
        await mortal_bank.post(mortal_bank.payment("hans-account", "2000.00", "hans-one"))
        await mortal_bank.belfry.start("analytics")
        await mortal_bank.post(mortal_bank.payment("hans-account", "2100.00", "hans-two"))
        received = await take(feed, 2)
    assert kinds(received) == ["AlertRaised", "AlertRaised"]
    assert len({item["alert"]["id"] for item in received}) == 2
