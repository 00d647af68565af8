"""One try of a call: it is told how long its caller waits, is cut off then, and its answer is read within a bound.

The innermost of the composed transports: below it a connector answers with a stream, above it every answer is whole.
"""

import asyncio
from typing import cast

from clients.routes import call_of
from clients.timeouts import Timeout
from clients.transport import (
    Answer,
    AsyncBaseTransport,
    AsyncByteStream,
    PreparedRequest,
    ReadTimeout,
    Request,
    Response,
)
from contracts.failures import TooLarge

ANSWER_BYTES_MAX = 8 * 1024 * 1024
"""Largest answer read from a service."""


class Tries(AsyncBaseTransport):
    """Gives a repeatable call `try_s` seconds, and any call no more than its deadline leaves."""

    def __init__(self, inner: AsyncBaseTransport, try_s: float, answer_bytes_max: int = ANSWER_BYTES_MAX) -> None:
        self._inner = inner
        self._try_s = try_s
        self._timeout = Timeout(try_s)
        self._answer_bytes_max = answer_bytes_max

    async def handle_async_request(self, request: Request) -> Response:
        """Send the request and read the answer.

        Raises:
            TimedOut: there was no time left to begin with.
            ReadTimeout: it took longer than it was given.
            TooLarge: the answer is over its bound.
            TransportError: as below.
        """
        call = call_of(request)
        left_s = call.deadline.require()
        prepared = cast("PreparedRequest", request)
        try:
            if call.route.repeatable and left_s > self._try_s:
                prepared.waits(self._try_s)
                with self._timeout.one():
                    response = await self._inner.handle_async_request(prepared)
                    if not is_whole(response):
                        response = await self._whole(response)
            else:
                prepared.waits(left_s)
                async with asyncio.timeout(left_s):
                    response = await self._inner.handle_async_request(prepared)
                    if not is_whole(response):
                        response = await self._whole(response)
        except TimeoutError as error:
            raise ReadTimeout("no answer in time", request=request) from error
        self._check(len(body_of(response)))
        return response

    async def _whole(self, response: Response) -> Answer:
        """Read what did not come at once to its end, no further than its bound."""
        # Straight from the stream: httpx's own iteration adds a fifth to the cost of a call.
        stream = cast("AsyncByteStream", response.stream)
        parts, size = [], 0
        try:
            async for chunk in stream:
                size += len(chunk)
                self._check(size)
                parts.append(chunk)
        finally:
            await stream.aclose()
        answer = (
            response if isinstance(response, Answer) else Answer(response.status_code, response.headers.raw, stream)
        )
        answer.body = parts[0] if len(parts) == 1 else b"".join(parts)
        return answer

    def _check(self, size: int) -> None:
        if size > self._answer_bytes_max:
            raise TooLarge(f"A service answered more than {self._answer_bytes_max} bytes.")


def is_whole(response: Response) -> bool:
    """Say whether all of an answer is there already."""
    return isinstance(response, Answer) and response.body is not None


def body_of(response: Response) -> bytes:
    """Return the body of an answer that was read."""
    return cast("Answer", response).body or b""
