"""Where a process spends its CPU time, sampled: each tick of the profiling timer looks which code is running.

A tick is charged to the innermost of Belfry's own modules on the stack, and to the library below it where one was
running; unlike a tracing profiler it makes no code slower than other code. Python's own C code counts as its caller's.
"""

import os
import signal
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Self

TICK_S = 0.001
ROOT = Path(__file__).parents[1]
OWN = tuple(f"{ROOT / package}{os.sep}" for package in ("gateway", "schema", "resolvers", "clients", "contracts"))
PACKAGES = f"site-packages{os.sep}"


class Sampler:
    """Samples the main thread of this process while it is entered."""

    def __init__(self) -> None:
        self.ticks: Counter[tuple[str, str]] = Counter()

    def __enter__(self) -> Self:
        signal.signal(signal.SIGPROF, self._tick)
        signal.setitimer(signal.ITIMER_PROF, TICK_S, TICK_S)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, signal.SIG_DFL)

    def _tick(self, _: int, frame: FrameType | None) -> None:
        library = ""
        while frame is not None:
            name = frame.f_code.co_filename
            if name == "<plan>":
                library = library or "generated code"
            elif name.startswith(OWN):
                self.ticks[name.removeprefix(f"{ROOT}{os.sep}"), library] += 1
                return
            elif PACKAGES in name and not library:
                library = name.rpartition(PACKAGES)[2].partition(os.sep)[0]
            frame = frame.f_back
        self.ticks["", library or "Python"] += 1

    def table(self, microseconds: float, rows: int = 30) -> str:
        """Return the shares as lines of a Markdown table, of a request that takes so many µs of CPU time."""
        total = self.ticks.total() or 1
        lines = ["| module | running in | µs | share |", "|---|---|---|---|"]
        for (module, library), ticks in self.ticks.most_common(rows):
            share = ticks / total
            lines.append(f"| {module or '-'} | {library or 'itself'} | {share * microseconds:.1f} | {share:.1%} |")
        return "\n".join(lines)
