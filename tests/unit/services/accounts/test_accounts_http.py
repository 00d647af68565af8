"""The account service over HTTP: what the gateway and operators see, fed from a scripted event log."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec
import pytest
import pytest_asyncio

from contracts.accounts import (
    Account,
    Balance,
    BalanceDay,
    Card,
    Customer,
    Device,
    Entitlement,
    Entitlements,
    Holder,
    Holding,
    NotificationPreferences,
    PushToken,
    PushTokenInput,
    QuietHours,
    StandingOrder,
)
from contracts.events import LogEntry
from contracts.feed import AccountChange
from contracts.money import Money
from contracts.settings import Settings
from contracts.vocabulary import CardStatus, HolderRole, PushPlatform
from services.accounts.app import create_app
from services.accounts.devices import DEVICES_PER_CUSTOMER_MAX, devices_by_id
from services.accounts.preferences import preferences_of
from services.accounts.push_tokens import PUSH_TOKENS_PER_CUSTOMER_MAX, push_tokens_of, register_push_token
from services.accounts.store import SqliteProjection
from services.accounts.tables import SCHEMA
from services.database import Database
from tests.unit.services.accounts.samples import NOW, ScriptedLog, account, booked, customer, entries, event, money
from tests.unit.services.events.serving import running


def card(id: str, holder: str, of: str = "acc-1", expiry: str = "2027-01-31") -> Any:
    pan = "************1234"
    return event("card.issued", cardId=id, accountId=of, cardholderId=holder, maskedPan=pan, expiry=expiry)


def device(kind: str, id: str, of: str = "cust-1", time: str = "2026-02-03T10:00:00Z", **more: Any) -> Any:
    return event(kind, time, deviceId=id, customerId=of, platform="IOS", **more)


def holding(isin: str, quantity: str, currency: str = "EUR") -> Any:
    cost = money("10.00", currency)
    name = "Instrument"
    return event(
        "holding.changed", accountId="acc-1", isin=isin, instrumentName=name, quantity=quantity, averageCost=cost
    )


reading = pytest.mark.asyncio(loop_scope="module")
"""A test in the loop of `reader`."""
ROLES = {"cust-1": "OWNER", "cust-2": "JOINT", "cust-3": "DELEGATE"}
ORDER = {
    "standingOrderId": "order-1",
    "accountId": "acc-1",
    "amount": money("900.00"),
    "frequency": "MONTHLY",
    "counterparty": "Landlord",
}
LOG = entries(
    *(customer(f"cust-{number}") for number in (1, 2, 3, 4)),
    account(roles=ROLES, overdraftLimit=money("100.00"), iban="DE02120300000000202051"),
    account("acc-2", roles={"cust-2": "OWNER"}),
    card("card-1", "cust-1"),
    card("card-3", "cust-3"),
    card("card-old", "cust-1", expiry="2026-02-28"),
    booked("t1", "10.00", "2026-01-05"),
    booked("t2", "-4.00", "2026-01-07"),
    holding("DE0001234565", "3.5"),
    holding("US0000000002", "1", "USD"),
    event("price.quoted", isin="DE0001234565", price=money("12.01")),
    event("price.quoted", isin="US0000000002", price=money("12.00")),
    event("standing-order.created", **ORDER, nextDate="2026-02-01"),
    device("device.registered", "dev-1", name="Phone"),
    device("login.succeeded", "dev-1"),
    device("login.succeeded", "dev-new"),
)


@asynccontextmanager
async def serving(data_dir: Path, log: ScriptedLog | None, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Settings(data_dir=data_dir, **settings), clock=lambda: NOW, event_log=log)
    transport = httpx.ASGITransport(cast("Any", app))
    async with running(app), httpx.AsyncClient(transport=transport, base_url="http://accounts") as client:
        yield client


@asynccontextmanager
async def served(data_dir: Path, entries: list[LogEntry], **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Serve with these entries applied."""
    log = ScriptedLog(*([entries] if entries else []))
    async with serving(data_dir, log, **settings) as client:
        await asyncio.wait_for(log.caught_up.wait(), 10)
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reader(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the one service of all tests that only read."""
    async with served(tmp_path_factory.mktemp("accounts"), LOG) as client:
        yield client


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service of the test's own, for those that change something."""
    async with served(tmp_path, LOG) as client:
        yield client


async def read(client: httpx.AsyncClient, url: str, type: Any) -> Any:
    answer = await client.get(url)
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=type)


def code(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"].startswith("application/problem+json")
    return answer.status_code, answer.json()["code"]


@reading
async def test_customers_are_read_by_id(reader: httpx.AsyncClient) -> None:
    """What does not exist is left out."""
    found = await read(reader, "/customers?id=cust-1&id=nobody&id=cust-2", list[Customer])
    assert sorted(one.id for one in found) == ["cust-1", "cust-2"]


@reading
async def test_customers_are_listed_after_an_id(reader: httpx.AsyncClient) -> None:
    """The whole list is paged by id."""
    found = await read(reader, "/customers/all?after=cust-1&limit=2", list[Customer])
    assert [one.id for one in found] == ["cust-2", "cust-3"]


@reading
async def test_an_account_has_its_holders_and_limits(reader: httpx.AsyncClient) -> None:
    """Holders come in the order they were named."""
    [found] = await read(reader, "/accounts?id=acc-1", list[Account])
    assert found.holders == [Holder(id, HolderRole(role)) for id, role in ROLES.items()]
    assert found.overdraft_limit == Money("100.00", "EUR")


async def test_an_account_opened_again_is_replaced(tmp_path: Path) -> None:
    """Name, holders and limits are those of the last event."""
    again = account(displayName="Renamed", roles={"cust-2": "OWNER"})
    async with served(tmp_path, [*LOG, *entries(again, after=len(LOG))]) as client:
        [found] = await read(client, "/accounts?id=acc-1", list[Account])
    assert (found.display_name, found.overdraft_limit) == ("Renamed", None)
    assert found.holders == [Holder("cust-2", HolderRole.OWNER)]


ENTITLED: list[tuple[str, dict[str, str], set[str]]] = [
    ("cust-1", {"acc-1": "OWNER"}, {"card-1", "card-3", "card-old"}),
    ("cust-2", {"acc-1": "JOINT", "acc-2": "OWNER"}, {"card-1", "card-3", "card-old"}),
    ("cust-3", {"acc-1": "DELEGATE"}, {"card-3"}),
    ("cust-4", {}, set()),
]


@reading
async def test_entitlements_follow_roles(reader: httpx.AsyncClient) -> None:
    """An owner or joint holder sees every card of the account, a delegate only their own."""
    for id, accounts, cards in ENTITLED:
        found = await read(reader, f"/customers/{id}/entitlements", Entitlements)
        assert found.accounts == [Entitlement(account_id, HolderRole(role)) for account_id, role in accounts.items()]
        assert set(found.card_ids) == cards
        assert found.device_ids == (["dev-1", "dev-new"] if id == "cust-1" else [])


@reading
async def test_an_unknown_customer_has_no_entitlements(reader: httpx.AsyncClient) -> None:
    """Nobody is not somebody without rights."""
    assert code(await reader.get("/customers/nobody/entitlements")) == (404, "NOT_FOUND")


@reading
async def test_balances_are_read_for_many_accounts(reader: httpx.AsyncClient) -> None:
    """Each account that exists has its three balances."""
    found = await read(reader, "/balances?accountId=acc-1&accountId=acc-2&accountId=none", list[Balance])
    amounts = [balance.amount.amount for balance in found if balance.account_id == "acc-1"]
    assert (len(found), amounts) == (6, ["6.00", "106.00", "6.00"])


@reading
async def test_closing_balances_are_read_by_day(reader: httpx.AsyncClient) -> None:
    """A closing balance says the day it closes."""
    [found] = await read(reader, "/balances/closing?accountId=acc-1&on=2026-01-06", list[Balance])
    assert (found.amount.amount, found.reference_date) == ("10.00", "2026-01-06")


@reading
async def test_a_balance_history_is_read_by_period(reader: httpx.AsyncClient) -> None:
    """Both dates are included."""
    days = await read(reader, "/balances/days?accountId=acc-1&from=2026-01-05&to=2026-01-07", list[BalanceDay])
    assert [(day.date, day.amount.amount) for day in days] == [("2026-01-05", "10.00"), ("2026-01-07", "6.00")]


BAD_QUERIES = [
    "/customers",
    "/accounts",
    "/balances?" + "&".join(f"accountId={number}" for number in range(501)),
    "/balances/closing?accountId=acc-1&on=2026-02-30",
    "/balances/days?accountId=acc-1&from=2026-02-02&to=2026-02-01",
    "/cards",
    "/cards?id=card-1&accountId=acc-1",
    "/customers/all?limit=0",
    "/accounts/changes?after=-2",
]


@reading
async def test_a_bad_query_is_refused(reader: httpx.AsyncClient) -> None:
    """Missing, too many and impossible parameters are the caller's fault and said so."""
    assert [url for url in BAD_QUERIES if code(await reader.get(url))[0] != 400] == []


@reading
async def test_a_holding_is_worth_its_last_price(reader: httpx.AsyncClient) -> None:
    """The value is rounded half to even, and absent without a price in the cost's currency."""
    euro, dollar = await read(reader, "/holdings?accountId=acc-1", list[Holding])
    assert (euro.market_value, euro.instrument.price) == (Money("42.04", "EUR"), Money("12.01", "EUR"))
    assert (dollar.market_value, dollar.instrument.price) == (None, None)


async def test_a_sold_holding_is_gone_and_a_late_price_is_not_the_last(tmp_path: Path) -> None:
    """A quantity of zero removes a position; a quote from before the last one changes nothing."""
    late = event("price.quoted", "2026-02-01T00:00:00Z", isin="DE0001234565", price=money("99.00"))
    more = entries(holding("US0000000002", "0.00", "USD"), late, after=len(LOG))
    async with served(tmp_path, LOG + more) as client:
        [found] = await read(client, "/holdings?accountId=acc-1", list[Holding])
    assert found.instrument.price == Money("12.01", "EUR")


async def test_an_executed_standing_order_moves_on(tmp_path: Path) -> None:
    """Its next date is the one the execution names."""
    done = {"standingOrderId": "order-1", "accountId": "acc-1", "transactionId": "t9", "amount": money("900.00")}
    more = entries(event("standing-order.executed", **done, nextDate="2026-03-01"), after=len(LOG))
    async with served(tmp_path, LOG + more) as client:
        [found] = await read(client, "/standing-orders?accountId=acc-1", list[StandingOrder])
    assert found.next_date == "2026-03-01"


@reading
async def test_cards_are_read_by_id_and_by_account(reader: httpx.AsyncClient) -> None:
    """A card past its expiry date is expired."""
    assert [one.id for one in await read(reader, "/cards?id=card-1&id=none", list[Card])] == ["card-1"]
    statuses = {one.id: one.status for one in await read(reader, "/cards?accountId=acc-1", list[Card])}
    assert statuses == {"card-1": CardStatus.ACTIVE, "card-3": CardStatus.ACTIVE, "card-old": CardStatus.EXPIRED}


async def test_freezing_a_card_is_idempotent(client: httpx.AsyncClient) -> None:
    """Freezing and unfreezing twice answer the same as once."""
    answers = [
        (await client.post(f"/cards/card-1/{command}")).json()["status"]
        for command in ("freeze", "freeze", "unfreeze", "unfreeze")
    ]
    assert answers == ["FROZEN", "FROZEN", "ACTIVE", "ACTIVE"]


async def test_a_card_issued_again_stays_frozen(tmp_path: Path) -> None:
    """Commands are the customer's: no event undoes them, and no restart."""
    async with served(tmp_path, LOG) as client:
        await client.post("/cards/card-1/freeze")
    async with served(tmp_path, entries(card("card-1", "cust-1"), after=len(LOG))) as client:
        [found] = await read(client, "/cards?id=card-1", list[Card])
    assert found.status is CardStatus.FROZEN


@reading
async def test_an_expired_or_unknown_card_takes_no_command(reader: httpx.AsyncClient) -> None:
    """The refusal says which of the two it is."""
    assert code(await reader.post("/cards/card-old/freeze")) == (409, "CARD_EXPIRED")
    assert code(await reader.post("/cards/none/unfreeze")) == (404, "NOT_FOUND")


@reading
async def test_a_device_seen_only_by_a_login_is_not_trusted(reader: httpx.AsyncClient) -> None:
    """Registered devices are trusted; both know when they were seen."""
    found = {one.id: one for one in await read(reader, "/devices?customerId=cust-1", list[Device])}
    assert (found["dev-1"].trusted, found["dev-1"].last_seen_at) == (True, "2026-02-03T10:00:00.000000Z")
    assert (found["dev-new"].trusted, found["dev-new"].name) == (False, "iOS device")


async def test_a_login_of_another_customer_does_not_touch_a_device(tmp_path: Path) -> None:
    """What customer 2 says about customer 1's device changes nothing; nor does an older login of its own."""
    more = entries(
        device("login.succeeded", "dev-1", "cust-2", "2026-02-09T10:00:00Z"),
        device("login.succeeded", "dev-1", "cust-1", "2026-01-09T10:00:00Z"),
        after=len(LOG),
    )
    async with served(tmp_path, LOG + more) as client:
        [found] = await read(client, "/devices?id=dev-1", list[Device])
    assert (found.customer_id, found.last_seen_at) == ("cust-1", "2026-02-03T10:00:00.000000Z")


async def test_a_registered_device_can_be_removed(client: httpx.AsyncClient) -> None:
    """It is there, trusted, until it is removed; removing it again finds nothing."""
    answer = await client.post("/devices", json={"customerId": "cust-2", "platform": "WEB", "name": " Laptop "})
    made = msgspec.json.decode(answer.content, type=Device)
    assert (answer.status_code, made.name, made.trusted) == (201, "Laptop", True)
    assert await read(client, "/devices?customerId=cust-2", list[Device]) == [made]
    assert (await client.delete(f"/devices/{made.id}")).status_code == 204
    assert code(await client.delete(f"/devices/{made.id}")) == (404, "NOT_FOUND")


BAD_DEVICES: list[tuple[dict[str, str], tuple[int, str]]] = [
    ({"customerId": "nobody"}, (404, "NOT_FOUND")),
    ({"name": "  "}, (400, "BAD_NAME")),
    ({"platform": "TOASTER"}, (400, "BAD_INPUT")),
]


@reading
async def test_a_bad_device_is_refused(reader: httpx.AsyncClient) -> None:
    """Who registers a device must exist, and the device must have a name and a known platform."""
    device = {"customerId": "cust-2", "platform": "WEB", "name": "Laptop"}
    for change, refusal in BAD_DEVICES:
        assert code(await reader.post("/devices", json=device | change)) == refusal, change


async def test_devices_of_a_customer_are_bounded(client: httpx.AsyncClient) -> None:
    """Past the bound a registration is refused, and nothing is stored."""
    body = {"customerId": "cust-4", "platform": "WEB", "name": "Laptop"}
    answers = [await client.post("/devices", json=body) for _ in range(DEVICES_PER_CUSTOMER_MAX + 1)]
    assert code(answers[-1]) == (409, "TOO_MANY_DEVICES")
    assert len(await read(client, "/devices?customerId=cust-4", list[Device])) == DEVICES_PER_CUSTOMER_MAX


IPHONE, PIXEL = "ab" * 32, "fcm:" + "Token_-" * 20


def push_token(of: str, token: str = IPHONE, platform: str = "APNS", **more: Any) -> dict[str, Any]:
    return {"customerId": of, "platform": platform, "token": token, **more}


async def registered(client: httpx.AsyncClient, of: str, **token: Any) -> Device:
    """A new device of a customer, with a push token."""
    made = await client.post("/devices", json={"customerId": of, "platform": "IOS", "name": "Phone"})
    answer = await client.put(f"/devices/{made.json()['id']}/push-token", json=push_token(of, **token))
    assert answer.status_code == 200
    return msgspec.json.decode(answer.content, type=Device)


async def pushed_to(client: httpx.AsyncClient, *customers: str) -> list[tuple[str, str]]:
    """Each device that gets pushes of these customers, with its token."""
    query = "&".join(f"customerId={one}" for one in customers)
    return [(one.device_id, one.token) for one in await read(client, f"/push-tokens?{query}", list[PushToken])]


async def test_a_device_has_one_push_token(client: httpx.AsyncClient) -> None:
    """The last one; the same again changes nothing, and what Apple's is written like does not matter."""
    device = await registered(client, "cust-2")
    assert device.push_platform is PushPlatform.APNS
    for token in (IPHONE.upper(), IPHONE):
        answer = await client.put(f"/devices/{device.id}/push-token", json=push_token("cust-2", token))
        assert msgspec.json.decode(answer.content, type=Device) == device
    await client.put(f"/devices/{device.id}/push-token", json=push_token("cust-2", PIXEL, "FCM"))
    assert await pushed_to(client, "cust-2") == [(device.id, PIXEL)]
    [found] = await read(client, f"/devices?id={device.id}", list[Device])
    assert found.push_platform is PushPlatform.FCM


async def test_a_phone_that_changes_hands_shows_nothing_of_who_had_it(client: httpx.AsyncClient) -> None:
    """Its token is the last customer's alone; the one before can not take it away again."""
    old = await registered(client, "cust-2")
    new = await registered(client, "cust-3")
    removal = await client.post("/push-tokens/remove", json=push_token("cust-2"))
    assert (removal.status_code, removal.json()) == (200, None)
    assert await pushed_to(client, "cust-2", "cust-3") == [(new.id, IPHONE)]
    [found] = await read(client, f"/devices?id={old.id}", list[Device])
    assert found.push_platform is None


async def test_a_push_token_goes_with_its_device_or_when_it_is_named(client: httpx.AsyncClient) -> None:
    """Both may be repeated."""
    device = await registered(client, "cust-2")
    await client.delete(f"/devices/{device.id}")
    assert await pushed_to(client, "cust-2") == []
    other = await registered(client, "cust-2")
    answers = [(await client.post("/push-tokens/remove", json=push_token("cust-2"))).json() for _ in range(2)]
    assert [answer and answer["id"] for answer in answers] == [other.id, None]
    assert await pushed_to(client, "cust-2") == []


async def test_a_device_that_became_another_customers_is_pushed_nothing(tmp_path: Path) -> None:
    """The event says whose it is; the token that was registered on it before says nothing any more."""
    database = Database(tmp_path / "accounts.sqlite3", SCHEMA)
    await database.start()
    wanted = PushTokenInput("cust-1", PushPlatform.APNS, IPHONE)
    projection = SqliteProjection(database)
    await projection.apply(LOG)
    await database.write(lambda c: register_push_token(c, "dev-1", wanted, "2026-03-01T00:00:00Z"))
    moved = device("device.registered", "dev-1", "cust-2", name="Phone")
    await projection.apply(entries(moved, after=len(LOG)))
    assert await database.read(lambda c: push_tokens_of(c, ["cust-1", "cust-2"])) == []
    assert (await database.read(lambda c: devices_by_id(c, ["dev-1"])))[0].push_platform is None
    await database.stop()


async def test_push_tokens_of_a_customer_are_bounded(client: httpx.AsyncClient) -> None:
    """Those registered last stay."""
    devices = [
        await registered(client, "cust-4", token=f"{number:064x}") for number in range(PUSH_TOKENS_PER_CUSTOMER_MAX + 2)
    ]
    kept = {id for id, _ in await pushed_to(client, "cust-4")}
    assert len(kept) == PUSH_TOKENS_PER_CUSTOMER_MAX
    assert devices[-1].id in kept


async def test_what_was_registered_with_a_revoked_token_is_ended(client: httpx.AsyncClient) -> None:
    """By the access token's id; or a customer's up to a moment, and those that do not say when."""
    names = {"a": ("jti-a", 100), "b": ("jti-b", 200), "c": ("jti-c", None)}
    made = {
        name: (await registered(client, "cust-2", token=name * 64, signedInWith=jti, signedInAt=at)).id
        for name, (jti, at) in names.items()
    }
    assert (await client.post("/push-tokens/revoke", json={"tokenId": "jti-a"})).status_code == 204
    assert {id for id, _ in await pushed_to(client, "cust-2")} == {made["b"], made["c"]}
    await client.post("/push-tokens/revoke", json={"customerId": "cust-2", "issuedBefore": 199.5})
    assert await pushed_to(client, "cust-2") == [(made["b"], "b" * 64)]
    await client.post("/push-tokens/revoke", json={"customerId": "cust-3", "issuedBefore": 1e9})
    assert await pushed_to(client, "cust-2") == [(made["b"], "b" * 64)]
    assert code(await client.post("/push-tokens/revoke", json={})) == (400, "BAD_INPUT")


BAD_TOKENS: list[tuple[dict[str, str], tuple[int, str]]] = [
    ({"customerId": "cust-1"}, (404, "NOT_FOUND")),
    ({"token": "zz" * 32}, (400, "BAD_PUSH_TOKEN")),
    ({"token": "ab"}, (400, "BAD_PUSH_TOKEN")),
    ({"token": "ab" * 201}, (400, "BAD_PUSH_TOKEN")),
    ({"platform": "FCM", "token": "x" * 31 + " "}, (400, "BAD_PUSH_TOKEN")),
    ({"platform": "PIGEON"}, (400, "BAD_INPUT")),
]


async def test_a_bad_push_token_is_refused(client: httpx.AsyncClient) -> None:
    """The device must be the customer's, and the token one of its platform; no answer repeats it."""
    made = await registered(client, "cust-2")
    for change, refusal in BAD_TOKENS:
        answer = await client.put(f"/devices/{made.id}/push-token", json=push_token("cust-2") | change)
        assert code(answer) == refusal, change
        assert change.get("token", IPHONE) not in answer.text
    assert await pushed_to(client, "cust-2") == [(made.id, IPHONE)]


PREFERENCES = {
    "customerId": "cust-1",
    "minimumSeverity": "HIGH",
    "pushEnabled": False,
    "mutedKinds": ["VELOCITY", "LOGIN", "LOGIN"],
    "quietHours": {"start": "22:00", "end": "07:30"},
    "smsEnabled": True,
    "channels": [{"kind": "LOGIN", "channels": ["SMS", "PUSH"]}, {"kind": "LOW_BALANCE", "channels": ["PUSH"]}],
}


LOGIN_BY_SMS = {"kind": "LOGIN", "channels": ["SMS"]}


def test_preferences_stored_before_sms_existed_are_read() -> None:
    """What was stored stays as it was, and SMS is off until the customer turns it on."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(SCHEMA)
    before = (
        b'{"customerId":"cust-1","minimumSeverity":"HIGH","pushEnabled":true,"mutedKinds":["LOGIN"],'
        b'"quietHours":{"start":"22:00","end":"07:30"}}'
    )
    connection.execute("INSERT INTO customers VALUES ('cust-1', 'A', 'B', 'en', 'UTC', 'DE')")
    connection.execute("INSERT INTO preferences VALUES ('cust-1', ?)", (before,))
    (read_back,) = preferences_of(connection, ["cust-1"])
    connection.close()
    assert read_back == NotificationPreferences(
        "cust-1", "HIGH", True, ["LOGIN"], QuietHours("22:00", "07:30"), sms_enabled=False, channels=[]
    )


async def test_preferences_are_the_defaults_until_they_are_set(client: httpx.AsyncClient) -> None:
    """What was put is what is read, each muted kind once."""
    assert (await client.put("/preferences", json=PREFERENCES)).status_code == 200
    read_back = await read(
        client, "/preferences?customerId=cust-1&customerId=cust-2&customerId=no", list[NotificationPreferences]
    )
    first, second = sorted(read_back, key=lambda one: one.customer_id)
    assert (first.minimum_severity, first.muted_kinds, first.quiet_hours.end) == (
        "HIGH",
        ["LOGIN", "VELOCITY"],
        "07:30",
    )
    assert first.sms_enabled
    assert [(one.kind, one.channels) for one in first.channels] == [
        ("LOGIN", ["SMS", "PUSH"]),
        ("LOW_BALANCE", ["PUSH"]),
    ]
    assert second == NotificationPreferences("cust-2", "INFO", push_enabled=True, muted_kinds=[])


BAD_PREFERENCES: list[tuple[dict[str, Any], tuple[int, str], str]] = [
    ({"minimumSeverity": "LOUD"}, (400, "UNKNOWN_SEVERITY"), "/minimumSeverity"),
    ({"mutedKinds": ["LOGIN", "NOISE"]}, (400, "UNKNOWN_KIND"), "/mutedKinds/1"),
    ({"quietHours": {"start": "22:00", "end": "24:00"}}, (400, "BAD_TIME"), "/quietHours/end"),
    ({"quietHours": {"start": "22:00", "end": "22:00"}}, (400, "BAD_TIME"), "/quietHours/end"),
    ({"channels": [{"kind": "NOISE", "channels": ["SMS"]}]}, (400, "UNKNOWN_KIND"), "/channels/0/kind"),
    ({"channels": [LOGIN_BY_SMS, LOGIN_BY_SMS]}, (400, "UNKNOWN_KIND"), "/channels/1/kind"),
    ({"channels": [LOGIN_BY_SMS | {"channels": []}]}, (400, "BAD_CHANNELS"), "/channels/0/channels"),
    ({"channels": [LOGIN_BY_SMS | {"channels": ["PIGEON"]}]}, (400, "BAD_CHANNELS"), "/channels/0/channels"),
    ({"channels": [LOGIN_BY_SMS | {"channels": ["SMS"] * 2}]}, (400, "BAD_CHANNELS"), "/channels/0/channels"),
    ({"customerId": "nobody"}, (404, "NOT_FOUND"), "/customerId"),
]


@reading
async def test_bad_preferences_are_refused(reader: httpx.AsyncClient) -> None:
    """The refusal points at what is wrong."""
    for change, refusal, pointer in BAD_PREFERENCES:
        answer = await reader.put("/preferences", json=PREFERENCES | change)
        assert (code(answer), answer.json()["pointer"]) == (refusal, pointer), change


@reading
async def test_a_malformed_body_is_refused(reader: httpx.AsyncClient) -> None:
    """What is not JSON, or JSON of no reasonable depth, is the caller's fault."""
    for body in (b"{", b"", b"\xff", b"[" * 50_000, b'{"mutedKinds":' * 50_000):
        answer = await reader.put("/preferences", content=body, headers={"content-type": "application/json"})
        assert code(answer) == (400, "BAD_INPUT"), body[:20]
        assert "'data'" not in answer.json()["detail"], body[:20]


WRONG_PLACES = {
    "/accounts?" + "&".join(["id=a"] * 501): "/id",
    "/holdings?" + "&".join(["accountId=a"] * 501): "/accountId",
    "/balances/days?accountId=a&from=2026-02-30&to=2026-03-01": "/from",
}


@reading
async def test_a_refusal_names_what_the_caller_wrote(reader: httpx.AsyncClient) -> None:
    """Parameters by their names on the wire, fields by their place in the body."""
    found = {url: (await reader.get(url)).json().get("pointer") for url in WRONG_PLACES}
    assert found == WRONG_PLACES
    missing = await reader.put("/preferences", json={"minimumSeverity": "LOW"})
    assert missing.json()["pointer"] == "/customerId"
    wrong = {"customerId": "cust-1", "minimumSeverity": "LOW", "pushEnabled": True, "mutedKinds": ["LOGIN", 5]}
    assert (await reader.put("/preferences", json=wrong)).json()["pointer"] == "/mutedKinds/1"


@reading
async def test_what_is_not_there_is_a_problem_too(reader: httpx.AsyncClient) -> None:
    """Never a page."""
    for path in ("/", "/nothing", "/nothing/here", "/docs", "/openapi.yaml"):
        answer = await reader.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json"), path


@reading
async def test_changes_that_are_kept_are_replayed(reader: httpx.AsyncClient) -> None:
    """A gateway that comes back gets what changed after its offset."""
    answer = await reader.get("/accounts/changes?after=5&wait=0")
    found = msgspec.json.Decoder(AccountChange).decode_lines(answer.content)
    assert {(change.offset, change.account_id) for change in found} >= {(6, "acc-2"), (11, "acc-1")}


@reading
async def test_a_stream_from_now_says_where_that_is(reader: httpx.AsyncClient) -> None:
    """Its first line is the offset to come back with."""
    answer = await reader.get("/accounts/changes?after=-1&wait=0")
    assert answer.content == b'{"offset":%d}\n' % len(LOG)


async def test_a_restart_goes_on_where_the_projection_was(tmp_path: Path) -> None:
    """The whole log told again changes nothing that was applied."""
    for _ in range(2):
        async with served(tmp_path, LOG) as client:
            found = await read(client, "/balances?accountId=acc-1", list[Balance])
        assert found[0].amount.amount == "6.00"


@reading
async def test_a_ready_service_hears_the_log(reader: httpx.AsyncClient) -> None:
    """Readiness names the store and the log."""
    answer = await reader.get("/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"checks": {"store": True, "eventLog": True, "tasks": True}})


async def test_a_service_without_its_log_is_not_ready(tmp_path: Path) -> None:
    """It still answers what it knows."""
    async with serving(tmp_path, None, events_url="http://127.0.0.1:9") as client:
        answer = await client.get("/health/ready")
        assert (answer.status_code, answer.json()["checks"]["eventLog"]) == (503, False)
        assert (await client.get("/customers/all")).json() == []


async def test_a_service_token_is_demanded(tmp_path: Path) -> None:
    """Without the bearer token nothing but health is answered."""
    async with served(tmp_path, [], service_token="t" * 32) as client:
        assert code(await client.get("/customers/all")) == (401, "UNAUTHENTICATED")
        assert (await client.get("/health/live")).status_code == 200


async def test_metrics_tell_how_far_the_projection_is(client: httpx.AsyncClient) -> None:
    """By the offset applied last."""
    assert f"belfry_accounts_applied_offset {len(LOG)}.0" in (await client.get("/metrics")).text
