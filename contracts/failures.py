"""What can go wrong, as one tree; every service and the gateway raise these and each edge renders them once.

Failure                  code, safe message, optional JSON pointer; `detail` is for operators and never leaves
├── Rejected             the caller's input is wrong: do not retry unchanged
│   ├── BadCursor        a page or feed position that cannot be read
│   └── UnsupportedMedia a body in a format or encoding that is not understood
├── Unauthenticated      no or no valid credential
├── Forbidden            authenticated, not allowed
├── NotFound             does not exist, or is not the caller's: deliberately the same
├── Conflict             the same key with another meaning, or a version that moved on
├── TooLarge             a body, record or result over its bound
├── Overloaded           a bounded queue is full: retry after `retry_after_s`
├── Unavailable          a dependency does not answer: may be retried
│   └── Shed             too much is going on, and something else matters more now
└── TimedOut             the deadline passed: may be retried when idempotent
"""

from collections.abc import Mapping
from typing import ClassVar

import msgspec


class Problem(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """RFC 9457 problem details as services answer them (`application/problem+json`).

    `code` is stable, for machines; `detail` is safe to show; `pointer` is an RFC 6901 JSON pointer into the input.
    """

    status: int
    code: str
    detail: str
    pointer: str | None = None
    retry_after_s: float | None = None


class Failure(Exception):
    """A refusal with a stable code, an HTTP status and a message safe to show to the caller."""

    code: ClassVar[str] = "INTERNAL"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        pointer: str | None = None,
        detail: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = code or self.code
        self.pointer = pointer
        self.detail = detail
        self.retry_after_s = retry_after_s

    @property
    def hints(self) -> Mapping[str, object]:
        """Return what a client may need to get past it, beside code and pointer; empty for most."""
        return {}

    def problem(self) -> Problem:
        """Render for the wire, without the operator's detail."""
        return Problem(self.status, self.reason, self.message, self.pointer, self.retry_after_s)


class Rejected(Failure):
    code = "BAD_INPUT"
    status = 400


class BadCursor(Rejected):
    code = "BAD_CURSOR"


class UnsupportedMedia(Rejected):
    code = "UNSUPPORTED_MEDIA_TYPE"
    status = 415


class Unauthenticated(Failure):
    code = "UNAUTHENTICATED"
    status = 401


class Forbidden(Failure):
    code = "FORBIDDEN"
    status = 403


class NotFound(Failure):
    code = "NOT_FOUND"
    status = 404


class Conflict(Failure):
    code = "CONFLICT"
    status = 409


class TooLarge(Failure):
    code = "TOO_LARGE"
    status = 413


class Overloaded(Failure):
    code = "OVERLOADED"
    status = 429
    retryable = True


class Unavailable(Failure):
    code = "UNAVAILABLE"
    status = 503
    retryable = True


class Shed(Unavailable):
    code = "SHED"


class TimedOut(Failure):
    code = "TIMED_OUT"
    status = 504
    retryable = True


_BY_STATUS: dict[int, type[Failure]] = {
    kind.status: kind
    for kind in (
        Rejected,
        UnsupportedMedia,
        Unauthenticated,
        Forbidden,
        NotFound,
        Conflict,
        TooLarge,
        Overloaded,
        Unavailable,
        TimedOut,
    )
}


def failure_of(problem: Problem) -> Failure:
    """Turn a received problem back into the failure it was; an unknown status becomes `Unavailable`."""
    if problem.code == BadCursor.code:
        return BadCursor(problem.detail, pointer=problem.pointer)
    kind = _BY_STATUS.get(problem.status, Unavailable)
    return kind(problem.detail, code=problem.code, pointer=problem.pointer, retry_after_s=problem.retry_after_s)
