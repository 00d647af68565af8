"""Who may call a service: whoever shows the token, or during a rotation the one before it.

Callers show what they read at their start; the values in force are read again while the service runs (aws/secrets.py).
"""

import hmac
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from aws.secrets import follow_secret
from contracts.settings import check_service_token
from services.tasks import running


class Access:
    """The tokens in force; without one everybody may call."""

    def __init__(self, token: str, secret: str = "") -> None:
        """`secret` names where the token is kept, if it is kept in Secrets Manager."""
        self._accepted = [_shown(token)] if token else []
        self._secret = secret

    @property
    def is_guarded(self) -> bool:
        """Whether a token must be shown."""
        return bool(self._accepted)

    def allows(self, header: str) -> bool:
        """Say whether this header `Authorization` shows a token in force."""
        given = header.encode()
        return any(hmac.compare_digest(given, accepted) for accepted in self._accepted)

    def take(self, tokens: Sequence[str]) -> None:
        """Put tokens in force instead of those that were.

        Raises:
            BadSetting: one is too short; those before stay in force.
        """
        for token in tokens:
            check_service_token(token)
        self._accepted = [_shown(token) for token in tokens]

    @asynccontextmanager
    async def following(self) -> AsyncGenerator[None]:
        """Follow the secret for as long as the block runs."""
        if not self._secret:
            yield
            return
        async with running({"service token": follow_secret(self._secret, self.take)}, "secret not followed"):
            yield


def _shown(token: str) -> bytes:
    return f"Bearer {token}".encode()
