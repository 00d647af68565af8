"""docs/mobile.md names the intervals that are kept."""

from pathlib import Path

from gateway.listeners import WS_PING_S
from gateway.streams import HEARTBEAT_S

PAGE = Path(__file__).parents[3] / "docs" / "mobile.md"


def test_the_page_says_how_often_a_line_is_kept_alive() -> None:
    """Radios and proxies are chosen by them."""
    page = PAGE.read_text()
    assert f"| server-sent events | {HEARTBEAT_S:g} s without an event | the gateway" in page
    assert f"| WebSocket | {WS_PING_S:g} s | the gateway" in page
