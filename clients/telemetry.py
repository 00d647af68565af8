"""What the clients count, for Prometheus, by service; the states are read when somebody asks for the metrics."""

from prometheus_client import Counter, Gauge

from clients.tallies import TalliedHistogram

TRY_SECONDS = TalliedHistogram(
    "belfry_client_try_seconds",
    "Seconds of one try of a call to a service.",
    ["service"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
CALLS_OPEN = Gauge("belfry_client_calls_open", "Calls under way to a service.", ["service"])
FAILED_TRIES = Counter("belfry_client_failed_tries", "Tries not answered, or with 500 and above.", ["service"])
RETRIES = Counter("belfry_client_retries", "Calls sent again.", ["service"])
HEDGES = Counter("belfry_client_hedges", "Reads sent a second time as the first was slow.", ["service"])
HEDGES_WON = Counter("belfry_client_hedges_won", "Of those, the ones whose second answer came first.", ["service"])
SHED = Counter("belfry_client_shed_calls", "Calls refused by the gateway itself, by what refused.", ["service", "by"])
KEPT_ANSWERS = Counter("belfry_client_kept_answers", "Failures answered with what was kept from earlier.", ["service"])
CIRCUIT = Gauge("belfry_client_circuit", "Circuit of a service: 0 closed, 1 half open, 2 open.", ["service"])
CIRCUIT_OPENINGS = Counter("belfry_client_circuit_openings", "How often a circuit opened.", ["service"])
