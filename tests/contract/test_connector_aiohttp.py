"""The connector over aiohttp keeps the contract of connectors."""

import ssl
from contextlib import AbstractAsyncContextManager

from clients.transport import AiohttpTransport, AsyncBaseTransport
from tests.contract.connector_contract import ConnectorContract


class TestAiohttp(ConnectorContract):
    """What `http://` and `https://` URLs are reached by."""

    def opened(
        self, tls: ssl.SSLContext | None = None, connections_max: int = 10
    ) -> AbstractAsyncContextManager[AsyncBaseTransport]:
        return AiohttpTransport(tls, connections_max)
