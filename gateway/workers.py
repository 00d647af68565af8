"""Several gateway processes on one port: started from one parent that serves nothing, watched, stopped together.

    parent   binds the port, loads the code once, forks the workers; starts one again that ended by itself, and says so
    worker   a whole gateway of its own: loop, clients, plans, caches; shares nothing but the socket and files on disk

Workers accept from one listening socket, so that a connection waiting when one of them dies is taken by another. They
run in process groups of their own: a signal to the parent is passed on once; when the parent is gone they end, too.
Between them hold: the audit record (a chain each), revocations (one file that all follow), cursor keys. Rates and
bounds on calls are divided among them.
"""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import NoReturn

import msgspec
import structlog

from contracts.settings import BadSetting, Settings

BACKLOG = 1024
STABLE_S = 10.0
"""A worker that lived longer is started again at once."""
PAUSE_S_MIN = 0.5
PAUSE_S_MAX = 30.0
STOP_S_BEYOND_DRAIN = 15.0
"""How much longer than draining takes a stopping worker may live before it is killed."""
WATCHED = frozenset({signal.SIGCHLD, signal.SIGTERM, signal.SIGINT})
CANNOT_START = 2
"""Exit code of a worker that refuses its settings: another one would, too."""
SHARED = (
    "customer_cost_per_minute",
    "address_requests_per_minute",
    "subscribes_per_s",
    "calls_max",
    "calls_per_service_max",
)

_log = structlog.get_logger(__name__)

Run = Callable[[socket.socket], None]


def share_of(settings: Settings, workers: int) -> Settings:
    """Return what one of so many workers may do, so that all together do what the settings allow.

    Never less than one operation of the highest cost, and one of anything else.
    """
    shares = {name: max(1, getattr(settings, name) // workers) for name in SHARED}
    shares["customer_cost_per_minute"] = max(shares["customer_cost_per_minute"], settings.cost_max)
    kept = settings.kept_answers_bytes_max // workers
    return msgspec.structs.replace(settings, kept_answers_bytes_max=kept, **shares)


def listening_socket(settings: Settings) -> socket.socket:
    """Bind the gateway's port.

    Raises:
        BadSetting: it cannot be bound.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else "unknown host"
        raise BadSetting(f"BELFRY_PORT: port {settings.port} on {settings.host} cannot be used: {reason}.") from error


class Workers:
    """Runs `count` workers, each `run(listening)`, until SIGTERM or SIGINT. For a process without threads and loop."""

    def __init__(self, count: int, run: Run, listening: socket.socket, *, drain_s: float) -> None:
        self._run = run
        self._listening = listening
        self._stop_s = drain_s + STOP_S_BEYOND_DRAIN
        self._numbers: dict[int, int] = {}
        """The number of each worker's process id."""
        self._started: dict[int, float] = {}
        self._pauses = dict.fromkeys(range(1, count + 1), 0.0)
        self._due = dict.fromkeys(range(1, count + 1), 0.0)
        """When each worker that does not run is started."""
        self._stop_by: float | None = None
        self._code = 0

    def run(self) -> int:
        """Return the exit code once all workers have ended."""
        signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
        self._alive = os.pipe()  # workers read it: it ends when this process does
        try:
            while self._numbers or self._stop_by is None:
                self._start_due()
                self._react(signal.sigtimedwait(WATCHED, self._wait_s()))
        finally:
            for end in self._alive:
                os.close(end)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
        return self._code

    def _wait_s(self) -> float:
        until = [*self._due.values()] if self._stop_by is None else [self._stop_by]
        return max(0.0, min(until, default=time.monotonic() + PAUSE_S_MAX) - time.monotonic())

    def _start_due(self) -> None:
        if self._stop_by is not None:
            if time.monotonic() >= self._stop_by:
                self._signal(signal.SIGKILL)
            return
        for number in [number for number, due in self._due.items() if due <= time.monotonic()]:
            del self._due[number]
            pid = os.fork()
            if pid == 0:
                self._be_worker(number)
            self._numbers[pid], self._started[number] = number, time.monotonic()

    def _react(self, received: signal.struct_siginfo | None) -> None:
        if received is None:
            return
        if received.si_signo == signal.SIGCHLD:
            self._reap()
        else:
            self._stop(signal.Signals(received.si_signo))

    def _stop(self, number: signal.Signals) -> None:
        """Pass a signal on; a second SIGINT lets workers drop what they do, as it would without workers."""
        self._stop_by = self._stop_by or time.monotonic() + self._stop_s
        self._due.clear()
        self._listening.close()  # workers close it as they drain: nobody is let in any more
        self._signal(number)

    def _signal(self, number: signal.Signals) -> None:
        for pid in self._numbers:
            os.kill(pid, number)  # not yet reaped: it is still ours

    def _reap(self) -> None:
        while self._numbers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            number = self._numbers.pop(pid, None)
            if number is not None and self._stop_by is None:
                self._replace(number, pid, os.waitstatus_to_exitcode(status))

    def _replace(self, number: int, pid: int, code: int) -> None:
        if code == CANNOT_START:
            self._code = code
            self._stop(signal.SIGTERM)
            return
        lived_s = time.monotonic() - self._started[number]
        pause_s = 0.0 if lived_s > STABLE_S else min(PAUSE_S_MAX, max(PAUSE_S_MIN, self._pauses[number] * 2))
        self._pauses[number] = pause_s
        self._due[number] = time.monotonic() + pause_s
        _log.error("worker ended", worker=number, pid=pid, code=code, lived_s=round(lived_s, 1), again_in_s=pause_s)

    def _be_worker(self, number: int) -> NoReturn:
        code = 1
        try:
            os.setpgid(0, 0)  # a Ctrl-C at the terminal is the parent's
            reading, writing = self._alive
            os.close(writing)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
            threading.Thread(target=_end_with_parent, args=(reading,), daemon=True).start()
            structlog.contextvars.bind_contextvars(worker=number)
            self._run(self._listening)
            code = 0
        except BadSetting as error:
            _log.critical("worker cannot start", reason=str(error))
            code = CANNOT_START
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except BaseException as error:  # noqa: BLE001 (the end of the process: it is reported, and started anew)
            _log.critical("worker failed", error=type(error).__name__, exc_info=error)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)  # what the parent set up for its own end is not the worker's


def _end_with_parent(reading: int) -> None:
    os.read(reading, 1)
    os.kill(os.getpid(), signal.SIGTERM)
