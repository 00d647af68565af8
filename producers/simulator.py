"""The live simulator: something ordinary every second or so, and every half minute something worth an alert.

`moments` is pure but for the clock it is given: the same seed and clock give the same events. `simulate` sends them.
Ordinary moments raise no alerts: a card is used less often than velocity notices, and for small amounts, because a
demo's hour has more of them than a day.
"""

from collections.abc import Callable, Iterator

import anyio
import msgspec

from producers.demo_people import PEOPLE
from producers.event_client import EventClient
from producers.simulator_desk import Clock, Desk
from producers.simulator_ordinary import OrdinaryLife
from producers.simulator_stories import STORIES, low_balance

PAUSE_S = (0.5, 1.5)
"""Between two ordinary moments."""
FIRST_STORY_S = 3.0
STORY_PAUSE_S = (20.0, 30.0)
"""Between two stories."""
FIRST_PERSON_SHARE = 0.6
"""How many of the stories happen to the first customer, whom the demo presents."""


class Moment(msgspec.Struct, frozen=True):
    """What to send after a pause; `story` names what is worth an alert in it, for people."""

    pause_s: float
    lines: list[bytes]
    story: str | None = None


def moments(seed: int, clock: Clock) -> Iterator[Moment]:
    """Yield moments for ever."""
    desk = Desk(seed, clock)
    ordinary = OrdinaryLife(desk, seed)
    told, until_story = 0, FIRST_STORY_S
    while True:
        pause_s = desk.chance.uniform(*PAUSE_S)
        until_story -= pause_s
        if until_story <= 0:
            until_story = desk.chance.uniform(*STORY_PAUSE_S)
            yield _story(desk, told, pause_s)
            told += 1
        else:
            yield Moment(pause_s, ordinary.lines())


def _story(desk: Desk, told: int, pause_s: float) -> Moment:
    story = STORIES[told % len(STORIES)]
    is_first = not told or story is low_balance or desk.chance.random() < FIRST_PERSON_SHARE
    person = PEOPLE[0] if is_first else desk.chance.choice(PEOPLE)
    return Moment(pause_s, story(desk, person), f"{story.__name__.replace('_', ' ')}: {person.given_name}")


async def simulate(client: EventClient, seed: int, clock: Clock, on_story: Callable[[str], None]) -> None:
    """Send moments until cancelled.

    Raises:
        Failure: the event service refuses or stays away for long.
    """
    for moment in moments(seed, clock):
        await anyio.sleep(moment.pause_s)
        await client.post(moment.lines)
        if moment.story is not None:
            on_story(moment.story)
