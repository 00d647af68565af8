"""Which device speaks, in mutations that are about a device; and where its alerts are pushed to."""

import msgspec

from contracts.accounts import Device, PushTokenInput, PushTokenRemoval
from contracts.failures import NotFound, Rejected
from contracts.vocabulary import PushPlatform
from resolvers.context import Info


class PushTokenRegistered(msgspec.Struct, frozen=True):
    device: Device


class PushTokenRemoved(msgspec.Struct, frozen=True):
    device: Device | None


async def speaking_device(info: Info, device_id: str | None) -> str | None:
    """Return the device a mutation is made on: the token's own, else the one named; None where there is neither.

    A token bound to a device speaks for no other one, and either must be the caller's own.

    Raises:
        NotFound: it is not.
    """
    context = info.context
    bound = context.principal.device_id
    named = bound if device_id is None else context.subject("Device", device_id)
    if named is None:
        return None
    if bound not in (None, named) or not await context.access.device(named):
        raise NotFound("There is no such device.")
    return named


async def known_device(info: Info, device_id: str | None) -> str:
    """Return the device a mutation is made on, where it must be one; see `speaking_device`.

    Raises:
        Rejected: `DEVICE_NEEDED`.
        NotFound: it is not the caller's.
    """
    device = await speaking_device(info, device_id)
    if device is None:
        raise Rejected("Say which device this is.", code="DEVICE_NEEDED")
    return device


async def register_push_token(info: Info, platform: PushPlatform, token: str, device_id: str) -> PushTokenRegistered:
    """Have the caller's alerts pushed to a device of the caller's; repeating it changes nothing."""
    context, caller = info.context, info.context.principal
    context.trail.about("Device", device_id)
    wanted = PushTokenInput(context.customer_id, platform, token, caller.token_id or "", caller.issued_at)
    device = await context.backends.accounts.set_push_token(device_id, wanted, context.deadline)
    context.forget()
    return PushTokenRegistered(device)


async def remove_push_token(info: Info, platform: PushPlatform, token: str) -> PushTokenRemoved:
    """Push nothing more of the caller's there; repeating it changes nothing."""
    context = info.context
    removal = PushTokenRemoval(context.customer_id, platform, token)
    device = await context.backends.accounts.remove_push_token(removal, context.deadline)
    if device is not None:
        context.trail.about("Device", device.id)
    context.forget()
    return PushTokenRemoved(device)
