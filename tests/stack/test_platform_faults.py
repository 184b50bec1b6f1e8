"""Every platform with 30 % of its API calls failing: each message is answered once.

200 messages of 20 people go through a whole installation. People count what they see. Where a
platform knows no keys, an attempt of which nobody knows how it ended is repeated, and the repeat
says that it may be one: those are counted apart and told.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from apps.im.base import get_platform
from apps.simulate.desk import Desk, Push
from apps.simulate.desks import all_desks
from apps.simulate.push import Pusher, post
from tests.console.stack import wait_for
from tests.stack.house import House
from tests.stack.storm import SHARE, Storm

pytestmark = pytest.mark.stack
MESSAGES, PEOPLE = 200, 20
HANDS = 4  # that push
AT_ONCE = 3  # platforms, each of which waits most of the time
STORM_S = 90  # then it abates, so that nobody waits for the longest pauses of the unluckiest
ANSWERED_S = 180  # after that
QUIET_S = 150
SEED = 4
REPEATED = "may be a repeat"
NAMES = sorted(name for name in all_desks() if get_platform(name).abilities.receives)


@dataclass
class Outcome:
    """What people saw of each message, and what the platform met."""

    name: str
    plain: Counter[str] = field(default_factory=Counter)
    #: What was seen as a possible repeat.
    repeats: Counter[str] = field(default_factory=Counter)
    unsent: dict[str, int] = field(default_factory=dict)
    early: list[float] = field(default_factory=list)
    share: float = 0.0
    #: After so many calls nobody could know what had become of them.
    failures: int = 0
    told: str = ""


class Trial:
    """One platform with its stand, its bot and its people."""

    def __init__(self, house: House, name: str, desk: Desk) -> None:
        self.house, self.name, self.desk = house, name, desk
        self.slug = f"storm-{name.replace('_', '-')}"
        self.words = [f"word{number:03d}x" for number in range(MESSAGES)]
        self.pusher = Pusher(desk, house.address(desk, self.slug))
        self.storm = Storm(desk, SEED)

    def run(self) -> Outcome:
        """All messages in, all answers out."""
        people = self.house.join(self.desk, self.slug, PEOPLE)
        self.desk.trouble = self.storm
        began = time.monotonic()
        asked = [(word, people[n % PEOPLE]) for n, word in enumerate(self.words)]
        with ThreadPoolExecutor(HANDS) as hands:
            list(hands.map(self._ask, [self.desk.say(f"/echo {w}", who) for w, who in asked]))
        self.desk.wait(self._all_answered, STORM_S)
        self.storm.over = True
        if not self.desk.wait(self._all_answered, ANSWERED_S):
            missing = set(self.words) - set(self.seen().plain) - set(self.seen().repeats)
            rows = "\n".join(self.house.home.ask("details"))
            raise AssertionError(f"{len(missing)} not seen\n{rows}\n{self.house.home.complaints()}")
        wait_for(lambda: not self._open(), QUIET_S, "the end of all repeats")
        self.pusher.close()
        found = self.seen()
        found.unsent = self.house.home.ask("unsent", bot=self.slug)
        found.early, found.share = self.storm.early(), self.storm.share
        found.failures = sum(self.storm.met.values()) - self.storm.met["429"]
        twice = sum(count > 1 for count in (found.plain + found.repeats).values())
        found.told = (
            f"{self.name}: {time.monotonic() - began:.0f} s, {len(self.storm.calls)} calls, "
            f"{self.storm.share:.0%} failed {dict(self.storm.met)}, "
            f"{sum(found.repeats.values())} marked as a possible repeat, {twice} of them seen twice"
        )
        return found

    def seen(self) -> Outcome:
        """How often each word is seen now."""
        found = Outcome(self.name)
        for seen in self.desk.visible():
            for word in (word for word in self.words if word in seen.text):
                (found.repeats if REPEATED in seen.text else found.plain)[word] += 1
        return found

    def _all_answered(self) -> bool:
        found = self.seen()
        return len(found.plain.keys() | found.repeats.keys()) == MESSAGES

    def _open(self) -> int:
        unsent = self.house.home.ask("unsent", bot=self.slug)
        return sum(unsent.get(state, 0) for state in ("pending", "sending", "unknown"))

    def _ask(self, push: Push) -> None:
        """Push until it is accepted."""
        for _ in range(5):
            attempt = post(self.pusher.target, push)
            if attempt.taken:
                break
            push = self.desk.again(push)
        assert attempt.taken, attempt
        for more in self.desk.taken(push, attempt.body):
            self.pusher.send(more)


def run(house: House, name: str) -> Outcome:
    """One platform from the start of its stand to its end."""
    with all_desks()[name]() as desk:
        return Trial(house, name, desk).run()


@pytest.fixture(scope="module")
def outcomes(house: House) -> Iterator[dict[str, Future[Outcome]]]:
    """Every platform's, as they come: two are tried at once."""
    with ThreadPoolExecutor(AT_ONCE) as hands:
        yield {name: hands.submit(run, house, name) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_every_message_is_answered_once_in_a_storm(
    outcomes: dict[str, Future[Outcome]], name: str
) -> None:
    found = outcomes[name].result()
    print(found.told)
    assert abs(found.share - SHARE) < 0.1  # it was a storm
    seen = found.plain + found.repeats
    assert len(seen) == MESSAGES
    assert [word for word in seen if found.plain[word] > 1] == []
    if get_platform(name).abilities.idempotency:
        assert [word for word in seen if seen[word] > 1] == []
    assert sum(found.repeats.values()) <= found.failures
    assert found.unsent == {}
    assert found.early == []
