"""A circuit breaker per service: what keeps failing is left alone for a while, then tried with care.

    CLOSED      calls go through; when of the last `WINDOW_S` seconds' calls, `CALLS_MIN` at least, half failed → OPEN
    OPEN        calls are refused at once with what is left of the pause as retry-after; when it is over → HALF_OPEN
    HALF_OPEN   one probe at a time; `PROBES` good ones in a row → CLOSED; a bad one → OPEN for twice as long

A failure is no connection, a cut, a try that took too long, and any answer of 500 and above. What was given up by its
caller, and what this gateway refused itself, counts as neither. `Circuit` is pure: no I/O, no clock of its own.
"""

from collections import deque
from enum import IntEnum

from clients.deadline import Clock
from clients.telemetry import CIRCUIT, CIRCUIT_OPENINGS, FAILED_TRIES, TRY_SECONDS
from contracts.failures import Unavailable

WINDOW_S = 10.0
CALLS_MIN = 20
FAILED_SHARE = 0.5
PROBES = 3
PAUSE_S_MAX = 30.0


class CircuitState(IntEnum):
    """In the order of the metric `belfry_client_circuit`."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


_CLOSED, _HALF_OPEN, _OPEN = CircuitState  # looked up in their class they cost more than the rest of a record


class Circuit:
    """The state of one service's circuit; `pause_s` is the first pause."""

    def __init__(self, pause_s: float, calls_min: int = CALLS_MIN) -> None:
        self._calls_min = calls_min
        self.state = _CLOSED
        self.openings = 0
        self._pause_s_first = pause_s
        self._pause_s = pause_s
        self._open_until = 0.0
        self._probing = False
        self._good_probes = 0
        self._seconds: deque[list[int]] = deque()
        """[second, calls, failed calls] of the window, oldest first."""
        self._second_ends = 0.0
        """When the newest of them is over."""

    def refused_for(self, now: float) -> float:
        """Return 0 when a call may go (it must then be recorded), else the seconds to wait, about."""
        if self.state is _CLOSED:
            return 0.0
        if now < self._open_until:
            return self._open_until - now
        self.state = _HALF_OPEN
        if self._probing:
            return 1.0
        self._probing = True
        return 0.0

    def record(self, now: float, good: bool | None, openings: int) -> None:
        """Take in how a call ended that went when there had been so many `openings`; None: it says nothing."""
        if openings != self.openings:
            return  # it began before the service was last left alone
        if self.state is _CLOSED:
            if good is None:
                return
            if now >= self._second_ends:
                self._begin_second(int(now))
            newest = self._seconds[-1]
            newest[1] += 1
            if not good:
                newest[2] += 1
                self._open_when_too_many_failed(now)
        elif self.state is _HALF_OPEN:
            self._probed(now, good)

    def _probed(self, now: float, good: bool | None) -> None:
        self._probing = False
        if good is None:
            return
        self._good_probes = self._good_probes + 1 if good else 0
        if not good:
            self._pause_s = min(PAUSE_S_MAX, self._pause_s * 2)
            self._open(now)
        elif self._good_probes >= PROBES:
            self.state = _CLOSED
            self._pause_s = self._pause_s_first
            self._seconds.clear()
            self._second_ends = 0.0

    def _begin_second(self, second: int) -> None:
        seconds = self._seconds
        seconds.append([second, 0, 0])
        while seconds[0][0] <= second - WINDOW_S:
            seconds.popleft()
        self._second_ends = second + 1.0

    def _open_when_too_many_failed(self, now: float) -> None:
        calls, failures = sum(one[1] for one in self._seconds), sum(one[2] for one in self._seconds)
        if calls >= self._calls_min and failures >= calls * FAILED_SHARE:
            self._open(now)

    def _open(self, now: float) -> None:
        self.state = _OPEN
        self.openings += 1
        self._open_until = now + self._pause_s
        self._probing = False
        self._good_probes = 0


Attempt = tuple[float, int]
"""A call that was let through: when it began, and how often the circuit had opened by then."""


class Breaker:
    """Lets calls to one service through while its circuit does."""

    def __init__(self, name: str, *, pause_s: float, clock: Clock, calls_min: int = CALLS_MIN) -> None:
        self._name = name
        self._clock = clock
        self._seconds, self._failed = TRY_SECONDS.labels(name), FAILED_TRIES.labels(name)
        self._openings = CIRCUIT_OPENINGS.labels(name)
        self.circuit = circuit = Circuit(pause_s, calls_min)
        CIRCUIT.labels(name).set_function(lambda: circuit.state)

    def enter(self) -> Attempt:
        """Let a call through, which must then `leave`.

        Raises:
            Unavailable: the circuit is open; with the seconds to wait.
        """
        started, circuit = self._clock(), self.circuit
        wait_s = circuit.refused_for(started)
        if wait_s:
            message = f"The {self._name} service is not available."
            raise Unavailable(message, detail="its circuit is open", retry_after_s=round(wait_s, 1))
        return started, circuit.openings

    def leave(self, attempt: Attempt, *, good: bool | None) -> None:
        """Take in how a call ended; None: given up by its caller, or refused by this gateway, which says nothing."""
        (started, openings_then), now, circuit = attempt, self._clock(), self.circuit
        self._seconds.observe(now - started)
        openings = circuit.openings
        circuit.record(now, good, openings_then)
        if good is False:
            self._failed.inc()
            self._openings.inc(circuit.openings - openings)
