"""Parts of an answer that are not there yet: loads of the executor's own, put together without a task for each.

    Loaded    a field whose resolver asked a loader
    Parts     an object or a list of which some parts are not there yet
    Rows      a list of objects that lack nothing but fields of which all were asked for at once

What fails goes to `handle_field_error` where it stands: it becomes null there, or fails what it is part of. The others
of that part are cancelled then, and waited for, as graphql-core does it; loads, which are shared, just go on. Failures
are passed on by turns of the loop, as they travel through graphql-core's tasks, so that what fails in the same turn
is told in the same errors. Whatever must run in a task of its own (a resolver's coroutine) does.
"""

import asyncio
from collections.abc import Callable, Generator, Sequence
from functools import partial
from itertools import chain
from typing import Any, NamedTuple, Protocol

import msgspec
from graphql import GraphQLOutputType
from graphql.execution.collect_fields import FieldDetailsList
from graphql.pyutils import Path

from resolvers.loads import Load, settled

Place = tuple[GraphQLOutputType, FieldDetailsList, Path]
"""Where an error is told: the type that says whether null may stand there, the field's nodes, the path."""


class Column(NamedTuple):
    """One field of such objects, and a load for each of them."""

    field: Any
    complete: Callable[[Any], Any]
    indices: Sequence[int]
    loads: list[Load[Any]]


class Errors(Protocol):
    """The executor, as what is pending tells it of errors."""

    def handle_field_error(
        self, raw_error: Exception, return_type: GraphQLOutputType, field_details_list: FieldDetailsList, path: Path
    ) -> None:
        """Note an error, or raise it where no null may stand."""


class Executing(Errors, Protocol):
    """The executor, as rows ask it to execute one of them by itself."""

    def part_of_row(self, row: dict[str, Any], asked: list[tuple[Any, Load[Any]]], place: Place) -> "Pending":
        """Return the row as one object, with a part for each field that was asked for."""
        ...


class Pending(Load[Any], eq=False, kw_only=True):
    """A part of the answer that is not there yet. Belongs to one place, unlike a loader's loads."""

    errors: Errors
    """The execution, which is told of errors."""
    place: Place | None = None
    """Where it stands; None until that is known."""
    cancelled: bool = False

    def start(self) -> None:
        """Begin with what was put off until everything around it was asked for."""

    def cancel(self) -> list[asyncio.Task[Any]]:
        """Take no notice of what is still to come; return the tasks that were cancelled, to be waited for."""
        self.cancelled = True
        return []

    def fail(self, error: BaseException) -> None:
        """Settle without a value: as null where that may stand, with the error otherwise."""
        if self.place is not None and isinstance(error, Exception):
            try:
                self.errors.handle_field_error(error, *self.place)
            except Exception as located:  # noqa: BLE001 (it is passed on)
                self.settle(None, located)
            else:
                self.settle(None)
        else:
            self.settle(None, error)

    def __await__(self) -> Generator[Any, None, Any]:
        self.start()
        try:
            return (yield from super().__await__())
        except asyncio.CancelledError:
            self.cancel()
            raise


class Loaded(Pending, eq=False, kw_only=True):
    """The value of a field that its resolver asked a loader for; `complete` makes the field's answer of it."""

    complete: Any
    _within: Pending | asyncio.Task[Any] | None = None

    def arrived(self, source: Load[Any]) -> None:
        """Complete what has been loaded; the load calls this."""
        if self.cancelled:
            return
        try:
            completed = self.complete(source.result())
        except BaseException as error:  # noqa: BLE001 (anything a resolver raises; a cancelled load)
            self.fail(error)
            return
        if isinstance(completed, Pending):
            self._within = completed
            completed.start()
            completed.tell(self._completed)
        elif hasattr(completed, "__await__"):
            self._within = task = asyncio.ensure_future(completed)
            task.add_done_callback(lambda task: self._completed(_load_of(task)))
        else:
            self.settle(completed)

    def _completed(self, within: Load[Any]) -> None:
        if self.cancelled:
            return
        if within.error is None:
            self.settle(within.value)
        else:
            self.fail(within.error)

    def cancel(self) -> list[asyncio.Task[Any]]:
        """Cancel what completes it; not the load, which others may wait for."""
        self.cancelled = True
        return [] if self._within is None else _cancelled(self._within)


class Parts(Pending, eq=False, kw_only=True):
    """An object or a list: its parts, some of which are still awaited and then put in their places."""

    parts: Any
    awaited: Sequence[Any]
    """The keys of those that are awaited."""
    starts: bool = False
    """Whether there is something to start."""
    _left: int = 0
    _members: list[Any] = msgspec.field(default_factory=list)
    _failed: bool = False

    def __post_init__(self) -> None:
        parts = self.parts
        self._left += len(self.awaited)
        for key in self.awaited:
            member = parts[key]
            self._members.append((key, member))
            if isinstance(member, Pending):
                member.tell(partial(self._arrived, key))
                self.starts |= isinstance(member, Parts) and member.starts
            else:
                self.starts = True

    def start(self) -> None:
        """Start the tasks of those that need one, each part a turn after the whole, as nested coroutines would."""
        if not self.starts:
            return
        self.starts = False
        alone = len(self._members) == 1
        for index, (key, member) in enumerate(self._members):
            if not isinstance(member, Pending):
                task = asyncio.ensure_future(member)
                self._members[index] = (key, task)
                task.add_done_callback(partial(self._finished, key))
            elif isinstance(member, Parts) and member.starts:
                if alone:
                    member.start()
                else:
                    asyncio.get_running_loop().call_soon(member.start)

    def cancel(self) -> list[asyncio.Task[Any]]:
        """Cancel all parts that are not there yet."""
        self.cancelled = True
        return list(chain.from_iterable(_cancelled(member) for _, member in self._members))

    def _finished(self, key: Any, task: "asyncio.Task[Any]") -> None:
        self._arrived(key, _load_of(task), 1)

    def _arrived(self, key: Any, member: Load[Any], turns: int = 0) -> None:
        if self.cancelled or self._failed:
            return
        if member.error is not None:
            self._failed = True
            self._give_up_after(turns or (2 if isinstance(member, Parts) else 3), member.error)
            return
        self.parts[key] = member.value
        self._left -= 1
        if not self._left:
            self.settle(self.parts)

    def _give_up_after(self, turns: int, error: BaseException) -> None:
        """Fail when the failure would have travelled through the tasks that graphql-core has here."""
        if turns:
            asyncio.get_running_loop().call_soon(self._give_up_after, turns - 1, error)
        else:
            self._give_up(error)

    def _give_up(self, error: BaseException) -> None:
        if self.cancelled:
            return
        tasks = self.cancel()
        if tasks:
            waiting = asyncio.ensure_future(asyncio.wait(tasks))
            waiting.add_done_callback(lambda _: self.fail(error))
        else:
            self.fail(error)


class Rows(Parts, eq=False, kw_only=True):
    """A list of objects that lack nothing but fields of which all were asked for at once.

    They are put in place as they arrive, what several objects share in one go. An object of which a field is odd goes
    on as it would by itself: as `Parts`, with each error where it stands.
    """

    errors: Executing
    columns: list[Column]
    list_place: Place
    """Where the list stands that these are the rows of."""
    _odd: set[int] = msgspec.field(default_factory=set)

    def __post_init__(self) -> None:
        waiting = []
        for column in self.columns:
            sharing: dict[Load[Any], list[int]] = {}
            for index, load in zip(column.indices, column.loads, strict=True):
                if load in sharing:
                    sharing[load].append(index)
                else:
                    sharing[load] = [index]
            waiting += [(load, column, indices) for load, indices in sharing.items()]
        self._left = len(waiting)
        super().__post_init__()
        for load, column, indices in waiting:
            load.tell(partial(self._loaded, column, indices))

    def _loaded(self, column: Column, indices: list[int], load: Load[Any]) -> None:
        if self.cancelled or self._failed:
            return
        rows, odd = self.parts, self._odd
        try:
            value = column.complete(load.value if load.error is None else load.result())
        except BaseException:  # noqa: BLE001 (each of them will say what it is)
            for index in indices:
                if index not in odd:
                    self._part(index)
        else:
            name = column.field.response_name
            for index in indices:
                if not odd or index not in odd:
                    rows[index][name] = value
        self._left -= 1
        if not self._left:
            self.settle(rows)

    def _part(self, index: int) -> None:
        self._odd.add(index)
        asked = [
            (column.field, column.loads[column.indices.index(index)])
            for column in self.columns
            if index in column.indices
        ]
        type_, details, path = self.list_place
        self._left += 1
        place = (type_, details, Path(path, index, None))
        part = self.errors.part_of_row(self.parts[index], asked, place)
        self.parts[index] = part
        self._members.append((index, part))
        part.tell(partial(self._arrived, index))


def _cancelled(member: Any) -> list[asyncio.Task[Any]]:
    """Cancel a part; return the tasks that this ends."""
    if isinstance(member, Pending):
        return [] if member.done() else member.cancel()
    if isinstance(member, asyncio.Future) and not member.done():
        member.cancel()
        return [member]  # type: ignore[list-item]
    if asyncio.iscoroutine(member):
        member.close()  # it has not begun
    return []


def _load_of(task: "asyncio.Task[Any]") -> Load[Any]:
    """Return what a task came to."""
    if task.cancelled():
        return settled(None, asyncio.CancelledError())
    error = task.exception()
    return settled(task.result()) if error is None else settled(None, error)
