"""Each station of a passage alone, over a service with injected faults, on a clock that jumps."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from clients.breaker import CALLS_MIN, PROBES, Breaker, Circuit, CircuitState
from clients.budgets import Budget
from clients.bulkheads import Bulkhead
from clients.deadline import Deadline
from clients.hedges import SAMPLES_MIN, Hedges
from clients.kept import Keeping, KeptAnswers, age_of
from clients.passages import Passage
from clients.retries import Retries
from clients.routes import Priority
from clients.shedding import SHARES, Load, Shedding
from clients.telemetry import CIRCUIT_OPENINGS
from clients.transport import Answer, ConnectError, PreparedTransport, ReadTimeout
from clients.tries import Tries
from contracts.failures import Shed, TimedOut, TooLarge, Unavailable
from tests.unit.clients.faults import FRAUD, INSIGHT, READ, WRITE, Service, clock, jumping, passage, request_of


async def until_idle() -> None:
    """Let everything that can run do so, at the same time of the clock."""
    for _ in range(10):
        await asyncio.sleep(0)


# Tries


@jumping
async def test_a_try_tells_the_service_how_long_its_caller_waits() -> None:
    """A repeatable call gets the time of one try, another what is left; what is left shrinks."""
    service = Service([200])
    tries = Tries(service, 1.0)
    for route, seconds in ((READ, 5.0), (READ, 0.3), (WRITE, 5.0)):
        await tries.handle_async_request(request_of(route, seconds))
    told = [int(one.headers["x-request-timeout-ms"]) for one in service.sent]
    assert [round(one, -1) for one in told] == [1000, 300, 5000]


@jumping
async def test_a_try_is_cut_off_in_time() -> None:
    """A read after the time of a try, a write at the deadline."""
    for route, seconds in ((READ, 1.0), (WRITE, 5.0)):
        started = clock()
        with pytest.raises(ReadTimeout):
            await Tries(Service([60.0]), 1.0).handle_async_request(request_of(route))
        assert clock() - started == pytest.approx(seconds, abs=0.03)


@jumping
async def test_an_answer_is_read_within_its_bound() -> None:
    """One byte more is refused."""
    service = Service([200])
    service.answered = 9
    assert (await Tries(service, 1.0, 2).handle_async_request(request_of(READ))).body == b"10"
    with pytest.raises(TooLarge):
        await Tries(service, 1.0, 1).handle_async_request(request_of(READ))


# Retries


def retries(service: PreparedTransport, budget: Budget | None = None) -> Passage:
    return passage(service, retries=Retries("test", tries_max=3, budget=budget or Budget(10)))


@pytest.mark.parametrize("fault", [None, 502, 503, 504])
@jumping
async def test_a_repeatable_call_is_sent_again(fault: int | None) -> None:
    """After a cut or an answer from in between, reads and repeatable writes alike."""
    for route in (READ, FRAUD):
        service = Service([fault, fault, 200])
        assert (await retries(service).handle_async_request(request_of(route))).status_code == 200
        assert len(service.sent) == 3


@jumping
async def test_a_call_that_may_not_be_repeated_is_sent_once() -> None:
    """Nobody knows what became of it."""
    service = Service([None])
    with pytest.raises(ConnectError):
        await retries(service).handle_async_request(request_of(WRITE))
    assert len(service.sent) == 1


@pytest.mark.parametrize("status", [200, 404, 409, 429, 500])
@jumping
async def test_a_decided_answer_is_final(status: int) -> None:
    """What a service decided, its own mistakes included, would come out the same."""
    service = Service([status])
    assert (await retries(service).handle_async_request(request_of(READ))).status_code == status
    assert len(service.sent) == 1


@jumping
async def test_tries_end_at_their_number_with_the_last_outcome() -> None:
    """Three in all."""
    service = Service([None])
    with pytest.raises(ConnectError):
        await retries(service).handle_async_request(request_of(READ))
    assert len(service.sent) == 3


@jumping
async def test_no_try_begins_that_the_deadline_does_not_allow() -> None:
    """The whole stays within the deadline, pauses included."""
    service = Service([1.0, None])
    tried = retries(Tries(service, 0.5))
    started = clock()
    with pytest.raises(ReadTimeout):
        await tried.handle_async_request(request_of(READ, 0.5))
    assert clock() - started == pytest.approx(0.5)
    assert len(service.sent) == 1


@jumping
async def test_retries_are_a_small_share_of_the_calls() -> None:
    """When everything fails the service gets a tenth more calls than it would, and the few saved up."""
    service = Service([None])
    tried = retries(service, Budget(10))
    for _ in range(200):
        with pytest.raises(ConnectError):
            await tried.handle_async_request(request_of(READ))
    assert 200 + 20 <= len(service.sent) <= 200 + 20 + 10


@jumping
async def test_without_a_budget_nothing_is_sent_again() -> None:
    """0 percent turns retries off."""
    service = Service([None])
    with pytest.raises(ConnectError):
        await retries(service, Budget(0)).handle_async_request(request_of(READ))
    assert len(service.sent) == 1


# Breaker


def breaking(service: PreparedTransport) -> tuple[Passage, Circuit]:
    breaker = Breaker("test", pause_s=2.0, clock=clock)
    return passage(service, breaker=breaker), breaker.circuit


async def _fail(way: Passage, times: int = CALLS_MIN) -> None:
    for _ in range(times):
        with pytest.raises(ConnectError):
            await way.handle_async_request(request_of(READ))


@jumping
async def test_a_circuit_opens_when_half_of_enough_calls_failed() -> None:
    """From then on calls are refused at once, with when to come back."""
    service = Service([*[200] * (CALLS_MIN // 2), None])
    way, circuit = breaking(service)
    for _ in range(CALLS_MIN // 2):
        await way.handle_async_request(request_of(READ))
    await _fail(way, CALLS_MIN // 2)
    with pytest.raises(Unavailable) as refused:
        await way.handle_async_request(request_of(READ))
    assert (circuit.state, refused.value.retry_after_s) == (CircuitState.OPEN, 2.0)
    assert len(service.sent) == CALLS_MIN


@jumping
async def test_a_circuit_stays_closed_below_half_and_forgets_after_its_window() -> None:
    """Failures of long ago do not add up with those of now."""
    way, circuit = breaking(Service([None]))
    for _ in range(3):
        await _fail(way, CALLS_MIN - 1)
        await asyncio.sleep(11)
    assert circuit.state is CircuitState.CLOSED


@jumping
async def test_probes_close_a_circuit_one_at_a_time() -> None:
    """After the pause one call goes at a time; enough good ones in a row close it."""
    service = Service([*[None] * CALLS_MIN, 0.5, 200])
    way, circuit = breaking(service)
    await _fail(way)
    await asyncio.sleep(2.0)
    probe = asyncio.create_task(way.handle_async_request(request_of(READ)))
    await until_idle()
    with pytest.raises(Unavailable):
        await way.handle_async_request(request_of(READ))
    await probe
    for _ in range(PROBES - 1):
        assert circuit.state is CircuitState.HALF_OPEN
        await way.handle_async_request(request_of(READ))
    assert circuit.state is CircuitState.CLOSED


@jumping
async def test_a_bad_probe_opens_the_circuit_for_longer() -> None:
    """Twice as long each time, up to a bound."""
    way, _ = breaking(Service([None]))
    await _fail(way)
    pauses = []
    for _ in range(6):
        with pytest.raises(Unavailable) as refused:
            await way.handle_async_request(request_of(READ))
        pauses.append(refused.value.retry_after_s)
        await asyncio.sleep(pauses[-1] or 0)
        await _fail(way, 1)
    assert pauses == [2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


@jumping
async def test_a_call_given_up_by_its_caller_says_nothing() -> None:
    """Neither a failure nor a good probe, and the next probe may go."""
    service = Service([*[None] * CALLS_MIN, 60.0, 200])
    way, _ = breaking(service)
    await _fail(way)
    await asyncio.sleep(2.0)
    probe = asyncio.create_task(way.handle_async_request(request_of(READ)))
    await until_idle()
    probe.cancel()
    await until_idle()
    assert (await way.handle_async_request(request_of(READ))).status_code == 200


@jumping
async def test_an_opening_is_counted_once() -> None:
    """Calls that were under way when it opened, and fail after it did, do not count it again."""
    way = passage(Service([(1.0, None)]), breaker=Breaker("counted", pause_s=2.0, clock=clock))
    counted = CIRCUIT_OPENINGS.labels("counted")
    tasks = await _start(way, *[request_of(READ) for _ in range(2 * CALLS_MIN)])
    await asyncio.gather(*tasks, return_exceptions=True)
    assert counted._value.get() == 1


@jumping
async def test_a_late_end_of_a_call_from_before_is_no_probe() -> None:
    """What began before the circuit opened does not decide whether it closes."""
    service = Service([2.5, None])
    way, circuit = breaking(service)
    old = asyncio.create_task(way.handle_async_request(request_of(READ)))
    await until_idle()
    await _fail(way)
    await old
    assert circuit.state is CircuitState.OPEN


# Bulkhead


async def _start(transport: PreparedTransport, *requests: Any) -> list[asyncio.Task[Answer]]:
    tasks = [asyncio.create_task(transport.handle_async_request(request)) for request in requests]
    await until_idle()
    return tasks


@jumping
async def test_a_bulkhead_lets_so_many_through_and_the_urgent_go_first() -> None:
    """The rest wait; a fraud answer overtakes."""
    service = Service([1.0])
    bulkhead = passage(service, bulkhead=Bulkhead("test", calls_max=2))
    routes = (READ, READ, READ, FRAUD)
    tasks = await _start(bulkhead, *[request_of(route) for route in routes])
    assert len(service.sent) == 2
    await asyncio.gather(*tasks)
    assert [one.route for one in service.sent] == [READ, READ, FRAUD, READ]


@jumping
async def test_a_full_bulkhead_refuses_the_least_urgent() -> None:
    """An insight that waits makes room for a balance; an insight more is refused itself."""
    bulkhead = passage(Service([1.0]), bulkhead=Bulkhead("test", calls_max=1))
    running, insight = await _start(bulkhead, request_of(READ), request_of(INSIGHT))
    [balance] = await _start(bulkhead, request_of(READ))
    with pytest.raises(Shed):
        await insight
    with pytest.raises(Shed):
        await bulkhead.handle_async_request(request_of(INSIGHT))
    assert [(await one).status_code for one in (running, balance)] == [200, 200]


@jumping
async def test_waiting_ends_with_the_deadline_and_leaks_no_room() -> None:
    """Those who left, by deadline or cancelled, leave their place to the next."""
    service = Service([1.0])
    bulkhead = passage(service, bulkhead=Bulkhead("test", calls_max=1))
    running, late, gone = await _start(bulkhead, request_of(READ), request_of(READ, 0.5), request_of(READ))
    gone.cancel()
    with pytest.raises(TimedOut):
        await late
    await running
    for _ in range(3):
        await bulkhead.handle_async_request(request_of(READ))
    assert len(service.sent) == 4


@jumping
async def test_room_made_for_a_caller_who_leaves_at_that_moment_goes_to_the_next() -> None:
    """Cancellation and room at once lose nothing."""
    service = Service([60.0, 60.0, 1.0])
    bulkhead = Bulkhead("test", calls_max=2)
    *_, leaves, stays = await _start(passage(service, bulkhead=bulkhead), *[request_of(READ, 100.0) for _ in range(4)])
    bulkhead.leave()
    leaves.cancel()
    assert (await stays).status_code == 200
    assert (len(service.sent), leaves.cancelled()) == (3, True)


# Shedding


@jumping
async def test_the_least_urgent_are_shed_first() -> None:
    """As the load rises: insights, then balances, fraud answers last."""
    load = Load(100)
    shedding = passage(Service([200]), shedding=Shedding("test", load))
    allowed = []
    for load.calls in (59, 60, 85, 100):
        allowed.append([priority.name for priority in Priority if load.calls < load.limits[priority]])
    assert allowed == [["FRAUD", "BALANCES", "INSIGHTS"], ["FRAUD", "BALANCES"], ["FRAUD"], []]
    with pytest.raises(Shed) as shed:
        await shedding.handle_async_request(request_of(FRAUD))
    assert (shed.value.status, shed.value.reason, shed.value.retry_after_s) == (503, "SHED", 1.0)


@jumping
async def test_the_load_is_what_is_under_way() -> None:
    """Counted up and down, whatever the end."""
    load = Load(10)
    tasks = await _start(
        passage(Service([1.0, None]), shedding=Shedding("test", load)), *[request_of(READ) for _ in range(2)]
    )
    assert load.calls == 1
    await asyncio.gather(*tasks, return_exceptions=True)
    assert load.calls == 0


# Hedges


async def warmed(service: Service, percent: float = 5.0) -> tuple[Passage, Hedges]:
    """Hedges that know the service answers in 10 ms."""
    plans, service.plans = service.plans, [0.01]
    hedges = Hedges("test", budget=Budget(percent), clock=clock)
    way = passage(service, hedges=hedges)
    for _ in range(SAMPLES_MIN):
        await way.handle_async_request(request_of(READ))
    service.plans = plans
    service.sent.clear()
    return way, hedges


@jumping
async def test_a_late_read_is_sent_again_and_the_first_answer_taken() -> None:
    """The slow one is given up."""
    service = Service([2.0, 0.01])
    way, _ = await warmed(service)
    started = clock()
    response = await way.handle_async_request(request_of(READ))
    assert response.status_code == 200
    assert clock() - started == pytest.approx(0.025, abs=0.006)
    await asyncio.sleep(5)
    assert (len(service.sent), service.answered) == (2, SAMPLES_MIN + 1)


@jumping
async def test_the_first_sending_may_still_win() -> None:
    """Then the second is given up."""
    service = Service([0.05, 5.0])
    way, _ = await warmed(service)
    await way.handle_async_request(request_of(READ))
    await asyncio.sleep(10)
    assert (len(service.sent), service.answered) == (2, SAMPLES_MIN + 1)


@pytest.mark.parametrize("fault", [None, 500])
@jumping
async def test_a_bad_first_answer_waits_for_a_second_under_way(fault: int | None) -> None:
    """A hedge is not thrown away for an error; a bad second is."""
    way, _ = await warmed(Service([(0.05, fault), 0.1]))
    assert (await way.handle_async_request(request_of(READ))).status_code == 200


@jumping
async def test_a_bad_second_answer_is_ignored() -> None:
    """The first one goes on."""
    service = Service([0.5, None])
    way, _ = await warmed(service)
    assert (await way.handle_async_request(request_of(READ))).status_code == 200
    assert len(service.sent) == 2


@jumping
async def test_hedges_are_a_small_share_of_reads_and_never_of_writes() -> None:
    """When a service becomes slow as a whole it is not asked twice for everything."""
    service = Service([0.5])
    way, hedges = await warmed(service)
    for _ in range(10):
        await way.handle_async_request(request_of(FRAUD))
    assert len(service.sent) == 10
    service.sent.clear()
    # All are slow from the start of the new window on, so that each would be hedged.
    hedges._durations[READ].late_after_s = 0.01
    for _ in range(20):
        await way.handle_async_request(request_of(READ))
    assert len(service.sent) <= 20 + 11


@jumping
async def test_a_cancelled_read_takes_its_hedge_with_it() -> None:
    """Nothing goes on for nobody."""
    service = Service([60.0])
    way, _ = await warmed(service)
    [task] = await _start(way, request_of(READ))
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.sleep(120)
    assert (len(service.sent), service.answered) == (2, SAMPLES_MIN)
    with pytest.raises(asyncio.CancelledError):
        await task


@jumping
async def test_without_a_budget_nothing_is_hedged() -> None:
    """0 percent turns hedges off."""
    service = Service([0.5])
    way, _ = await warmed(service, 0.0)
    await way.handle_async_request(request_of(READ))
    assert len(service.sent) == 1


# Kept answers


def keeping(service: Service) -> Passage:
    return passage(service, keeping=Keeping("test", KeptAnswers(age_s_max=300, bytes_max=10_000, clock=clock)))


@pytest.mark.parametrize("fault", [None, 500, 503])
@jumping
async def test_an_insight_is_answered_from_earlier_with_its_age(fault: int | None) -> None:
    """When the service fails, to the customer whose answer it was."""
    kept = keeping(Service([200, fault]))
    request = request_of(INSIGHT, customer="anna")
    assert age_of(await kept.handle_async_request(request)) is None
    await asyncio.sleep(60)
    again = await kept.handle_async_request(request)
    assert again.body == b"1"
    assert age_of(again) == pytest.approx(60)


@pytest.mark.parametrize(
    ("route", "customer", "target"),
    [(READ, "anna", ""), (INSIGHT, "ben", ""), (INSIGHT, "", ""), (INSIGHT, "anna", "/insight?days=1")],
)
@jumping
async def test_nothing_else_is_answered_from_earlier(route: Any, customer: str, target: str) -> None:
    """Not what is no insight, not to another customer or to nobody, not to another question."""
    service = Service([200, 200, None])
    kept = keeping(service)
    await kept.handle_async_request(request_of(INSIGHT, customer="anna"))
    await kept.handle_async_request(request_of(route, customer="anna" if route is READ else "carl"))
    with pytest.raises(ConnectError):
        await kept.handle_async_request(request_of(route, customer=customer, target=target))


@jumping
async def test_a_refusal_is_not_answered_from_earlier() -> None:
    """What the service decided stands."""
    kept = keeping(Service([200, 404]))
    request = request_of(INSIGHT, customer="anna")
    assert [(await kept.handle_async_request(request)).status_code for _ in range(2)] == [200, 404]


@jumping
async def test_kept_answers_grow_old_and_have_a_bound() -> None:
    """Too old is as good as none; the oldest go first, and what is too large is not kept."""
    kept = KeptAnswers(age_s_max=300, bytes_max=1000, clock=clock)
    keys = [("service", "anna", f"/{n}") for n in range(4)]
    for key in keys[:3]:
        kept.keep(key, b"x" * 100)
    kept.keep(keys[3], b"x" * 800)
    assert [kept.find(key) is not None for key in keys] == [False, True, True, False]
    await asyncio.sleep(301)
    assert [kept.find(key) for key in keys] == [None] * 4
    assert kept.bytes == 0


# Budgets


def test_a_budget_saves_no_more_than_its_bound() -> None:
    """A long quiet time does not pay for a storm."""
    budget = Budget(50, saved_max=3)
    for _ in range(100):
        budget.earn()
    assert [budget.spend() for _ in range(4)] == [True, True, True, False]
    budget.earn()
    budget.earn()
    assert budget.spend()


def test_the_order_of_priorities_is_the_order_of_their_shares() -> None:
    """The more urgent, the later it is shed."""
    assert all(SHARES[one] > SHARES[other] for one, other in pairwise(Priority))


@jumping
async def test_a_deadline_reads_the_clock_it_is_given() -> None:
    """Time passes as that clock says."""
    deadline = Deadline.after(2.0, clock)
    await asyncio.sleep(1.5)
    assert deadline.remaining() == pytest.approx(0.5)
    await asyncio.sleep(1)
    with pytest.raises(TimedOut):
        deadline.require()
