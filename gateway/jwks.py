"""The issuer's public keys: from its JWKS address, or the demo issuer's own.

Keys are fetched when first needed and every ten minutes; a key id that is not known fetches at most every thirty
seconds, so that rotation is followed and made-up key ids cost the issuer nothing. While the issuer is away the last
keys stay.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

import msgspec
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from clients.transport import URL, AsyncBaseTransport, Request, TransportError
from contracts.failures import Unauthenticated, Unavailable

REFRESH_S = 600.0
UNKNOWN_KEY_REFRESH_S = 30.0
FETCH_S_MAX = 3.0
JWKS_BYTES_MAX = 256 * 1024
KEYS_MAX = 64
RSA_BITS_MIN = 2048

PublicKey = RSAKey | ECKey
_log = structlog.get_logger(__name__)


class KeySource(Protocol):
    """Where verification keys come from."""

    async def key(self, kid: str | None) -> PublicKey:
        """Return the key of that id; without an id, the only key there is.

        Raises:
            Unauthenticated: there is no such key.
            Unavailable: the keys cannot be had.
        """
        ...


class FixedKeys:
    """Keys given once: the demo issuer's."""

    def __init__(self, keys: list[PublicKey]) -> None:
        self._keys = {key.kid: key for key in keys}

    async def key(self, kid: str | None) -> PublicKey:
        """Return the key of that id; without an id, the only key there is."""
        return _pick(self._keys, kid)


class RemoteKeys:
    """Keys published at a JWKS address."""

    def __init__(self, url: str, transport: AsyncBaseTransport, clock: Callable[[], float]) -> None:
        self._url = URL(url)
        self._transport = transport
        self._clock = clock
        self._keys: dict[str | None, PublicKey] = {}
        self._asked_at = float("-inf")
        self._lock = asyncio.Lock()

    async def key(self, kid: str | None) -> PublicKey:
        """Return the key of that id, fetching the set when it is old or does not hold it."""
        if self._due(kid):
            async with self._lock:
                if self._due(kid):
                    await self._refresh()
        if not self._keys:
            raise Unavailable("The sign-in service does not answer.", retry_after_s=UNKNOWN_KEY_REFRESH_S)
        return _pick(self._keys, kid)

    def _due(self, kid: str | None) -> bool:
        age_s = self._clock() - self._asked_at
        known = kid in self._keys or (kid is None and bool(self._keys))
        return age_s >= (REFRESH_S if known else UNKNOWN_KEY_REFRESH_S)

    async def _refresh(self) -> None:
        self._asked_at = self._clock()
        try:
            self._keys = _read_keys(await self._fetch())
        except (TransportError, TimeoutError, ValueError, TypeError, RecursionError) as error:
            _log.warning("issuer's keys not read", error=type(error).__name__, kept=len(self._keys))

    async def _fetch(self) -> bytes:
        headers = [(b"host", self._url.netloc), (b"accept", b"application/json"), (b"accept-encoding", b"identity")]
        request = Request("GET", self._url, headers=headers, extensions={"target": self._url.raw_path})
        async with asyncio.timeout(FETCH_S_MAX):
            answer = await self._transport.handle_async_request(request)
            try:
                if answer.status_code != 200:
                    raise ValueError(f"the issuer answered {answer.status_code}")
                body = b""
                async for chunk in answer.aiter_raw():
                    body += chunk
                    if len(body) > JWKS_BYTES_MAX:
                        raise ValueError("the key set is too large")
                return body
            finally:
                await answer.aclose()


def _read_keys(body: bytes) -> dict[str | None, PublicKey]:
    found = msgspec.json.decode(body, type=dict[str, object]).get("keys")
    if not isinstance(found, list):
        raise TypeError("not a key set")
    imported = [key for key in map(_read_key, found[:KEYS_MAX]) if key is not None]
    keys: dict[str | None, PublicKey] = {
        key.kid: key for key in imported if _is_strong(key) and key.get("use", "sig") == "sig"
    }
    if not keys:
        raise ValueError("the key set holds no usable key")
    return keys


def _read_key(published: Any) -> PublicKey | None:
    """Return a key; None for what is none, or of no kind that is used here (RFC 7517, 5: it is to be ignored)."""
    try:
        match published:
            case {"kty": "RSA"}:
                return RSAKey.import_key(published)
            case {"kty": "EC"}:
                return ECKey.import_key(published)
        return None
    except (JoseError, LookupError, ValueError, TypeError):
        return None


def _is_strong(key: PublicKey) -> bool:
    return isinstance(key, ECKey) or key.raw_value.key_size >= RSA_BITS_MIN


def _pick(keys: dict[str | None, PublicKey], kid: str | None) -> PublicKey:
    if kid is None and len(keys) == 1:
        return next(iter(keys.values()))
    key = keys.get(kid) if kid is not None else None
    if key is None:
        raise Unauthenticated("The token is not valid.")
    return key
