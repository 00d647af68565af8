"""The reference client of docs/reference-client on a whole Belfry, over lines that are cut and tokens that expire."""

import asyncio
import json
import signal
from asyncio.subprocess import PIPE
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from bench.processes import running
from gateway.draining import RETURN_MS_MIN
from gateway.identity import LEEWAY_S
from tests.clients.conftest import HERE, WITH_NODE
from tests.clients.tunnel import Tunnel
from tests.journey.bank import PATIENCE_S, Bank

pytestmark = [pytest.mark.clients, pytest.mark.asyncio(loop_scope="session")]

TOKEN_S = 3.0
REGISTER = """mutation($name: String!) { registerDevice(input: {platform: IOS, name: $name}) {
  ... on RegisterDeviceSuccess { device { id } } } }"""
DELIVERIES = "{ viewer { alerts(first: 100) { nodes { id deliveries { channel device { name } } } } } }"

Fact = dict[str, Any]


async def _compile() -> None:
    """Check the client's types strictly and write it down as JavaScript, beside the packages it imports."""
    process = await asyncio.create_subprocess_exec(
        WITH_NODE, "node", HERE / "node_modules" / "typescript" / "bin" / "tsc", "-p", HERE, cwd=HERE, stdout=PIPE
    )
    complaints, _ = await process.communicate()
    assert (process.returncode, complaints.decode()) == (0, "")


class Phones:
    """The process of the phones: what they told, and how they are led."""

    def __init__(self, process: asyncio.subprocess.Process, bank: Bank, customer: str) -> None:
        self._process = process
        self._bank = bank
        self._customer = customer
        self._told = asyncio.Condition()
        self.facts: defaultdict[str, list[Fact]] = defaultdict(list)

    def order(self, phone: str, what: str, **more: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"phone": phone, "do": what, **more}).encode() + b"\n")

    async def listen(self) -> None:
        """Gather what the phones tell, and hand out the tokens they ask for."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            fact = json.loads(line)
            if "token" in fact:
                token = self._bank.short_token(self._customer, TOKEN_S - LEEWAY_S)
                self.order(fact["phone"], "token", token=token)
            async with self._told:
                self.facts[fact["phone"]].append(fact)
                self._told.notify_all()

    async def open(self, devices: dict[str, str], **more: Any) -> None:
        """Open a feed for each device, on the transport that is its phone's name, and wait until all are caught up."""
        for phone, device in devices.items():
            self.order(phone, "open", transport=phone, deviceId=device, **more)
        await self.until(lambda: all(self.said(phone, "caughtUp") for phone in devices))

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S), self._told:
            await self._told.wait_for(done)

    def said(self, phone: str, what: str) -> list[Any]:
        return [fact[what] for fact in self.facts[phone] if what in fact]


@asynccontextmanager
async def _phones(url: str, bank: Bank, customer: str) -> AsyncGenerator[Phones]:
    process = await asyncio.create_subprocess_exec(
        WITH_NODE, "node", HERE / "reference.mjs", url, stdin=PIPE, stdout=PIPE, cwd=HERE
    )
    phones = Phones(process, bank, customer)
    listening = asyncio.create_task(phones.listen())
    try:
        yield phones
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await listening


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def bank_behind_tunnel(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[tuple[Bank, Tunnel, str]]:
    """A whole Belfry, the line to its gateway, and the gateway's address through it."""
    if not (HERE / "node_modules").is_dir():
        pytest.fail("The clients are not installed: make clients")
    compiling = asyncio.create_task(_compile())  # while the services start
    folder, tunnel = tmp_path_factory.mktemp("phones"), Tunnel()
    async with running(folder, "events", "accounts", "analytics", "gateway") as belfry, Bank(belfry) as bank:
        await compiling
        host, port = belfry.urls["gateway"].removeprefix("http://").split(":")
        async with tunnel.listening(host, int(port)) as through:
            yield bank, tunnel, f"http://{through}/graphql"


async def _customer(bank: Bank, name: str) -> dict[str, str]:
    await bank.settle(bank.customer(name), bank.account(f"{name}-account", name), bank.salary(f"{name}-account"))
    devices = {}
    for phone in ("websocket", "events"):
        answer = await bank.ask(name, REGISTER, name=phone)
        devices[phone] = answer["data"]["registerDevice"]["device"]["id"]
    return devices


async def _spend(bank: Bank, name: str, times: int) -> int:
    offset = 0
    for _ in range(times):
        payment = bank.payment(f"{name}-account", "2000.00", f"{name}-{datetime.now(UTC):%H%M%S%f}")
        offset = (await bank.post(payment))["offset"]
    return offset


async def _raised(bank: Bank, name: str) -> list[str]:
    answer = await bank.ask(name, DELIVERIES)
    return [node["id"] for node in answer["data"]["viewer"]["alerts"]["nodes"]][::-1]


async def test_phones_lose_and_repeat_nothing_over_cuts_restarts_and_renewals(
    bank_behind_tunnel: tuple[Bank, Tunnel, str],
) -> None:
    """Lines are cut, the gateway is killed, tokens live three seconds; each alert comes once, in order, on both."""
    bank, tunnel, url = bank_behind_tunnel
    devices = await _customer(bank, "uma")
    async with _phones(url, bank, "uma") as phones:
        await phones.open(devices)
        for count in (2, 4, 6):
            await _spend(bank, "uma", 2)
            await phones.until(lambda: all(len(phones.said(phone, "alert")) >= count for phone in devices))  # noqa: B023
            assert tunnel.cut() > 0
        bank.belfry.kill("gateway")
        await _spend(bank, "uma", 2)
        await bank.belfry.start("gateway")
        await phones.until(lambda: all(len(phones.said(phone, "alert")) >= 8 for phone in devices))
        calm = {phone: len(phones.said(phone, "line")) for phone in devices}
        tokens = {phone: len(phones.said(phone, "token")) + 2 for phone in devices}
        await phones.until(lambda: all(len(phones.said(phone, "token")) >= tokens[phone] for phone in devices))
        renewed = {phone: len(phones.said(phone, "line")) - calm[phone] for phone in devices}
        await _spend(bank, "uma", 2)
        await phones.until(lambda: all(len(phones.said(phone, "alert")) >= 10 for phone in devices))
        expected = await _raised(bank, "uma")
        told = {(id, phone) for phone in devices for id in expected}
        await phones.until(lambda: all(len(phones.said(phone, "changed")) >= 20 for phone in devices))
        nodes = (await bank.ask("uma", DELIVERIES))["data"]["viewer"]["alerts"]["nodes"]
    for phone in devices:
        assert phones.said(phone, "alert") == expected
        assert phones.said(phone, "notify") == [True] * 10
        assert (phones.said(phone, "ended"), phones.said(phone, "gap")) == ([], [])
        assert phones.said(phone, "line")[0] is None
        assert all(phones.said(phone, "line")[1:])
    assert renewed["websocket"] < 2, "a socket renews its tokens in place: no line for each of the two"
    assert renewed["events"] > 0, "a stream is made anew with each token"
    assert {(node["id"], each["device"]["name"]) for node in nodes for each in node["deliveries"]} == told


async def test_a_pushed_alert_is_not_notified_again(bank_behind_tunnel: tuple[Bank, Tunnel, str]) -> None:
    """In the background the push shows it; when the app returns the feed lists it, silently, with those that follow."""
    bank, _, url = bank_behind_tunnel
    devices = await _customer(bank, "vera")
    async with _phones(url, bank, "vera") as phones:
        for phone, device in devices.items():
            phones.order(phone, "open", transport=phone, deviceId=device)
            await phones.until(lambda: bool(phones.said(phone, "caughtUp")))  # noqa: B023
            phones.order(phone, "pause")
            await phones.until(lambda: bool(phones.said(phone, "paused")))  # noqa: B023
        offset = await _spend(bank, "vera", 3)
        await bank.applied(offset)
        first, second, third = await _raised(bank, "vera")
        for phone in devices:
            for _ in range(2):
                phones.order(phone, "pushed", alertId=second)
            phones.order(phone, "resume")
        await phones.until(lambda: all(len(phones.said(phone, "alert")) >= 3 for phone in devices))
        phones.order("events", "pushed", alertId=third)
        await phones.until(lambda: len(phones.said("events", "show")) >= 3)
    for phone in devices:
        assert phones.said(phone, "alert") == [first, second, third]
        assert phones.said(phone, "notify") == [True, False, True]
        assert phones.said(phone, "show")[:2] == [True, False]
    assert phones.said("events", "show")[2:] == [False]


async def test_a_line_that_is_dead_without_a_word_is_noticed(bank_behind_tunnel: tuple[Bank, Tunnel, str]) -> None:
    """No byte comes and no end: a missing pong, or silence, makes a new line, and what happened comes on it."""
    bank, tunnel, url = bank_behind_tunnel
    devices = await _customer(bank, "wim")
    async with _phones(url, bank, "wim") as phones:
        await phones.open(devices, silenceMs=1_000)
        assert tunnel.go_dead() > 0
        await _spend(bank, "wim", 2)
        await phones.until(lambda: all(len(phones.said(phone, "alert")) >= 2 for phone in devices))
        expected = await _raised(bank, "wim")
    assert [phones.said(phone, "alert") for phone in devices] == [expected] * 2


async def test_a_phone_comes_back_no_sooner_than_a_stopping_gateway_says(
    bank_behind_tunnel: tuple[Bank, Tunnel, str],
) -> None:
    """SIGTERM tells each when to come back; until then no line is begun, and then nothing was missed."""
    bank, _, url = bank_behind_tunnel
    devices = await _customer(bank, "yves")
    async with _phones(url, bank, "yves") as phones:
        await phones.open(devices)
        gateway = bank.belfry.processes.pop("gateway")
        gateway.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(gateway.wait, PATIENCE_S) in (0, -signal.SIGTERM)
        await bank.belfry.start("gateway")
        await _spend(bank, "yves", 2)
        await phones.until(lambda: all(len(phones.said(phone, "alert")) >= 2 for phone in devices))
        expected = await _raised(bank, "yves")
    for phone in devices:
        assert phones.said(phone, "alert") == expected
        assert phones.said(phone, "waits")[0] >= RETURN_MS_MIN


async def test_a_phone_that_begins_badly_comes_right(bank_behind_tunnel: tuple[Bank, Tunnel, str]) -> None:
    """A refused token is asked for anew, a refused cursor forgotten and the app told to read its list."""
    bank, _, url = bank_behind_tunnel
    devices = await _customer(bank, "xena")
    async with _phones(url, bank, "xena") as phones:
        await phones.open(devices, token="refused", cursor="garbage")
    for phone in devices:
        assert phones.said(phone, "line") == ["garbage", "garbage", None]
        assert (phones.said(phone, "gap"), phones.said(phone, "ended")) == (["UNKNOWN"], [])


async def test_the_client_s_parts_do_as_they_say(bank_behind_tunnel: tuple[Bank, Tunnel, str]) -> None:
    """A stream cut anywhere gives the same events; errors are told apart by code; a token's end is read or unknown."""
    process = await asyncio.create_subprocess_exec(WITH_NODE, "node", HERE / "reference-parts.mjs", stdout=PIPE)
    printed, _ = await process.communicate()
    facts = json.loads(printed)
    events = [{"event": "next", "data": '{"a":\n1}'}, {"event": "next", "data": "x"}, {"event": "complete", "data": ""}]
    assert facts["cuts"] == [events]
    assert facts["endings"] == [
        {"kind": "TOKEN"},
        {"kind": "CURSOR"},
        {"kind": "LOST", "waitMs": 2000},
        {"kind": "LOST"},
        {"kind": "REFUSED", "reason": "MISSING_SCOPE"},
        {"kind": "REFUSED", "reason": "odd"},
    ]
    assert facts["retryMs"] == 750
    assert facts["closes"] == [
        {"kind": "LOST", "waitMs": 750},
        {"kind": "LOST"},
        {"kind": "LOST"},
        {"kind": "TOKEN"},
        {"kind": "REFUSED", "reason": "Invalid message"},
    ]
    assert facts["expiries"] == [12500, None, None, None, None]
