"""The answers of one subscription: each event executed and encoded once for all who may get the same bytes.

Who may is decided by a key: the document, the operation, the variables its answers depend on, and the audience. The
audience is also the principal that the execution sees, and it has nothing that is not in the key; so an answer cannot
depend on anything else of the caller, and two callers with one key get the same bytes because there is only one
execution. An alert belongs to one customer: it is shared by that customer's devices, never between customers.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, NamedTuple, Protocol

import msgspec
from graphql import (
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    Node,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    create_source_event_stream,
    visit,
)

from gateway.answers import encode_json
from gateway.auditing import root_fields
from gateway.callers import Caller
from gateway.documents import PreparedDocument
from gateway.telemetry import count_answer
from resolvers.feed import LiveEvents, nobody

SHAPES_KEPT_MAX = 1_000

Payload = dict[str, Any]


class Answer:
    """One answer, encoded at most once for each way it is framed."""

    __slots__ = ("_frames", "_json", "payload", "shown")

    def __init__(self, payload: Payload, shown: list[str]) -> None:
        """Take the payload, and the global ids of the alerts in it."""
        self.payload = payload
        self.shown = shown
        self._json: bytes | None = None
        self._frames: dict[str, Any] | None = None

    @property
    def json(self) -> bytes:
        """The payload's bytes."""
        if self._json is None:
            self._json = encode_json(self.payload)
        return self._json

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

    wake: Callable[[], None]
    ended: bool

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


class Shape(NamedTuple):
    """What is known of a subscription's operation, whoever runs it."""

    variables: frozenset[str]
    """Those its answers depend on; arguments of the root field only decide which events there are."""
    actions: list[str]


class Shapes:
    """The shapes of the operations subscribed to most recently."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str | None], Shape] = OrderedDict()

    def of(self, prepared: PreparedDocument, node: OperationDefinitionNode) -> Shape:
        """Return the shape of an operation of a document."""
        key = (prepared.sha256, node.name.value if node.name else None)
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = Shape(_variables_below(prepared, node), sorted(root_fields(prepared, node)))
            if len(self._kept) > SHAPES_KEPT_MAX:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return found


def _variables_below(prepared: PreparedDocument, node: OperationDefinitionNode) -> frozenset[str]:
    """Return the variables used anywhere but as arguments of a root field."""
    used = _Variables()
    for selection in node.selection_set.selections:
        parts: list[Node | None] = [selection]
        if isinstance(selection, FieldNode):
            parts = [selection.selection_set, *(selection.directives or ())]
        for part in parts:
            if part is not None:
                visit(part, used)
    for fragment in prepared.document.definitions:
        if isinstance(fragment, FragmentDefinitionNode):
            visit(fragment, used)
    return frozenset(used.names)


class _Variables(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        """Note a use."""
        self.names.add(node.name.value)


def sharing_key(prepared: PreparedDocument, name: str | None, variables: Payload, audience: Any) -> bytes:
    """Return what two subscriptions must have in common to get the same bytes."""
    parts = [prepared.sha256, name, sorted(variables.items()), audience.customer_id, sorted(audience.scopes)]
    return hashlib.sha256(msgspec.json.encode(parts)).digest()


class GeneratorEvents(LiveEvents):
    """The events of an asynchronous generator, one at a time; each needs a task while it is waited for."""

    def __init__(self, events: AsyncGenerator[Any]) -> None:
        self._events = events
        self._next: list[Any] = []
        self._ended = False
        self.wake = nobody

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


class LiveAnswers:
    """Implements `Answers` for a subscription. Free to make; the first `fill` starts its source."""

    __slots__ = ("_caller", "_engine", "_events", "_executor", "_key", "_last", "_selected", "_wake", "ended")

    def __init__(self, engine: Any, selected: Any, executor: Any, caller: Caller) -> None:
        """Take the engine that executes events, and the executor of the subscription itself."""
        self._engine = engine
        self._selected = selected
        self._executor = executor
        self._caller = caller
        self._events: LiveEvents | None = None
        self._last: Answer | None = None
        self._wake: Callable[[], None] = nobody
        self.ended = False
        self._key = self._sharing_key()

    @property
    def wake(self) -> Callable[[], None]:
        """What is called when there may be more to take."""
        return self._wake

    @wake.setter
    def wake(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        if self._events is not None:
            self._events.wake = wake

    @property
    def hungry(self) -> bool:
        """Whether the source must be started, or waited for."""
        return not self.ended and (self._events is None or self._events.hungry)

    def take(self) -> Answer | Awaitable[Answer] | None:
        """Return the next answer; executed by whoever comes first, recorded for everyone."""
        if self._last is not None:
            answer, self._last = self._last, None
            return answer
        events = self._events
        if events is None or self.ended:
            return None
        occurrence = events.take()
        if occurrence is None:
            self.ended = events.ended
            return None
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
        """Start the source, or wait for it; a failure of it is the last answer."""
        try:
            if self._events is None:
                await self._start()
            else:
                await self._events.fill()
        except Exception as error:  # noqa: BLE001 (the source ended badly: the last answer says so)
            self._end(Answer(self._engine.failed(error, self._caller), []))

    async def close(self) -> None:
        """End the source."""
        self.ended = True
        if self._events is not None:
            await self._events.aclose()

    def demand(self, caller: Caller) -> None:
        """Go on for a renewed caller.

        Raises:
            Forbidden: the operation may not be run with the new token.
        """
        self._engine.demand(self._selected, caller)
        self._caller = caller
        self._key = self._sharing_key()

    def _sharing_key(self) -> bytes:
        selected = self._selected
        shape = self._engine.shapes.of(selected.prepared, selected.node)
        used = {name: value for name, value in selected.operation.variables.items() if name in shape.variables}
        name = selected.node.name.value if selected.node.name else None
        return sharing_key(selected.prepared, name, used, self._caller.principal.audience())

    async def _start(self) -> None:
        stream: Any = create_source_event_stream(self._executor)
        try:
            async with asyncio.timeout(self._engine.stop_after_s):
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

    def _execute(self, events: LiveEvents, occurrence: Any) -> Answer | Awaitable[Answer]:
        event = events.event(occurrence)
        shown = self._executor.context_value.trail.take_alerts()
        executor = self._executor.build_per_event_executor(event)
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
            selected = self._selected
            actions = self._engine.shapes.of(selected.prepared, selected.node).actions
            self._engine.auditor.showed_live(selected.prepared, selected.node, self._caller, actions, answer.shown)
        return answer

    def _end(self, last: Answer) -> None:
        self._last = last
        self.ended = True


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
        self.wake: Callable[[], None] = nobody
        self.ended = False

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
