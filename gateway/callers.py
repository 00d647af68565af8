"""Who asks, over what, and under which id the answer and the log find each other."""

import random

import msgspec

from gateway.telemetry import Transport
from resolvers.principal import Principal


class Caller(msgspec.Struct, frozen=True):
    """Who asks, by which transport, and the id that joins the answer and the log."""

    principal: Principal
    transport: Transport
    trace_id: str


def new_trace_id() -> str:
    """Return a fresh id that joins an answer and the log; no secret, and nothing depends on its not being guessed."""
    return f"{random.getrandbits(64):016x}"
