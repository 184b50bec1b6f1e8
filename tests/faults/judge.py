"""The nine invariants. Each function returns what breaks its own; nothing is what one wants."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise

from tests.faults.grants import Model
from tests.faults.history import History, Row

MESSAGE_ENDS = {"done", "ignored", "refused", "limited", "dead"}
JOB_ENDS = {"succeeded", "failed", "cancelled", "denied", "expired", "dead"}
DELIVERY_ENDS = {"sent", "failed", "expired"}
ORDER_S = 0.3  # accepted this far apart, two messages were accepted one after the other
SLOWER = 1.5
BACK_S = 30.0
FLOOR_S = 0.5  # faster than this is never slow: the figure of a busy machine jumps about below it
WORDS = "the words of a message"
Breaches = Iterator[str]


def one_end(history: History) -> Breaches:
    """I1: each accepted event has one row, and that row, its jobs and deliveries are at an end."""
    rows = _by(history.messages, "id")
    jobs, deliveries = _by(history.jobs, "message"), _by(history.deliveries, "message")
    for event in history.accepted:
        found = rows.get(event.id, [])
        if len(found) != 1:
            yield f"{event.id} has {len(found)} rows"
        for row in found:
            if row["state"] not in MESSAGE_ENDS:
                yield f"{event.id} is {row['state']}"
            open_jobs = [j for j in jobs.get(row["pk"], []) if j["state"] not in JOB_ENDS]
            yield from (f"{event.id}: its job is {job['state']}" for job in open_jobs)
            for sent in deliveries.get(row["pk"], []):
                wanted = {"sent"} if sent["role"] == "answer" else DELIVERY_ENDS
                if sent["state"] not in wanted:
                    yield f"{event.id}: its {sent['role']} is {sent['state']}"


def one_answer(history: History) -> Breaches:
    """I2: one visible answer for each accepted event, at most one for any other, one wording."""
    accepted = {event.id for event in history.accepted}
    for key, answers in history.answers().items():
        if len(answers) > 1 or (key in accepted and not answers):
            yield f"{key} has {len(answers)} visible answers"
    keys = {row["key"]: row["role"] for row in history.deliveries}
    texts: dict[str, set[str]] = defaultdict(set)
    for call in history.calls:
        if keys.get(call.key) == "answer":
            texts[call.key].add(call.text)
    yield from (f"{key} was sent in {len(t)} wordings" for key, t in texts.items() if len(t) > 1)


def one_effect(history: History) -> Breaches:
    """I3: what must not be done twice is done at most once, and once where it says that it is."""
    counts = Counter(history.effects)
    yield from (f"{line} was done {n} times" for line, n in counts.items() if n > 1)
    states = {row["message"]: row["state"] for row in history.jobs if row["skill"] == "charge"}
    texts = {event.id: event.text for event in history.sent}
    for row in history.messages:
        words = texts.get(row["id"], "").split()
        said = states.get(row["pk"]) == "succeeded" and words[0] == "/charge"
        if said and counts[words[1]] != 1:
            yield f"{words[1]} succeeded and was done {counts[words[1]]} times"


def whole_audit(history: History) -> Breaches:
    """I4: the chain verifies, no number is missing, and every end is written down."""
    if history.verified:
        yield history.verified
    numbers: dict[str, list[int]] = defaultdict(list)
    for row in history.audit:
        numbers[row["producer"]].append(row["seq"])
    for producer, found in numbers.items():
        if sorted(found) != list(range(min(found), max(found) + 1)):
            yield f"producer {producer} has gaps or repeats"
    written = {(row["action"], str(row["object_id"])) for row in history.audit}
    wanted = [(f"message.{row['state']}", str(row["pk"])) for row in history.messages]
    wanted += [(f"job.{row['state']}", row["number"]) for row in history.jobs]
    ended = [row for row in history.deliveries if row["state"] in DELIVERY_ENDS]
    wanted += [(f"delivery.{row['state']}", str(row["pk"])) for row in ended]
    yield from (f"{action} of {key} is not written down" for action, key in wanted
                if (action, key) not in written)  # fmt: skip


def no_secret(history: History) -> Breaches:
    """I5: no secret in any log, queue, audit row or card."""
    for place, text in history.places.items():
        for name, secret in history.canaries.items():
            if place == "cards" and name == WORDS:
                continue  # what somebody asked to have said again
            if secret in text:
                yield f"{name} is in {place}"


def nothing_without_a_right(history: History) -> Breaches:
    """I6: what was allowed, and every job that was started, had a grant at that moment."""
    model, owners = Model(), {row["number"]: str(row["person"]) for row in history.jobs}
    changes = sorted(history.rights, key=_id)
    for row in sorted(history.audit, key=_id):
        while changes and changes[0]["id"] < row["id"]:
            model.apply(changes.pop(0))
        if row["action"] in {"permission.allowed", "permission.denied"}:
            person, permission = row["actor"].removeprefix("person:"), row["data"]["permission"]
            allowed = row["action"] == "permission.allowed"
            if model.may(person, permission) != allowed:
                yield f"{row['action']} {permission} for {row['actor']}"
        if row["action"] == "job.started" and row["object_id"] in owners:
            permission, person = f"skill.{row['object_label']}", owners[row["object_id"]]
            late = _denied_after(history, row)
            if not model.may(person, permission) and not late:
                yield f"job {row['object_id']} ran without {permission}"


def _denied_after(history: History, started: Row) -> bool:
    """Was the job that began then barred before its skill was called?"""
    return any(
        row["action"] == "job.denied" and row["object_id"] == started["object_id"]
        for row in history.audit
    )


def in_order(history: History) -> Breaches:
    """I7: in each chat the answers that wait for no job come in the order of the messages.

    What was delivered more than once is left out: it may have been stored when its answer got lost.
    """
    shown = {key: found[0].at for key, found in history.answers().items() if found}
    chats: dict[str, list[tuple[float, float, str]]] = defaultdict(list)
    for event in history.accepted:
        if event.text == "/ping" and len(event.attempts) == 1 and event.id in shown:
            chats[event.chat].append((event.accepted_at, event.attempts[0].began, event.id))
    for events in chats.values():
        for (first, _, one), (_, began, two) in pairwise(sorted(events)):
            if began > first + ORDER_S and shown[two] < shown[one]:
                yield f"{two} was answered before {one}"


def back_in_time(history: History) -> Breaches:
    """I8: soon after the fault answers are as quick as before, and no lease is left behind."""
    yield from history.stuck
    pace = history.pace
    if pace.after_s > allowed_s(pace.before_s):
        yield f"p95 is {pace.after_s:.2f} s after the fault and was {pace.before_s:.2f} s"
    if pace.back_after_s > BACK_S:
        yield f"p95 was good again only after {pace.back_after_s:.0f} s"


def allowed_s(before_s: float) -> float:
    """The longest 95th of 100 that counts as recovered."""
    return max(SLOWER * before_s, FLOOR_S)


def no_empty_promise(history: History) -> Breaches:
    """I9: nothing is accepted that is not in the database, nor while that is surely away."""
    stored = {row["id"] for row in history.messages}
    for event in history.accepted:
        if event.id not in stored:
            yield f"{event.id} was accepted and is not stored"
        for attempt in event.attempts:
            away = any(a < attempt.began and attempt.ended < b for a, b in history.closed)
            if away and attempt.outcome == "ok":
                yield f"{event.id} was accepted while the database was away"


INVARIANTS: dict[str, Callable[[History], Breaches]] = {
    "I1": one_end,
    "I2": one_answer,
    "I3": one_effect,
    "I4": whole_audit,
    "I5": no_secret,
    "I6": nothing_without_a_right,
    "I7": in_order,
    "I8": back_in_time,
    "I9": no_empty_promise,
}


def judge(history: History) -> list[str]:
    """Everything that is wrong, the invariant's name first."""
    return [f"{name}: {said}" for name, check in INVARIANTS.items() for said in check(history)]


def _by(rows: list[Row], column: str) -> dict[object, list[Row]]:
    found: dict[object, list[Row]] = defaultdict(list)
    for row in rows:
        found[row[column]].append(row)
    return found


def _id(row: Row) -> int:
    return int(row["id"])
