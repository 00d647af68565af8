"""Cards and devices: what they belong to, and what a customer may do with them."""

import msgspec

from contracts.accounts import Account, Card, Device, DeviceInput
from contracts.failures import NotFound, Rejected
from contracts.vocabulary import DevicePlatform
from resolvers.accounts import required_accounts
from resolvers.context import Info, RequestContext
from resolvers.loads import Load
from resolvers.node_ids import encode_node_id

DEVICE_NAME_CHARACTERS_MAX = 80


class CardFrozen(msgspec.Struct, frozen=True):
    card: Card


class CardUnfrozen(msgspec.Struct, frozen=True):
    card: Card


class DeviceRegistered(msgspec.Struct, frozen=True):
    device: Device


class DeviceRemoved(msgspec.Struct, frozen=True):
    removed_id: str


def account(roots: list[Card], context: RequestContext) -> list[Load[Account]]:
    """Load the account the card draws on."""
    return required_accounts([root.account_id for root in roots], context)


async def freeze(info: Info, id: str) -> CardFrozen:
    """Freeze a card the caller may see; repeating it changes nothing."""
    context = info.context
    card = await context.backends.accounts.freeze_card(await _own_card_id(info, id), context.deadline)
    context.forget()
    return CardFrozen(card)


async def unfreeze(info: Info, id: str) -> CardUnfrozen:
    """Lift the freeze of a card the caller may see; repeating it changes nothing."""
    context = info.context
    card = await context.backends.accounts.unfreeze_card(await _own_card_id(info, id), context.deadline)
    context.forget()
    return CardUnfrozen(card)


async def register_device(info: Info, platform: DevicePlatform, name: str) -> DeviceRegistered:
    """Register a device of the caller's."""
    context = info.context
    if not 1 <= len(name.strip()) <= DEVICE_NAME_CHARACTERS_MAX:
        raise Rejected(f"A name has 1 to {DEVICE_NAME_CHARACTERS_MAX} characters.", code="BAD_NAME", pointer="/name")
    device = DeviceInput(context.customer_id, platform, name.strip())
    stored = await context.backends.accounts.register_device(device, context.deadline)
    context.trail.about("Device", stored.id)
    context.forget()
    return DeviceRegistered(stored)


async def remove_device(info: Info, id: str) -> DeviceRemoved:
    """Remove a device of the caller's."""
    context = info.context
    device_id = context.subject("Device", id)
    if not await context.access.device(device_id):
        raise NotFound("There is no such device.")
    await context.backends.accounts.remove_device(device_id, context.deadline)
    context.forget()
    return DeviceRemoved(encode_node_id("Device", device_id))


async def _own_card_id(info: Info, id: str) -> str:
    card_id = info.context.subject("Card", id)
    if not await info.context.access.card(card_id):
        raise NotFound("There is no such card.")
    return card_id
