"""Facts about the two readings of HTTP statuses."""

import httpx
import msgspec
import pytest

from contracts.settings import BadSetting, Settings, read_settings
from gateway.edge import create_edge
from gateway.execution import Engine
from gateway.identity import Authenticator
from gateway.rate_limits import RateLimits
from tests.cases import each


async def _unasked() -> dict[str, bool]:
    return {}


@each("accept", ["application/json", "application/graphql-response+json"])
@each(
    ("body", "status"),
    [
        ('{"query": "{ hello }"}', 200),
        ('{"query": "{ hello away }"}', 294),
        ('{"query": "{"}', 400),
        ("{", 400),
        ("[]", 422),
        ('{"qeury": "{ hello }"}', 422),
        ('{"query": "{ hello }", "variables": [7]}', 422),
        ('{"query": "{ nothing }"}', 422),
        ('{"query": "{ ...A } fragment A on Query { ...A }"}', 422),
        ('{"query": "{ ...A }"}', 422),
        ('{"query": "{ endless }"}', 294),
        ('{"query": "query A { hello } query B { hello }"}', 422),
        ('{"query": "query($n: Int!) { item(size: $n) { name } }"}', 422),
    ],
)
async def test_v1_tells_by_status(
    settings: Settings,
    engine: Engine,
    authenticator: Authenticator,
    rates: RateLimits,
    token: str,
    accept: str,
    body: str,
    status: int,
) -> None:
    """422 for what cannot run, 294 for a partial answer, the same for both media types."""
    v1 = msgspec.structs.replace(settings, http_statuses="v1")
    app = create_edge(v1, engine=engine, authenticator=authenticator, rates=rates, checks=_unasked)
    headers = {"Accept": accept, "Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver") as client:
        assert (await client.post("/graphql", content=body, headers=headers)).status_code == status


def test_an_unknown_profile_stops_the_start() -> None:
    """The setting is one of two words."""
    with pytest.raises(BadSetting, match="BELFRY_HTTP_STATUSES"):
        read_settings({"BELFRY_HTTP_STATUSES": "v2"})
