"""What tests of the composed transports start from: a loop whose clock jumps, and a service with injected faults."""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, ParamSpec

from msgspec.json import Decoder

from clients.breaker import Breaker
from clients.budgets import Budget
from clients.bulkheads import Bulkhead
from clients.deadline import Deadline, Errand
from clients.hedges import Hedges
from clients.kept import Keeping, KeptAnswers
from clients.passages import Passage
from clients.retries import Retries
from clients.routes import Priority, Route, reads
from clients.shedding import Load, Shedding
from clients.transport import (
    URL,
    Answer,
    AsyncBaseTransport,
    ConnectError,
    Heading,
    PreparedRequest,
    PreparedTransport,
)
from tests.virtual_time import run_in_virtual_time

P = ParamSpec("P")
Plan = int | float | None | tuple[float, int | None]

READ = reads("/read", Decoder(Any), Priority.BALANCES)
INSIGHT = reads("/insight", Decoder(Any), Priority.INSIGHTS, keeps=True)
FRAUD = Route("POST", "/fraud", Decoder(Any), Priority.FRAUD, repeatable=True)
WRITE = Route("POST", "/write", Decoder(Any), Priority.BALANCES, repeatable=False)


def jumping(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a test on a loop whose time passes only when everybody waits."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        run_in_virtual_time(test(*args, **kwargs))

    return run


def clock() -> float:
    """Return the time of the loop that runs."""
    return asyncio.get_running_loop().time()


@dataclass
class Service(AsyncBaseTransport):
    """Answers by what is planned, the last plan for ever.

    A plan is a status, `None` for no connection, seconds before a 200, or seconds with one of the others after them.
    """

    plans: list[Plan]
    sent: list[PreparedRequest] = field(default_factory=list)
    answered: int = 0

    async def handle_async_request(self, request: PreparedRequest) -> Answer:  # type: ignore[override]  # no other
        plan = self.plans[min(len(self.sent), len(self.plans) - 1)]
        self.sent.append(request)
        if isinstance(plan, tuple):
            seconds, plan = plan
            await asyncio.sleep(seconds)
        if plan is None:
            raise ConnectError("refused")
        if isinstance(plan, float):
            await asyncio.sleep(plan)
        self.answered += 1
        return Answer(plan if isinstance(plan, int) else 200, [(b"server", b"test")], body=b"%d" % self.answered)


def passage(service: PreparedTransport, **station: Any) -> Passage:
    """Return the way to a service past one station, the others letting everything through as it comes."""
    most = 1_000_000
    stations: dict[str, Any] = {
        "keeping": Keeping("test", KeptAnswers(age_s_max=0, bytes_max=0, clock=clock)),
        "shedding": Shedding("test", Load(most)),
        "retries": Retries("test", tries_max=1, budget=Budget(0)),
        "hedges": Hedges("test", budget=Budget(0), clock=clock),
        "bulkhead": Bulkhead("test", calls_max=most),
        "breaker": Breaker("test", pause_s=1, clock=clock, calls_min=most),
    }
    return Passage(service, **{**stations, **station})


def request_of(route: Route[Any], seconds: float = 5.0, customer: str = "", target: str = "") -> PreparedRequest:
    """Return a request of a route."""
    deadline = Errand.of(customer, seconds, clock) if customer else Deadline.after(seconds, clock)
    url = "http://service"
    return PreparedRequest(route, deadline, URL(url), url, Heading([]), target or route.path)
