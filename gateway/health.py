"""Whether the gateway lives, whether it is ready, and its metrics.

`/health/live` and `/health/ready` say no more than yes or no to strangers; the metrics and the name of what is missing
are for operators (operators.py).
"""

import asyncio
from collections.abc import Awaitable, Callable

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.answers import encode_json
from gateway.draining import Draining
from gateway.operators import IsOperator

READY_KEPT_S = 1.0
"""How long an answer is repeated, so that asking costs the services nothing more."""

Checks = Callable[[], Awaitable[dict[str, bool]]]


class Health:
    """The health and metrics routes."""

    def __init__(self, checks: Checks, is_operator: IsOperator, draining: Draining) -> None:
        self._checks = checks
        self._draining = draining
        self._is_operator = is_operator
        self._kept: tuple[float, dict[str, bool]] = (float("-inf"), {})
        self._lock = asyncio.Lock()

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/health/live", self.live, methods=["GET"]),
            Route("/health/ready", self.ready, methods=["GET"]),
            Route("/metrics", self.metrics, methods=["GET"]),
        ]

    async def live(self, _: Request) -> Response:
        """Answer that the process runs."""
        return _json(200, {"status": "live"})

    async def ready(self, request: Request) -> Response:
        """Answer 200 when every service is ready, 503 when one is not or this process is stopping."""
        checks = {**await self._current(), "accepting": not self._draining.begun}
        ready = all(checks.values())
        shown: dict[str, object] = {"status": "ready" if ready else "not ready"}
        if self._is_operator(request):
            shown["checks"] = checks
        return _json(200 if ready else 503, shown)

    async def metrics(self, request: Request) -> Response:
        """Answer the metrics to operators; to others the path does not exist."""
        if not self._is_operator(request):
            return _json(404, {"errors": [{"message": "Not found.", "extensions": {"code": "NOT_FOUND"}}]})
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    async def _current(self) -> dict[str, bool]:
        now = asyncio.get_running_loop().time()
        async with self._lock:
            if now - self._kept[0] > READY_KEPT_S:
                self._kept = (now, await self._checks())
            return self._kept[1]


def _json(status: int, value: object) -> Response:
    return Response(encode_json(value), status, media_type="application/json")
