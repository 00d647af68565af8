"""Which device speaks, in mutations that are about a device."""

from contracts.failures import NotFound
from resolvers.context import Info


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
