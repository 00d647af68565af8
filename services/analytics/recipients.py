"""What customers want and where they are reached, asked of the account service, which owns it, when it matters."""

import ssl
from collections.abc import Sequence
from datetime import time
from typing import Any, Protocol, TypeVar
from zoneinfo import ZoneInfo

import aiohttp
import msgspec
import structlog

from contracts.accounts import Customer, NotificationPreferences, PushToken, PushTokenRemoval
from contracts.failures import Unavailable
from contracts.vocabulary import AlertKind, AlertSeverity, NotificationChannel
from services.analytics.handoffs import Recipient
from services.analytics.quiet_hours import zone_of

ASK_S_MAX = 3.0
"""How long the account service has to answer."""
UNKNOWN_ZONE = ZoneInfo("UTC")
"""Where a customer is taken to be whose time zone is none."""

T = TypeVar("T")

_customers = msgspec.json.Decoder(list[Customer])
_push_tokens = msgspec.json.Decoder(list[PushToken])
_anything: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
_preferences = msgspec.json.Decoder(list[NotificationPreferences])
_log = structlog.get_logger(__name__)


class Recipients(Protocol):
    """Where recipients are asked for."""

    async def of(self, customer_ids: Sequence[str]) -> dict[str, Recipient]:
        """Return those of the customers that exist; at most 500 are asked for.

        Raises:
            Unavailable: they cannot be read now.
        """


class AccountService:
    """`Recipients`, and the push tokens, over HTTP. Construct is free; the connection is made when first asked."""

    def __init__(self, accounts_url: str, *, token: str = "", tls: ssl.SSLContext | None = None) -> None:
        """With `tls` the account service is asked with this process's certificate."""
        self._url = accounts_url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def of(self, customer_ids: Sequence[str]) -> dict[str, Recipient]:
        """See `Recipients`."""
        customers = await self._read("/customers", "id", customer_ids, _customers)
        preferences = await self._read("/preferences", "customerId", customer_ids, _preferences)
        zones = {customer.id: _zone(customer) for customer in customers}
        found = {one.customer_id: recipient_of(one, zones.get(one.customer_id, UNKNOWN_ZONE)) for one in preferences}
        return {customer_id: recipient for customer_id, recipient in found.items() if recipient is not None}

    async def push_tokens_of(self, customer_id: str) -> list[PushToken]:
        """Return the push tokens of a customer's devices.

        Raises:
            Unavailable: they cannot be read now.
        """
        return await self._read("/push-tokens", "customerId", [customer_id], _push_tokens)

    async def forget_push_token(self, token: PushToken) -> None:
        """Remove a push token; repeating it changes nothing.

        Raises:
            Unavailable: that it was removed is not known.
        """
        removal = PushTokenRemoval(token.customer_id, token.platform, token.token)
        await self._ask("POST", "/push-tokens/remove", _anything, data=msgspec.json.encode(removal))

    async def close(self) -> None:
        """Close the connection."""
        if self._session is not None:
            await self._session.close()

    async def _read(self, path: str, name: str, ids: Sequence[str], decoder: msgspec.json.Decoder[T]) -> T:
        return await self._ask("GET", path, decoder, params=[(name, id) for id in ids])

    async def _ask(self, method: str, path: str, decoder: msgspec.json.Decoder[T], **more: Any) -> T:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=ASK_S_MAX)
            connector = aiohttp.TCPConnector(ssl=True if self._tls is None else self._tls)
            headers = self._headers | {"Content-Type": "application/json"}
            self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, headers=headers)
        try:
            asking = self._session.request(method, f"{self._url}{path}", raise_for_status=True, **more)
            async with asking as response:
                return decoder.decode(await response.read())
        except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError) as error:
            raise Unavailable("The account service does not answer.", detail=type(error).__name__) from error


def recipient_of(preferences: NotificationPreferences, zone: ZoneInfo) -> Recipient | None:
    """Return what a customer wants; None for what a newer account service may say and this one does not know."""
    try:
        hours = preferences.quiet_hours
        return Recipient(
            zone,
            AlertSeverity(preferences.minimum_severity),
            preferences.push_enabled,
            preferences.sms_enabled,
            frozenset(AlertKind(kind) for kind in preferences.muted_kinds),
            {AlertKind(one.kind): [NotificationChannel(name) for name in one.channels] for one in preferences.channels},
            None if hours is None else (time.fromisoformat(hours.start), time.fromisoformat(hours.end)),
        )
    except ValueError:
        _log.error("preferences unknown", customer=preferences.customer_id)
        return None


def _zone(customer: Customer) -> ZoneInfo:
    zone = zone_of(customer.time_zone)
    if zone is None:
        _log.warning("time zone unknown", customer=customer.id)
        return UNKNOWN_ZONE
    return zone
