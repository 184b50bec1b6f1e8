"""Each invariant can fail: hand-made histories, good ones and one bad thing at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.history import Call, History, Pace, Seen, Sent
from tests.faults.judge import WORDS, judge
from tests.stack.sender import Attempt

SECRET = "whsec_canary"


def audit(number: int, action: str, kind: str, key: object, **more: Any) -> dict[str, Any]:
    row = {
        "id": number, "producer": "a", "seq": number, "actor": "person:7", "action": action,
        "object_type": kind, "object_id": str(key), "object_label": "", "data": {},
    }  # fmt: skip
    return row | more


def good() -> History:
    """Two pings and a charge, accepted at 1, 2 and 3 s; the charge at its second delivery."""
    sent = [
        Sent("m1", "c", "/ping", [Attempt(0.9, 1.0, 202)]),
        Sent("m2", "c", "/ping", [Attempt(1.9, 2.0, 202)]),
        Sent("m3", "c", "/charge x3", [Attempt(2.5, 2.6, 503), Attempt(2.9, 3.0, 202)]),
        Sent("m4", "c", "/ping", [Attempt(3.5, 3.6, 503)]),
    ]
    rights = [
        audit(1, "role.added", "role", 1, object_label="member", data={"allow": ["skill.*"]}),
        audit(2, "person.role_added", "person", 7, data={"role": "member"}),
    ]
    rows = [
        audit(number, "permission.allowed", "message", number - 9, data={"permission": "skill.x"})
        for number in (10, 11, 12)
    ]
    rows += [audit(13 + n, "message.done", "message", 1 + n) for n in range(3)]
    rows += [
        audit(16, "job.started", "job", "J1", object_label="charge", actor="system:worker"),
        audit(17, "job.succeeded", "job", "J1"),
    ]
    rows += [audit(18 + n, "delivery.sent", "delivery", 1 + n) for n in range(3)]
    return History(
        sent=sent,
        seen=[
            Seen("m1", "k1", "pong", 1.5, "answer"),
            Seen("m2", "k2", "pong", 2.5),
            Seen("m3", "k9", "working", 3.2, "progress"),
            Seen("m3", "k3", "charged", 3.5, "answer"),
        ],
        calls=[Call("k1", "pong", 1.4), Call("k1", "pong", 1.5), Call("k2", "pong", 2.5)],
        messages=[{"id": f"m{n}", "pk": n, "state": "done"} for n in (1, 2, 3)],
        jobs=[
            {"number": "J1", "message": 3, "state": "succeeded", "skill": "charge", "person": 7}
        ],
        deliveries=[
            {"pk": n, "key": f"k{n}", "message": n, "role": "answer", "state": "sent"}
            for n in (1, 2, 3)
        ],
        audit=rows,
        rights=rights,
        effects=["x3"],
        closed=[(2.45, 2.7)],
        canaries={"secret": SECRET},
        places={"logs": "nothing here"},
        pace=Pace(0.4, 0.55, 3),
    )  # fmt: skip


def test_a_good_history_is_good() -> None:
    assert judge(good()) == []
    assert (good().lost(), good().twice()) == ([], [])


Spoil = Callable[[History], object]
BAD: list[tuple[str, str, Spoil]] = [
    ("I1", "not stored once", lambda h: h.messages.append(dict(h.messages[0], pk=4))),
    ("I1", "not ended", lambda h: h.messages[0].update(state="waiting")),
    ("I1", "job not ended", lambda h: h.jobs[0].update(state="running")),
    ("I1", "answer not sent", lambda h: h.deliveries[0].update(state="failed")),
    ("I2", "no answer", lambda h: h.seen.pop(0)),
    ("I2", "two answers", lambda h: h.seen.append(Seen("m1", "k7", "pong", 2, "answer"))),
    ("I2", "two answers untold", lambda h: h.seen.append(Seen("m2", "k8", "pong", 2))),
    ("I2", "answered unaccepted twice", lambda h: h.seen.extend([Seen("m4", "k", "", 4)] * 2)),
    ("I2", "two wordings", lambda h: h.calls.append(Call("k1", "pang", 1.6))),
    ("I3", "done twice", lambda h: h.effects.append("x3")),
    ("I3", "said and not done", lambda h: h.effects.clear()),
    ("I4", "broken chain", lambda h: setattr(h, "verified", "row 5 was changed")),
    ("I4", "a gap", lambda h: h.audit.pop(1)),
    ("I4", "an end unwritten", lambda h: h.audit.pop()),
    ("I5", "a secret in a log", lambda h: h.places.update(logs=f"key={SECRET}")),
    ("I5", "words in the audit", lambda h: (
        h.canaries.update({WORDS: "my words"}), h.places.update(audit="my words"))),
    ("I6", "allowed without a grant", lambda h: h.rights.pop()),
    ("I6", "a denial ignored", lambda h: h.rights.append(
        audit(3, "role.deny", "role", 1, object_label="member", data={"permission": "skill.x"}))),
    ("I6", "run without a grant", lambda h: h.rights.append(
        audit(12, "person.role_removed", "person", 7, data={"role": "member"}))),
    ("I7", "out of order", lambda h: h.seen.__setitem__(1, Seen("m2", "k2", "pong", 1.2))),
    ("I8", "slow", lambda h: setattr(h, "pace", Pace(0.4, 0.7, 3))),
    ("I8", "slow for long", lambda h: setattr(h, "pace", Pace(0.4, 0.4, 31))),
    ("I8", "stuck", lambda h: h.stuck.append("job J1 is running")),
    ("I9", "not stored", lambda h: h.messages.pop(0)),
    ("I9", "accepted while away", lambda h: h.closed.append((0.5, 1.5))),
]  # fmt: skip


@pytest.mark.parametrize(("name", "what", "spoil"), BAD, ids=[f"{n} {w}" for n, w, _ in BAD])
def test_each_invariant_can_fail(name: str, what: str, spoil: Spoil) -> None:
    history = good()
    spoil(history)
    assert name in {said.partition(":")[0] for said in judge(history)}


def test_every_invariant_has_a_bad_history() -> None:
    assert {name for name, _, _ in BAD} == {f"I{n}" for n in range(1, 10)}


def test_unknown_outcomes_may_be_answered_once_or_not() -> None:
    history = good()
    history.sent.append(Sent("m5", "c", "/ping", [Attempt(5, 15, 0)]))
    assert judge(history) == []
    history.seen.append(Seen("m5", "k5", "pong", 6, "answer"))
    assert judge(history) == []
    history.seen.append(Seen("m5", "k6", "pong", 7, "answer"))
    assert any(said.startswith("I2") for said in judge(history))


def test_words_may_be_in_cards_and_secrets_may_not() -> None:
    history = good()
    history.canaries[WORDS] = "my words"
    history.places["cards"] = "my words"
    assert judge(history) == []
    history.places["cards"] += SECRET
    assert any(said.startswith("I5") for said in judge(history))


def test_lost_and_twice_are_counted() -> None:
    history = good()
    history.seen = history.seen[1:] + history.seen[-1:]
    history.effects *= 2
    assert history.lost() == ["m1"]
    assert history.twice() == ["m3", "x3"]
