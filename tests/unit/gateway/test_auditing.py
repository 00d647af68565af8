"""Facts about what becomes an audit record, with the bank's own schema over services that answer."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from contracts.audit import AuditKind, AuditRecord
from contracts.failures import Forbidden, Overloaded, Unauthenticated, Unavailable
from contracts.settings import Settings
from gateway import audit as audit_module
from gateway.auditing import STRANGERS_PER_S_MAX, Auditor
from gateway.callers import Caller
from gateway.engines import Assembly, assemble_engine
from gateway.operations import Operation
from gateway.telemetry import Transport
from resolvers.node_ids import encode_node_id
from resolvers.principal import Principal
from tests.unit.resolvers.services import ANNA, SCHEMA, Feed, Services, context_of, delivered

CALLER = Caller(
    Principal(ANNA, ANNA, frozenset({"accounts", "alerts", "cards"}), 2e9, acr="strong", token_id="t-7"),
    Transport.HTTP,
    "trace-1",
)
ALERTS = "{ viewer { alerts { nodes { title } } } }"
FREEZE = "mutation Mine($id: ID!) { x: freezeCard(id: $id) { __typename } }"
CARD = encode_node_id("Card", "card-a")
FOREIGN_CARD = encode_node_id("Card", "card-b")


def records(folder: Path) -> list[AuditRecord]:
    lines = b"".join(path.read_bytes() for path in sorted((folder / "audit").glob("*.ndjson"))).splitlines()
    return [msgspec.json.decode(line, type=AuditRecord) for line in lines]


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncGenerator[Assembly]:
    """An engine over Anna's and Ben's services; the feed has two alerts, one of them hidden from this subscriber."""
    settings = Settings(data_dir=tmp_path, step_up_acrs="strong")
    feed = Feed([delivered(1), delivered(2)])
    assembled = assemble_engine(settings, SCHEMA, lambda caller: context_of(Services(), caller.customer_id, feed))
    yield assembled
    await assembled.audit.close()


async def run(bank: Assembly, text: str, caller: Caller = CALLER, **variables: Any) -> list[Any]:
    """Execute an operation, let its records be written, and return its answers."""
    selected = await bank.engine.select(Operation(query=text, variables=variables), caller)
    answers = [answer async for answer in bank.engine.answers(selected, caller)]
    await bank.audit.close()
    return answers


async def test_a_mutation_is_recorded_with_what_it_is_about(bank: Assembly, tmp_path: Path) -> None:
    """Who, by which token, which field of the schema, which object, how it ended; whatever names its client chose."""
    await run(bank, FREEZE, id=CARD)
    [record] = records(tmp_path)
    assert (record.kind, record.outcome, record.customer_id) == (AuditKind.MUTATION, "DONE", ANNA)
    assert (record.token_id, record.trace_id) == ("t-7", "trace-1")
    assert (record.actions, record.subjects, record.operation) == (["freezeCard"], [CARD], "Mine")


async def test_a_mutation_on_what_is_not_the_callers_is_recorded(bank: Assembly, tmp_path: Path) -> None:
    """Its outcome is known although the client did not ask for the errors."""
    await run(bank, FREEZE, id=FOREIGN_CARD)
    [record] = records(tmp_path)
    assert (record.outcome, record.subjects) == ("NOT_FOUND", [FOREIGN_CARD])


async def test_nothing_a_client_wrote_but_names_is_recorded(bank: Assembly, tmp_path: Path) -> None:
    """No variables, whatever they hold."""
    await run(bank, FREEZE, id="DE89370400440532013000")
    assert "DE89" not in str(records(tmp_path))


async def test_alerts_of_a_list_are_recorded_though_no_id_was_asked_for(bank: Assembly, tmp_path: Path) -> None:
    """What was shown comes from the resolvers, not from the answer."""
    [answer] = await run(bank, ALERTS)
    [record] = records(tmp_path)
    [shown] = record.shown
    assert (record.kind, shown.actions, shown.customer_id) == (AuditKind.ALERT_SHOWN, ["viewer"], ANNA)
    assert len(shown.subjects) == len(answer["data"]["viewer"]["alerts"]["nodes"]) > 0


async def test_a_query_shows_no_alert_while_what_was_shown_cannot_be_written(bank: Assembly, tmp_path: Path) -> None:
    """It fails closed, whole; what shows none goes on, and so does it once the disk is back."""
    (tmp_path / "audit").write_bytes(b"a file in its place")
    with pytest.raises(Unavailable):
        await run(bank, FREEZE, id=CARD)
    with pytest.raises(Unavailable) as failed:
        await run(bank, ALERTS)
    assert failed.value.reason == "AUDIT_FAILED"
    other = await bank.engine.select(Operation(query="{ viewer { accounts { displayName } } }"), CALLER)
    assert "errors" not in await bank.engine.execute(other, CALLER)
    (tmp_path / "audit").unlink()
    await bank.audit.settled()
    assert "errors" not in (await run(bank, ALERTS))[0]
    assert [len(record.shown) for record in records(tmp_path)] == [1]


async def test_alerts_of_the_feed_are_recorded_each(bank: Assembly, tmp_path: Path) -> None:
    """With who was shown it, whatever was selected; what is carried at once is in one record."""
    await run(bank, "subscription Mine { alertFeed { __typename } }")
    found = records(tmp_path)
    assert {record.kind for record in found} == {AuditKind.ALERT_SHOWN}
    shown = [showing for record in found for showing in record.shown]
    assert [showing.subjects for showing in shown] == [[encode_node_id("Alert", f"alert-{n}")] for n in (1, 2)]
    assert {(one.customer_id, one.token_id, one.trace_id, one.operation) for one in shown} == {
        (ANNA, "t-7", "trace-1", "Mine")
    }


async def test_a_stream_shows_nothing_while_what_it_showed_cannot_be_written(bank: Assembly, tmp_path: Path) -> None:
    """It fails closed: it waits, and goes on where it was once the disk is back, with a record of every alert."""
    (tmp_path / "audit").write_bytes(b"a file in its place")
    with pytest.raises(Unavailable):
        await run(bank, FREEZE, id=CARD)
    taking = asyncio.create_task(run(bank, "subscription { alertFeed { __typename } }"))
    for _ in range(20):
        await asyncio.sleep(0)
    assert bank.engine.auditor.log.holding
    assert not taking.done()
    (tmp_path / "audit").unlink()
    assert len(await taking) >= 2
    shown = [showing.subjects for record in records(tmp_path) for showing in record.shown]
    assert shown == [[encode_node_id("Alert", f"alert-{n}")] for n in (1, 2)]


async def test_a_forged_cursor_is_recorded(bank: Assembly, tmp_path: Path) -> None:
    """A refusal, without the cursor."""
    await run(bank, 'subscription { alertFeed(after: "forged") { __typename } }')
    [record] = records(tmp_path)
    assert (record.kind, record.outcome, record.actions) == (AuditKind.REFUSAL, "BAD_CURSOR", ["alertFeed"])


async def test_a_refusal_names_the_field(bank: Assembly, tmp_path: Path) -> None:
    """Before anything was executed."""
    with pytest.raises(Forbidden):
        await run(bank, 'mutation { removeDevice(id: "x") { __typename } }')
    [record] = records(tmp_path)
    assert (record.kind, record.outcome, record.actions) == (AuditKind.REFUSAL, "MISSING_SCOPE", ["removeDevice"])


async def test_other_queries_are_not_recorded(bank: Assembly, tmp_path: Path) -> None:
    """Reading one's own accounts is no event."""
    await run(bank, "{ viewer { accounts { displayName } } }")
    assert records(tmp_path) == []


async def test_a_full_line_stops_mutations_before_they_begin(
    bank: Assembly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is done that could not be recorded; reading alerts goes on, and is recorded in a line of its own."""
    monkeypatch.setattr(audit_module, "QUEUE_MAX", 0)
    with pytest.raises(Overloaded):
        await run(bank, FREEZE, id=CARD)
    [answer] = await run(bank, ALERTS)
    assert "errors" not in answer
    assert [record.kind for record in records(tmp_path)] == [AuditKind.ALERT_SHOWN]


async def test_a_failing_disk_stops_mutations_before_they_begin(bank: Assembly, tmp_path: Path) -> None:
    """Once a write failed the intent is written ahead, until the disk is well again."""
    (tmp_path / "audit").write_bytes(b"a file in its place")
    for _ in range(2):
        with pytest.raises(Unavailable):
            await run(bank, FREEZE, id=CARD)
    (tmp_path / "audit").unlink()
    await run(bank, FREEZE, id=CARD)
    await run(bank, FREEZE, id=CARD)
    assert [record.kind for record in records(tmp_path)] == [
        AuditKind.INTENT,
        AuditKind.MUTATION,
        AuditKind.MUTATION,
    ]


async def test_requests_without_a_token_are_recorded_within_bounds(assembly: Assembly, tmp_path: Path) -> None:
    """So many a second; a stranger cannot fill the disk."""
    auditor = Auditor(assembly.audit, clock=lambda: 5.0)
    for _ in range(STRANGERS_PER_S_MAX + 10):
        auditor.stranger("trace", Unauthenticated("No."))
    await assembly.audit.close()
    assert len(records(tmp_path)) == STRANGERS_PER_S_MAX


async def test_a_bad_token_is_recorded(anonymous: httpx.AsyncClient, assembly: Assembly, tmp_path: Path) -> None:
    """Under the request's id and without the token."""
    response = await anonymous.post("/graphql", json={}, headers={"Authorization": "Bearer stolen"})
    await assembly.audit.close()
    [record] = records(tmp_path)
    assert (record.outcome, record.customer_id) == ("UNAUTHENTICATED", "")
    assert record.trace_id == response.headers["x-request-id"]
