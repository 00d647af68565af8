"""A service as a Lambda function: API Gateway's payload (version 2.0) in, the service's own answers out.

The service starts once, with the process, and runs while it is invoked: between invocations Lambda holds the process
still, and what follows the event log then waits. Its data folder is its own: one process at a time.
"""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from litestar import Litestar
from mangum import Mangum

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def http_function(app: Litestar) -> Handler:
    """Start a service and return what Lambda calls with each request."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)  # where Mangum runs each request
    running = app.lifespan()
    loop.run_until_complete(running.__aenter__())
    adapter = Mangum(cast("Any", app), lifespan="off")

    def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
        return adapter(event, context)

    # A service lives as long as its process: nothing of it may be collected before.
    handle.running = running  # type: ignore[attr-defined]
    return handle
