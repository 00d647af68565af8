"""The analytics service over HTTP: what the gateway and operators see."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec
import pytest
import pytest_asyncio

from contracts.alerts import AlertLogEntry, AlertLogPage, AlertPage, AnyAlert, LogEntryKind
from contracts.insights import SpendingReport
from contracts.rules import AlertRule, AlertRulePreview
from contracts.vocabulary import AlertState
from services.analytics.alert_streams import follow, start_of
from services.analytics.signals import Signal
from services.analytics.tables import SCHEMA
from services.database import Database
from tests.unit.services.analytics.logs import at, people
from tests.unit.services.analytics.serving import Clock, WrittenLog, served

reading = pytest.mark.asyncio(loop_scope="module")
"""A test in the loop of `reader`."""
MINE = {
    "customerId": "cust-1",
    "name": "Over ten",
    "severity": "LOW",
    "condition": {"kind": "AMOUNT", "amount": {"amount": "10.00", "currency": "EUR"}, "direction": "DBIT"},
}


def two_payments() -> WrittenLog:
    """Return a log in which the joint account was overdrawn and then paid from largely."""
    return WrittenLog(people().pay("-20.00", category="DINING").pay("-2000.00", time=at(1), category="TRAVEL"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reader(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the one service of all tests that only read."""
    async with served(tmp_path_factory.mktemp("analytics"), two_payments(), Clock()) as client:
        yield client


@pytest.fixture
def written() -> WrittenLog:
    return two_payments()


@pytest.fixture
async def client(tmp_path: Path, written: WrittenLog) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service of the test's own, for those that change something."""
    async with served(tmp_path, written, Clock()) as client:
        yield client


async def page(client: httpx.AsyncClient, query: str = "") -> AlertPage:
    answer = await client.get(f"/alerts?customerId=cust-1{query}")
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=AlertPage)


async def alert_log(client: httpx.AsyncClient, after: int = 0) -> AlertLogPage:
    answer = await client.get(f"/alert-log?customerId=cust-1&after={after}")
    return msgspec.json.decode(answer.content, type=AlertLogPage)


async def unread(client: httpx.AsyncClient) -> int:
    answer = await client.get("/alerts/unread-counts?customerId=cust-1&customerId=nobody")
    assert answer.json()["nobody"] == 0
    return int(answer.json()["cust-1"])


def seqs(of: AlertPage) -> list[int]:
    return [edge.node.seq for edge in of.edges]


@reading
async def test_alerts_are_paged_newest_first_and_filtered(reader: httpx.AsyncClient) -> None:
    """Cursors go on after the last one; state, kind and severity narrow."""
    first = await page(reader, "&first=1")
    rest = await page(reader, f"&after={first.edges[0].cursor}")
    assert (seqs(first), first.has_next_page, seqs(rest), rest.has_next_page) == ([2], True, [1], False)
    assert seqs(await page(reader, "&kind=LOW_BALANCE")) == [1]
    assert seqs(await page(reader, "&minimumSeverity=HIGH")) == [1]
    assert seqs(await page(reader, "&state=READ&state=DISMISSED")) == []
    assert seqs(await page(reader, "&state=NEW&kind=LARGE_TRANSACTION&kind=LOGIN")) == [2]


@reading
async def test_a_page_that_cannot_be_is_refused(reader: httpx.AsyncClient) -> None:
    """Out of bounds and unknown words are a typed problem."""
    for query in ("first=0", "first=1000", "state=SAD", "kind=X", "minimumSeverity=7"):
        answer = await reader.get(f"/alerts?customerId=cust-1&{query}")
        assert (answer.status_code, answer.json()["code"]) == (400, "BAD_INPUT"), query


@reading
async def test_a_bad_cursor_is_refused(reader: httpx.AsyncClient) -> None:
    """What is not a cursor of ours has a code of its own."""
    for cursor in ("x", "12", "YWxlcnQ6eA", "🦉", "a" * 300):
        answer = await reader.get("/alerts", params={"customerId": "cust-1", "after": cursor})
        assert (answer.status_code, answer.json()["code"]) == (400, "BAD_CURSOR"), cursor


@reading
async def test_alerts_are_found_by_id_and_by_transaction(reader: httpx.AsyncClient) -> None:
    """Every customer's: the gateway filters; what does not exist is left out."""
    (newest, *_) = (await page(reader)).edges
    by_id = await reader.get("/alerts/by-id", params={"id": [newest.node.id, "nothing"]})
    about = await reader.get("/alerts/by-transaction?transactionId=t6&transactionId=t99")
    assert [alert.id for alert in msgspec.json.decode(by_id.content, type=list[AnyAlert])] == [newest.node.id]
    found = msgspec.json.decode(about.content, type=list[AnyAlert])
    assert sorted(alert.customer_id for alert in found) == ["cust-1", "cust-2"]


async def test_what_customers_do_is_in_the_same_log(client: httpx.AsyncClient) -> None:
    """Acknowledged, answered: an entry each with the alert as it is then; repeats are none."""
    newest = (await page(client)).edges[0].node
    answer = {"customerId": "cust-1", "response": "CONFIRM"}
    for _ in range(2):
        await client.post(f"/alerts/{newest.id}/acknowledge", json={"customerId": "cust-1"})
        assert (await client.post(f"/alerts/{newest.id}/respond", json=answer)).json()["state"] == "CONFIRMED"
    log = await alert_log(client)
    assert [entry.seq for entry in log.entries] == [1, 2, 3, 4]
    assert (log.first_seq, log.last_seq) == (1, 4)
    assert [(entry.kind, entry.alert.state) for entry in log.entries[1:]] == [
        (LogEntryKind.RAISED, AlertState.NEW),
        (LogEntryKind.CHANGED, AlertState.ACKNOWLEDGED),
        (LogEntryKind.CHANGED, AlertState.CONFIRMED),
    ]
    assert {entry.alert.seq for entry in log.entries[1:]} == {2}
    assert await unread(client) == 1


async def deliver(client: httpx.AsyncClient, *ids: str, stage: str = "DELIVERED", **more: str) -> httpx.Response:
    """Tell how far alerts came."""
    body = {"customerId": "cust-1", "alertIds": ids, "stage": stage, **more}
    return await client.post("/alerts/deliveries", json=body)


async def test_each_device_tells_how_far_alerts_came(client: httpx.AsyncClient) -> None:
    """Delivered leaves an alert unread, seen too, read does not; each device has its own entry, repeats have none."""
    ids = [edge.node.id for edge in (await page(client)).edges]
    for _ in range(2):
        await deliver(client, *ids, deviceId="phone")
        await deliver(client, ids[0], stage="SEEN", deviceId="phone")
    assert await unread(client) == 2
    answer = await deliver(client, ids[0], stage="READ", deviceId="tablet")
    (alert,) = answer.json()
    stages = [(each["deviceId"], each["stage"]) for each in alert["deliveries"]]
    assert (alert["state"], stages) == ("READ", [("phone", "SEEN"), ("tablet", "READ")])
    assert await unread(client) == 1
    assert [entry.kind for entry in (await alert_log(client)).entries[2:]] == [LogEntryKind.CHANGED] * 4


@reading
async def test_a_delivery_is_of_all_the_alerts_or_none(reader: httpx.AsyncClient) -> None:
    """One that is not the customer's, or a stage no device can tell, leaves all as they were."""
    own = (await page(reader)).edges[0].node.id
    answers = [await deliver(reader, own, "nothing"), await deliver(reader, own, stage="SENT"), await deliver(reader)]
    assert [(one.status_code, one.json()["code"]) for one in answers] == [
        (404, "NOT_FOUND"),
        (400, "BAD_STAGE"),
        (400, "BAD_INPUT"),
    ]
    assert (await alert_log(reader)).last_seq == 2


@reading
async def test_another_customer_s_alert_is_not_found(reader: httpx.AsyncClient) -> None:
    """Whether it exists is not told."""
    newest = (await page(reader)).edges[0].node
    for alert_id in (newest.id, "nothing"):
        answer = await reader.post(f"/alerts/{alert_id}/acknowledge", json={"customerId": "cust-2"})
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


async def test_another_answer_is_a_conflict(client: httpx.AsyncClient) -> None:
    """Dismissed stays dismissed, but for fraud."""
    newest = (await page(client)).edges[0].node
    statuses = []
    for response in ("DISMISS", "CONFIRM", "REPORT_FRAUD", "DISMISS"):
        body = {"customerId": "cust-1", "response": response}
        statuses.append((await client.post(f"/alerts/{newest.id}/respond", json=body)).status_code)
    assert statuses == [200, 409, 200, 409]


async def test_marking_read_is_up_to_a_seq_and_counts(client: httpx.AsyncClient) -> None:
    """Only what is NEW at or before it changes; the unread count is that of the list."""
    answers = []
    for up_to in (1, 1, 99):
        answer = await client.post("/alerts/mark-read", json={"customerId": "cust-1", "upToSeq": up_to})
        answers.append((answer.json()["changedCount"], answer.json()["unreadCount"]))
    assert answers == [(1, 1), (0, 1), (1, 0)]
    assert await unread(client) == len(seqs(await page(client, "&state=NEW"))) == 0


async def test_rules_are_made_changed_previewed_and_deleted(client: httpx.AsyncClient, written: WrittenLog) -> None:
    """The bank's rules are listed beside one's own; a new rule raises from the next event on."""
    preview = await client.post("/rules/preview?days=30", json=MINE)
    assert msgspec.json.decode(preview.content, type=AlertRulePreview).alert_count == 1
    created = await client.post("/rules", json=MINE)
    rule = msgspec.json.decode(created.content, type=AlertRule)
    assert (created.status_code, rule.version, rule.customer_id) == (201, 1, "cust-1")
    listed = msgspec.json.decode((await client.get("/rules?customerId=cust-1")).content, type=list[AlertRule])
    assert [each.id for each in listed].count(rule.id) == 1
    assert len([each for each in listed if each.customer_id is None]) == 8
    written.log.pay("-11.00", time=at(2))
    await written.applied()
    assert (await page(client)).edges[0].node.rule_id == rule.id
    changed = await client.put(f"/rules/{rule.id}", json=MINE | {"state": "PAUSED"})
    assert (changed.json()["version"], changed.json()["state"]) == (2, "PAUSED")
    assert (await client.delete(f"/rules/{rule.id}?customerId=cust-2")).status_code == 404
    assert (await client.delete(f"/rules/{rule.id}?customerId=cust-1")).status_code == 204
    assert (await client.get(f"/rules/by-id?id={rule.id}")).json() == []


@reading
async def test_a_refused_rule_names_its_field(reader: httpx.AsyncClient) -> None:
    """A typed problem with a pointer, whether the shape or the sense is wrong."""
    amount = {"kind": "AMOUNT", "amount": {"amount": "-5", "currency": "EUR"}}
    senseless = await reader.post("/rules", json=MINE | {"condition": amount})
    shapeless = await reader.post("/rules", json=MINE | {"condition": {"kind": "WEATHER"}})
    assert (senseless.status_code, senseless.json()["pointer"]) == (400, "/condition/amount/amount")
    assert (shapeless.status_code, shapeless.json()["code"]) == (400, "BAD_INPUT")


@reading
async def test_spending_is_read_from_what_was_applied(reader: httpx.AsyncClient) -> None:
    """The report over the account, by category."""
    answer = await reader.get("/spending?accountId=a1&from=2026-03-01&to=2026-03-31")
    report = msgspec.json.decode(answer.content, type=SpendingReport)
    assert [(group.key, group.total.amount) for group in report.groups] == [("TRAVEL", "2000.00"), ("DINING", "20.00")]


NONSENSE = [
    "/spending?accountId=a1&from=2026-03-31&to=2026-03-01",
    "/spending?accountId=a1&from=yesterday&to=2026-03-01",
    "/spending?from=2026-03-01&to=2026-03-01",
    "/spending?accountId=a1&from=2026-03-01&to=2026-03-01&currency=XXX",
    "/forecast?accountId=a1&days=0",
    "/cash-flow?accountId=a1&from=2026-03-01&to=2026-03-02&interval=HOUR",
    "/alert-log?customerId=cust-1&limit=0",
    "/alerts/stream?after=99",
    "/rules/preview?days=999",
]


@reading
async def test_a_question_that_makes_no_sense_is_refused(reader: httpx.AsyncClient) -> None:
    """Each is the caller's fault and says so."""
    for path in NONSENSE:
        answer = await (reader.post(path, json=MINE) if "preview" in path else reader.get(path))
        assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json"), path


@reading
async def test_the_end_of_the_calendar_is_a_period_like_any(reader: httpx.AsyncClient) -> None:
    """There is no next interval to be computed after its last day, nor a period before its first."""
    last = [("spending", "groupBy=DAY"), *(("cash-flow", f"interval={one}") for one in ("DAY", "WEEK", "MONTH"))]
    for path, more in last:
        for period in ("from=9999-12-01&to=9999-12-31", "from=0001-01-01&to=0001-01-31"):
            answer = await reader.get(f"/{path}?accountId=a1&{period}&{more}")
            assert answer.status_code == 200, (path, more, answer.text)


@reading
async def test_a_seq_is_bounded(reader: httpx.AsyncClient) -> None:
    """A number that no store can hold is the caller's fault."""
    for seq in (-1, 10**30):
        answer = await reader.post("/alerts/mark-read", json={"customerId": "cust-1", "upToSeq": seq})
        assert (answer.status_code, answer.json()["pointer"]) == (400, "/upToSeq")


async def test_progress_late_events_and_readiness_are_told(client: httpx.AsyncClient, written: WrittenLog) -> None:
    """How far, what came too late, and whether the dependencies answer."""
    written.log.pay("-1.00", time=at(-5))
    await written.applied()
    assert (await client.get("/projection")).json()["offset"] == 7
    (late,) = (await client.get("/late-events")).json()
    assert (late["offset"], late["eventId"], late["accountId"]) == (7, "e7", "a1")
    assert (await client.get("/late-events?after=7")).json() == []
    assert (await client.get("/health/ready")).json() == {"checks": {"store": True, "eventLog": True, "tasks": True}}
    assert "belfry_analytics_alerts_raised_total" in (await client.get("/metrics")).text


async def test_an_event_that_cannot_be_applied_is_a_dead_letter_and_the_log_goes_on(
    client: httpx.AsyncClient, written: WrittenLog
) -> None:
    """What comes with it and after it is applied; an operator sees its bytes, and that trying again fails still."""
    written.log.pay("-2.00").add("payment.booked", transactionId=5).pay("-1500.00", time=at(2))
    await written.applied()
    assert (await client.get("/projection")).json()["offset"] == 9
    assert (await alert_log(client)).last_seq == 3
    (letter,) = (await client.get("/dead-letters")).json()["items"]
    assert (letter["id"], letter["reason"]) == (8, "POISON")
    assert (await client.get("/dead-letters/8")).json() == letter
    again = await client.post("/dead-letters/8/replay")
    assert (again.status_code, again.json()["code"]) == (409, "POISON")
    for offset in (7, -1, 2**63, 10**30):
        assert (await client.get(f"/dead-letters/{offset}")).status_code == 404, offset
        assert (await client.post(f"/dead-letters/{offset}/replay")).status_code == 404, offset
    assert (await client.get("/health/ready")).status_code == 200


async def test_a_restart_goes_on_where_it_stopped(tmp_path: Path, written: WrittenLog) -> None:
    """The offset is in the store: nothing is applied twice, and what came meanwhile is."""
    async with served(tmp_path, written, Clock()) as client:
        assert (await alert_log(client)).last_seq == 2
    written.log.pay("-1500.00", time=at(2))
    again = WrittenLog(written.log)
    async with served(tmp_path, again, Clock()) as client:
        assert (await alert_log(client)).last_seq == 3


@reading
async def test_the_stream_tells_all_entries_after_an_offset(reader: httpx.AsyncClient) -> None:
    """In the order committed, over all customers; with no wait it ends at the end."""
    answer = await reader.get("/alerts/stream?after=1&wait=0")
    entries = [msgspec.json.decode(line, type=AlertLogEntry) for line in answer.content.splitlines()]
    assert [(entry.offset, entry.customer_id, entry.seq) for entry in entries] == [
        (2, "cust-2", 1), (3, "cust-1", 2), (4, "cust-2", 2),
    ]  # fmt: skip
    now = await reader.get("/alerts/stream?after=-1&wait=0")
    assert now.content == b'{"offset":4}\n'


async def test_the_stream_wakes_on_a_commit_and_beats_when_quiet(tmp_path: Path) -> None:
    """A heartbeat while nothing happens, then nothing stands between the ring and the line."""
    database, appended = Database(tmp_path / "a.sqlite3", SCHEMA), Signal()
    await database.start()
    lines = follow(database, appended, await start_of(database, -1), 30, announce=True, heartbeat_s=0.01)
    assert await anext(lines) == b'{"offset":0}\n'
    assert await anext(lines) == b"\n"
    row = ("cust-1", 1, "RAISED", at(), b'{"kind":"LOGIN"}')
    insert = "INSERT INTO alert_log (customer_id, seq, kind, at, alert) VALUES (?, ?, ?, ?, ?)"
    await database.write(lambda connection: connection.execute(insert, row).lastrowid)
    appended.wake()
    line = b"\n"
    async for line in lines:
        if line != b"\n":
            break
    assert b'"alert":{"kind":"LOGIN"}' in line
    await lines.aclose()
    await database.stop()
