"""Facts about a manifest that withdraws a document while it runs, on real sockets."""

import asyncio
from pathlib import Path

import httpx
import msgspec
import pytest
import strawberry
from starlette.applications import Starlette

from contracts.settings import Settings
from gateway.engines import Assembly
from gateway.operations_command import SIGNING_KEY
from gateway.operations_manifest import document_id
from tests.sockets.test_websocket import hear, let_in, opened, say
from tests.unit.gateway.test_operations_command import PRIVATE_KEY, PUBLIC_KEY, release

TICKING = "subscription Ticking { ticking { name } }"
SILENT = "subscription Silent { silent { name } }"


@pytest.fixture
def manifest(schema: strawberry.Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(SIGNING_KEY, PRIVATE_KEY)
    path = tmp_path / "operations.json"
    release(path, schema, TICKING, SILENT)
    return path


@pytest.fixture
def settings(settings: Settings, manifest: Path) -> Settings:
    return msgspec.structs.replace(
        settings, documents="only", documents_manifest=str(manifest), documents_key=PUBLIC_KEY
    )


async def test_what_is_withdrawn_ends_where_it_runs(
    address: str, app: Starlette, assembly: Assembly, schema: strawberry.Schema, manifest: Path, token: str
) -> None:
    """At once and with its code, on events and on a socket; the socket and its other subscriptions go on."""
    assert assembly.trusted is not None
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    async with opened(address) as socket, httpx.AsyncClient(timeout=5) as http, asyncio.timeout(10):
        await let_in(socket, token)
        for id, text in (("silent", SILENT), ("ticking", TICKING)):
            await say(socket, type="subscribe", id=id, payload={"documentId": document_id(text)})
        assert (await hear(socket))["id"] == "ticking"
        url, body = f"http://{address}/graphql", {"documentId": document_id(SILENT)}
        async with http.stream("POST", url, json=body, headers=headers) as events:
            follow = assembly.trusted.follow(assembly.engine.prepare, app.state.draining.reconsider, every_s=0.001)
            following = asyncio.create_task(follow)
            release(manifest, schema, TICKING)
            told = (await events.aread()).decode()
        while (heard := await hear(socket))["id"] != "silent":
            assert heard["type"] == "next"
        after = await hear(socket)
        following.cancel()
    assert '"UNTRUSTED_DOCUMENT"' in told
    assert told.endswith("event: complete\ndata:\n\n")
    assert (heard["type"], heard["payload"][0]["extensions"]["code"]) == ("error", "UNTRUSTED_DOCUMENT")
    assert (after["type"], after["id"]) == ("next", "ticking")
