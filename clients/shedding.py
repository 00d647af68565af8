"""When the gateway has too much under way, the least urgent calls are refused at once, to all services alike.

calls under way      refused
up to 60 %           nobody
up to 85 %           insights
up to 100 %          insights, balances
more                 everything, answers to fraud alerts last
"""

from clients.routes import Priority
from clients.telemetry import SHED
from contracts.failures import Shed

SHARES = {Priority.FRAUD: 1.0, Priority.BALANCES: 0.85, Priority.INSIGHTS: 0.6}
RETRY_AFTER_S = 1.0


class Load:
    """The calls under way to all services; one for the gateway. At most `calls_max`."""

    def __init__(self, calls_max: int) -> None:
        self.calls = 0
        self.limits = [max(1, int(calls_max * SHARES[priority])) for priority in Priority]
        """How many there may be, by priority, with one more of it."""


class Shedding:
    """Refuses what the load does not allow."""

    def __init__(self, name: str, load: Load) -> None:
        self._load = load
        self._shed = SHED.labels(name, "load")

    def enter(self, priority: Priority) -> None:
        """Count a call as under way.

        Raises:
            Shed: the load does not allow it.
        """
        load = self._load
        if load.calls >= load.limits[priority]:
            self._shed.inc()
            raise Shed("Too much is going on to answer this now.", retry_after_s=RETRY_AFTER_S)
        load.calls += 1

    def leave(self) -> None:
        """Count a call that was let in as ended."""
        self._load.calls -= 1
