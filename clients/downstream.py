"""One service as its client sees it: typed answers in, one tree of failures out, all within the caller's deadline.

200-299                    decoded by the route's decoder
application/problem+json   the failure it names; 401, 403 and 421 are the gateway's own fault and become Unavailable
anything else              Unavailable
no connection, cut         Unavailable
deadline passed            TimedOut
body over its bound        TooLarge
"""

from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec

from clients.deadline import Deadline, Errand
from clients.kept import age_of
from clients.routes import Parameters, Priority, Route, reads
from clients.transport import (
    URL,
    Answer,
    Heading,
    PreparedRequest,
    PreparedTransport,
    TimeoutException,
    TransportError,
)
from contracts.failures import Failure, Problem, TimedOut, Unavailable, failure_of

OURS = frozenset({401, 403, 421})
"""Statuses of refusals that no caller of the gateway can do anything about: its token, or the name it asks for."""
READY_S_MAX = 1.0
"""How long a readiness probe waits."""

T = TypeVar("T")
Asked = Coroutine[Any, Any, T]
"""What was asked for, to be awaited once."""

_problems = msgspec.json.Decoder(Problem)
_encoder = msgspec.json.Encoder()
_READY = reads("/health/ready", msgspec.json.Decoder(Any), Priority.FRAUD)


class Downstream:
    """A service at `base_url`; `name` is what failures call it.

    `transport` answers with whole bodies (tries.py). `probe` is the way for readiness probes, past everything that
    spares a service that is in trouble; the same where none is given.
    """

    def __init__(
        self,
        base_url: URL | str,
        transport: PreparedTransport,
        token: str = "",
        name: str = "service",
        *,
        probe: PreparedTransport | None = None,
    ) -> None:
        self._url = URL(base_url)
        self._origin = f"{self._url.scheme}://{self._url.netloc.decode('ascii')}"
        self._prefix = self._url.raw_path.decode("ascii").rstrip("/")
        self._transport = transport
        self._probe = probe or transport
        self._name = name
        pairs = [
            ("host", self._url.netloc.decode("ascii")),
            ("accept", "application/json"),
            ("accept-encoding", "identity"),
            *([("authorization", f"Bearer {token}")] if token else []),
        ]
        self._heading = Heading(pairs)
        self._heading_with_body = Heading([*pairs, ("content-type", "application/json")])

    def call(
        self, route: Route[T], deadline: Deadline, query: Parameters = (), *, segment: str = "", body: Any = None
    ) -> Asked[T]:
        """Ask for what a route answers; `body` is a struct, or None for none.

        A read that runs on an errand is shared with the same one under way on it, and leaves a note there when the
        answer was kept from earlier.

        Raises:
            Failure: see the module; may be sent again where the route is repeatable and the failure retryable.
        """
        request = self._request(route, deadline, route.target(query, segment), body)
        if not isinstance(deadline, Errand) or route.method != "GET":
            return self._ask(route, request)
        key = self._name, request.target
        if route.keeps:
            return self._ask_or_remember(route, request, deadline, key)
        return deadline.flights.share(key, self._ask, route, request)

    async def ready(self) -> bool:
        """Say whether the service answers that it is ready, within `READY_S_MAX`."""
        request = self._request(_READY, Deadline.after(READY_S_MAX), _READY.path, None)
        try:
            return (await self._probe.handle_async_request(request)).is_success
        except (TransportError, Failure):
            return False

    def _request(self, route: Route[Any], deadline: Deadline, target: str, body: Any) -> PreparedRequest:
        encoded = b"" if body is None else _encoder.encode(body)
        heading = self._heading_with_body if encoded else self._heading
        return PreparedRequest(route, deadline, self._url, self._origin, heading, f"{self._prefix}{target}", encoded)

    async def _ask(self, route: Route[T], request: PreparedRequest) -> T:
        try:
            answer = await self._transport.handle_async_request(request)
        except TransportError as error:
            raise self._unanswered(error) from error
        return self._read(route, answer)

    async def _ask_or_remember(self, route: Route[T], request: PreparedRequest, errand: Errand, key: object) -> T:
        value, age_s = await errand.flights.share(key, self._ask_with_age, route, request)
        if age_s is not None:
            errand.found_aged(age_s)
        return value

    async def _ask_with_age(self, route: Route[T], request: PreparedRequest) -> tuple[T, float | None]:
        """Return the answer, and its age in seconds when it was kept from earlier."""
        try:
            answer = await self._transport.handle_async_request(request)
        except TransportError as error:
            raise self._unanswered(error) from error
        return self._read(route, answer), age_of(answer)

    def _unanswered(self, error: TransportError) -> Failure:
        if isinstance(error, TimeoutException):
            return TimedOut(f"The {self._name} service did not answer in time.")
        return Unavailable(f"The {self._name} service is not available.", detail=str(error))

    def _read(self, route: Route[T], answer: Answer) -> T:
        body = answer.body or b""
        if not 200 <= answer.status_code < 300:
            raise self._refused(answer, body)
        return decode(route.decoder, body, self._name)

    def _refused(self, answer: Answer, body: bytes) -> Failure:
        if answer.headers.get("content-type", "").startswith("application/problem+json"):
            problem = decode(_problems, body, self._name)
            if problem.status not in OURS:
                return failure_of(problem)
        detail = f"answered {answer.status_code}"
        return Unavailable(f"The {self._name} service is not available.", detail=detail)


def decode(decoder: msgspec.json.Decoder[T], body: bytes, name: str) -> T:
    """Decode what a service answered; nothing at all where it answered nothing (204).

    Raises:
        Unavailable: it is not what the contract says (the two were deployed apart).
    """
    try:
        return decoder.decode(body or b"null")
    except msgspec.DecodeError as error:
        raise Unavailable(f"The {name} service answered something unexpected.", detail=str(error)) from error
