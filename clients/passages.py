"""What a call to a service passes on its way to the wire, from the outside in.

    Keeping     a kept insight where everything below failed          kept.py
    Shedding    refused when more urgent calls fill the gateway       shedding.py
    Retries     sent again                                            retries.py
    Hedges      sent a second time when late                          hedges.py
    Bulkhead    waits when the service has enough to do               bulkheads.py
    Breaker     refused while the service is left alone               breaker.py

A station decides for itself, knows no other and, but for hedges, has no part in sending: it is entered and left, or
asked, and costs a coroutine only where it makes somebody wait. As transports, one inside the other, they cost a call
as much as the wire does. Here is the order in which they are passed, and nothing else.
"""

from collections.abc import Coroutine
from typing import Any

from clients.breaker import Breaker
from clients.bulkheads import Bulkhead
from clients.hedges import Hedges
from clients.kept import Keeping
from clients.retries import Retries
from clients.shedding import Shedding
from clients.transport import Answer, PreparedRequest, PreparedTransport, TransportError
from contracts.failures import Failure


class Passage:
    """The way to one service; `inner` sends once, cut off in time, and answers with whole bodies (tries.py)."""

    def __init__(
        self,
        inner: PreparedTransport,
        *,
        keeping: Keeping,
        shedding: Shedding,
        retries: Retries,
        hedges: Hedges,
        bulkhead: Bulkhead,
        breaker: Breaker,
    ) -> None:
        self._inner = inner
        self._keeping = keeping
        self._shedding = shedding
        self._retries = retries
        self._hedges = hedges
        self._bulkhead = bulkhead
        self._breaker = breaker

    def handle_async_request(self, request: PreparedRequest) -> Coroutine[Any, Any, Answer]:
        """Send a request as often as it takes and is allowed.

        Raises:
            Shed, Unavailable, TimedOut: the gateway did not send it, or not in time.
            TransportError, Failure: as below, of the last try.
        """
        return self._send_or_remember(request) if request.route.keeps else self._send(request)

    async def _send_or_remember(self, request: PreparedRequest) -> Answer:
        try:
            response = await self._send(request)
        except (TransportError, Failure) as failure:
            if (kept := self._keeping.instead_of(failure, request)) is None:
                raise
            return kept
        return self._keeping.answer(request, response)

    async def _send(self, request: PreparedRequest) -> Answer:
        shedding, retries, hedges = self._shedding, self._retries, self._hedges
        shedding.enter(request.route.priority)
        try:
            retries.begin()
            tried = 0
            while True:
                tried += 1
                try:
                    response = await hedges.send(request, self._send_once)
                except TransportError:
                    if not await retries.again(request, tried):
                        raise
                    continue
                if not retries.may_change(response) or not await retries.again(request, tried):
                    return response
        finally:
            shedding.leave()

    async def _send_once(self, request: PreparedRequest) -> Answer:
        bulkhead, breaker = self._bulkhead, self._breaker
        if not bulkhead.enter():
            await bulkhead.wait(request)
        try:
            attempt, good = breaker.enter(), None
            try:
                response = await self._inner.handle_async_request(request)
                good = response.status_code < 500
                return response
            except TransportError:
                good = False
                raise
            finally:
                breaker.leave(attempt, good=good)
        finally:
            bulkhead.leave()
