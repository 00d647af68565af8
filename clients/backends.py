"""The three clients together, and what stands between each and the wire: what the gateway holds while it runs.

A call passes what spares the service and the gateway (passages.py), is cut off in time and read within a bound
(tries.py), and goes by the connector that the scheme of the service's URL names (http_transport.py,
lambda_transport.py). Each is a transport over the next and knows no other.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from clients.accounts import AccountsClient
from clients.analytics import AnalyticsClient
from clients.breaker import Breaker
from clients.budgets import Budget
from clients.bulkheads import Bulkhead
from clients.deadline import Clock
from clients.downstream import Downstream
from clients.events import EventsClient
from clients.hedges import Hedges
from clients.http_transport import HttpTransport
from clients.kept import Keeping, KeptAnswers
from clients.lambda_transport import SCHEME, LambdaTransport, address_of
from clients.passages import Passage
from clients.retries import Retries
from clients.shedding import Load, Shedding
from clients.transport import AsyncBaseTransport
from clients.tries import Tries
from contracts.settings import PREFIX, BadSetting, Settings, service_url
from contracts.tls import service_client_tls


@dataclass(frozen=True, slots=True)
class Backends:
    """One client for each service."""

    accounts: AccountsClient
    events: EventsClient
    analytics: AnalyticsClient
    functions: tuple[LambdaTransport, ...] = ()

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[None]:
        """Make the clients of the services that are functions, for as long as the block runs."""
        async with AsyncExitStack() as opened:
            for function in self.functions:
                await opened.enter_async_context(function)
            yield

    async def ready(self) -> dict[str, bool]:
        """Say of each service whether it is ready, asking all of them at once."""
        accounts, events, analytics = await asyncio.gather(
            self.accounts.ready(), self.events.ready(), self.analytics.ready()
        )
        return {"accounts": accounts, "events": events, "analytics": analytics}


def backends_over(http: AsyncBaseTransport, settings: Settings, clock: Clock = time.monotonic) -> Backends:
    """Build the clients over a connector for http(s); opens nothing.

    Raises:
        BadSetting: a service's URL has a scheme nothing here connects to.
    """
    load = Load(settings.calls_max)
    functions: list[LambdaTransport] = []
    kept = KeptAnswers(age_s_max=settings.kept_answers_s, bytes_max=settings.kept_answers_bytes_max, clock=clock)

    def service(name: str) -> Downstream:
        url = service_url(settings, name)
        connector = _connector(name, url, http)
        if isinstance(connector, LambdaTransport):
            functions.append(connector)
        tries = Tries(connector, settings.call_try_s)
        passage = Passage(
            tries,
            keeping=Keeping(name, kept),
            shedding=Shedding(name, load),
            retries=Retries(name, tries_max=settings.call_tries_max, budget=Budget(settings.call_retry_percent)),
            hedges=Hedges(name, budget=Budget(settings.call_hedge_percent), clock=clock),
            bulkhead=Bulkhead(name, calls_max=settings.calls_per_service_max),
            breaker=Breaker(name, pause_s=settings.circuit_pause_s, clock=clock),
        )
        return Downstream(address_of(url), passage, settings.service_token, name, probe=tries)

    accounts, events, analytics = service("accounts"), service("events"), service("analytics")
    return Backends(AccountsClient(accounts), EventsClient(events), AnalyticsClient(analytics), tuple(functions))


def _connector(name: str, url: str, http: AsyncBaseTransport) -> AsyncBaseTransport:
    """Return what sends requests to a URL: the one place that knows schemes."""
    if urlsplit(url).scheme in ("http", "https"):
        return http
    if url.startswith(SCHEME):
        return LambdaTransport(url)
    raise BadSetting(f"{PREFIX}{name.upper()}_URL must begin with http://, https:// or lambda://.")


@asynccontextmanager
async def open_backends(settings: Settings) -> AsyncGenerator[Backends]:
    """Open the transport for as long as the block runs; services are connected to when they are first called."""
    async with HttpTransport(service_client_tls(settings)) as transport:
        backends = backends_over(transport, settings)
        async with backends.opened():
            yield backends
