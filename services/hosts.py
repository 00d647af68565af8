"""Which host names a service answers for: those it is known by, so that no web page reaches it under the page's own.

A page whose name is made to lead to this machine (DNS rebinding) is of one origin with whatever answers there; without
a service token that would be all of the bank. Health is exempt: who asks for it may know an address only.
"""

from urllib.parse import urlsplit

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from contracts.failures import Problem
from contracts.hosts import HEALTH, host_name
from contracts.settings import LOOPBACK, SERVICE_URLS, Settings, split_setting
from services.problems import send_problem

EVERY_ADDRESS = frozenset({"0.0.0.0", "::"})  # noqa: S104 (to bind to, and nobody's name)
TOLD_MAX = 16
"""Hosts whose refusal is logged, once each: a service that was not told its name is to be noticed."""

_log = structlog.get_logger(__name__)


def own_hosts(settings: Settings) -> frozenset[str]:
    """Return the names a service is known by: this machine's, the address it binds to, its URL's, the setting's."""
    named = [urlsplit(getattr(settings, name)).hostname or "" for name in SERVICE_URLS]
    given = (settings.host, *named, *split_setting(settings.service_hosts))
    return LOOPBACK | {host.lower() for host in given if host and host not in EVERY_ADDRESS}


class AllowedHosts:
    """ASGI middleware around a service."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._hosts = own_hosts(settings)
        self._told: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it for the host it names."""
        if scope["type"] != ScopeType.HTTP or scope["path"].startswith(HEALTH) or self._is_own(scope):
            await self._app(scope, receive, send)
        else:
            await send_problem(send, Problem(421, "HOST_NOT_ALLOWED", "This host is not served here."))

    def _is_own(self, scope: Scope) -> bool:
        hosts = [host_name(value) for name, value in scope["headers"] if name == b"host"]
        if len(hosts) == 1 and hosts[0] in self._hosts:
            return True
        self._tell(",".join(hosts)[:100])
        return False

    def _tell(self, host: str) -> None:
        if host not in self._told and len(self._told) < TOLD_MAX:
            self._told.add(host)
            _log.warning("host not allowed", host=host, setting="BELFRY_SERVICE_HOSTS")
