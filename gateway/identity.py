"""Who is asking: verified bearer tokens of the configured issuers, kept by their header's SHA-256 until they expire.

A token is checked for signature (asymmetric algorithms of the allow-list only, with a key of the set of the issuer it
names, never one it brings and never another issuer's), issuer, audience, expiry, not-before and subject. The subject
is the customer. Whether it was revoked is asked each time.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import msgspec
from joserfc import jws, jwt
from joserfc.errors import JoseError
from typing_extensions import TypeIs

from contracts.failures import Unauthenticated
from contracts.scopes import CUSTOMER_ID
from gateway.jwks import KeySource
from gateway.revocations import Revocations
from resolvers.principal import Principal

ALGORITHMS = ("RS256", "PS256", "ES256")
LEEWAY_S = 30
"""Difference of clocks tolerated on exp and nbf, in seconds."""
TOKEN_BYTES_MAX = 8 * 1024
IDENTITIES_KEPT_MAX = 20_000
KEPT_S_MAX = 300
"""Longest a verified token is believed without checking its signature again: a withdrawn key stops working."""
SECONDS_MAX = 10**11
"""Latest UNIX time that is one: in the year 5138."""
DEVICE_CLAIM = "device_id"
"""Claim of a token that is bound to one device of the customer."""


class _Named(msgspec.Struct, frozen=True):
    """What is read of claims before they are verified: whose keys to verify them with."""

    iss: str


_named = msgspec.json.Decoder(_Named)


class NoToken(Unauthenticated):
    """There is no bearer token at all."""


class Authenticator:
    """Bearer tokens to principals."""

    def __init__(
        self, issuers: Mapping[str, KeySource], revocations: Revocations, *, audience: str, clock: Callable[[], float]
    ) -> None:
        """Take the keys of each issuer by its `iss`."""
        self._issuers = issuers
        self.revocations = revocations
        self._clock = clock
        self._registry_options: dict[str, Any] = {
            "iss": {"essential": True, "values": list(issuers)},
            "aud": {"essential": True, "value": audience},
            "exp": {"essential": True},
            "sub": {"essential": True},
        }
        self._kept: OrderedDict[bytes, tuple[float, Principal]] = OrderedDict()

    async def authenticate(self, authorization: str | None) -> Principal:
        """Return the caller of an `Authorization` value.

        Raises:
            Unauthenticated: it is absent, not a bearer token, revoked, or not valid now; the message says little more.
            Unavailable: the issuer's keys cannot be had; may be retried.
        """
        now = self._clock()
        key = hashlib.sha256((authorization or "").encode("utf-8", "surrogatepass")).digest()
        kept = self._kept.get(key)
        if kept is not None and now < kept[0]:
            self._kept.move_to_end(key)
            principal = kept[1]
        else:
            principal = await self._verify(_bearer(authorization), now)
            self._kept[key] = (min(principal.expires_at, now + KEPT_S_MAX), principal)
            if len(self._kept) > IDENTITIES_KEPT_MAX:
                self._kept.popitem(last=False)
        if self.revocations.covers(principal):
            raise token_revoked()
        return principal

    async def _verify(self, token: bytes, now: float) -> Principal:
        try:
            unverified = jws.extract_compact(token)
            header, keys = unverified.headers(), self._issuers.get(_named.decode(unverified.payload).iss)
            kid = header.get("kid")
            if header.get("alg") not in ALGORITHMS or "crit" in header or keys is None or not _is_key_id(kid):
                raise Unauthenticated("The token is not valid.")
            issued_with = await keys.key(kid)
            claims = jwt.decode(token, issued_with, algorithms=list(ALGORITHMS)).claims
            jwt.JWTClaimsRegistry(now=lambda: int(now), leeway=LEEWAY_S, **self._registry_options).validate(claims)
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            expired = type(error).__name__ == "ExpiredTokenError"
            raise (token_expired() if expired else Unauthenticated("The token is not valid.")) from error
        return _principal(claims, token)


def token_revoked() -> Unauthenticated:
    """Return what the holder of a revoked token is told."""
    return Unauthenticated("The token has been revoked.")


def token_expired() -> Unauthenticated:
    """Return what the holder of an expired token is told."""
    return Unauthenticated("The token has expired.")


def _bearer(authorization: str | None) -> bytes:
    scheme, _, token = (authorization or "").strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise NoToken("A bearer token is needed.")
    if len(token) > TOKEN_BYTES_MAX or not token.isascii():
        raise Unauthenticated("The token is not valid.")
    return token.encode()


def _principal(claims: dict[str, Any], token: bytes) -> Principal:
    subject, scope, expires = claims["sub"], claims.get("scope", ""), claims["exp"]
    if not (isinstance(subject, str) and CUSTOMER_ID.fullmatch(subject) and isinstance(scope, str)):
        raise Unauthenticated("The token is not valid.")
    if expires > SECONDS_MAX:
        raise Unauthenticated("The token is not valid.")
    device = claims.get(DEVICE_CLAIM)
    if not (device is None or (isinstance(device, str) and CUSTOMER_ID.fullmatch(device))):
        raise Unauthenticated("The token is not valid.")
    acr, token_id = claims.get("acr"), claims.get("jti")
    return Principal(
        customer_id=subject,
        subject=subject,
        scopes=_scopes(scope),
        expires_at=float(expires) + LEEWAY_S,
        acr=acr if isinstance(acr, str) else None,
        auth_time=_seconds(claims.get("auth_time")),
        token_id=token_id if isinstance(token_id, str) else hashlib.sha256(token).hexdigest()[:16],
        issued_at=_seconds(claims.get("iat")),
        device_id=device,
    )


@lru_cache(maxsize=256)
def _scopes(text: str) -> frozenset[str]:
    """Return the scopes of a token: one set for all who have the same, as each takes up to 700 bytes."""
    return frozenset(text.split())


def _is_key_id(kid: object) -> TypeIs[str | None]:
    return kid is None or isinstance(kid, str)


def _seconds(claim: Any) -> int | None:
    return int(claim) if isinstance(claim, int | float) and -SECONDS_MAX <= claim <= SECONDS_MAX else None
