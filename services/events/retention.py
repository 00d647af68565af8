"""Everything kept has a bound: rounds that archive or remove what is old, for as long as the service runs.

Each kind has a task, which rests as long as it works, so that ingest is never far from its turn. A round that fails is
counted, logged, and tried again later: nothing is lost by it, the disk only holds more for longer.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import structlog

from contracts.failures import Failure
from services.events import metrics
from services.tasks import running

IDLE_S_MAX = 20.0
"""How often it is looked whether something became old, at least."""
IDLE_S_MIN = 0.2
DAY_S = 24 * 3600

Round = Callable[[], Awaitable[bool]]
"""Does a bounded part of the work and says whether there may be more."""

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def keeping(bounds: Mapping[str, tuple[float, Round]]) -> AsyncGenerator[None]:
    """Run rounds for as long as the block, by what they are about and how many days that is kept; 0: for ever."""
    works = {what: _keep(what, *bound) for what, bound in bounds.items() if bound[0]}
    async with running(works, "retention ended", on_failure=_count_failure):
        yield


async def _keep(what: str, days: float, one: Round) -> None:
    idle_s = max(IDLE_S_MIN, min(days * DAY_S, IDLE_S_MAX))
    loop = asyncio.get_running_loop()
    while True:
        began = loop.time()
        busy = await _tried(what, one)
        await asyncio.sleep(loop.time() - began if busy else idle_s)


async def _tried(what: str, one: Round) -> bool:
    try:
        return await one()
    except Failure as failure:
        _count_failure(what)
        _log.error("not archived or removed", what=what, code=failure.reason, detail=failure.detail)
        return False


def _count_failure(what: str) -> None:
    # Also of what failed for good: the disk fills up from then on, and whoever watches the failures must see it.
    metrics.RETENTION_FAILURES.labels(what).inc()
