"""What each of several workers may do, and what a worker that cannot start means."""

import socket

import pytest

from contracts.settings import BadSetting, Settings
from gateway.workers import SHARED, listening_socket, share_of


@pytest.mark.parametrize("workers", [2, 3, 64])
def test_workers_together_do_what_the_settings_allow(workers: int) -> None:
    """Rates and bounds are divided among them, none of them to nothing."""
    settings = Settings()
    share = share_of(settings, workers)
    for name in SHARED:
        if name == "customer_cost_per_minute":
            continue  # see below
        assert 1 <= getattr(share, name) <= max(1, getattr(settings, name) // workers)
    assert share.kept_answers_bytes_max * workers <= settings.kept_answers_bytes_max


def test_a_worker_allows_the_dearest_operation() -> None:
    """A customer's share of the cost is never below what one operation may cost."""
    settings = Settings(customer_cost_per_minute=30_000, cost_max=20_000)
    assert share_of(settings, 8).customer_cost_per_minute == 20_000


def test_a_taken_port_stops_the_start() -> None:
    """Before any worker is there."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(BadSetting, match="BELFRY_PORT"):
        listening_socket(Settings(port=taken.getsockname()[1]))
