"""Tokens that are believed no longer though they have not expired: after a logout, a lost phone, a fraud.

    by token      the token id (`jti`) of one token
    by customer   every token of a customer that was issued at or before a moment

A revocation holds from the next request on, ends the sockets and streams opened with such a token at once, and is
durable before it is acknowledged. Processes on one disk (workers, replicas) follow one list; elsewhere each replica has
its own and must be told.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable

import msgspec
import structlog

from contracts.failures import Overloaded, Rejected, Unavailable
from gateway.revocation_stores import Revocation, RevocationStore
from resolvers.principal import Principal

REVOCATIONS_MAX = 100_000
"""Revocations in force at a time; one more is refused, none is forgotten for it."""
KEPT_S = 400 * 24 * 3600
"""How long one is in force: longer than any token lives (`belfry token` mints them for a year at most)."""
ID_CHARACTERS_MAX = 256
LOOKED_EVERY_S = 0.25
"""How often it is looked whether another process on this disk revoked something."""

Key = tuple[str, str | None]

_log = structlog.get_logger(__name__)


class Revocations:
    """The revocations in force."""

    def __init__(self, store: RevocationStore, clock: Callable[[], float] = time.time) -> None:
        """Read what is in force; what is over is left out of the store from here on."""
        self._store = store
        self._clock = clock
        self._kept: dict[Key, Revocation] = {_key(one): one for one in store.compact(self._fresh)}
        # Lists, as a set takes twice as much and ten thousand phones have two each; they are short.
        self._watched: defaultdict[Key, list[Watch]] = defaultdict(list)
        self._writing = asyncio.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def covers(self, principal: Principal) -> bool:
        """Say whether the caller's token was revoked."""
        if not self._kept:
            return False
        return any(key in self._kept and _covers(self._kept[key], principal) for key in _keys(principal))

    async def revoke(self, wanted: Revocation) -> Revocation:
        """Revoke, and end what runs with the tokens it covers; return what is in force. Repeating it changes nothing.

        Raises:
            Rejected: neither one token nor one customer, or a moment in the future.
            Overloaded: `REVOCATIONS_MAX` are in force.
            Unavailable: it could not be written; nothing was revoked, may be retried.
        """
        revocation = _checked(wanted, self._clock())
        key = _key(revocation)
        async with self._writing:
            kept = self._kept.get(key)
            if kept is not None and (kept.issued_before or 0) >= (revocation.issued_before or 0):
                return kept
            if kept is None and len(self._kept) >= REVOCATIONS_MAX:
                raise Overloaded("Too many revocations are in force.")
            try:
                await asyncio.to_thread(self._store.add, revocation)
            except OSError as error:
                raise Unavailable("The revocation was not stored.", detail=error.strerror) from error
            self._take(key, revocation)
        return revocation

    async def follow(self) -> None:
        """Take over what other processes revoke, for ever; what cannot be read now is tried again."""
        seen = None
        while True:
            version = self._store.version()
            if version != seen:
                try:
                    found = await asyncio.to_thread(self._store.read)
                    seen = version
                except (OSError, msgspec.MsgspecError) as error:
                    found = []
                    _log.error("revocations cannot be read", error=type(error).__name__)
                for revocation in found:
                    key = _key(revocation)
                    kept = self._kept.get(key)
                    if kept is None or (kept.issued_before or 0) < (revocation.issued_before or 0):
                        self._take(key, revocation)
            await asyncio.sleep(LOOKED_EVERY_S)

    def _fresh(self, revocations: list[Revocation]) -> list[Revocation]:
        """Return those still in force, the last of each token and customer."""
        oldest = self._clock() - KEPT_S
        return list({_key(one): one for one in revocations if one.revoked_at > oldest}.values())

    def _take(self, key: Key, revocation: Revocation) -> None:
        self._kept[key] = revocation
        for watch in self._watched.get(key, ()):
            if _covers(revocation, watch.principal):
                watch.tell()

    def watch(self, principal: Principal, on_revoked: Callable[[], None]) -> "Watch":
        """Watch the caller's token until the watch is closed; `on_revoked` is called once, never from here."""
        watch = Watch(self._watched, principal, on_revoked)
        if self.covers(principal):
            watch.tell()
        return watch


class Watch:
    """Watches one token; it does from its making until `close`."""

    __slots__ = ("_on_revoked", "_watched", "principal")

    def __init__(
        self, watched: defaultdict[Key, "list[Watch]"], principal: Principal, on_revoked: Callable[[], None]
    ) -> None:
        self._watched = watched
        self._on_revoked = on_revoked
        self.principal = principal
        for key in _keys(principal):
            watched[key].append(self)

    def tell(self) -> None:
        """Have the loop tell that the token was revoked; repeating it is harmless."""
        asyncio.get_running_loop().call_soon(self._tell_now)

    def close(self) -> None:
        """Watch no longer: nothing is told from here on. Repeating it is harmless."""
        self._on_revoked = _told
        for key in _keys(self.principal):
            watches = self._watched.get(key, [])
            if self in watches:
                watches.remove(self)
                if not watches:
                    del self._watched[key]

    def _tell_now(self) -> None:
        on_revoked, self._on_revoked = self._on_revoked, _told
        on_revoked()


def _told() -> None:
    """Whoever watched knows, or has left."""


def _key(revocation: Revocation) -> Key:
    if revocation.token_id is not None:
        return ("token", revocation.token_id)
    return ("customer", revocation.customer_id)


def _keys(principal: Principal) -> tuple[Key, Key]:
    return ("token", principal.token_id), ("customer", principal.customer_id)


def _covers(revocation: Revocation, principal: Principal) -> bool:
    """Say whether a revocation of this token or customer is about the token; one without time of issue is old."""
    if revocation.token_id is not None or principal.issued_at is None:
        return True
    return principal.issued_at <= (revocation.issued_before or 0)


def _checked(wanted: Revocation, now: float) -> Revocation:
    given = [id for id in (wanted.token_id, wanted.customer_id) if id is not None]
    if len(given) != 1 or not 0 < len(given[0]) <= ID_CHARACTERS_MAX:
        raise Rejected("Name either a tokenId or a customerId.")
    if wanted.token_id is not None:
        return Revocation(token_id=wanted.token_id, revoked_at=now)
    issued_before = now if wanted.issued_before is None else wanted.issued_before
    if not 0 <= issued_before <= now:
        raise Rejected("issuedBefore must not lie in the future.", pointer="/issuedBefore")
    return Revocation(customer_id=wanted.customer_id, issued_before=issued_before, revoked_at=now)
