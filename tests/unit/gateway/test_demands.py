"""Facts about scopes and step-up as clients meet them, over each transport, and what is kept of a refusal."""

import json
import time
from pathlib import Path

import httpx
import pytest
from graphql import get_introspection_query

from gateway.demo_issuer import DemoIssuer

FREEZE = {"query": "mutation Freeze { freeze }"}


def bearer(issuer: DemoIssuer, *scopes: str, age_s: float = 0) -> dict[str, str]:
    """Return the header of a token whose customer signed in that long ago."""
    return {"Authorization": f"Bearer {issuer.mint_token('customer-1', scopes, now=time.time() - age_s)}"}


async def test_without_the_scope_nothing_runs(anonymous: httpx.AsyncClient, issuer: DemoIssuer) -> None:
    """403 and a code of its own."""
    response = await anonymous.post("/graphql", json=FREEZE, headers=bearer(issuer, "accounts", "alerts"))
    assert response.status_code == 403
    assert response.headers["www-authenticate"] == 'Bearer realm="belfry", error="insufficient_scope"'
    assert response.json()["errors"][0]["extensions"] == {"code": "MISSING_SCOPE"}


async def test_a_fresh_customer_may(anonymous: httpx.AsyncClient, issuer: DemoIssuer) -> None:
    """Scope and sign-in are there."""
    response = await anonymous.post("/graphql", json=FREEZE, headers=bearer(issuer, "cards"))
    assert response.json() == {"data": {"freeze": "frozen"}}


async def test_an_old_session_is_asked_to_sign_in_again(anonymous: httpx.AsyncClient, issuer: DemoIssuer) -> None:
    """401 with the challenge of RFC 9470, and the same in the error for clients that see no headers."""
    response = await anonymous.post("/graphql", json=FREEZE, headers=bearer(issuer, "cards", age_s=301))
    assert response.status_code == 401
    challenge = response.headers["www-authenticate"]
    assert challenge == 'Bearer realm="belfry", error="insufficient_user_authentication", max_age=300'
    assert response.json()["errors"][0]["extensions"] == {"code": "STEP_UP_REQUIRED", "acr": [], "maxAge": 300}


@pytest.mark.parametrize(("scopes", "status"), [(("accounts",), 403), (("developer",), 200)])
async def test_introspection_needs_a_developer(
    anonymous: httpx.AsyncClient, issuer: DemoIssuer, scopes: tuple[str, ...], status: int
) -> None:
    """By scope, whatever the mode of documents."""
    body = {"query": get_introspection_query()}
    assert (await anonymous.post("/graphql", json=body, headers=bearer(issuer, *scopes))).status_code == status


async def test_step_up_and_refusals_are_recorded(
    anonymous: httpx.AsyncClient, issuer: DemoIssuer, tmp_path: Path
) -> None:
    """Who, which operation and the code."""
    await anonymous.post("/graphql", json=FREEZE, headers=bearer(issuer, "cards", age_s=301))
    await anonymous.post("/graphql", json=FREEZE, headers=bearer(issuer, "accounts"))
    [path] = (tmp_path / "audit").glob("*.ndjson")
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert [(line["outcome"], line["customerId"], line["actions"]) for line in lines] == [
        ("STEP_UP_REQUIRED", "customer-1", ["freeze"]),
        ("MISSING_SCOPE", "customer-1", ["freeze"]),
    ]
