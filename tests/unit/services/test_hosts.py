"""A service answers under names of its own, whatever a page on the same machine is called."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, cast

import httpx
from litestar import Litestar, get
from structlog.testing import capture_logs

from contracts.settings import Settings
from services.access import Access
from services.hosts import TOLD_MAX, AllowedHosts
from services.service import create_service, server_config
from tests.cases import each
from tests.serving import listening

SETTINGS = Settings(
    host="10.0.0.7",
    service_token="t" * 32,
    events_url="http://Events.bank.internal:8101",
    service_hosts="scraped.bank.internal, 10.0.0.8",
)


@cache
def service() -> Litestar:
    """Return a service without a token; it keeps nothing, so that one serves every test."""

    @get("/secret", sync_to_thread=False)
    def secret() -> dict[str, str]:
        return {"all": "of the bank"}

    async def ready() -> dict[str, bool]:
        return {}

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        yield

    return create_service(title="t", version="1", handlers=[secret], lifespan=lifespan, ready=ready, access=Access(""))


def guarded(settings: Settings) -> httpx.AsyncClient:
    """Return a client of it behind its guard."""
    served: Any = AllowedHosts(cast("Any", service()), settings)
    return httpx.AsyncClient(transport=httpx.ASGITransport(served), base_url="http://127.0.0.1")


async def ask(settings: Settings, path: str, *hosts: str) -> httpx.Response:
    async with guarded(settings) as client:
        request = client.build_request("GET", path)
        request.headers = httpx.Headers([("host", host) for host in hosts])
        return await client.send(request)


OWN = [
    "127.0.0.1:8101", "localhost", "LOCALHOST:1", "[::1]:8101", "10.0.0.7:8101", "events.bank.internal:8101",
    "scraped.bank.internal", "10.0.0.8",
]  # fmt: skip
FOREIGN = ["evil.example:8101", "127.0.0.1.evil.example", "0.0.0.0:8101", "10.0.0.9", "", "[::1", "localhost@evil"]


@each("host", OWN)
async def test_a_service_is_reached_under_its_own_names(host: str) -> None:
    """Those of its machine, the address it binds to, its URL's and those of the setting, with any port."""
    assert (await ask(SETTINGS, "/secret", host)).status_code == 200


@each("host", [host for host in FOREIGN if host != "[::1"])
async def test_a_service_answers_under_its_own_names_only(host: str) -> None:
    """A problem like the services' others, with their headers, whatever the path."""
    for path in ("/secret", "/metrics", "/nothing", "/openapi.json"):
        answer = await ask(SETTINGS, path, host)
        assert (answer.status_code, answer.json()["code"]) == (421, "HOST_NOT_ALLOWED"), path
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["x-content-type-options"] == "nosniff"


@each("hosts", [(), ("localhost", "evil.example"), ("localhost", "localhost")])
async def test_a_request_names_one_host(hosts: tuple[str, ...]) -> None:
    """None or two of them could mean another to whoever is in between."""
    assert (await ask(SETTINGS, "/secret", *hosts)).status_code == 421


@each("host", FOREIGN)
async def test_health_is_answered_under_any_name(host: str) -> None:
    """A container's own check, or a load balancer, knows an address only."""
    assert (await ask(SETTINGS, "/health/live", host)).status_code == 200


async def test_a_service_bound_to_every_address_is_not_called_that() -> None:
    """0.0.0.0 leads a browser to this machine."""
    settings = Settings(host="0.0.0.0", service_token="t" * 32)  # noqa: S104
    assert (await ask(settings, "/secret", "0.0.0.0:8101")).status_code == 421
    assert (await ask(settings, "/secret", "127.0.0.1:8101")).status_code == 200


async def test_a_running_service_is_guarded() -> None:
    """On its socket, as it is served."""
    async with listening(server_config(service(), Settings(), 0)) as (host, port), httpx.AsyncClient() as client:
        for name, expected in (("evil.example", 421), (f"{host}:{port}", 200)):
            answer = await client.get(f"http://{host}:{port}/secret", headers={"Host": name})
            assert answer.status_code == expected


async def test_each_foreign_name_is_logged_once_and_few_of_them() -> None:
    """An operator who forgot a name sees it; a stranger fills no disk."""
    with capture_logs() as logs:
        async with guarded(SETTINGS) as client:
            for number in range(2 * TOLD_MAX):
                for _ in range(2):
                    await client.get("/secret", headers={"host": f"host-{number}"})
    assert [one["host"] for one in logs if one["event"] == "host not allowed"] == [f"host-{n}" for n in range(TOLD_MAX)]
