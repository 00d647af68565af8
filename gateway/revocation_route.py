"""`POST /revocations`, for operators: `{"tokenId": …}`, or `{"customerId": …, "issuedBefore": UNIX seconds or absent}`.

Answers 200 with what is in force, once the pushes that were registered with such tokens are ended too; 503 where that
could not be done yet: the tokens are revoked all the same, send it again. Demanding JSON keeps pages of other sites
out, which could reach a gateway on the same machine. To whom is no operator the path does not exist.
"""

from collections.abc import Awaitable, Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.failures import Failure, NotFound, Rejected, TooLarge, Unavailable, UnsupportedMedia
from gateway.answers import encode_json
from gateway.errors import render_failure
from gateway.operators import IsOperator
from gateway.revocation_stores import Revocation
from gateway.revocations import Revocations

PATH = "/revocations"
BODY_BYTES_MAX = 2 * 1024


EndPushes = Callable[[Revocation], Awaitable[None]]


class Wanted(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The body."""

    token_id: str | None = None
    customer_id: str | None = None
    issued_before: float | None = None


def revocation_route(revocations: Revocations, is_operator: IsOperator, end_pushes: EndPushes) -> Route:
    """Return the route."""

    async def revoke(request: Request) -> Response:
        try:
            if not is_operator(request):
                raise NotFound("Not found.")
            wanted = await _read(request)
            revocation = Revocation(wanted.token_id, wanted.customer_id, wanted.issued_before)
            in_force = await revocations.revoke(revocation)
            await _end(end_pushes, in_force)
            status, content = 200, msgspec.to_builtins(in_force)
        except Failure as failure:
            status, content = failure.status, {"errors": [render_failure(failure)]}
        return Response(encode_json(content), status, media_type="application/json")

    return Route(PATH, revoke, methods=["POST"])


async def _end(end_pushes: EndPushes, revocation: Revocation) -> None:
    try:
        await end_pushes(revocation)
    except Failure as failure:
        raise Unavailable(
            "The tokens are revoked, but what is pushed to their devices is not ended yet: send it again.",
            detail=failure.detail,
            retry_after_s=1.0,
        ) from failure


async def _read(request: Request) -> Wanted:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise UnsupportedMedia("Send application/json.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise TooLarge(f"The body is larger than {BODY_BYTES_MAX} bytes.")
    try:
        return msgspec.json.decode(body, type=Wanted)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise Rejected('Send {"tokenId": "…"} or {"customerId": "…", "issuedBefore": seconds}.') from None
