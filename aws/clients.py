"""Long-lived clients of AWS's services, and the one tree of failures for what goes wrong there.

Region, credentials and endpoint come by the standard chain (`AWS_DEFAULT_REGION`, `AWS_ENDPOINT_URL`, roles). A client
is made once, at the start: the first one blocks the loop for 70 ms, a call costs 0.5 ms of CPU.

AWS's library is loaded with the first client: it would be a quarter of the start of processes that never call AWS.
"""

from collections.abc import AsyncGenerator, Container, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from aws.failures import RETRY_AFTER_S, Told, failure_of_code
from contracts.failures import Unavailable
from contracts.settings import BadSetting

if TYPE_CHECKING:
    from aiobotocore.session import AioSession
    from botocore.exceptions import ClientError

CONNECT_TIMEOUT_S = 1.0
READ_TIMEOUT_S = 5.0
CONNECTIONS_MAX = 64
ATTEMPTS_MAX = 3
"""Of what no user waits for."""
USER_ATTEMPTS_MAX = 2
"""A user waits: one retry, and the deadline ends even that."""


@asynccontextmanager
async def aws_client(
    service: str,
    *,
    connections: int = CONNECTIONS_MAX,
    read_timeout_s: float = READ_TIMEOUT_S,
    attempts_max: int = ATTEMPTS_MAX,
) -> AsyncGenerator[Any]:
    """Open a client of an AWS service for as long as the block runs.

    Raises:
        BadSetting: there is no region, or the environment is otherwise not fit to call AWS.
    """
    from aiobotocore.config import AioConfig
    from botocore.exceptions import BotoCoreError

    config = AioConfig(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=read_timeout_s,
        max_pool_connections=connections,
        retries={"mode": "standard", "total_max_attempts": attempts_max},
        tcp_keepalive=True,
        parameter_validation=False,
    )
    async with AsyncExitStack() as opened:
        try:
            client = await opened.enter_async_context(_session().create_client(service, config=config))
        except BotoCoreError as error:
            raise BadSetting(f"AWS cannot be called: {error}") from error
        yield client


@asynccontextmanager
async def hot_client(service: str, calls: str, *, connections: int = CONNECTIONS_MAX) -> AsyncGenerator[Any]:
    """Open a client of Kinesis or DynamoDB for calls that are made all the time.

    `calls`: `signed` has them signed and sent by `signed_calls.py`, `client` by aiobotocore; the rest is the same.
    """
    async with aws_client(service, connections=connections) as client:
        if calls == "client":
            yield client
            return
        from aws.signed_calls import SignedClient, open_http

        session = _session()
        http = open_http(
            client.meta.endpoint_url, session.get_config_variable("ca_bundle"),
            connections=connections, connect_timeout_s=CONNECT_TIMEOUT_S, read_timeout_s=READ_TIMEOUT_S,
        )  # fmt: skip
        async with http:
            yield SignedClient(client, await session.get_credentials(), http, attempts_max=ATTEMPTS_MAX)


@cache
def _session() -> "AioSession":
    """Return the one session of the process: what it has loaded is most of what a client costs to make."""
    from aiobotocore.session import get_session

    return get_session()


@contextmanager
def translated(what: str, telling: Container[str] = ()) -> Iterator[None]:
    """Raise what AWS refuses in the block as the failure it is; `what` is the thing that was asked, for people.

    Raises:
        Told: the error's code is one of `telling`.
        Conflict, NotFound, Overloaded, Unavailable: by the error's code.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = code_of(error)
        if code in telling:
            raise Told(code, str(error.response["Error"].get("Message", ""))) from error
        raise failure_of_code(code, what) from error
    except (BotoCoreError, TimeoutError, OSError) as error:
        detail = type(error).__name__
        raise Unavailable(f"The {what} does not answer.", detail=detail, retry_after_s=RETRY_AFTER_S) from error


def code_of(error: "ClientError") -> str:
    """Return the code AWS gave an error."""
    return str(error.response.get("Error", {}).get("Code", ""))
