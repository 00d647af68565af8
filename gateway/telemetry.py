"""What the gateway counts, for Prometheus; label values come from small closed sets, never from a client's text."""

from collections.abc import Mapping
from enum import StrEnum

from prometheus_client import Counter, Gauge

from clients.tallies import Count, Spread, TalliedCounter, TalliedHistogram
from contracts.failures import Failure


class Transport(StrEnum):
    """How an operation arrived."""

    HTTP = "http"
    SSE = "sse"
    WEBSOCKET = "websocket"


OPERATIONS = TalliedCounter(
    "belfry_gateway_operations", "Operations by transport and outcome.", ["transport", "outcome"]
)
OPERATION_SECONDS = TalliedHistogram(
    "belfry_gateway_operation_seconds",
    "Seconds from a read request to its answer, subscriptions excluded.",
    ["transport"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
OPEN = Gauge("belfry_gateway_open", "Streams and sockets open now.", ["transport"])
COST: Spread = TalliedHistogram(
    "belfry_gateway_cost",
    "Estimated cost of operations.",
    [],
    buckets=(1, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000),
).labels()
ACTUAL_COST: Spread = TalliedHistogram(
    "belfry_gateway_cost_actual",
    "Cost of answered operations, of one in sixteen.",
    [],
    buckets=(1, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000),
).labels()
OVER_COST = Counter("belfry_gateway_over_cost", "Operations over the bound of cost, refused or only measured.")
UNTRUSTED = Counter("belfry_gateway_untrusted_documents", "Documents run that the manifest does not hold.")
DIFFERENCES = Counter(
    "belfry_gateway_execution_differences", "Queries whose plan answered otherwise than graphql-core, in shadow mode."
)
_CUT = Counter("belfry_gateway_connections_cut", "Connections ended for what their client did, by reason.", ["reason"])
REFUSALS = Counter("belfry_gateway_refusals", "Requests refused before execution, by code.", ["code"])


class Cut(StrEnum):
    """Why a connection was ended before or beside any answer."""

    BAD_HEAD = "bad_head"
    SLOW_HEAD = "slow_head"
    SLOW_BODY = "slow_body"
    LARGE_BODY = "large_body"
    SLOW_READER = "slow_reader"


CUT = {reason: _CUT.labels(reason) for reason in Cut}

# Looking a label up costs more than counting: the few there are, are looked up once.
_WITHOUT: dict[Transport, Count] = {transport: OPERATIONS.labels(transport, "ok") for transport in Transport}
_WITH_ERRORS: dict[Transport, Count] = {transport: OPERATIONS.labels(transport, "errors") for transport in Transport}
SECONDS: dict[Transport, Spread] = {transport: OPERATION_SECONDS.labels(transport) for transport in Transport}


def count_answer(transport: Transport, payload: Mapping[str, object]) -> None:
    """Count one answer, with or without errors."""
    (_WITH_ERRORS if "errors" in payload else _WITHOUT)[transport].total += 1


def count_refusal(failure: Failure) -> None:
    """Count a refusal under its code, which is one of the closed set of docs/errors.md."""
    REFUSALS.labels(failure.reason).inc()
