"""The three clients together, over one transport: what the gateway holds while it runs."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from clients.accounts import AccountsClient
from clients.analytics import AnalyticsClient
from clients.downstream import Downstream
from clients.events import EventsClient
from clients.transport import AiohttpTransport, AsyncBaseTransport
from contracts.settings import Settings, service_url
from contracts.tls import service_client_tls


@dataclass(frozen=True, slots=True)
class Backends:
    """One client for each service."""

    accounts: AccountsClient
    events: EventsClient
    analytics: AnalyticsClient

    async def ready(self) -> dict[str, bool]:
        """Say of each service whether it is ready, asking all of them at once."""
        accounts, events, analytics = await asyncio.gather(
            self.accounts.ready(), self.events.ready(), self.analytics.ready()
        )
        return {"accounts": accounts, "events": events, "analytics": analytics}


def backends_over(transport: AsyncBaseTransport, settings: Settings) -> Backends:
    """Build the clients over a transport; opens nothing."""

    def service(name: str) -> Downstream:
        return Downstream(service_url(settings, name), transport, settings.service_token, name)

    return Backends(
        AccountsClient(service("accounts")), EventsClient(service("events")), AnalyticsClient(service("analytics"))
    )


@asynccontextmanager
async def open_backends(settings: Settings) -> AsyncGenerator[Backends]:
    """Open the transport for as long as the block runs; services are connected to when they are first called."""
    async with AiohttpTransport(service_client_tls(settings)) as transport:
        yield backends_over(transport, settings)
