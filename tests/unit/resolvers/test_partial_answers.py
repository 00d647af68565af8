"""A service that is away takes only its own part of the answer with it."""

import asyncio
from typing import Any

import pytest

from clients.deadline import Errand
from contracts.failures import Failure, Problem, TimedOut, Unavailable
from resolvers.loaders import Loader
from tests.unit.resolvers.services import ANNA, SCHEMA, Services, context_of

DASHBOARD = """{ viewer { id givenName unreadAlertCount alerts { nodes { id account { id } } }
  accounts { id balance { amount { amount } } transactions { nodes { id } } }
  spending(period: {start: "2026-11-01", end: "2026-11-30"}) { total { amount } } } }"""


async def _ask(services: Services, query: str) -> tuple[dict[str, Any], dict[str, Failure]]:
    """Return the viewer and the failures by the path of the field they are of."""
    result = await SCHEMA.execute(query, context_value=context_of(services))
    assert result.data is not None
    failures: dict[str, Failure] = {}
    for error in result.errors or []:
        assert isinstance(error.original_error, Failure)
        failures[".".join(str(part) for part in error.path or [])] = error.original_error
    return result.data["viewer"], failures


async def test_alerts_are_answered_without_the_account_service(services: Services) -> None:
    """The viewer and the alerts need nothing of it; what does is null with its reason."""
    services.away = {"accounts"}
    viewer, failures = await _ask(services, DASHBOARD)
    assert (viewer["unreadAlertCount"], len(viewer["alerts"]["nodes"])) == (2, 2)
    assert viewer["accounts"] is viewer["givenName"] is viewer["spending"] is None
    assert set(failures) == {
        "viewer.givenName",
        "viewer.accounts",
        "viewer.spending",
        "viewer.alerts.nodes.0.account",
    }
    assert all(isinstance(failure, Unavailable) for failure in failures.values())


async def test_accounts_are_answered_without_the_event_service(services: Services) -> None:
    """Only the transactions are missing."""
    services.away = {"events"}
    viewer, failures = await _ask(services, DASHBOARD)
    assert [account["transactions"] for account in viewer["accounts"]] == [None] * 4
    assert viewer["accounts"][0]["balance"] == {"amount": {"amount": "50.00"}}
    assert set(failures) == {f"viewer.accounts.{place}.transactions" for place in range(4)}


async def test_accounts_are_answered_without_the_analytics_service(services: Services) -> None:
    """Only insights and alerts are missing."""
    services.away = {"analytics"}
    viewer, failures = await _ask(services, DASHBOARD)
    assert len(viewer["accounts"]) == 4
    assert set(failures) == {"viewer.unreadAlertCount", "viewer.alerts", "viewer.spending"}


async def test_a_deadline_that_has_passed_calls_nobody(services: Services) -> None:
    """No call is started for an answer nobody waits for."""
    context = context_of(services)
    context.deadline = Errand.of(ANNA, -1)
    context.forget()
    result = await SCHEMA.execute("{ viewer { unreadAlertCount } }", context_value=context)
    assert result.errors is not None
    assert isinstance(result.errors[0].original_error, TimedOut)
    assert services.calls == []


async def test_a_mutation_that_reaches_nobody_is_a_graphql_error(services: Services) -> None:
    """A service that is away is not the caller's mistake."""
    services.problems["/cards/card-a/freeze"] = Problem(503, "UNAVAILABLE", "away")
    result = await SCHEMA.execute(
        'mutation { freezeCard(id: "Q2FyZDpjYXJkLWE") { __typename } }', context_value=context_of(services)
    )
    assert result.errors is not None
    assert isinstance(result.errors[0].original_error, Unavailable)


async def test_a_shared_load_survives_the_cancellation_of_one_who_waits() -> None:
    """A cancelled field leaves the answer to the fields that still wait for it."""
    started, go_on = asyncio.Event(), asyncio.Event()

    async def load(keys: list[str]) -> list[str]:
        started.set()
        await go_on.wait()
        return keys

    loader: Loader[str, str] = Loader(load)

    async def wait() -> str:
        return await loader.load("key")

    leaves, stays = asyncio.create_task(wait()), asyncio.create_task(wait())
    await started.wait()
    leaves.cancel()
    go_on.set()
    assert await stays == "key"
    with pytest.raises(asyncio.CancelledError):
        await leaves


async def test_entitlements_survive_the_cancellation_of_the_first_who_asked(services: Services) -> None:
    """One read of the entitlements serves all, also when its first asker is gone."""
    access = context_of(services).access
    first, second = asyncio.ensure_future(access.account_ids()), asyncio.ensure_future(access.account_ids())
    await asyncio.sleep(0)
    first.cancel()
    assert len(await second) == 4
    assert services.paths() == ["/customers/anna/entitlements"]
