"""The answers of one subscription: each event executed and encoded once for all who may get the same bytes.

Who may is decided by a key: the document, the operation, the variables its answers depend on, and the audience. The
audience is also the principal that the execution sees, and it has nothing that is not in the key; so an answer cannot
depend on anything else of the caller, and two callers with one key get the same bytes because there is only one
execution. An alert belongs to one customer: it is shared by that customer's devices, never between customers.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from graphql import ExecutionResult, create_source_event_stream

from gateway.answering import Answer, GeneratorEvents, Payload
from gateway.audit import AuditLog
from gateway.callers import Caller
from gateway.sharing import sharing_key
from gateway.telemetry import count_answer
from resolvers.feed import LiveEvents, Wake, nobody
from resolvers.trails import Trail


class LiveAnswers:
    """Implements `Answers` for a subscription. Free to make; the first `fill` starts its source."""

    __slots__ = (
        "_audit", "_caller", "_engine", "_events", "_executor", "_key", "_last", "_plain", "_selected", "_showed",
        "_trail", "_wake", "ended", "more",
    )  # fmt: skip

    def __init__(self, engine: Any, selected: Any, executor: Any, caller: Caller) -> None:
        """Take the engine that executes events, and the executor of the subscription itself."""
        self._engine = engine
        self._audit: AuditLog = engine.auditor.log
        self._selected = selected
        self._executor = executor
        self._plain: tuple[str, Callable[[Any], Any]] | None = None
        self._trail: Trail = executor.context_value.trail
        self._events: LiveEvents | None = None
        self._last: Answer | None = None
        self._wake: Wake = nobody
        self.ended = False
        self.more = True
        self._go_by(caller)

    @property
    def wake(self) -> Wake:
        """What is called when there may be more to take."""
        return self._wake

    @wake.setter
    def wake(self, wake: Wake) -> None:
        self._wake = wake
        if self._events is not None:
            self._events.wake = wake

    @property
    def hungry(self) -> bool:
        """Whether the source must be started, or it or the audit record waited for."""
        return not self.ended and (self._events is None or self._events.hungry or self._audit.holding)

    def take(self) -> Answer | Awaitable[Answer] | None:
        """Return the next answer; executed by whoever comes first, recorded for everyone."""
        if self._last is not None:
            answer, self._last = self._last, None
            return answer
        events = self._events
        if events is None or self.ended or self._audit.holding:
            return None
        occurrence = events.take()
        if occurrence is None:
            self.ended = events.ended
            return None
        self.more = events.more
        found: Answer | Awaitable[Answer]
        shared = events.shared(occurrence)
        if shared is None:
            found = self._execute(events, occurrence)
        else:
            kept: Answer | asyncio.Future[Answer] | None = shared.get(self._key)
            if kept is None:
                made = self._execute(events, occurrence)
                kept = shared[self._key] = made if isinstance(made, Answer) else asyncio.ensure_future(made)
            # Shielded, as one who leaves must not take the others' answer with them.
            found = asyncio.shield(kept) if isinstance(kept, asyncio.Future) else kept
        return self._witnessed(found) if isinstance(found, Answer) else self._witnessed_later(found)

    async def fill(self) -> None:
        """Start the source, or wait for it or for the audit record; a failure of it is the last answer."""
        try:
            if self._events is None:
                await self._start()
            elif self._events.hungry:
                await self._events.fill()
            else:
                await self._audit.settled()
        except Exception as error:  # noqa: BLE001 (the source ended badly: the last answer says so)
            self._end(Answer(self._engine.failed(error, self._caller), []))

    async def close(self) -> None:
        """End the source."""
        self.ended = True
        if self._events is not None:
            await self._events.aclose()

    def cursor(self) -> str | None:
        """Return what resumes after all that was taken."""
        return None if self._events is None else self._events.cursor()

    def reconsider(self) -> float | None:
        """Go on while it may be run; return until when (UNIX seconds), None for as long as the token is good.

        Raises:
            Forbidden: the document was withdrawn or demands more, or the sign-in is no longer fresh enough for it.
        """
        until: float | None = self._engine.demand(self._selected, self._caller)
        return until

    def demand(self, caller: Caller) -> None:
        """Go on for a renewed caller.

        Raises:
            Forbidden: the operation may not be run with the new token.
        """
        self._engine.demand(self._selected, caller)
        self._go_by(caller)

    def _go_by(self, caller: Caller) -> None:
        """Note whose bytes these are, and who is recorded as having seen them."""
        selected = self._selected
        prepared, node = selected.prepared, selected.node
        shape = self._engine.shapes.of(prepared, node)
        used = {name: value for name, value in selected.operation.variables.items() if name in shape.variables}
        self._caller = caller
        self._key = sharing_key(prepared, node.name.value if node.name else None, used, caller.principal.audience())
        self._showed = self._engine.auditor.streamed(prepared, node, caller, shape.actions)

    async def _start(self) -> None:
        try:
            async with self._engine.admission.turn(), asyncio.timeout(self._engine.stop_after_s):
                stream: Any = create_source_event_stream(self._executor)
                stream = stream if hasattr(stream, "__aiter__") or isinstance(stream, ExecutionResult) else await stream
        except TimeoutError:
            self._end(Answer(self._engine.timed_out(), []))
            return
        if isinstance(stream, ExecutionResult):
            payload = self._engine.response(stream, self._caller)
            selected, context = self._selected, self._executor.context_value
            await self._engine.auditor.answered(selected.prepared, selected.node, self._caller, context, payload)
            self._end(Answer(payload, []))
            return
        self._events = stream if isinstance(stream, LiveEvents) else GeneratorEvents(stream)
        self._events.wake = self._wake
        self._plain = self._executor.plain_event() if hasattr(self._executor, "plain_event") else None
        if self._plain is not None:
            self._executor = None  # two of the 25 KiB of an idle subscriber

    def _execute(self, events: LiveEvents, occurrence: Any) -> Answer | Awaitable[Answer]:
        event = events.event(occurrence)
        shown = self._trail.take_alerts()
        if self._plain is not None:
            name, complete = self._plain
            try:
                return Answer({"data": {name: complete(event)}}, shown)
            except Exception:  # noqa: BLE001, S110 (whatever is odd, graphql-core says what it is)
                pass
        executor = self._executor or self._engine.executor(self._selected, self._caller)
        executor = executor.build_per_event_executor(event)
        executor.context_value = context = self._engine.make_context(self._caller.principal.audience())
        payload = self._engine.execute_event(executor, self._caller)
        if isinstance(payload, dict):
            return Answer(payload, shown + context.trail.take_alerts())
        return self._executed(payload, context, shown)

    @staticmethod
    async def _executed(payload: Awaitable[Payload], context: Any, shown: list[str]) -> Answer:
        return Answer(await payload, shown + context.trail.take_alerts())

    async def _witnessed_later(self, answer: Awaitable[Answer]) -> Answer:
        return self._witnessed(await answer)

    def _witnessed(self, answer: Answer) -> Answer:
        count_answer(self._caller.transport, answer.payload)
        if answer.shown:
            self._showed(answer.shown)
        return answer

    def _end(self, last: Answer) -> None:
        self._last = last
        self.ended = True
