"""Secrets Manager and KMS: read at the start, taken when they change, never replaced by nothing."""

import asyncio
import base64
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from aws.clients import aws_client
from aws.secrets import fill, follow_secret
from aws.signing_keys import sign_in_kms
from contracts.failures import NotFound
from contracts.settings import BadSetting, Settings
from gateway.cli import main
from gateway.exit_codes import ExitCode

OLD, NEW = "o" * 40, "n" * 40


async def make_key(kind: str) -> str:
    """Make a key and return its id."""
    async with aws_client("kms") as kms:
        made = await kms.create_key(KeySpec=kind, KeyUsage="SIGN_VERIFY")
    key: str = made["KeyMetadata"]["KeyId"]
    return key


@pytest.fixture
async def secrets(aws: dict[str, str]) -> AsyncIterator[Any]:
    """Open a client that makes secrets."""
    async with aws_client("secretsmanager") as client:
        yield client


async def test_settings_are_filled_from_their_secrets(secrets: Any, name: str) -> None:
    """The token, and every cursor key of it."""
    await secrets.create_secret(Name=name, SecretString=OLD)
    await secrets.create_secret(Name=f"{name}-keys", SecretString=f"{NEW},{OLD}")
    settings = await fill(Settings(service_token_secret=name, cursor_keys_secret=f"{name}-keys"))
    assert (settings.service_token, settings.cursor_keys) == (OLD, f"{NEW},{OLD}")


async def test_a_rotated_secret_is_accepted_before_it_is_used(secrets: Any, name: str) -> None:
    """Others may not have read it yet: the one before it stays first, and both are in force."""
    await secrets.create_secret(Name=name, SecretString=OLD)
    await secrets.put_secret_value(SecretId=name, SecretString=NEW)
    settings = await fill(Settings(service_token_secret=name, cursor_keys_secret=name))
    assert (settings.service_token, settings.cursor_keys) == (OLD, f"{OLD},{NEW}")


@pytest.mark.parametrize("held", [None, "short"])
async def test_nothing_starts_without_its_secret(secrets: Any, name: str, held: str | None) -> None:
    """One that is not there or is none stops the start, and the message names the setting and no value."""
    if held is not None:
        await secrets.create_secret(Name=name, SecretString=held)
    with pytest.raises(BadSetting, match="BELFRY_SERVICE_TOKEN") as refused:
        await fill(Settings(service_token_secret=name))
    assert held is None or held not in str(refused.value).split()


async def test_a_running_process_takes_what_changes_and_keeps_what_it_has(secrets: Any, name: str) -> None:
    """A rotation is taken; a value that cannot be used, and a secret that is gone, leave what was taken before."""
    await secrets.create_secret(Name=name, SecretString=OLD)
    taken: asyncio.Queue[Sequence[str]] = asyncio.Queue()
    refused = asyncio.Event()

    def take(values: Sequence[str]) -> None:
        if "unusable" in values:
            refused.set()
            raise BadSetting("It is not usable.")
        taken.put_nowait(values)

    following = asyncio.create_task(follow_secret(name, take, every_s=0.01))
    assert await taken.get() == [OLD]
    await secrets.put_secret_value(SecretId=name, SecretString=NEW)
    assert await taken.get() == [OLD, NEW]
    await secrets.put_secret_value(SecretId=name, SecretString="unusable")
    await refused.wait()
    await secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    await secrets.create_secret(Name=name, SecretString=OLD)
    assert await taken.get() == [OLD]
    assert not following.done()
    following.cancel()


async def test_a_key_of_kms_signs_what_its_public_key_verifies(aws: dict[str, str]) -> None:
    """Ed25519, as the manifest of trusted documents needs it."""
    signed = await sign_in_kms(await make_key("ECC_NIST_EDWARDS25519"), b"what is said")
    key = load_der_public_key(signed.public_key)
    assert isinstance(key, Ed25519PublicKey)
    key.verify(signed.signature, b"what is said")


async def test_a_key_that_is_not_there_is_said(aws: dict[str, str], name: str) -> None:
    """A typed failure, not the client's own."""
    with pytest.raises(NotFound):
        await sign_in_kms(f"alias/{name}", b"what is said")


def test_a_manifest_is_signed_by_a_key_that_never_leaves(
    aws: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As whoever releases types it: what is printed verifies what was written, and nothing else does."""
    key = asyncio.run(make_key("ECC_NIST_EDWARDS25519"))
    path = str(tmp_path / "operations.json")
    assert main(["operations", "build", "--manifest", path]) == ExitCode.DONE
    capsys.readouterr()
    assert main(["operations", "sign", "--manifest", path, "--kms", key]) == ExitCode.DONE
    public_key = capsys.readouterr().out.strip()
    assert main(["operations", "verify", "--manifest", path, "--key", public_key]) == ExitCode.DONE
    other = base64.b64encode(bytes(32)).decode()
    assert main(["operations", "verify", "--manifest", path, "--key", other]) == ExitCode.FAILED
    assert main(["operations", "sign", "--manifest", path, "--kms", "alias/nobody"]) == ExitCode.FAILED
