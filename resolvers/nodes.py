"""Relay's `node` and `nodes`: any object by its global id, None for what is not there or not the caller's."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from contracts.accounts import Card, Device
from contracts.alerts import AnyAlert
from contracts.failures import NotFound, Rejected
from contracts.rules import AlertRule
from contracts.transactions import Transaction
from resolvers.accounts import owned_account
from resolvers.bounds import NODES_MAX
from resolvers.context import Info
from resolvers.customers import Viewer
from resolvers.node_ids import decode_node_id


async def node(info: Info, id: str) -> object | None:
    """Return what has the global id and is the caller's."""
    try:
        kind, own_id = decode_node_id(id)
    except NotFound:
        return None
    find = _FINDERS.get(kind)
    return None if find is None else await find(info, own_id)


async def nodes(info: Info, ids: Sequence[str]) -> list[object | None]:
    """Return an entry for each id, in order.

    Raises:
        Rejected: `TOO_MANY`; more than `NODES_MAX` ids.
    """
    if len(ids) > NODES_MAX:
        raise Rejected(f"Ask for at most {NODES_MAX} ids.", code="TOO_MANY", pointer="/ids")
    return await asyncio.gather(*(node(info, id) for id in ids))


async def _customer(info: Info, id: str) -> Viewer | None:
    return Viewer(id) if info.context.access.customer(id) else None


async def _card(info: Info, id: str) -> Card | None:
    return await info.context.loaders.cards.load(id) if await info.context.access.card(id) else None


async def _device(info: Info, id: str) -> Device | None:
    return await info.context.loaders.devices.load(id) if await info.context.access.device(id) else None


async def _transaction(info: Info, id: str) -> Transaction | None:
    found = await info.context.loaders.transactions.load(id)
    return found if await info.context.access.transaction(found) else None


async def _alert(info: Info, id: str) -> AnyAlert | None:
    found = await info.context.loaders.alerts.load(id)
    if found is None or not info.context.access.alert(found):
        return None
    info.context.trail.showed([found])
    return found


async def _rule(info: Info, id: str) -> AlertRule | None:
    found = await info.context.loaders.rules.load(id)
    return found if info.context.access.rule(found) else None


_FINDERS: dict[str, Callable[[Info, str], Awaitable[Any]]] = {
    "Account": owned_account,
    "Alert": _alert,
    "AlertRule": _rule,
    "Card": _card,
    "Customer": _customer,
    "Device": _device,
    "Transaction": _transaction,
}
