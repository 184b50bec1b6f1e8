"""The platform's API refuses, breaks, hangs or trickles."""

from __future__ import annotations

import itertools
import random
import time
from collections import defaultdict
from collections.abc import Callable

from apps.simulate.server import Answer, Call, Fault
from tests.faults import pace
from tests.faults.case import case
from tests.faults.judge import FLOOR_S
from tests.faults.load import DESK, OWN
from tests.faults.run import Run

LIMITED_S = 20
RETRY_AFTER_S = 2
MOST_CALLS = 1.3  # for each message
BROKEN_S = 20
Trouble = Callable[[Call], Fault | None]


def _shows(call: Call) -> bool:
    """Is it a call that shows something to people?"""
    return call.method == "POST" and (call.path == "/replies" or "/im/v1/messages" in call.path)


def _key(call: Call) -> str:
    body = call.json()
    return str(body.get("uuid") or body.get("id"))


def _nothing(call: Call) -> Fault | None:
    return None


def _trouble(run: Run, make: Trouble) -> None:
    for stand in (run.site.own, run.site.desk):
        stand.trouble = make


@case("F10", "half of the calls are answered 429 with Retry-After 2, for 20 s",
      "20 秒内一半调用返回 429（Retry-After 2）")  # fmt: skip
def too_many(run: Run) -> None:
    """No call comes before its time, and few are wasted."""
    dice = random.Random(10)
    refused: dict[str, list[float]] = defaultdict(list)

    def make(call: Call) -> Fault | None:
        if not _shows(call) or dice.random() < 0.5:
            return None
        refused[_key(call)].append(call.at)
        headers = {"retry-after": str(RETRY_AFTER_S)}
        return Fault("", "answer", Answer(429, {"code": 99991400, "msg": "slow down"}, headers))

    _trouble(run, make)
    run.wait(LIMITED_S)
    _trouble(run, _nothing)
    run.finish(lambda: _judge_patience(run, refused))


def _judge_patience(run: Run, refused: dict[str, list[float]]) -> None:
    calls = [c for stand in (run.site.own, run.site.desk) for c in list(stand.calls) if _shows(c)]
    times: dict[str, list[float]] = defaultdict(list)
    for call in calls:
        times[_key(call)].append(call.at)
    early = [
        later - at
        for key, moments in refused.items()
        for at in moments
        for later in sorted(times[key])
        if 0 < later - at < RETRY_AFTER_S - 0.1
    ]
    run.check(refused, "nothing was refused")
    run.check(not early, f"{len(early)} calls came before Retry-After, first {early[:3]}")
    mine = [c for c in calls if c.at > run.began]
    ratio = len(mine) / max(1, len({_key(c) for c in mine}))
    run.figures["calls_per_message"] = round(ratio, 2)
    run.check(ratio <= MOST_CALLS, f"{ratio:.2f} calls for each message")


@case("F11", "30 % of the calls end in 500, 502, a reset, half an answer or silence",
      "30% 的调用返回 500、502、连接重置、半截应答或无应答")  # fmt: skip
def broken(run: Run) -> None:
    """Half of them after the work was done: the repeat carries the same key."""
    dice = random.Random(11)
    kinds = itertools.cycle(
        [("answer", Answer(500, {})), ("answer", Answer(502, {})), ("reset", Answer()),
         ("cut", Answer()), ("hang", Answer())]
    )  # fmt: skip
    hit: set[str] = set()

    def make(call: Call) -> Fault | None:
        if not _shows(call) or dice.random() >= 0.3:
            return None
        hit.add(_key(call))
        kind, answer = next(kinds)
        return Fault("", kind, answer, after=dice.random() < 0.5)  # type: ignore[arg-type]

    before = _repeats(run)
    _trouble(run, make)
    run.wait(BROKEN_S)
    _trouble(run, _nothing)
    run.check(len(hit) > 20, f"only {len(hit)} calls were broken")
    run.finish(lambda: run.check(_repeats(run) > before, "nothing was repeated under its key"))


def _repeats(run: Run) -> int:
    """Repeats under a known key, on both platforms."""
    keys = [_key(call) for call in list(run.site.desk.calls) if _shows(call)]
    return run.site.own.repeats + len(keys) - len(set(keys))


@case("F12", "one platform's answers trickle, a byte a second", "某平台应答每秒只来一个字节")
def trickle(run: Run) -> None:
    """The other platform's chats don't notice; each call ends by its own clock."""
    began = time.monotonic()
    proxy = run.site.api[DESK]
    proxy.slice(1, 1.0)
    run.wait(25)
    proxy.heal()
    waits = _waits(run, OWN, began, time.monotonic())
    figure = pace.percentile(waits, 0.95)
    run.figures["others_p95_s"] = round(figure, 2)
    allowed = max(2 * pace.before(run), FLOOR_S)
    run.check(len(waits) > 50, f"only {len(waits)} answers on the other platform")
    run.check(figure < allowed, f"others' p95 is {figure:.2f} s, allowed {allowed:.2f}")


def _waits(run: Run, platform: str, began: float, ended: float) -> list[float]:
    events = [
        one.event
        for one in run.asked
        if one.chat.startswith(platform) and one.text == "/ping" and one.event.attempts
        if began < one.event.attempts[0].began < ended - 2
    ]
    shown = run.site.own.shown_at
    late = [ended - e.attempts[0].began for e in events if e.id not in shown]
    return [shown[e.id] - e.attempts[0].began for e in events if e.id in shown] + late


@case("F12b", "one platform is away for 20 s (refused, then a black hole, then half-closed)",
      "某平台 20 秒不可用（拒绝连接、黑洞、半关闭）")  # fmt: skip
def away(run: Run) -> None:
    proxy = run.site.api[DESK]
    for fail, seconds in ((proxy.refuse, 6), (proxy.blackhole, 8), (proxy.half_close, 3),
                          (proxy.reset, 3)):  # fmt: skip
        fail()
        run.wait(seconds)
    proxy.heal()
