"""A value that is being loaded: what a loader hands out, many of them shared by many.

Not a future: whoever waits is called when the value is there, at once and in order, without a turn of the event loop
for each. An executor that knows loads attaches to them what is to be done with the value; everyone else awaits them,
each on a future of their own, so that one who is cancelled takes nothing from the others.
"""

import asyncio
from collections.abc import Callable, Generator, Hashable, Iterable
from functools import partial
from typing import Any, Generic, TypeVar

import msgspec

from clients.waits import Wait

T = TypeVar("T")
U = TypeVar("U")
K = TypeVar("K", bound=Hashable)

Told = Callable[["Load[Any]"], None]


class Load(msgspec.Struct, Generic[T], eq=False, kw_only=True):
    """A value, or why there is none, once it is settled. For one event loop's thread."""

    value: Any = None
    """The value, once it is there."""
    error: BaseException | None = None
    """Why there is none."""
    _waiting: list[Told] | None = msgspec.field(default_factory=list)

    def done(self) -> bool:
        """Say whether it is settled."""
        return self._waiting is None

    def result(self) -> T:
        """Return the value of a settled load.

        Raises:
            BaseException: why there is none.
        """
        if self.error is not None:
            raise self.error
        value: T = self.value
        return value

    def tell(self, told: Told) -> None:
        """Call when it is settled, at once where it is; what is called must not raise."""
        if self._waiting is None:
            told(self)
        else:
            self._waiting.append(told)

    def settle(self, value: Any, error: BaseException | None = None) -> None:
        """Take the value, or why there is none, once; and tell everyone who waits."""
        waiting, self._waiting = self._waiting, None
        self.value = value
        if error is not None:
            self.error = error
        for told in waiting or ():
            told(self)

    def then(self, make: "Callable[[T], U | Load[U]]") -> "Load[U]":
        """Return the load of what is made of the value, be it a load too; what making it raises is its error."""
        made: Load[U] = Load()
        self.tell(partial(_make, made, make))
        return made

    def __await__(self) -> Generator[Any, None, T]:
        if self._waiting is not None:
            arrived = Wait(asyncio.get_running_loop())
            self._waiting.append(partial(_release, arrived))
            yield from arrived.__await__()
        return self.result()


def settled(value: T, error: BaseException | None = None) -> Load[T]:
    """Return a load of what is there already, or of why there is none."""
    return Load(value=value, error=error, _waiting=None)


def each(keys: Iterable[K], ask: "Callable[[K], Load[T]]") -> list[Load[T]]:
    """Ask for every key once, however often it is among them; the load of each, in their order."""
    keys = list(keys)
    asked = {key: ask(key) for key in dict.fromkeys(keys)}
    return [asked[key] for key in keys]


def _make(made: Load[U], make: Callable[[T], U | Load[U]], source: Load[T]) -> None:
    try:
        value = make(source.result() if source.error is not None else source.value)
    except BaseException as error:  # noqa: BLE001 (it is the error of what is made)
        made.settle(None, error)
        return
    if isinstance(value, Load):
        value.tell(lambda load: made.settle(load.value, load.error))
    else:
        made.settle(value)


def _release(arrived: Wait, _: Load[Any]) -> None:
    arrived.end()


class All(Load[list[T]], eq=False):
    """The values of several loads in their order; the first error is its own, as soon as it is there."""

    loads: list[Load[T]]
    _left: int = 0

    def __post_init__(self) -> None:
        loads = self.loads
        self._left = len(loads)
        if not loads:
            self.settle([])
        told = self._arrived
        for load in loads:
            load.tell(told)

    def _arrived(self, load: Load[T]) -> None:
        self._left -= 1
        if self._waiting is None:
            return
        if load.error is not None:
            self.settle(None, load.error)
        elif not self._left:
            self.settle([one.value for one in self.loads])
