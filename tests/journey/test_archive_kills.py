"""The event service is killed while it archives its log; who begins anew afterwards gets all of it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.journey.bank import PATIENCE_S, Bank

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]

CUSTOMERS = 3
PAYMENTS = 240
BATCH = 12


async def _alerts(bank: Bank, offset: int) -> Any:
    await bank.applied(offset)
    logs = [await bank.alert_log(f"ada-{n}") for n in range(CUSTOMERS)]
    return [[(entry["seq"], entry["alert"]["id"], entry["alert"]["title"]) for entry in log] for log in logs]


def _remove_state(bank: Bank) -> None:
    for path in Path(bank.belfry.data_dir).glob("analytics.sqlite3*"):
        path.unlink()


async def test_alerts_made_anew_from_the_archive_are_the_same(mortal_bank: Bank) -> None:
    """Killed while it archives, the log is whole, and analytics begun at its start raises the same alerts."""
    bank = mortal_bank
    async with asyncio.timeout(PATIENCE_S):
        opening = [bank.customer(f"ada-{n}") for n in range(CUSTOMERS)]
        offset = (await bank.post(*opening, *(bank.account(f"ada-{n}", f"ada-{n}") for n in range(CUSTOMERS))))[
            "offset"
        ]
        await bank.applied(offset)
        bank.belfry.kill("analytics")  # the entry it applied last is in the archive when it comes back
        for start in range(0, PAYMENTS, BATCH):
            numbers = range(start, start + BATCH)
            payments = [bank.payment(f"ada-{n % CUSTOMERS}", f"{n % 40}00.00", f"ada-{n}") for n in numbers]
            offset = (await bank.post(*payments))["offset"]
        await bank.archived(offset - PAYMENTS + BATCH)
        bank.belfry.kill("events")
        await bank.belfry.start("events", "analytics")
        raised = await _alerts(bank, offset)
        await bank.archived(offset - 2 * BATCH)
        assert await bank.offsets() == list(range(1, offset + 1))
        bank.belfry.kill("analytics")
        _remove_state(bank)
        await bank.belfry.start("analytics")
        assert await _alerts(bank, offset) == raised
    assert sum(map(len, raised)) > PAYMENTS / 4
