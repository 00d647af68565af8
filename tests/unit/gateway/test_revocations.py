"""Facts about revoked tokens: what is refused, what ends, what is remembered, and who may revoke."""

import asyncio
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from joserfc import jws

from contracts.failures import Overloaded, Rejected, Unavailable
from contracts.settings import Settings
from gateway import revocations as module
from gateway.edge import create_edge
from gateway.engines import Assembly
from gateway.identity import Authenticator
from gateway.revocation_route import EndPushes
from gateway.revocation_stores import Revocation, RevocationFile, RevocationMemory, RevocationStore
from gateway.revocations import KEPT_S, Revocations
from resolvers.principal import Principal

NOW = 1_800_000_000.0


def principal(customer_id: str = "c1", jti: str = "t1", issued_at: int | None = int(NOW) - 60) -> Principal:
    return Principal(customer_id, customer_id, frozenset(), NOW + 60, token_id=jti, issued_at=issued_at)


def in_memory(now: float = NOW) -> Revocations:
    return Revocations(RevocationMemory(), lambda: now)


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> RevocationStore:
    """Each store there is."""
    return RevocationMemory() if request.param == "memory" else RevocationFile(tmp_path / "revocations.ndjson")


async def test_one_token_is_revoked_by_its_id() -> None:
    """No other of the same customer."""
    revocations = in_memory()
    await revocations.revoke(Revocation(token_id="t1"))
    assert revocations.covers(principal())
    assert not revocations.covers(principal(jti="t2"))


@pytest.mark.parametrize(("issued_at", "covered"), [(-61, True), (-60, True), (-59, False), (None, True)])
async def test_a_customers_older_tokens_are_revoked(issued_at: int | None, covered: bool) -> None:
    """Those issued up to the moment, and any that does not say when."""
    revocations = in_memory()
    await revocations.revoke(Revocation(customer_id="c1", issued_before=NOW - 60))
    issued = None if issued_at is None else int(NOW) + issued_at
    assert revocations.covers(principal(issued_at=issued)) is covered
    assert not revocations.covers(principal("c2", issued_at=issued))


async def test_an_earlier_moment_does_not_undo_a_later_one() -> None:
    """What is in force is answered."""
    revocations = in_memory()
    await revocations.revoke(Revocation(customer_id="c1"))
    assert (await revocations.revoke(Revocation(customer_id="c1", issued_before=5.0))).issued_before == NOW
    assert revocations.covers(principal())


WRONG = [
    Revocation(),
    Revocation(token_id=""),
    Revocation(token_id="t", customer_id="c"),
    Revocation(customer_id="c" * 300),
    Revocation(customer_id="c", issued_before=NOW + 1),
    Revocation(customer_id="c", issued_before=float("nan")),
]


@pytest.mark.parametrize("wanted", WRONG)
async def test_what_names_nothing_is_refused(wanted: Revocation) -> None:
    """Neither, both, too long, or a moment to come."""
    with pytest.raises(Rejected):
        await in_memory().revoke(wanted)


async def test_a_full_list_refuses_and_forgets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A revocation is never dropped for another."""
    monkeypatch.setattr(module, "REVOCATIONS_MAX", 1)
    revocations = in_memory()
    await revocations.revoke(Revocation(token_id="t1"))
    with pytest.raises(Overloaded):
        await revocations.revoke(Revocation(token_id="t2"))
    assert revocations.covers(principal())


async def test_revocations_outlive_the_process(store: RevocationStore) -> None:
    """They are read again, but for those that are over."""
    await Revocations(store, lambda: NOW).revoke(Revocation(token_id="t1"))
    await Revocations(store, lambda: NOW + KEPT_S / 2).revoke(Revocation(customer_id="c2"))
    assert len(Revocations(store, lambda: NOW + KEPT_S / 2)) == 2
    later = Revocations(store, lambda: NOW + KEPT_S)
    assert (later.covers(principal()), later.covers(principal("c2"))) == (False, True)
    assert len(store.read()) == 1


async def test_a_torn_line_is_dropped_and_a_damaged_one_stops_the_start(tmp_path: Path) -> None:
    """The first was never acknowledged, the second was."""
    path = tmp_path / "revocations.ndjson"
    await Revocations(RevocationFile(path), lambda: NOW).revoke(Revocation(token_id="t1"))
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:20])
    assert len(Revocations(RevocationFile(path), lambda: NOW)) == 1
    assert path.read_bytes() == whole
    path.write_bytes(b"damaged\n" + whole)
    with pytest.raises(msgspec.MsgspecError):
        Revocations(RevocationFile(path), lambda: NOW)


async def test_what_is_not_stored_is_not_acknowledged(tmp_path: Path) -> None:
    """The operator is told to try again."""
    folder = tmp_path / "folder"
    revocations = Revocations(RevocationFile(folder / "revocations.ndjson"), lambda: NOW)
    shutil.rmtree(folder)
    with pytest.raises(Unavailable):
        await revocations.revoke(Revocation(token_id="t1"))
    assert not revocations.covers(principal())


async def test_processes_on_one_disk_follow_each_others_revocations(tmp_path: Path) -> None:
    """What one revokes ends what runs at the other."""
    path = tmp_path / "revocations.ndjson"
    one, other = (Revocations(RevocationFile(path), lambda: NOW) for _ in range(2))
    following = asyncio.create_task(other.follow())
    revoked = asyncio.Event()
    watch = other.watch(principal(), revoked.set)
    await one.revoke(Revocation(token_id="t1"))
    async with asyncio.timeout(5):
        await revoked.wait()
    watch.close()
    assert other.covers(principal())
    following.cancel()


async def test_what_a_crash_left_of_a_line_does_not_spoil_the_next(tmp_path: Path) -> None:
    """It was never acknowledged, and another process goes on writing."""
    path = tmp_path / "revocations.ndjson"
    revocations = Revocations(RevocationFile(path), lambda: NOW)
    await revocations.revoke(Revocation(token_id="t1"))
    with path.open("ab") as file:
        file.write(b'{"tokenId": "t')
    await revocations.revoke(Revocation(token_id="t2"))
    assert [one.token_id for one in RevocationFile(path).read()] == ["t1", "t2"]


def token_id_of(token: str) -> str:
    found: str = msgspec.json.decode(jws.extract_compact(token.encode()).payload)["jti"]
    return found


async def test_a_revoked_token_is_refused_though_it_was_believed(
    client: httpx.AsyncClient, token: str, revocations: Revocations
) -> None:
    """From the next request on."""
    assert (await client.post("/graphql", json={"query": "{ hello }"})).status_code == 200
    await revocations.revoke(Revocation(token_id=token_id_of(token)))
    response = await client.post("/graphql", json={"query": "{ hello }"})
    assert (response.status_code, response.json()["errors"][0]["message"]) == (401, "The token has been revoked.")


async def test_nothing_is_kept_of_a_watch_that_ended() -> None:
    """The list does not grow with the number of sockets there have been."""
    revocations = in_memory()
    for number in range(3):
        watch = revocations.watch(principal(jti=f"t{number}"), lambda: None)
        assert len(revocations._watched) == 2
        watch.close()
        watch.close()
    assert not revocations._watched


async def test_a_watch_tells_once_and_not_after_its_end() -> None:
    """Once for a token and its customer together, and nobody who left before it was told."""
    revocations = in_memory()
    await revocations.revoke(Revocation(token_id="t1"))
    told: list[str] = []
    watch = revocations.watch(principal(), lambda: told.append("stayed"))
    revocations.watch(principal(), lambda: told.append("left")).close()
    await revocations.revoke(Revocation(customer_id="c1"))
    await asyncio.sleep(0)
    assert told == ["stayed"]
    watch.close()


Edge = Callable[..., httpx.AsyncClient]


@pytest.fixture
def edge(assembly: Assembly, authenticator: Authenticator, settings: Settings) -> Edge:
    """Return how to make a client of an edge with other settings."""

    async def ready() -> dict[str, bool]:
        return {}

    def build(peer: str = "127.0.0.1", end_pushes: EndPushes | None = None, **changes: Any) -> httpx.AsyncClient:
        changed = msgspec.structs.replace(settings, **changes)
        app = create_edge(
            changed,
            engine=assembly.engine,
            authenticator=authenticator,
            rates=assembly.rates,
            checks=ready,
            end_pushes=end_pushes,
        )
        return httpx.AsyncClient(transport=httpx.ASGITransport(app, client=(peer, 1)), base_url="http://testserver")

    return build


SERVICE_TOKEN = "s" * 32
BY_TOKEN = {"tokenId": "t1"}


async def test_an_operator_revokes(edge: Edge, revocations: Revocations) -> None:
    """With the service token; the answer is what is in force."""
    async with edge("203.0.113.9", service_token=SERVICE_TOKEN) as client:
        headers = {"Authorization": f"Bearer {SERVICE_TOKEN}"}
        response = await client.post("/revocations", json={"customerId": "c1"}, headers=headers)
    assert response.status_code == 200
    assert response.json()["issuedBefore"] == pytest.approx(time.time(), abs=60)
    assert revocations.covers(principal(issued_at=int(NOW) - 10**9))


@pytest.mark.parametrize(
    ("peer", "changes"),
    [
        ("127.0.0.1", {}),
        ("203.0.113.9", {"demo": True}),
        ("127.0.0.1", {"service_token": SERVICE_TOKEN, "demo": True}),
    ],
)
async def test_to_others_the_path_does_not_exist(
    edge: Edge, revocations: Revocations, peer: str, changes: dict[str, Any]
) -> None:
    """Without the token; without any token outside the demo; from elsewhere in the demo."""
    async with edge(peer, **changes) as client:
        assert (await client.post("/revocations", json=BY_TOKEN)).status_code == 404
    assert len(revocations) == 0


async def test_what_is_revoked_is_pushed_nothing_more(edge: Edge, revocations: Revocations) -> None:
    """Told with the moment that is in force; while that cannot be done the operator is told to try again."""
    told: list[Revocation] = []

    async def end_pushes(revocation: Revocation) -> None:
        told.append(revocation)
        if len(told) == 1:
            raise Unavailable("The account service does not answer.")

    async with edge(demo=True, end_pushes=end_pushes) as client:
        statuses = [(await client.post("/revocations", json={"customerId": "c1"})).status_code for _ in range(2)]
    assert statuses == [503, 200]
    assert {one.customer_id for one in told} == {"c1"}
    assert all(one.issued_before for one in told)
    assert revocations.covers(principal(issued_at=int(NOW) - 10**9))


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("text/plain", b'{"tokenId":"t1"}', 415),
        ("application/json", b"{", 400),
        ("application/json", b"\xff", 400),
        ("application/json", b"{}", 400),
        ("application/json", b'{"tokenId":"t1","more":1}', 400),
        ("application/json", b'{"tokenId":"' + b"x" * 3000 + b'"}', 413),
    ],
)
async def test_a_bad_body_is_refused(edge: Edge, content_type: str, body: bytes, status: int) -> None:
    """Anything but JSON too, so that no page of another site can send it."""
    async with edge(demo=True) as client:
        response = await client.post("/revocations", content=body, headers={"Content-Type": content_type})
    assert response.status_code == status
