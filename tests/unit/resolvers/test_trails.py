"""What a request leaves for the audit record."""

from contracts.alerts import Alert
from resolvers.node_ids import encode_node_id
from resolvers.trails import IDS_MAX, Trail
from tests.unit.resolvers.services import ANNA, alert


def _alert(id: str) -> Alert:
    return alert(id, ANNA, 1, reasons=[])


def test_alerts_are_taken_once_in_their_order() -> None:
    """By their global ids; those shown twice are there once, and what comes later is the next one's."""
    trail = Trail()
    trail.showed([_alert("b"), _alert("a?>")])
    trail.showed([_alert("b"), _alert("c")])
    assert trail.take_alerts() == [encode_node_id("Alert", id) for id in ("b", "a?>", "c")]
    trail.showed([_alert("b")])
    assert trail.take_alerts() == [encode_node_id("Alert", "b")]
    assert trail.take_alerts() == []


def test_a_trail_has_a_bound() -> None:
    """The first of them are kept, also of a page that goes beyond it."""
    trail = Trail()
    for start in (0, 300, 600):
        trail.showed([_alert(str(seq)) for seq in range(start, start + 300)])
    assert trail.take_alerts() == [encode_node_id("Alert", str(seq)) for seq in range(IDS_MAX)]
