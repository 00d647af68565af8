"""Tasks that run for as long as what they serve, and are missed when they end by themselves."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import structlog

Tasks = list[asyncio.Task[None]]
OnFailure = Callable[[str], None]

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def running(
    works: Mapping[str, Coroutine[Any, Any, None]], told: str, on_failure: OnFailure = lambda _: None
) -> AsyncGenerator[Tasks]:
    """Run each work for as long as the block, in a task of its name, and yield the tasks.

    One that fails is not begun again: that is logged as `told`, and `on_failure` is called with its name. Whether all
    still run is for readiness to say.
    """
    tasks = [asyncio.create_task(work, name=name) for name, work in works.items()]
    for task in tasks:
        task.add_done_callback(partial(_report_end, told, on_failure))
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _report_end(told: str, on_failure: OnFailure, task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        on_failure(task.get_name())
        _log.critical(told, task=task.get_name(), error=type(error).__name__, exc_info=error)
