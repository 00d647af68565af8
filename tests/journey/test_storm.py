"""A storm over everything at once: two gateways behind a balancer on a bad network, services killed, phones that stay.

`make soak` runs the long one: STORM_PHONES=200 STORM_ALERTS=20000.
"""

import asyncio
import itertools
import logging
import os
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import zip_longest

import aiohttp
import pytest

from tests.journey.balancer import Balancer
from tests.journey.bank import PATIENCE_S, Bank, Json
from tests.journey.phones import KINDS, Phone

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]

PHONES = int(os.environ.get("STORM_PHONES", "24"))
ALERTS = int(os.environ.get("STORM_ALERTS", "700"))
ALERTS_AT_ONCE = int(os.environ.get("STORM_AT_ONCE", "100"))
PHONES_PER_CUSTOMER = 2
BUSY_SHARE = 0.5
"""Of all alerts those of the first customer, so that a stalled line of its phones overflows."""
TOKEN_S, RENEW_S = 6.0, 3.0
GATEWAYS = ("gateway", "gateway-2")

_log = logging.getLogger(__name__)

Act = Callable[[], Awaitable[None]]


class Storm:
    """What befalls a bank, act by act."""

    def __init__(self, bank: Bank, balancer: Balancer) -> None:
        self._bank = bank
        self._balancer = balancer
        self.acts: Counter[str] = Counter()

    def program(self) -> Iterable[Act]:
        """Return acts without end; each kind comes in turn."""
        yield from itertools.cycle([
            self.cut, lambda: self.kill("gateway"), self.stall, self.delay, lambda: self.kill("analytics"),
            self.go_on, lambda: self.deploy("gateway-2"), self.cut, lambda: self.kill("events"),
            lambda: self.kill("gateway-2"), lambda: self.kill("accounts"),
        ])  # fmt: skip

    async def cut(self) -> None:
        self.acts["lines cut"] += self._balancer.cut(0.5)

    async def stall(self) -> None:
        self.acts["lines stalled"] += self._balancer.stall(0.3)

    async def go_on(self) -> None:
        self._balancer.go_on()
        self._balancer.delay_s = 0.0

    async def delay(self) -> None:
        self.acts["delays"] += 1
        self._balancer.delay_s = 0.1

    async def kill(self, name: str) -> None:
        self.acts["killed"] += 1
        self._bank.belfry.kill(name)
        await self._bank.belfry.start(name)

    async def deploy(self, name: str) -> None:
        self.acts["deployed"] += 1
        old = self._bank.belfry.processes.pop(name)
        old.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(old.wait, PATIENCE_S) in (0, -signal.SIGTERM)
        await self._bank.belfry.start(name)


def _opening(bank: Bank, customers: int) -> list[Json]:
    made = [bank.customer(f"storm-c{n}") for n in range(customers)]
    return made + [bank.account(f"storm-a{n}", f"storm-c{n}") for n in range(customers)]


def _declined(bank: Bank, customers: int) -> Iterable[Json]:
    """Yield card payments that were declined: one alert each, of a severity that is not pushed."""
    chance = random.Random(7)  # noqa: S311 - drawn from a seed, nothing secret
    for number in range(ALERTS):
        customer = 0 if chance.random() < BUSY_SHARE else chance.randrange(customers)
        data = {
            "transactionId": f"storm-{number}",
            "accountId": f"storm-a{customer}",
            "amount": {"amount": "10.00", "currency": "EUR"},
            "creditDebitIndicator": "DBIT",
            "cardId": f"storm-card-{customer}",
            "reason": "Wrong PIN",
        }
        yield bank.event("belfry.card.declined.v1", data, event_id=f"storm-{number}")


def _minting(bank: Bank, customer: int) -> Callable[[], str]:
    return lambda: bank.short_token(f"storm-c{customer}", TOKEN_S)


async def _rage(storm: Storm, bank: Bank, customers: int) -> int:
    """Post all alerts while one act follows another; returns the offset of the last event."""
    events = list(_declined(bank, customers))
    offset = 0
    acts = storm.program()
    for start, act in zip(range(0, len(events), ALERTS_AT_ONCE), acts, strict=False):
        posting = asyncio.create_task(bank.post(*events[start : start + ALERTS_AT_ONCE]))
        await act()
        summary = await posting
        assert summary["rejected"] == 0
        offset = summary["offset"]
    await storm.go_on()
    return offset


def _tell(storm: Storm, phones: Sequence[Phone]) -> None:
    """Log what happened, which `make soak` shows."""
    gaps = Counter(reason for phone in phones for reason in phone.gaps)
    lines, renewals = sum(phone.lines for phone in phones), sum(phone.renewals for phone in phones)
    delivered = sum(len(phone.received) for phone in phones)
    what = f"{len(phones)} phones took {delivered} alerts on {lines} lines with {renewals} renewals"
    _log.info("%s; gaps %s; %s", what, dict(gaps), dict(storm.acts))


async def _until(ready: Callable[[Phone], bool], keeping: dict[Phone, "asyncio.Task[None]"]) -> None:
    """Wait until every phone is; says how far the others are when they do not come there."""
    late = list(keeping)
    ends = asyncio.get_running_loop().time() + PATIENCE_S
    while late := [phone for phone in late if not ready(phone)]:
        broken = [task for task in keeping.values() if task.done()]
        assert not broken, broken[0].exception()
        assert asyncio.get_running_loop().time() < ends, "\n".join(map(repr, late))
        await asyncio.sleep(0.05)


async def _whole_log(bank: Bank, customer_id: str) -> list[tuple[str, str]]:
    """Return (what, id of the alert) of a customer's whole log, which must be gapless."""
    entries: list[Json] = []
    while page := await bank.alert_log(customer_id, after=len(entries)):
        entries += page
    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
    return [(f"Alert{entry['kind'].title()}", entry["alert"]["id"]) for entry in entries]


def _difference(phone: Phone, log: list[tuple[str, str]]) -> str:
    """Say where what a phone received and its customer's log part; nothing where they are the same."""
    if phone.received == log:
        return ""
    seq = next(n for n, pair in enumerate(zip_longest(phone.received, log), start=1) if pair[0] != pair[1])
    around = slice(max(0, seq - 3), seq + 2)
    return f"{phone!r} parts at {seq} of {len(log)}: {phone.received[around]}, in the log {log[around]}"


async def test_no_alert_falls_out_of_the_feed_whatever_breaks(mortal_bank: Bank) -> None:
    """At the end every phone has exactly its customer's log: each alert once, in order, and every gap was announced."""
    bank, customers = mortal_bank, max(1, PHONES // PHONES_PER_CUSTOMER)
    await bank.settle(*_opening(bank, customers))
    await bank.belfry.start(GATEWAYS[1])
    ports = [int(bank.belfry.urls[name].rpartition(":")[2]) for name in GATEWAYS]
    balancer = Balancer(ports, random.Random(11))  # noqa: S311 - the same
    storm = Storm(bank, balancer)
    async with balancer.listening() as host, aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        phones = [
            Phone(KINDS[(n + n // customers) % len(KINDS)], host, _minting(bank, n % customers), RENEW_S)
            for n in range(PHONES)
        ]
        keeping = {phone: asyncio.create_task(phone.run(http)) for phone in phones}
        try:
            await _until(lambda phone: phone.cursor is not None, keeping)
            offset = await _rage(storm, bank, customers)
            await bank.applied(offset)
            whole = {n: await _whole_log(bank, f"storm-c{n}") for n in range(customers)}
            logs = {phone: whole[n % customers] for n, phone in enumerate(phones)}
            await _until(lambda phone: phone.received[-1:] == logs[phone][-1:], keeping)
        finally:
            for task in keeping.values():
                task.cancel()
            await asyncio.gather(*keeping.values(), return_exceptions=True)
            bank.belfry.kill(GATEWAYS[1])
    _tell(storm, phones)
    assert [phone.surprises for phone in phones if phone.surprises] == []
    assert [difference for phone in phones if (difference := _difference(phone, logs[phone]))] == []
    assert sum(map(len, whole.values())) == ALERTS
