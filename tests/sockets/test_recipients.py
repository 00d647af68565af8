"""What is made of the account service's answers: typed wishes, or nothing where they are not understood."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import time
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from contracts.accounts import Customer, KindChannels, NotificationPreferences, PushToken, QuietHours
from contracts.failures import Unavailable
from contracts.vocabulary import AlertKind, AlertSeverity, NotificationChannel, PushPlatform
from services.analytics.handoffs import Recipient
from services.analytics.recipients import UNKNOWN_ZONE, AccountService, recipient_of
from tests.serving import serving

BERLIN = ZoneInfo("Europe/Berlin")
TOKEN = "t" * 32
WISHES = NotificationPreferences(
    "cust-1", "HIGH", True, ["LOGIN"], QuietHours("22:00", "07:00"), True, [KindChannels("LOW_BALANCE", ["SMS"])]
)
RECIPIENT = Recipient(
    BERLIN,
    AlertSeverity.HIGH,
    push_enabled=True,
    sms_enabled=True,
    muted_kinds=frozenset({AlertKind.LOGIN}),
    channels={AlertKind.LOW_BALANCE: [NotificationChannel.SMS]},
    quiet_hours=(time(22), time(7)),
)


def test_wishes_become_typed() -> None:
    """All of them."""
    assert recipient_of(WISHES, BERLIN) == RECIPIENT


@pytest.mark.parametrize(
    "change",
    [
        {"minimum_severity": "LOUD"},
        {"muted_kinds": ["NOISE"]},
        {"channels": [KindChannels("LOGIN", ["PIGEON"])]},
        {"quiet_hours": QuietHours("25:00", "07:00")},
    ],
)
def test_what_a_newer_service_says_is_not_guessed(change: dict[str, Any]) -> None:
    """Nobody is then told by a wish that is half understood."""
    assert recipient_of(msgspec.structs.replace(WISHES, **change), BERLIN) is None


def _answer(body: Any) -> Any:
    async def answer(request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Response(status_code=401)
        return JSONResponse(msgspec.to_builtins(body))

    return answer


@asynccontextmanager
async def _served(customers: Any, preferences: Any) -> AsyncIterator[str]:
    app = Starlette(
        routes=[Route("/customers", _answer(customers)), Route("/preferences", _answer(preferences))],
    )
    async with serving(app) as (host, port):
        yield f"http://{host}:{port}"


async def test_recipients_are_read_with_their_time_zones() -> None:
    """One without a known zone is taken to be in UTC; the service's token is shown."""
    customers = [
        Customer("cust-1", "A", "B", "de-DE", "Europe/Berlin", "DE"),
        Customer("c-2", "A", "B", "de", "X/Y", "DE"),
    ]
    async with _served(customers, [WISHES, msgspec.structs.replace(WISHES, customer_id="c-2")]) as url:
        service = AccountService(url, token=TOKEN)
        found = await service.of(["cust-1", "c-2"])
        await service.close()
    assert found == {"cust-1": RECIPIENT, "c-2": msgspec.structs.replace(RECIPIENT, zone=UNKNOWN_ZONE)}


async def test_whatever_goes_wrong_they_cannot_be_read_now() -> None:
    """A refusal, an answer of another shape, and nobody there are all the same."""
    async with _served([], {"odd": 1}) as url:
        for token in ("wrong", TOKEN):
            service = AccountService(url, token=token)
            with pytest.raises(Unavailable):
                await service.of(["cust-1"])
            await service.close()
    gone = AccountService(url)
    with pytest.raises(Unavailable):
        await gone.of(["cust-1"])
    await gone.close()


async def test_push_tokens_are_read_and_removed() -> None:
    """The token goes in a body; whatever is answered but success, that it is gone is not known."""
    removed: list[Any] = []

    async def remove(request: Request) -> Response:
        removed.append(await request.json())
        return Response(status_code=503) if len(removed) > 1 else JSONResponse(None)

    token = PushToken("phone", "cust-1", PushPlatform.FCM, "t" * 40)
    app = Starlette(
        routes=[Route("/push-tokens", _answer([token])), Route("/push-tokens/remove", remove, methods=["POST"])]
    )
    async with serving(app) as (host, port):
        service = AccountService(f"http://{host}:{port}", token=TOKEN)
        assert await service.push_tokens_of("cust-1") == [token]
        await service.forget_push_token(token)
        with pytest.raises(Unavailable):
            await service.forget_push_token(token)
        await service.close()
    assert removed == [{"customerId": "cust-1", "platform": "FCM", "token": "t" * 40}] * 2
