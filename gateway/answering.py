"""Answers as they are delivered: each encoded once for each framing, taken from a source one after another."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Protocol

from gateway.answers import encode_json
from resolvers.feed import LiveEvents, Wake, nobody

Payload = dict[str, Any]


class Answer:
    """One answer, encoded once, and at most once for each way it is framed."""

    __slots__ = ("_frames", "json", "payload", "shown")

    def __init__(self, payload: Payload, shown: list[str]) -> None:
        """Take the payload, and the global ids of the alerts in it."""
        self.payload = payload
        self.shown = shown
        self.json = encode_json(payload)
        self._frames: dict[str, Any] | None = None

    def framed(self, name: str, frame: "Callable[[Answer], Any]") -> Any:
        """Return the answer in a framing that is the same for all who get it."""
        if self._frames is None:
            self._frames = {}
        found = self._frames.get(name)
        if found is None:
            found = self._frames[name] = frame(self)
        return found


class Answers(Protocol):
    """What a delivery takes: answers as they are ready."""

    wake: Wake
    ended: bool

    @property
    def more(self) -> bool:
        """Whether there may be more right after `take`; False spares the asking."""
        ...

    @property
    def hungry(self) -> bool:
        """Whether `fill` must be awaited before `take` has more."""
        ...

    def take(self) -> Answer | Awaitable[Answer] | None:
        """Return the next answer, or None where there is none yet."""
        ...

    async def fill(self) -> None:
        """Wait for what is missing; what fails becomes the last answer."""
        ...

    async def close(self) -> None:
        """End it; repeating it is harmless."""
        ...

    def cursor(self) -> str | None:
        """Return what resumes after all that was taken; None where nothing does."""
        ...

    def reconsider(self) -> float | None:
        """Let it go on while it may be run; return until when (UNIX seconds), None for as long as the token is good.

        Raises:
            Forbidden: its caller may run it no more.
        """
        ...


class GeneratorEvents(LiveEvents):
    """The events of an asynchronous generator, one at a time; each needs a task while it is waited for."""

    def __init__(self, events: AsyncGenerator[Any]) -> None:
        self._events = events
        self._next: list[Any] = []
        self._ended = False
        self.wake = nobody
        self.more = True

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self._ended

    @property
    def hungry(self) -> bool:
        """Whether the next one must be waited for."""
        return not self._ended

    def take(self) -> Any | None:
        """Return what was waited for."""
        return self._next.pop() if self._next else None

    def event(self, occurrence: Any) -> Any:
        """Return it as it is."""
        return occurrence

    async def fill(self) -> None:
        """Wait for the next one."""
        try:
            self._next.append(await anext(self._events))
        except StopAsyncIteration:
            self._ended = True

    def close(self) -> None:
        """End it."""
        self._ended = True

    async def aclose(self) -> None:
        """End it, and let it clean up."""
        self.close()
        await self._events.aclose()


async def each_answer(answers: Answers) -> AsyncGenerator[Payload]:
    """Yield payloads one after another, for those who want a generator."""
    bell = asyncio.Event()
    answers.wake = bell.set
    try:
        while True:
            bell.clear()
            answer = answers.take()
            if answer is not None:
                yield (answer if isinstance(answer, Answer) else await answer).payload
            elif answers.ended:
                return
            else:
                await (answers.fill() if answers.hungry else bell.wait())
    finally:
        await answers.close()


class GeneratorAnswers:
    """Implements `Answers` over payloads as they are made, for operations that are no subscriptions."""

    def __init__(self, payloads: AsyncGenerator[Payload]) -> None:
        self._payloads = payloads
        self._next: list[Answer] = []
        self._first: asyncio.Future[Payload | None] | None = None
        self.wake: Wake = nobody
        self.ended = False
        self.more = True

    @property
    def hungry(self) -> bool:
        """Whether the next one must be waited for."""
        return not self.ended

    async def begin(self) -> None:
        """Begin making them, so that what is refused at once is known before anything is sent.

        Raises:
            Refused: the variables do not fit.
        """
        self._first = asyncio.ensure_future(anext(self._payloads, None))
        await asyncio.wait([self._first], timeout=0)
        if self._first.done():
            self._first.result()

    def take(self) -> Answer | None:
        """Return what was waited for."""
        return self._next.pop() if self._next else None

    async def fill(self) -> None:
        """Wait for the next one."""
        first, self._first = self._first, None
        payload = await (anext(self._payloads, None) if first is None else first)
        if payload is None:
            self.ended = True
        else:
            self._next.append(Answer(payload, []))

    async def close(self) -> None:
        """Stop making them."""
        self.ended = True
        await self._payloads.aclose()

    def cursor(self) -> str | None:
        """An operation that is no subscription is asked again, not resumed."""
        return None

    def reconsider(self) -> None:
        """Let it go on: it has begun, and is soon over."""
