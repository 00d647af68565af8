"""The composition root of the gateway: the only place where its parts meet.

Building it is free of effects outside the data folder; its lifespan opens the transport and follows the live streams.
"""

import asyncio
import hashlib
import secrets
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from aws.secrets import follow_secret
from clients.alert_feed import AccountChangeStream, AlertStream, PolledChanges
from clients.alert_queue import AlertQueue
from clients.backends import Backends, backends_over
from clients.deadline import Errand
from clients.http_transport import HttpTransport
from clients.lambda_transport import SCHEME
from clients.transport import AiohttpTransport
from contracts.accounts import PushRevocation
from contracts.settings import SECRET_LENGTH_MIN, BadSetting, Settings, is_guarded_url, service_url, split_setting
from contracts.tls import service_client_tls
from gateway.answers import encode_json
from gateway.demo_customers import DemoCustomers
from gateway.demo_issuer import ISSUER, DemoIssuer
from gateway.edge import create_edge
from gateway.engines import assemble_engine
from gateway.feed import AlertFeed, Changes, Entries
from gateway.ide import ide_routes
from gateway.identity import Authenticator
from gateway.jwks import FixedKeys, KeySource, RemoteKeys
from gateway.plans.modes import ExecutionMode, execution_class
from gateway.revocation_stores import Revocation, RevocationFile
from gateway.revocations import Revocations
from resolvers.context import RequestContext
from resolvers.cursors import CursorCodec
from resolvers.principal import Principal
from schema.build import build_schema

JWKS_PATH = "/.well-known/jwks.json"
OPERATIONS_DIR = Path(__file__).parent.parent / "schema" / "operations"
CURSOR_KEY_FILE = "cursor.key"
REVOCATIONS_FILE = "revocations.ndjson"


def create_app(settings: Settings) -> Starlette:
    """Build the gateway.

    Raises:
        BadSetting: it cannot run safely as it is set.
    """
    transport, issuers_transport = HttpTransport(service_client_tls(settings)), AiohttpTransport()
    backends = backends_over(transport, settings)
    feed = AlertFeed(backends.analytics.alert_log, _alerts(settings), _changes(settings))
    issuer = _demo_issuer(settings)
    issuers = _issuers(settings, issuer, issuers_transport)
    cursors, revocations = CursorCodec(_cursor_keys(settings)), _revocations(settings)

    def make_context(principal: Principal) -> RequestContext:
        errand = Errand.of(principal.customer_id, settings.request_timeout_s)
        return RequestContext(principal, backends, errand, feed, cursors)

    async def end_pushes(revocation: Revocation) -> None:
        ended = PushRevocation(revocation.token_id, revocation.customer_id, revocation.issued_before)
        errand = Errand.of(revocation.customer_id or "", settings.request_timeout_s)
        await backends.accounts.revoke_push_tokens(ended, errand)

    schema = build_schema(execution_class(ExecutionMode(settings.execution)))
    engine, rates, audit, trusted = assemble_engine(settings, schema, make_context)

    following: list[asyncio.Task[None]] = []

    async def checks() -> dict[str, bool]:
        return {**await backends.ready(), "following": not any(task.done() for task in following)}

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        async with transport, issuers_transport, backends.opened():
            following.append(asyncio.create_task(feed.run()))
            following.append(asyncio.create_task(revocations.follow()))
            if settings.cursor_keys_secret:
                take = partial(_take_cursor_keys, cursors)
                following.append(asyncio.create_task(follow_secret(settings.cursor_keys_secret, take)))
            if trusted is not None:
                following.append(asyncio.create_task(trusted.follow(engine.prepare, app.state.draining.reconsider)))
            try:
                yield
            finally:
                for task in following:
                    task.cancel()
                await asyncio.wait(following)
                await audit.close()

    return create_edge(
        settings,
        engine=engine,
        rates=rates,
        authenticator=Authenticator(issuers, revocations, audience=settings.audience, clock=time.time),
        checks=checks,
        lifespan=lifespan,
        end_pushes=end_pushes,
        routes=_demo_routes(issuer, backends) if issuer is not None else (),
    )


def _alerts(settings: Settings) -> Entries:
    """Return where live alerts come from."""
    if settings.alert_topic:
        return AlertQueue(settings.alert_topic)
    if service_url(settings, "analytics").startswith(SCHEME):
        raise BadSetting("BELFRY_ALERT_TOPIC is needed where the analytics service is a function: it streams nothing.")
    tls = service_client_tls(settings)
    return AlertStream(service_url(settings, "analytics"), settings.service_token, tls=tls)


def _changes(settings: Settings) -> Changes:
    """Return what tells that accounts changed."""
    if service_url(settings, "accounts").startswith(SCHEME):
        return PolledChanges()
    tls = service_client_tls(settings)
    return AccountChangeStream(service_url(settings, "accounts"), settings.service_token, tls=tls)


def _demo_issuer(settings: Settings) -> DemoIssuer | None:
    if settings.issuer:
        return None
    if not settings.demo:
        raise BadSetting("BELFRY_ISSUER is needed outside the demo (BELFRY_DEMO).")
    return DemoIssuer.open(settings.data_dir, audience=settings.audience)


def _issuers(settings: Settings, demo: DemoIssuer | None, transport: AiohttpTransport) -> Mapping[str, KeySource]:
    if demo is not None:
        return {ISSUER: FixedKeys([demo.public_key])}
    named, published = split_setting(settings.issuer), split_setting(settings.jwks_url)
    if len(named) != len(published) or len(set(named)) != len(named):
        raise BadSetting("BELFRY_JWKS_URL must have one address for each of the issuers of BELFRY_ISSUER, in order.")
    if not all(map(is_guarded_url, published)):
        raise BadSetting("BELFRY_JWKS_URL must be https: whoever is in between could publish keys of their own.")
    return {issuer: RemoteKeys(url, transport, time.monotonic) for issuer, url in zip(named, published, strict=True)}


def _revocations(settings: Settings) -> Revocations:
    """Return the revocations in force; the gateway does not start without those it was told."""
    path = settings.data_dir / REVOCATIONS_FILE
    try:
        return Revocations(RevocationFile(path))
    except (OSError, msgspec.MsgspecError) as error:
        raise BadSetting(f"BELFRY_DATA_DIR: {path} cannot be used: {error}.") from error


def _cursor_keys(settings: Settings) -> list[bytes]:
    """Return the keys of the settings; in the demo, one that is kept in the data folder."""
    keys = _read_keys(settings.cursor_keys)
    if keys:
        return keys
    if not settings.demo:
        raise BadSetting("BELFRY_CURSOR_KEYS is needed outside the demo (BELFRY_DEMO).")
    return [_kept_key(settings.data_dir / CURSOR_KEY_FILE)]


def _take_cursor_keys(cursors: CursorCodec, texts: Sequence[str]) -> None:
    """Use the keys of a secret from here on.

    Raises:
        BadSetting: they cannot be used; those before stay in use.
    """
    cursors.use(_read_keys(",".join(texts)))


def _read_keys(text: str) -> list[bytes]:
    keys = [key.encode() for key in split_setting(text)]
    if any(len(key) < SECRET_LENGTH_MIN for key in keys):
        raise BadSetting(f"BELFRY_CURSOR_KEYS must have {SECRET_LENGTH_MIN} characters or more each.")
    return keys


def _kept_key(path: Path) -> bytes:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with path.open("xb") as file:
            path.chmod(0o600)
            file.write(secrets.token_bytes(32))
    except FileExistsError:
        pass  # an earlier start made it
    return hashlib.sha256(path.read_bytes()).digest()


def _demo_routes(issuer: DemoIssuer, backends: Backends) -> list[BaseRoute]:
    published = encode_json(issuer.jwks())

    async def jwks(_: Request) -> Response:
        return Response(published, media_type="application/json")

    return [Route(JWKS_PATH, jwks), *ide_routes(DemoCustomers(backends, issuer), OPERATIONS_DIR)]
