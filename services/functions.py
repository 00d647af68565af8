"""A service as a Lambda function: API Gateway's payload (version 2.0) in, the service's own answers out.

The service starts once, with the process, and runs while it is invoked: between invocations Lambda holds the process
still, and what follows the event log then waits. Its data folder is its own: one process at a time.
"""

import asyncio
import os
from collections.abc import Callable
from typing import Any, cast

from litestar import Litestar
from mangum import Mangum

from aws.secrets import filled
from contracts.logs import configure_logs
from contracts.settings import Settings, read_settings

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def http_function(create_app: Callable[[Settings], Litestar]) -> Handler:
    """Start a service as the environment sets it, and return what Lambda calls with each request."""
    settings = filled(read_settings(os.environ))
    configure_logs(settings.log_level)
    app = create_app(settings)
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
