"""Reads end when their caller's time does: `X-Request-Timeout-Ms` says how many milliseconds a caller still waits.

The gateway sends it with each call, shrunk by what has passed (clients/tries.py). A read whose time is over is stopped
where it waits, and answered 504 `TIMED_OUT`: nobody would see its result. A write goes on to its end: stopped in the
middle, it would leave its caller knowing less than before.
"""

import asyncio

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from contracts.deadlines import WAIT_HEADER
from contracts.failures import Rejected, TimedOut

_HEADER = WAIT_HEADER.lower().encode("ascii")
WAIT_MS_MAX = 3_600_000
READS = frozenset({"GET", "HEAD"})


def deadlines(app: ASGIApp) -> ASGIApp:
    """Return the application with its reads cut off in time (a Litestar middleware)."""

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        wait_ms = _wait_ms(scope) if scope.get("method") in READS else None
        if wait_ms is None:
            await app(scope, receive, send)
            return
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        timeout = asyncio.timeout(wait_ms / 1000)
        try:
            async with timeout:
                await app(scope, receive, sending)
        except TimeoutError:
            if begun or not timeout.expired():
                raise
            raise TimedOut("The caller's time is over.") from None

    return handle


def _wait_ms(scope: Scope) -> int | None:
    """Return how long the caller waits, None where it does not say.

    Raises:
        Rejected: it is no whole number of milliseconds from 1 to an hour.
    """
    given = next((value for name, value in scope["headers"] if name == _HEADER), None)
    if given is None:
        return None
    if not (given.isdigit() and len(given) <= 7 and 1 <= int(given) <= WAIT_MS_MAX):
        raise Rejected(f"{WAIT_HEADER} must be a whole number from 1 to {WAIT_MS_MAX}.")
    return int(given)
