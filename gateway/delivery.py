"""Handing the answers of one operation to its client, in order, with a task only while something must be waited for.

    asleep    no task: the source wakes it, and what is ready goes out at once
    at work   a task waits: for the log, for a field that is loaded, or for a client that takes no more bytes just now
    ended     with a reason, once

Answers are made only when the client can take them: a slow one costs one answer and what its source keeps for it, and
nobody else waits. A client that takes nothing for `STALLED_S_MAX` is given up.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from enum import StrEnum
from typing import Any, Protocol

import structlog
from prometheus_client import Counter, Gauge

from gateway.answering import Answer, Answers
from gateway.eagerness import begin
from gateway.telemetry import Transport
from resolvers.feed import SendOff, nobody

STALLED_S_MAX = 60.0
"""How long one write may wait for a client to read; it comes back with its cursor."""

_log = structlog.get_logger(__name__)


class EndReason(StrEnum):
    """Why a live operation ended."""

    COMPLETED = "completed"
    """Its source ended, or it never began."""
    STOPPED = "stopped"
    """The client wanted no more of it."""
    GONE = "gone"
    """The client left, or its connection broke."""
    STALLED = "stalled"
    """The client read nothing for `STALLED_S_MAX`."""
    EXPIRED = "expired"
    REVOKED = "revoked"
    REFUSED = "refused"
    """A renewed token may not run it, its document was withdrawn, or its socket closed for breaking the protocol."""
    DRAINED = "drained"
    """The gateway is stopping."""
    FAILED = "failed"
    """A fault of ours."""


STARTED = Counter("belfry_live_started", "Live operations begun.", ["transport"])
ENDED = Counter("belfry_live_ended", "Live operations ended, by reason.", ["transport", "reason"])
OPERATIONS_OPEN = Gauge("belfry_live_open", "Live operations open now: started less ended.", ["transport"])


class Outlet(Protocol):
    """Where answers go."""

    def write(self, answer: Answer) -> Coroutine[Any, Any, None] | None:
        """Send one answer: at once (None), or by what is returned, which waits while the client takes no more."""
        ...

    @property
    def send_off(self) -> SendOff:
        """What sends the answers that were written at once: called before anything else may write to the client."""
        ...

    def finish(self) -> Coroutine[Any, Any, None]:
        """Say that no more answers come."""
        ...


class Delivery:
    """One live operation. `on_end` is called once, when nothing more will be written."""

    __slots__ = ("_answers", "_beside", "_on_end", "_outlet", "_task", "_transport", "reason")

    def __init__(self, answers: Answers, outlet: Outlet, transport: Transport, on_end: Callable[[], None]) -> None:
        self._answers = answers
        self._outlet = outlet
        self._transport = transport
        self._on_end = on_end
        self._task: asyncio.Task[None] | None = None
        self._beside: asyncio.Task[None] | None = None
        self.reason: EndReason | None = None

    @property
    def answers(self) -> Answers:
        """What is delivered."""
        return self._answers

    def cursor(self) -> str | None:
        """Return where the client stands; None where that is not known, or an answer is on its way."""
        return self._answers.cursor() if self._task is None else None

    def start(self) -> None:
        """Begin; answers go out from here on."""
        STARTED.labels(self._transport).inc()
        OPERATIONS_OPEN.labels(self._transport).inc()
        self._answers.wake = self.wake
        send_off = self.wake()
        if send_off is not None:
            send_off()

    def wake(self) -> SendOff | None:
        """Hand over what is ready; called when there may be more. See `resolvers.feed.Wake`."""
        if self._task is not None or self.reason is not None:
            return None
        try:
            waits_for = self._step()
        except OSError:  # what a server raises from `send` once its client is gone (ASGI 2.4)
            self.end(EndReason.GONE)
        except Exception as error:  # noqa: BLE001 (the edge of a live operation: the others go on)
            _log.error("live operation failed", exc_info=error)
            self.end(EndReason.FAILED)
        else:
            if waits_for is not None:
                self._task = asyncio.create_task(self._work(waits_for))
                if isinstance(waits_for, Coroutine):  # one that ends before its first step would never take it up
                    self._task.add_done_callback(lambda _: waits_for.close())
        return self._outlet.send_off

    def beside(self, write: Coroutine[Any, Any, None]) -> None:
        """Write something between answers; not while the one before still waits for the client."""
        if self._beside is not None or self.reason is not None:
            write.close()
            return
        try:
            rest = begin(write)
        except OSError:
            self.end(EndReason.GONE)
        else:
            if rest is not None:
                self._beside = asyncio.create_task(self._finish_beside(rest))

    async def _finish_beside(self, rest: Awaitable[None]) -> None:
        try:
            await _in_time(rest)
        except TimeoutError:
            self.end(EndReason.STALLED)
        except OSError:
            self.end(EndReason.GONE)
        self._beside = None

    def end(self, reason: EndReason) -> None:
        """End it for good, and count why; repeating it is harmless."""
        if self.reason is not None:
            return
        self.reason = reason
        ENDED.labels(self._transport, reason.value).inc()
        OPERATIONS_OPEN.labels(self._transport).dec()
        self._answers.wake = nobody
        if self._beside is not None and self._beside is not asyncio.current_task():
            self._beside.cancel()
        if self._task is None or self._task is asyncio.current_task():
            self._close()
        else:
            self._task.cancel()
            self._task.add_done_callback(lambda _: self._close())  # a source that is waited for cannot be closed
        self._on_end()

    def _close(self) -> None:
        closing = begin(self._answers.close())
        self._task = None if closing is None else asyncio.create_task(_awaited(closing))

    def _step(self) -> Awaitable[None] | None:
        """Hand over what is ready; return what must be waited for before the next step."""
        answers = self._answers
        while self.reason is None:
            answer = answers.take()
            if answer is None:
                if answers.hungry:
                    return answers.fill()
                return self._finish() if answers.ended else None
            if not isinstance(answer, Answer):
                return self._write_made(answer)
            writing = self._outlet.write(answer)
            if writing is not None and (rest := begin(writing)) is not None:
                return _in_time(rest)
            if not answers.more:
                return None
        return None

    async def _work(self, waits_for: Awaitable[None] | None) -> None:
        try:
            while waits_for is not None:
                await waits_for
                try:
                    waits_for = self._step()
                finally:
                    self._outlet.send_off()
            self._task = None
        except TimeoutError:
            self.end(EndReason.STALLED)
        except OSError:
            self.end(EndReason.GONE)
        except Exception as error:  # noqa: BLE001 (the same)
            _log.error("live operation failed", exc_info=error)
            self.end(EndReason.FAILED)

    async def _write_made(self, making: Awaitable[Answer]) -> None:
        writing = self._outlet.write(await making)
        self._outlet.send_off()
        if writing is not None:
            await _in_time(writing)

    async def _finish(self) -> None:
        await _in_time(self._outlet.finish())
        self.end(EndReason.COMPLETED)


async def _awaited(rest: Awaitable[None]) -> None:
    await rest


async def _in_time(writing: Awaitable[None]) -> None:
    async with asyncio.timeout(STALLED_S_MAX):
        await writing
