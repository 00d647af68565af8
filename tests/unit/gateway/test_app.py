"""Facts about the composition root: what starts, what refuses to, and what the demo adds."""

from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest

from contracts.settings import BadSetting, Settings
from gateway.app import create_app
from gateway.demo_issuer import DemoIssuer

KEYS = "k" * 32


def nowhere(tmp_path: Path, **changes: object) -> Settings:
    """Settings whose services do not exist."""
    ports = {"accounts_port": 1, "events_port": 1, "analytics_port": 1}
    return Settings(data_dir=tmp_path, **{**ports, **changes})  # type: ignore[arg-type]


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncGenerator[httpx.AsyncClient]:
    """A demo gateway without services."""
    app = create_app(nowhere(tmp_path, demo=True))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
    ):
        yield client


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({}, "BELFRY_ISSUER"),
        ({"issuer": "https://issuer.example"}, "BELFRY_JWKS_URL"),
        ({"issuer": "https://i.example,https://j.example", "jwks_url": "https://i.example/keys"}, "BELFRY_JWKS_URL"),
        ({"issuer": "https://i.example", "jwks_url": "http://i.example/keys"}, "BELFRY_JWKS_URL"),
        ({"issuer": "https://i.example", "jwks_url": "https://i.example/keys"}, "BELFRY_CURSOR_KEYS"),
        ({"demo": True, "cursor_keys": "short"}, "BELFRY_CURSOR_KEYS"),
    ],
)
def test_an_unsafe_setting_stops_the_start(tmp_path: Path, changes: dict[str, object], named: str) -> None:
    """The message names the setting."""
    with pytest.raises(BadSetting, match=named):
        create_app(nowhere(tmp_path, **changes))


def test_production_has_no_demo_routes(tmp_path: Path) -> None:
    """Without the demo there is no issuer, no token and no GraphiQL."""
    settings = nowhere(tmp_path, issuer="https://i.example", jwks_url="https://i.example/keys", cursor_keys=KEYS)
    paths = {getattr(route, "path", "") for route in create_app(settings).routes}
    assert paths == {"/health/live", "/health/ready", "/metrics", "/revocations"}


async def test_the_demos_key_set_verifies_its_tokens(demo: httpx.AsyncClient, tmp_path: Path) -> None:
    """What `belfry token` prints is let in by the gateway of the same data folder; the services' absence is typed."""
    token = DemoIssuer.open(tmp_path, audience="belfry").mint_token("customer-1")
    assert len((await demo.get("/.well-known/jwks.json")).json()["keys"]) == 1
    headers = {"Authorization": f"Bearer {token}"}
    body = (await demo.post("/graphql", json={"query": "{ viewer { givenName } }"}, headers=headers)).json()
    assert body["errors"][0]["extensions"]["code"] == "UNAVAILABLE"


async def test_the_gateway_is_not_ready_without_services(demo: httpx.AsyncClient) -> None:
    """503, while the process lives."""
    assert (await demo.get("/health/ready")).status_code == 503
    assert (await demo.get("/health/live")).status_code == 200
