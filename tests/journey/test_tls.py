"""A Belfry whose every connection is TLS: the gateway with a certificate, the services by mutual certificates."""

import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
import trustme

from bench.processes import prepare
from clients.backends import open_backends
from clients.deadline import Deadline
from contracts.failures import Unavailable
from contracts.settings import read_settings
from producers.event_client import EventClient
from tests.journey.bank import Bank

NAMES = ("events", "accounts", "analytics", "gateway")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """The bank's own authority."""
    return trustme.CA()


def _files(folder: Path, prefix: str, authority: trustme.CA) -> dict[str, str]:
    """Write a certificate for this machine; return the settings that name it and its key."""
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    chain, key = folder / f"{prefix}.pem", folder / f"{prefix}.key"
    certificate.cert_chain_pems[0].write_to_path(chain)
    certificate.private_key_pem.write_to_path(key)
    return {f"BELFRY_{prefix.upper()}_CERTIFICATE": str(chain), f"BELFRY_{prefix.upper()}_KEY": str(key)}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA) -> dict[str, str]:
    """The environment of every process."""
    folder = tmp_path_factory.mktemp("certificates")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    named = {"BELFRY_SERVICE_TLS_CA": str(folder / "ca.pem")}
    return named | _files(folder, "tls", authority) | _files(folder, "service_tls", authority)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tls_bank(
    tmp_path_factory: pytest.TempPathFactory, settings: dict[str, str], authority: trustme.CA
) -> AsyncIterator[Bank]:
    """All four processes; asked by one who shows the services' certificate."""
    belfry = prepare(tmp_path_factory.mktemp("tls-belfry"), settings)
    belfry.urls = {name: url.replace("http:", "https:") for name, url in belfry.urls.items()}
    belfry.tls = _trusting(authority)
    belfry.tls.load_cert_chain(settings["BELFRY_SERVICE_TLS_CERTIFICATE"], settings["BELFRY_SERVICE_TLS_KEY"])
    try:
        await belfry.start(*NAMES)
        async with Bank(belfry) as bank:
            yield bank
    finally:
        belfry.stop()


def _trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.mark.asyncio(loop_scope="module")
async def test_an_event_reaches_graphql_over_certificates_only(tls_bank: Bank, settings: dict[str, str]) -> None:
    """Producer, log, projection, gateway, client: and the gateway's clients as `belfry` opens them reach a service."""
    async with EventClient(tls_bank.belfry.urls["events"], tls=tls_bank.belfry.tls) as producer:
        events = [
            json.dumps(event).encode() for event in (tls_bank.customer("ada"), tls_bank.account("ada-current", "ada"))
        ]
        answer = await producer.post(events)
    assert answer.summary.accepted == len(events)
    await tls_bank.applied(answer.summary.offset)
    shown = await tls_bank.ask("ada", "{ viewer { accounts { displayName } } }")
    assert shown == {"data": {"viewer": {"accounts": [{"displayName": "Account ada-current"}]}}}
    async with open_backends(read_settings(settings | _ports(tls_bank))) as backends:
        assert await backends.ready() == {"accounts": True, "events": True, "analytics": True}


@pytest.mark.asyncio(loop_scope="module")
async def test_the_gateway_needs_no_certificate_of_its_clients(tls_bank: Bank, authority: trustme.CA) -> None:
    """A phone has none; a browser is told to stay with TLS, and plain HTTP is not answered."""
    url = f"{tls_bank.belfry.urls['gateway']}/health/live"
    connector = aiohttp.TCPConnector(ssl=_trusting(authority))
    async with aiohttp.ClientSession(connector=connector) as phone, phone.get(url) as answer:
        assert answer.headers["Strict-Transport-Security"].startswith("max-age=63072000")
    async with aiohttp.ClientSession() as plain:
        with pytest.raises(aiohttp.ClientError):
            await plain.get(url.replace("https:", "http:"))


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", ["events", "accounts", "analytics"])
async def test_a_service_answers_nobody_without_a_certificate_of_the_bank(
    tls_bank: Bank, authority: trustme.CA, name: str
) -> None:
    """Neither health nor anything else, to no certificate and to one of another authority."""
    stranger = _trusting(authority)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(stranger)
    for tls in (_trusting(authority), stranger):
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls)) as session:
            with pytest.raises((aiohttp.ClientError, OSError)):
                await session.get(f"{tls_bank.belfry.urls[name]}/health/live")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_service_with_a_certificate_of_others_is_not_believed(
    tls_bank: Bank, settings: dict[str, str], tmp_path: Path
) -> None:
    """Whoever answers in a service's place without the bank's authority is not spoken to."""
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    others = settings | _ports(tls_bank) | {"BELFRY_SERVICE_TLS_CA": str(tmp_path / "other.pem")}
    async with open_backends(read_settings(others)) as backends:
        with pytest.raises(Unavailable):
            await backends.accounts.entitlements("ada", Deadline.after(5))


def _ports(tls_bank: Bank) -> dict[str, str]:
    return {name: value for name, value in tls_bank.belfry.environment.items() if name.endswith("_PORT")}
