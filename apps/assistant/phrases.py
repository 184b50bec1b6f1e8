"""Stage two of understanding: sentences that ask for a reminder or a repetition."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from apps.assistant import grammar
from apps.assistant.declared import Phrase, as_phrase, declared
from apps.core.i18n import Text, both
from apps.skills import registry
from apps.skills.names import visible
from apps.skills.parameters import Bound, Invalid, bind, check, without
from apps.skills.times import Clock, Every, FoundTime

MAX_PHRASE = 1000

_POLITE_ZH = (
    "请|麻烦|帮我|帮忙|记得|到时候|到时|到点|别忘了|你|能不能|可不可以|能|可以|要|在|等|过|就|再|那"
)
_REMIND_ZH = re.compile(
    rf"(?:{_POLITE_ZH}|[\s,，:：])*+(?P<verb>提醒|叫|喊)(?:一下|下)?我(?:一下|一声)?[:：,，\s]*"
    r"(?P<text>.*?)(?:[,，\s]*(?:好吗|可以吗|行吗|吗|吧|哦|谢谢))?[\s。.!！?？~]*",
    re.DOTALL,
)
_REMIND_EN = re.compile(
    r"(?:(?:please|can you|could you|would you|will you|and|then|hey)[\s,]+)*+"
    r"(?P<verb>remind me|set (?:a |up a )?reminder)(?:\s+(?:to|that|about|of|for)\b)?[:,\s]*"
    r"(?P<text>.*?)(?:,?\s*\b(?:please|thanks|thank you))?[\s.!?]*",
    re.DOTALL | re.IGNORECASE,
)
_VERB = re.compile(r"(?:提醒|叫|喊)(?:一下|下)?我|remind me", re.IGNORECASE)
_RUN = re.compile(
    r"(?:请|帮我|自动|定时|运行|执行|跑一下|跑|发一下|看一下|看看|查看|run\b|execute\b|do\b|[\s,，:：])*+",
    re.IGNORECASE,
)

UNKNOWN = both("没有这个命令：{text}", "There is no such command: {text}")
NO_COMMAND = both(
    "看不懂到时候要做什么：{text}。请写成命令，例如 /status，或写“提醒我…”。",
    "I don't understand what to do then: {text}. Write a command such as /status, "
    "or “remind me to …”.",
)
INCOMPLETE = both("“{text}”还不能定时：{why}", "“{text}” cannot be repeated yet: {why}")
REMINDER = both("这是一次提醒", "this is a reminder")
REPEATED = both("这是按周期做的事：{words}", "this is something to repeat: {words}")


def read(text: str, clock: Clock, *, attended: bool = True) -> Phrase | None:
    """Return what a sentence means; None when it is none of the known phrases."""
    if len(text) > MAX_PHRASE:
        return None
    return _timed(text, clock, attended) or declared(text, clock, attended=attended)


def _timed(text: str, clock: Clock, attended: bool) -> Phrase | None:
    said = visible(text).strip()
    found = _time(said, clock)
    if found is None:
        asked = _reminder_text(said)
        return None if asked is None or not asked.sure else _remind(asked.text, None, attended)
    rest = without(said, found.start, found.end)
    asked = _reminder_text(rest)
    if found.at is not None:
        return None if asked is None else _remind(asked.text, found, attended)
    if found.every is None:
        return None
    command = reminder_command(asked.text, clock) if asked else _named_command(rest, clock)
    return None if command is None else scheduled(found.every, command, attended)


def _time(said: str, clock: Clock) -> FoundTime | None:
    """The time for which is asked; what comes after `提醒我` may hold a time of its own."""
    found = clock.find(said, clock.local_now)
    verb = None if found else _VERB.search(said)
    return clock.find(said[: verb.start()], clock.local_now) if verb else found


@dataclass(frozen=True)
class _Asked:
    text: str
    sure: bool  # `叫我` alone may mean anything; `提醒我` does not


def _reminder_text(text: str) -> _Asked | None:
    """What somebody wants to be reminded of; None when the sentence asks for no reminder."""
    match = _REMIND_ZH.fullmatch(text) or _REMIND_EN.fullmatch(text)
    if match is None:
        return None
    return _Asked(match["text"].strip(), match["verb"] not in ("叫", "喊"))


def _remind(text: str, found: FoundTime | None, attended: bool) -> Phrase | None:
    skill = registry.get("remind")
    if skill is None:
        return None
    values: dict[str, Any] = {"at": found.at.isoformat()} if found and found.at else {}
    if text:
        values["text"] = text
    return as_phrase(skill, check(skill.parameters, values, attended=attended), REMINDER)


def scheduled(every: Every, command: str, attended: bool = True) -> Phrase | None:
    """Return the phrase that puts a command on a schedule; "" when the command is still open."""
    skill = registry.get("schedule")
    if skill is None:
        return None
    values = {"action": "add", "every": {"cron": every.cron, "words": every.words}}
    if command:
        values["what"] = command
    why = REPEATED.format(words=every.words or every.cron)
    return as_phrase(skill, check(skill.parameters, values, attended=attended), why)


def reminder_command(text: str, clock: Clock) -> str | None:
    """Return the command that says a reminder when it is asked, not at a time in its own text."""
    skill = registry.get("remind")
    if skill is None or not text:
        return None
    arguments = grammar.Command("remind", tail=text).arguments
    plain = bind(skill.parameters, arguments, clock, attended=False)
    if isinstance(plain, Bound) and plain.values == {"text": text}:
        return f"/remind {text}"
    return f"/remind at=now {text}"


def _named_command(text: str, clock: Clock) -> str | None:
    """A command, or a skill by its bare name or phrase, perhaps after a `run`."""
    front = _RUN.match(text)
    for tried in dict.fromkeys((text, text[front.end() :] if front else text)):
        command = grammar.read(tried)
        if command is not None and command.slash:
            return tried
        found = registry.lookup(command.name) if command else None
        if found is not None:
            return f"/{found.name}"
        said = declared(tried, clock) if tried else None
        if said is not None and not said.result.values and isinstance(said.result, Bound):
            return f"/{said.skill.name}"
    return None


def as_command(text: str, clock: Clock) -> str | Text:
    """Return `text` as a command that can be asked later, or the sentence that says why not."""
    shown = text if len(text) <= 40 else text[:40] + "…"
    asked = _reminder_text(text)
    named = reminder_command(asked.text, clock) if asked else _named_command(text, clock)
    command = grammar.read(named) if named else None
    if command is None:
        return NO_COMMAND.format(text=shown)
    readings = [command, *grammar.joined(command)]
    for one in readings:
        skill = registry.lookup(one.name)
        if skill is None:
            continue
        result = bind(skill.parameters, one.arguments, clock, attended=False)
        if isinstance(result, Bound):
            return f"/{skill.name} {one.tail}".strip()
        why = result.why if isinstance(result, Invalid) else result.question
        return INCOMPLETE.format(text=shown, why=why)
    return UNKNOWN.format(text=shown)
