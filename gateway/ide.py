"""GraphiQL at `/graphiql`: the page, the demo customers to look through, their tokens, and example operations.

The page is built by `make assets` and served from here; it loads nothing from any other host, and its content security
policy forbids that it could. Whoever can reach these routes can be any customer: app.py adds them in the demo only.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from contracts.failures import Failure, NotFound, Rejected, TooLarge, UnsupportedMedia
from gateway.answers import encode_json
from gateway.errors import render_failure
from gateway.examples import read_operations

BUILT = Path(__file__).parent / "static" / "graphiql"
BODY_BYTES_MAX = 1024
"""A token request: one customer id."""
HASHED_NAME = re.compile(r"[A-Za-z0-9._-]+-[A-Z0-9]{8}\.(?:js|css|ttf)")
"""Names esbuild gives: what they hold never changes, so browsers may keep it."""
NOT_BUILT = "GraphiQL is not built yet: run `make assets`, then reload this page.\n"

# GraphiQL's editor sets styles from code, hence 'unsafe-inline' for styles; scripts come from files only.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; frame-ancestors 'none'; "
    "form-action 'none'"
)
HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
KEPT = {**HEADERS, "cache-control": "public, max-age=31536000, immutable"}


class DemoCustomer(msgspec.Struct, frozen=True, rename="camel"):
    """A customer to choose: `description` says in a few words what there is to see."""

    customer_id: str
    name: str
    description: str


class DemoDirectory(Protocol):
    """Who the demo's customers are, and their tokens."""

    async def customers(self) -> list[DemoCustomer]:
        """Return the customers to choose from, the default first."""
        ...

    def mint_token(self, customer_id: str) -> str:
        """Return a fresh token of a customer, for the Authorization header."""
        ...


class TokenRequest(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Whose token is wanted."""

    customer_id: str


def ide_routes(demo: DemoDirectory, operations_dir: Path, *, built: Path = BUILT) -> list[Route]:
    """Return the routes of GraphiQL; `operations_dir` holds the example operations, `built` what `make assets` made."""
    ide = _Ide(demo, operations_dir, built)
    return [
        Route("/graphiql", ide.page),
        Route("/graphiql/assets/{name}", ide.asset),
        Route("/graphiql/customers", _answering(ide.customers)),
        Route("/graphiql/operations", _answering(ide.operations)),
        Route("/graphiql/token", _answering(ide.token), methods=["POST"]),
    ]


class _Ide:
    def __init__(self, demo: DemoDirectory, operations_dir: Path, built: Path) -> None:
        self._demo = demo
        self._operations_dir = operations_dir
        self._built = built

    async def page(self, _: Request) -> Response:
        return await self._file(self._built / "index.html", HEADERS)

    async def asset(self, request: Request) -> Response:
        name = request.path_params["name"]
        if not HASHED_NAME.fullmatch(name):
            return PlainTextResponse("Not found.\n", 404, HEADERS)
        return await self._file(self._built / "assets" / name, KEPT)

    async def customers(self, _: Request) -> list[DemoCustomer]:
        return await self._demo.customers()

    async def operations(self, _: Request) -> Any:
        return await asyncio.to_thread(read_operations, self._operations_dir)

    async def token(self, request: Request) -> dict[str, str]:
        customer_id = (await _read_token_request(request)).customer_id
        if customer_id not in {customer.customer_id for customer in await self._demo.customers()}:
            raise NotFound("There is no such demo customer.")
        return {"token": self._demo.mint_token(customer_id)}

    async def _file(self, path: Path, headers: dict[str, str]) -> Response:
        if await asyncio.to_thread(path.is_file):
            return FileResponse(path, headers=headers)
        if await asyncio.to_thread(self._built.is_dir):
            return PlainTextResponse("Not found.\n", 404, HEADERS)
        return PlainTextResponse(NOT_BUILT, 503, HEADERS)


def _answering(answer: Callable[[Request], Awaitable[Any]]) -> Callable[[Request], Awaitable[Response]]:
    """Turn what a route found, or the failure it met, into JSON."""

    async def respond(request: Request) -> Response:
        try:
            status, content = 200, msgspec.to_builtins(await answer(request))
        except Failure as failure:
            status, content = failure.status, {"errors": [render_failure(failure)]}
        return Response(encode_json(content), status, HEADERS, media_type="application/json")

    return respond


async def _read_token_request(request: Request) -> TokenRequest:
    """Read the body; demanding JSON keeps forms of other sites out."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise UnsupportedMedia("Send application/json.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise TooLarge(f"The body is larger than {BODY_BYTES_MAX} bytes.")
    try:
        return msgspec.json.decode(body, type=TokenRequest)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Rejected('Send {"customerId": "…"}.') from None
