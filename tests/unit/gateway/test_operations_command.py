"""Facts about releasing trusted documents: `belfry operations`, and a gateway that takes what was released."""

import asyncio
import base64
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import strawberry
from starlette.applications import Starlette

from contracts.settings import Settings
from gateway.callers import Caller
from gateway.cli import main
from gateway.document_directory import UntrustedDocument
from gateway.engines import Assembly
from gateway.execution import Selected
from gateway.exit_codes import ExitCode
from gateway.operations import Operation
from gateway.operations_command import OPERATIONS_DIR, SIGNING_KEY, sign
from gateway.operations_manifest import (
    SignedManifest,
    build_manifest,
    document_id,
    public_key_of,
)
from gateway.telemetry import Transport
from resolvers.principal import Principal

PRIVATE_KEY = base64.b64encode(bytes(range(32))).decode()
PUBLIC_KEY = public_key_of(PRIVATE_KEY)
HELLO = "query Hello { hello }"
TICKING = "subscription Ticking { ticking { name } }"
ITEM = "query Item { item { name } }"


@pytest.fixture(autouse=True)
def signing_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key of whoever releases, where it belongs."""
    monkeypatch.setenv(SIGNING_KEY, PRIVATE_KEY)


def test_belfrys_own_operations_are_built_signed_and_verified(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The three steps, as whoever releases types them; each operation is listed by id."""
    path = tmp_path / "operations.json"
    assert main(["operations", "build", "--manifest", str(path)]) == ExitCode.DONE
    listed = capsys.readouterr().out
    assert main(["operations", "verify", "--manifest", str(path), "--key", PUBLIC_KEY]) == ExitCode.FAILED
    assert "not signed" in capsys.readouterr().err
    assert main(["operations", "sign", "--manifest", str(path)]) == ExitCode.DONE
    assert capsys.readouterr().out.strip() == PUBLIC_KEY
    assert main(["operations", "verify", "--manifest", str(path), "--key", PUBLIC_KEY]) == ExitCode.DONE
    assert capsys.readouterr().out == listed
    assert len(listed.splitlines()) == len(list(OPERATIONS_DIR.glob("*.graphql")))
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_changed_manifest_is_not_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line on standard error, exit code 1."""
    path = tmp_path / "operations.json"
    assert main(["operations", "build", "--manifest", str(path)]) == ExitCode.DONE
    sign(path, {SIGNING_KEY: PRIVATE_KEY})
    path.write_bytes(path.read_bytes().replace(b"unreadAlertCount", b"unreadAlertCounts"))
    assert main(["operations", "verify", "--manifest", str(path), "--key", PUBLIC_KEY]) == ExitCode.FAILED
    assert "not signed by the key" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "key", "reason"),
    [
        (["build", "--from", "{empty}", "--manifest", "{empty}/new.json"], PRIVATE_KEY, "no *.graphql files"),
        (["build", "--manifest", "{empty}/nowhere/new.json"], PRIVATE_KEY, "No such file"),
        (["sign", "--manifest", "{empty}/none.json"], PRIVATE_KEY, "No such file"),
        (["sign", "--manifest", "{empty}/none.json"], "", f"{SIGNING_KEY} is not set"),
        (["verify", "--manifest", "{empty}/none.json"], PRIVATE_KEY, "BELFRY_DOCUMENTS_KEY"),
    ],
)
def test_what_is_missing_is_named(
    argv: list[str],
    key: str,
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No traceback, nothing written."""
    monkeypatch.setenv(SIGNING_KEY, key)
    assert main(["operations", *(word.format(empty=tmp_path) for word in argv)]) == ExitCode.WRONG_USE
    assert reason in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


class TestAGatewayThatRuns:
    """A gateway in mode `only`, while a new manifest is released."""

    @pytest.fixture
    def manifest(self, schema: strawberry.Schema, tmp_path: Path) -> Path:
        path = tmp_path / "operations.json"
        release(path, schema, HELLO)
        return path

    @pytest.fixture
    def settings(self, settings: Settings, manifest: Path) -> Settings:
        return msgspec.structs.replace(
            settings, documents="only", documents_manifest=str(manifest), documents_key=PUBLIC_KEY
        )

    async def test_what_is_released_runs_without_a_restart(
        self, client: httpx.AsyncClient, app: Starlette, assembly: Assembly, schema: strawberry.Schema, manifest: Path
    ) -> None:
        """The new operation is answered, the withdrawn one is refused, and a broken manifest changes nothing."""
        assert assembly.trusted is not None
        follow = assembly.trusted.follow(assembly.engine.prepare, app.state.draining.reconsider, every_s=0.001)
        following = asyncio.create_task(follow)
        try:
            assert await _codes(client, HELLO) == [None]
            assert await _codes(client, ITEM) == ["UNTRUSTED_DOCUMENT"]
            release(manifest, schema, ITEM)
            async with asyncio.timeout(10):
                while await _codes(client, ITEM) != [None]:
                    pass
            assert await _codes(client, HELLO) == ["UNTRUSTED_DOCUMENT"]
            await asyncio.to_thread(manifest.write_text, "broken")
            await asyncio.to_thread(assembly.trusted.reload)
            assert await _codes(client, ITEM) == [None]
            assert not following.done()
        finally:
            following.cancel()

    async def test_a_stream_goes_on_over_a_release_that_keeps_its_document(
        self, assembly: Assembly, schema: strawberry.Schema, manifest: Path
    ) -> None:
        """It is not even told: the next answer comes as if nothing had been."""
        assert assembly.trusted is not None
        release(manifest, schema, TICKING)
        assembly.trusted.reload()
        selected, caller = await _ticking(assembly, Transport.SSE)
        async with aclosing(assembly.engine.answers(selected, caller)) as answers:
            first = await anext(answers)
            release(manifest, schema, HELLO, TICKING)
            assembly.trusted.reload()
            following = [await anext(answers) for _ in range(3)]
        assert len(assembly.trusted) == 2
        assert [one["data"]["ticking"]["name"] for one in (first, *following)] == ["1", "2", "3", "4"]

    async def test_a_stream_whose_document_was_withdrawn_is_not_renewed(
        self, assembly: Assembly, schema: strawberry.Schema, manifest: Path
    ) -> None:
        """A new token does not carry on what a new subscription would be refused; while it is released, it does."""
        assert assembly.trusted is not None
        release(manifest, schema, TICKING)
        assembly.trusted.reload()
        selected, caller = await _ticking(assembly, Transport.WEBSOCKET)
        live = assembly.engine.live(selected, caller)
        live.demand(caller)
        release(manifest, schema, HELLO)
        assembly.trusted.reload()
        with pytest.raises(UntrustedDocument):
            live.demand(caller)


def release(path: Path, schema: strawberry.Schema, *texts: str) -> None:
    built = build_manifest({f"{number}.graphql": text for number, text in enumerate(texts)}, schema._schema)
    path.with_suffix(".new").write_bytes(msgspec.json.encode(SignedManifest(built)))
    sign(path.with_suffix(".new"), {SIGNING_KEY: PRIVATE_KEY})
    path.with_suffix(".new").replace(path)


async def _codes(client: httpx.AsyncClient, text: str) -> list[Any]:
    """Ask by id; return the codes of the errors, or None for an answer with data."""
    answer = (await client.post("/graphql", json={"documentId": document_id(text)})).json()
    return [error["extensions"]["code"] for error in answer.get("errors", ())] or [None]


async def _ticking(assembly: Assembly, transport: Transport) -> tuple[Selected, Caller]:
    """Return the subscription to the clock, selected, and who asks for it."""
    caller = Caller(Principal("c1", "c1", frozenset(), 2e9), transport, "trace")
    return await assembly.engine.select(Operation(document_id=document_id(TICKING)), caller), caller
