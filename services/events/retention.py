"""Everything kept has a bound: rounds that archive or remove what is old, one after the other, for as long as it runs.

They rest as long as they work, so that ingest has at least half of the disk and of the writer. A round that fails is
counted, logged, and tried again later: nothing is lost by it, the disk only holds more for longer.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import structlog

from contracts.failures import Failure
from services.events import metrics

IDLE_S_MAX = 20.0
"""How often it is looked whether something became old, at least."""
IDLE_S_MIN = 0.2

Round = Callable[[], Awaitable[bool]]
"""Does a bounded part of the work and says whether there may be more."""

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def keeping(rounds: Mapping[str, Round], idle_s: float = IDLE_S_MAX) -> AsyncGenerator[None]:
    """Run rounds, by what they are about, for as long as the block; `idle_s` from one look to the next."""
    task = asyncio.create_task(_keep(rounds, max(IDLE_S_MIN, min(idle_s, IDLE_S_MAX))), name="retention")
    task.add_done_callback(_report_end)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _keep(rounds: Mapping[str, Round], idle_s: float) -> None:
    loop = asyncio.get_running_loop()
    while True:
        began = loop.time()
        busy = [await _tried(what, one) for what, one in rounds.items()]
        await asyncio.sleep(loop.time() - began if any(busy) else idle_s)


async def _tried(what: str, one: Round) -> bool:
    try:
        return await one()
    except Failure as failure:
        metrics.RETENTION_FAILURES.labels(what).inc()
        _log.error("not archived or removed", what=what, code=failure.reason, detail=failure.detail)
        return False


def _report_end(task: asyncio.Task[None]) -> None:
    # The disk fills up from now on: whoever watches the failures must see it, and why.
    if not task.cancelled() and (error := task.exception()) is not None:
        metrics.RETENTION_FAILURES.labels("all").inc()
        _log.critical("retention ended", error=type(error).__name__, exc_info=error)
