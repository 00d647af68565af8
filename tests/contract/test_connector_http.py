"""The connector to the services keeps the contract of connectors."""

import ssl
from contextlib import AbstractAsyncContextManager

from clients.http_transport import HttpTransport
from clients.transport import AsyncBaseTransport
from tests.contract.connector_contract import ConnectorContract


class TestHttp(ConnectorContract):
    """What services are reached by."""

    def opened(
        self, tls: ssl.SSLContext | None = None, connections_max: int = 10
    ) -> AbstractAsyncContextManager[AsyncBaseTransport]:
        return HttpTransport(tls, connections_max)
