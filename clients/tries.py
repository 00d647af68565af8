"""One try of a call: it is told how long its caller waits, is cut off then, and its answer is read within a bound.

The innermost of the composed transports: below it a connector answers with a stream, above it every answer is whole.
"""

import asyncio
from typing import cast

from clients.timeouts import Timeout
from clients.transport import Answer, AsyncBaseTransport, AsyncByteStream, PreparedRequest, ReadTimeout, Response
from contracts.failures import TooLarge

ANSWER_BYTES_MAX = 8 * 1024 * 1024
"""Largest answer read from a service."""


class Tries:
    """Gives a repeatable call `try_s` seconds, and any call no more than its deadline leaves."""

    def __init__(self, inner: AsyncBaseTransport, try_s: float, answer_bytes_max: int = ANSWER_BYTES_MAX) -> None:
        self._inner = inner
        self._try_s, self._try_ms = try_s, _milliseconds(try_s)
        self._timeout = Timeout(try_s)
        self._answer_bytes_max = answer_bytes_max

    async def handle_async_request(self, request: PreparedRequest) -> Answer:
        """Send the request and read the answer.

        Raises:
            TimedOut: there was no time left to begin with.
            ReadTimeout: it took longer than it was given.
            TooLarge: the answer is over its bound.
            TransportError: as below.
        """
        left_s = request.deadline.require()
        try:
            if request.route.repeatable and left_s > self._try_s:
                request.wait_ms = self._try_ms
                with self._timeout.one():
                    answer = await self._inner.handle_async_request(request)
                    if not isinstance(answer, Answer) or answer.body is None:
                        answer = await self._whole(answer)
            else:
                request.wait_ms = _milliseconds(left_s)
                async with asyncio.timeout(left_s):
                    answer = await self._inner.handle_async_request(request)
                    if not isinstance(answer, Answer) or answer.body is None:
                        answer = await self._whole(answer)
        except TimeoutError as error:
            raise ReadTimeout("no answer in time", request=request) from error
        if answer.body is not None and len(answer.body) > self._answer_bytes_max:
            raise self._too_large()
        return answer

    async def _whole(self, response: Response) -> Answer:
        """Read what did not come at once to its end, no further than its bound."""
        # Straight from the stream: httpx's own iteration adds a fifth to the cost of a call.
        stream = cast("AsyncByteStream", response.stream)
        parts, size = [], 0
        try:
            async for chunk in stream:
                size += len(chunk)
                if size > self._answer_bytes_max:
                    raise self._too_large()
                parts.append(chunk)
        finally:
            await stream.aclose()
        raw = response.raw if isinstance(response, Answer) else response.headers.raw
        return Answer(response.status_code, raw, body=b"".join(parts))

    def _too_large(self) -> TooLarge:
        return TooLarge(f"A service answered more than {self._answer_bytes_max} bytes.")


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))
