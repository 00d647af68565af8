"""Mutations answer the caller's own mistakes as data: what was refused becomes `InputErrors`, not a GraphQL error.

Rejected, Conflict and NotFound are the caller's; Unavailable, TimedOut and the rest stay failures.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from contracts.failures import Conflict, Failure, NotFound, Rejected
from resolvers.context import Info

T = TypeVar("T")


class InputError(msgspec.Struct, frozen=True):
    """One mistake: a sentence, the argument and field it is about, a stable code."""

    message: str
    path: list[str]
    code: str


class InputErrors(msgspec.Struct, frozen=True):
    """Why nothing was changed."""

    errors: list[InputError]


async def or_refusal(info: Info, work: Callable[[], Awaitable[T]], *argument: str) -> T | InputErrors:
    """Do a mutation; `argument` is where a failure without a place of its own points to."""
    try:
        return await work()
    except (Rejected, Conflict, NotFound) as failure:
        info.context.trail.refused(failure.reason)
        return InputErrors([InputError(failure.message, _path(failure, argument), failure.reason)])


def _path(failure: Failure, argument: tuple[str, ...]) -> list[str]:
    within = [part for part in (failure.pointer or "").split("/") if part]
    return [*argument, *within]
