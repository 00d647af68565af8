"""How an operation is answered: once, as events or in parts; from what it is and what the client accepts. Pure.

subscription              events, or parts for a client that names `multipart/mixed; subscriptionSpec=1.0`; else 406
with @defer or @stream    in parts for a client that names `multipart/mixed`; as events where it prefers those
any other                 once; as events only where the client prefers them to both JSON types
"""

from functools import lru_cache

from contracts.failures import Rejected
from gateway.execution import Selected
from gateway.media_types import EVENT_STREAM, GRAPHQL_RESPONSE, JSON, MULTIPART, choose, parse_accept
from gateway.multipart import LEGACY_SPEC, SUBSCRIPTION_SPEC, IncrementalFraming, SubscriptionFraming
from gateway.sse import EventFraming
from gateway.streams import Framing

SINGLE_TYPES = (JSON, GRAPHQL_RESPONSE)
ANSWER_TYPES = (*SINGLE_TYPES, EVENT_STREAM, MULTIPART)
"""In the order of our preference, which only a client without one of its own meets."""


class NotAcceptable(Rejected):
    """The client accepts none of the media types the operation can be answered in."""

    code = "NOT_ACCEPTABLE"
    status = 406


def demand_acceptable(accept: str | None) -> None:
    """Refuse a client that accepts nothing the gateway could answer."""
    if choose(accept, ANSWER_TYPES) is None:
        raise NotAcceptable(f"The answer can be one of {', '.join(ANSWER_TYPES)}.")


@lru_cache(maxsize=256)
def single_type(accept: str | None) -> str:
    """Return the JSON type for a single answer or an error, whatever else the client accepts."""
    return choose(accept, SINGLE_TYPES) or JSON


def accepts_streams_only(accept: str | None) -> bool:
    """Say whether a single JSON answer would not be understood."""
    return choose(accept, SINGLE_TYPES) is None


@lru_cache(maxsize=256)
def prefers_events(accept: str | None) -> bool:
    """Say whether events are the client's first choice."""
    return choose(accept, ANSWER_TYPES) == EVENT_STREAM


def choose_framing(selected: Selected, accept: str | None) -> Framing | None:
    """Return how to frame a stream of answers, or None for a single answer.

    Raises:
        NotAcceptable: a subscription for a client that takes no stream.
    """
    parts = _parts_parameters(accept)
    if selected.is_subscription:
        if parts is not None and parts.get("subscriptionspec") == SUBSCRIPTION_SPEC and not prefers_events(accept):
            return SubscriptionFraming()
        if choose(accept, (EVENT_STREAM,)) is None:
            raise NotAcceptable("A subscription is answered as text/event-stream, or over a WebSocket.")
        return EventFraming()
    if prefers_events(accept):
        return EventFraming()
    if parts is not None and (selected.is_incremental or choose(accept, SINGLE_TYPES) is None):
        return IncrementalFraming(legacy=parts.get("deferspec") == LEGACY_SPEC)
    return None


@lru_cache(maxsize=256)
def _parts_parameters(accept: str | None) -> dict[str, str] | None:
    """Return the parameters of `multipart/mixed` where the client names it; a wildcard does not."""
    for one in parse_accept(accept or ""):
        if one.essence == MULTIPART and one.quality > 0:
            return dict(one.parameters)
    return None
