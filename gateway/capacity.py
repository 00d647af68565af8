"""What a load needs on AWS, what that costs, and which limit it meets first: pure arithmetic for `belfry capacity`.

Prices are list prices of us-east-1 (`PRICES_AT`), European regions some 5-20 % above; quotas and limits are those of
AWS's public documentation; what one core carries was measured (docs/performance.md) and can be given anew. Not in it:
traffic to the internet, logs, backups, support, and discounts.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from contracts.failures import Rejected

PRICES_AT = "2026-09"
HOURS_A_MONTH = 730
MILLION = 1e6

# Kinesis Data Streams (service-sizes-and-limits; provisioned mode).
SHARD_RECORDS_S = 1_000
SHARD_BYTES_S = 1_000_000
SHARD_READ_BYTES_S = 2_000_000
SHARDS_QUOTA = 500
USD_SHARD_HOUR = 0.015
USD_MILLION_PUT_UNITS = 0.014
PUT_UNIT_BYTES = 25_000
USD_SHARD_HOUR_EXTENDED = 0.020
"""More for a retention of over one day, up to `RETENTION_HOURS_MAX`."""
RETENTION_HOURS_MAX = 168

# DynamoDB, on demand.
USD_MILLION_WRITES = 0.625
USD_MILLION_READS = 0.125
USD_GB_MONTH = 0.25
TABLE_WRITES_QUOTA_S = 40_000

# SNS and SQS: requests, and SNS deliveries to SQS are free.
USD_MILLION_SNS = 0.50
USD_MILLION_SQS = 0.40
BATCH = 10
"""Messages of one SQS request, and alerts of one SNS publish."""

# Fargate, Linux on ARM; an application load balancer.
USD_VCPU_HOUR = 0.03238
USD_GB_HOUR = 0.00356
GB_PER_VCPU = 2
FARGATE_VCPU_QUOTA = 4_000
USD_BALANCER_HOUR = 0.0225
USD_LCU_HOUR = 0.008
LCU_CONNECTIONS = 3_000
LCU_NEW_S = 25
LCU_GB_HOUR = 1.0

HEADROOM = 0.6
"""Share of a core that is planned for: the rest absorbs a lost zone and a deploy."""
REPLICAS_MIN = 3
"""One in each zone."""
WORKER_SHARDS_MAX = 8
ALERT_BYTES = 700
KIB_PER_PHONE = 24


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What the bank expects."""

    events_per_hour: float = 35e6
    peak_factor: float = 2.0
    """Peak over mean."""
    event_bytes: float = 600
    alert_share: float = 0.01
    """Alerts per event."""
    phones: float = 500_000
    """Live feeds at the peak."""
    queries_per_s: float = 5_000
    """GraphQL requests a second at the peak."""
    answer_bytes: int = 8_000
    retention_hours: float = RETENTION_HOURS_MAX
    """How long the event log can be read again."""
    alert_days: int = 365
    """How long alerts are kept."""

    @property
    def events_s(self) -> float:
        """Mean events a second."""
        return self.events_per_hour / 3600

    @property
    def peak_events_s(self) -> float:
        """Peak events a second."""
        return self.events_s * self.peak_factor

    def times(self, factor: float) -> "Load":
        """Return this load with everything that grows grown by a factor."""
        return msgspec.structs.replace(
            self,
            events_per_hour=self.events_per_hour * factor,
            phones=self.phones * factor,
            queries_per_s=self.queries_per_s * factor,
        )


class PerCore(msgspec.Struct, frozen=True, kw_only=True):
    """CPU a unit of work takes on one core, in microseconds."""

    ingest_us: float
    accounts_us: float
    analytics_us: float
    query_us: float
    delivery_us: float


MEASURED = PerCore(ingest_us=50, accounts_us=17, analytics_us=68, query_us=1_240, delivery_us=30)
"""docs/performance.md, an Intel Xeon, both cores busy and small posts; the request is the dashboard, the delivery one
alert to one phone. Cores of other machines differ: measure there, and give what was measured."""


class Item(NamedTuple):
    """One line of the plan: what, how many, why that many, and what it costs a month in US dollars."""

    name: str
    amount: str
    reason: str
    usd: float


class Limit(NamedTuple):
    """A limit of AWS, how much of it the load takes, and what to do about it."""

    name: str
    used: float
    limit: float
    remedy: str

    @property
    def share(self) -> float:
        """Used part of the limit; over 1 it is exceeded."""
        return self.used / self.limit


def read_load(given: Mapping[str, Any]) -> Load:
    """Return the default load with what was given put in its place; other names are ignored.

    Raises:
        Rejected: a share over 1, or a retention that these prices do not cover.
    """
    load = Load(**{name: value for name, value in given.items() if name in Load.__struct_fields__})
    if load.alert_share > 1:
        raise Rejected("--alert-share is alerts per event: from 0 to 1.")
    if not 24 <= load.retention_hours <= RETENTION_HOURS_MAX:
        raise Rejected(f"--retention-hours is from 24 to {RETENTION_HOURS_MAX}.")
    if load.peak_factor < 1:
        raise Rejected("--peak-factor is 1 or more: the peak is not under the mean.")
    return load


def read_per_core(given: Mapping[str, Any]) -> PerCore:
    """Return the measured costs with what was given put in its place; other names are ignored."""
    return msgspec.structs.replace(
        MEASURED, **{name: value for name, value in given.items() if name in PerCore.__struct_fields__}
    )


def shards_for(load: Load) -> int:
    """Return the shards for the peak: by records, by bytes, and by the bytes two consumers read."""
    peak = load.peak_events_s
    written = peak * load.event_bytes
    read = 2 * written  # the account and the analytics workers
    return max(
        1,
        math.ceil(peak / SHARD_RECORDS_S),
        math.ceil(written / SHARD_BYTES_S),
        math.ceil(read / SHARD_READ_BYTES_S),
    )


def plan(load: Load, per_core: PerCore = MEASURED) -> list[Item]:
    """Return what the load needs, line by line."""
    shards = shards_for(load)
    alerts_month = load.events_per_hour * HOURS_A_MONTH * load.alert_share
    gateways = _gateways(load, per_core)
    return [
        _event_log(load, shards),
        _containers("event service", load.peak_events_s * per_core.ingest_us),
        _workers("account workers", shards, load.peak_events_s * per_core.accounts_us),
        _workers("analytics workers", shards, load.peak_events_s * per_core.analytics_us),
        _alert_log(load, alerts_month),
        _checkpoints(shards),
        _bus(alerts_month, gateways),
        _containers("gateway replicas", _gateway_us(load, per_core), replicas=gateways),
        _balancer(load),
    ]


def limits(load: Load, per_core: PerCore = MEASURED) -> list[Limit]:
    """Return the limits the load comes near, the nearest first."""
    peak_alerts = load.peak_events_s * load.alert_share
    cores = sum((_gateway_us(load, per_core), *(load.peak_events_s * us for us in _event_costs(per_core))))
    found = [
        Limit(
            "Kinesis shards of an account", shards_for(load), SHARDS_QUOTA, "ask for a higher quota, or pack records"
        ),
        Limit("writes a second to the alert log", peak_alerts, TABLE_WRITES_QUOTA_S, "ask for a higher table quota"),
        Limit(
            "Fargate cores of an account", cores / MILLION / HEADROOM, FARGATE_VCPU_QUOTA, "ask, or take EC2 capacity"
        ),
        Limit("alerts a second through one SNS topic", peak_alerts, 30_000, "spread customers over several topics"),
    ]
    return sorted(found, key=lambda one: one.share, reverse=True)


def monthly_usd(items: list[Item]) -> float:
    """Return what the plan costs a month."""
    return sum(item.usd for item in items)


def usd_per_million_events(load: Load, items: list[Item]) -> float:
    """Return what a million events cost, with everything that serves them."""
    return monthly_usd(items) / (load.events_per_hour * HOURS_A_MONTH / MILLION)


def _event_costs(per_core: PerCore) -> tuple[float, float, float]:
    return per_core.ingest_us, per_core.accounts_us, per_core.analytics_us


def _event_log(load: Load, shards: int) -> Item:
    units = load.events_per_hour * HOURS_A_MONTH * math.ceil(load.event_bytes / PUT_UNIT_BYTES)
    hourly = USD_SHARD_HOUR + (USD_SHARD_HOUR_EXTENDED if load.retention_hours > 24 else 0)
    usd = shards * HOURS_A_MONTH * hourly + units / MILLION * USD_MILLION_PUT_UNITS
    return Item("event log (Kinesis)", f"{shards} shards", f"peak {load.peak_events_s:,.0f} events/s", usd)


def _compute_usd(vcpus: float) -> float:
    return vcpus * HOURS_A_MONTH * (USD_VCPU_HOUR + GB_PER_VCPU * USD_GB_HOUR)


def _containers(name: str, us_per_s: float, *, replicas: int = 0) -> Item:
    count = replicas or max(REPLICAS_MIN, math.ceil(us_per_s / MILLION / HEADROOM))
    return Item(name, f"{count} x 1 vCPU", f"{us_per_s / MILLION:.1f} cores at the peak", _compute_usd(count))


def _workers(name: str, shards: int, us_per_s: float) -> Item:
    count = max(2, math.ceil(us_per_s / MILLION / HEADROOM), math.ceil(shards / WORKER_SHARDS_MAX))
    count = min(count, shards) if shards > 1 else count
    return Item(name, f"{count} x 1 vCPU", f"{us_per_s / MILLION:.1f} cores, {shards} shards", _compute_usd(count))


def _alert_log(load: Load, alerts_month: float) -> Item:
    stored_gb = alerts_month * load.alert_days / 30.4 * ALERT_BYTES / 1e9
    usd = alerts_month / MILLION * (USD_MILLION_WRITES + USD_MILLION_READS) + stored_gb * USD_GB_MONTH
    return Item("alert log (DynamoDB)", f"{stored_gb:,.0f} GB", f"{alerts_month / MILLION:,.0f} M alerts a month", usd)


def _checkpoints(shards: int) -> Item:
    writes = 2 * shards * HOURS_A_MONTH * 3600  # one a second for each shard and consumer
    return Item(
        "checkpoints and leases", f"{2 * shards} items", "a write a second each", writes / MILLION * USD_MILLION_WRITES
    )


def _bus(alerts_month: float, gateways: int) -> Item:
    publishes = alerts_month / BATCH / MILLION * USD_MILLION_SNS * BATCH  # SNS counts each message of a batch
    receives = alerts_month / BATCH * 2 * gateways / MILLION * USD_MILLION_SQS  # received and deleted, ten at a time
    return Item("live bus (SNS, SQS)", f"{gateways} queues", "every replica hears every alert", publishes + receives)


def _gateway_us(load: Load, per_core: PerCore) -> float:
    deliveries = load.peak_events_s * load.alert_share
    return load.queries_per_s * per_core.query_us + deliveries * per_core.delivery_us


def _gateways(load: Load, per_core: PerCore) -> int:
    by_cpu = _gateway_us(load, per_core) / MILLION / HEADROOM
    by_memory = load.phones * KIB_PER_PHONE / (GB_PER_VCPU * 1e6 * HEADROOM)
    return max(REPLICAS_MIN, math.ceil(by_cpu), math.ceil(by_memory))


def _balancer(load: Load) -> Item:
    gb_hour = load.queries_per_s / load.peak_factor * load.answer_bytes * 3600 / 1e9
    new_s = load.phones / 600  # a phone stays some ten minutes
    units = max(load.phones / LCU_CONNECTIONS, new_s / LCU_NEW_S, gb_hour / LCU_GB_HOUR)
    usd = HOURS_A_MONTH * (USD_BALANCER_HOUR + units * USD_LCU_HOUR)
    return Item("load balancer", f"{units:,.0f} LCU", f"{load.phones:,.0f} phones, {gb_hour:,.0f} GB/h", usd)
