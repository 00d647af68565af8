"""The demo's own issuer: real RS256 tokens from a key in the data folder. Never used outside the demo.

The gateway publishes its public key as JWKS; `belfry token` mints with the same file.
"""

import os
import secrets
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

from contracts.scopes import TokenScope

KEY_FILE = "demo-issuer.pem"
KEY_BITS = 2048
ISSUER = "https://demo-issuer.belfry.invalid"
TOKEN_LIFETIME_S = 8 * 3600
DEMO_SCOPES = tuple(scope.value for scope in TokenScope)


class DemoIssuer:
    """Mints tokens for demo customers."""

    def __init__(self, key: RSAKey, *, audience: str) -> None:
        self._key = key
        self._audience = audience

    @classmethod
    def open(cls, data_dir: Path, *, audience: str) -> "DemoIssuer":
        """Read the key from the data folder, or make it there; two processes at once end with the same key."""
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = data_dir / KEY_FILE
        if not path.exists():
            _create(path)
        key = RSAKey.import_key(path.read_bytes())
        key.ensure_kid()
        return cls(key, audience=audience)

    @property
    def public_key(self) -> RSAKey:
        """Return the key that verifies its tokens."""
        return RSAKey.import_key(self._public())

    def jwks(self) -> dict[str, Any]:
        """Return the JSON Web Key Set to publish."""
        return {"keys": [{**self._public(), "use": "sig", "alg": "RS256"}]}

    def _public(self) -> dict[str, str | list[str]]:
        return {**self._key.as_dict(private=False), "kid": self._key.kid or ""}

    def mint_token(
        self,
        customer_id: str,
        scopes: Iterable[str] = DEMO_SCOPES,
        lifetime_s: float = TOKEN_LIFETIME_S,
        now: float | None = None,
        device_id: str | None = None,
    ) -> str:
        """Return a signed token of a customer and device, valid from `now` (Unix seconds; the present when None)."""
        issued_at = time.time() if now is None else now
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": self._audience,
            "sub": customer_id,
            "scope": " ".join(scopes),
            "iat": int(issued_at),
            "nbf": int(issued_at),
            "auth_time": int(issued_at),
            "exp": round(issued_at + lifetime_s, 3),
            "jti": secrets.token_hex(8),
        }
        if device_id is not None:
            claims["device_id"] = device_id
        return jwt.encode({"alg": "RS256", "kid": self._key.kid}, claims, self._key)


def _create(path: Path) -> None:
    pem = RSAKey.generate_key(KEY_BITS).as_pem(private=True)
    written = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
    try:
        os.link(written, path)
    except FileExistsError:
        pass  # another process was first; its key is the one
    finally:
        written.unlink()
