"""What a text is taken for: typed command, then phrase, then the nearest skills as mere offers.

Cheapest first, and the answer says which stage it was. Nothing runs here and nothing is permitted
here. A language model is the fourth stage (`fully`): it returns an Understood, too, judged by the
same validation, permission and approval as a typed command.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from typing import Any, Literal

from apps.assistant import grammar, nearest, needs, phrases, when
from apps.assistant.declared import Phrase
from apps.assistant.grammar import Command
from apps.assistant.plan import PLAN
from apps.core.i18n import Text, both
from apps.skills.base import Parameter, Rights, Skill, lookup, registry
from apps.skills.parameters import Bound, Invalid, Missing, Result, bind, check, without
from apps.skills.times import Clock, Every, FoundTime

Stage = Literal["command", "phrase", "nearest", "none", "answer", "model"]
MAX_TIMED = 200

TYPED = both("这是命令 /{name}", "this is the command /{name}")
NAMED = both("整句就是“{name}”的名字", "the whole text is the name of “{name}”")
ANSWERED = both("这是对问题的回答", "this answers a question")
PERHAPS = both("没有完全对上的，只列出相近的", "nothing fits exactly; these are near")
NOTHING = both("没有相近的", "nothing is near")
MISSING = both("缺少 {label}", "{label} is missing")
OFFER = both("{zh}（/{name}）", "/{name}")
OFFER_REMIND = both("{clock} 提醒我：{text}", "Remind me at {clock}: {text}")
OFFER_REPEAT = both("{words}提醒我：{text}", "Remind me {words}: {text}")


def find_time(text: str, now: datetime) -> FoundTime | None:
    """Return the time phrase of a text as skills take it."""
    found = when.find(text, now)
    if found is None:
        return None
    if isinstance(found.when, when.At):
        return FoundTime(found.start, found.end, at=found.when.time)
    words = text[found.start : found.end].strip()
    return FoundTime(found.start, found.end, every=Every(found.when.cron, words))


@dataclass(frozen=True)
class Asker:
    """Who wrote the text, when and where. `attended`: somebody is there to answer questions."""

    person_id: int
    rights: Rights
    language: str
    now: datetime
    tz: tzinfo
    attended: bool = True

    @property
    def clock(self) -> Clock:
        """The asker's clock, with the reader of times."""
        return Clock(self.now, self.tz, find_time)


@dataclass(frozen=True)
class Offer:
    """A button: a click says `cmd`."""

    label: Text
    cmd: str
    skill: str


@dataclass(frozen=True)
class Understood:
    """What a text is taken for, and why.

    `skill` is None when nothing fits well enough to act on; `offers` then holds what is near.
    `missing` is the parameter to ask for, `problem` why the text cannot be acted on. `words` is
    what a model answered instead, `note` why a model did not help. `held` are parameters whose
    values others wrote, so that the asker has to confirm them.
    """

    stage: Stage
    skill: Skill | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    missing: Parameter | None = None
    problem: Text | None = None
    offers: Sequence[Offer] = ()
    why: Text = NOTHING
    words: str = ""
    note: Text | None = None
    held: tuple[str, ...] = ()

    @property
    def runs(self) -> bool:
        """Whether it would start at once (if permitted), without a question back."""
        if self.skill is None or self.missing is not None or self.problem is not None:
            return False
        proposed = self.stage == "model"
        return not needs.kind_of(self.skill, self.parameters, proposed=proposed)

    @classmethod
    def answered(
        cls,
        skill: Skill,
        values: Mapping[str, Any],
        *,
        missing: Parameter | None = None,
        problem: Text | None = None,
    ) -> Understood:
        """Return what a person's answer to a question completed, or what it left open."""
        return cls("answer", skill, dict(values), missing, problem, why=ANSWERED)

    def to_json(self, language: str) -> dict[str, Any]:
        """Return it for programs; the skill of a mere offer is named, and `runs` is then false."""
        nearest_skill = self.offers[0].skill if self.offers else None
        return {
            "stage": self.stage,
            "skill": self.skill.name if self.skill else nearest_skill,
            "parameters": self.parameters,
            "runs": self.runs,
            "missing": self.missing.name if self.missing else None,
            "problem": self.problem.in_(language) if self.problem else None,
            "offers": [
                {"label": one.label.in_(language), "cmd": one.cmd, "skill": one.skill}
                for one in self.offers
            ],
            "why": self.why.in_(language),
            "words": self.words or None,
            "note": self.note.in_(language) if self.note else None,
        }


def understand(text: str, asker: Asker) -> Understood:
    """Return what `text` is taken for. Fast, without I/O; never runs anything."""
    command = grammar.read(text)
    if command is not None:
        return _command(command, asker)
    phrase = phrases.read(text, asker.clock, attended=asker.attended)
    if phrase is not None:
        return _from("phrase", phrase.skill, phrase.result, phrase.why, asker)
    return _nearest(text, None, asker)


def called(name: str, given: Mapping[str, Any], asker: Asker) -> Understood:
    """Return what a program's call of a skill with JSON parameters is taken for: as if typed.

    Nobody is asked back: what is missing is a problem.
    """
    skill = lookup(name)
    if skill is None or skill.name != name:
        return Understood("none")
    result = check(skill.parameters, given, attended=False)
    found = _from("command", skill, result, TYPED.format(name=name), asker)
    if found.missing is None:
        return found
    problem = MISSING.format(label=found.missing.label)
    return replace(found, missing=None, problem=problem)


def _command(command: Command, asker: Asker) -> Understood:
    skill = lookup(command.name)
    if skill is not None and skill.name != PLAN:  # plans are proposed and checked, never typed
        why = (TYPED if command.slash else NAMED).format(name=skill.name)
        return _from("command", skill, _bind(skill, command, asker), why, asker)
    for joined in grammar.joined(command):
        skill = lookup(joined.name)
        result = _bind(skill, joined, asker) if skill else None
        if skill is not None and result is not None and not isinstance(result, Invalid):
            return _from("command", skill, result, TYPED.format(name=skill.name), asker)
    return _nearest(command.name, command.tail, asker)


def _bind(skill: Skill, command: Command, asker: Asker) -> Result:
    return bind(skill.parameters, command.arguments, asker.clock, attended=asker.attended)


def _from(stage: Stage, skill: Skill, result: Result, why: Text, asker: Asker) -> Understood:
    if isinstance(result, Invalid):
        return Understood(stage, skill, problem=result.why, why=why)
    repeated = _repeated_reminder(skill, result, asker)
    if repeated is not None:
        return _from(stage, repeated.skill, repeated.result, repeated.why, asker)
    values, problem = _with_command(skill, result.values, asker)
    missing = result.parameter if isinstance(result, Missing) else None
    return Understood(stage, skill, values, missing, problem, why=why)


def _repeated_reminder(skill: Skill, result: Bound | Missing, asker: Asker) -> Phrase | None:
    """`/remind 每天9点 写日报` says remind and means a schedule."""
    text = result.values.get("text", "")
    if skill.name != "remind" or "at" in result.values or len(text) > MAX_TIMED or not text:
        return None
    found = find_time(text, asker.clock.local_now)
    if found is None or found.every is None:
        return None
    said = without(text, found.start, found.end)
    command = phrases.reminder_command(said, asker.clock)
    return phrases.scheduled(found.every, command or "", asker.attended)


def _with_command(
    skill: Skill, values: dict[str, Any], asker: Asker
) -> tuple[dict[str, Any], Text | None]:
    """A parameter that is itself a command is read now, not when it is due and nobody is there."""
    later = next((p for p in skill.parameters if p.command and values.get(p.name)), None)
    repeats = any(p.kind == "every" and values.get(p.name) for p in skill.parameters)
    if later is None or not repeats:
        return values, None
    command = phrases.as_command(values[later.name], asker.clock)
    if isinstance(command, Text):
        return values, command
    return {**values, later.name: command}, None


def _nearest(text: str, tail: str | None, asker: Asker) -> Understood:
    """Offers, for this asker's rights; what stood after a misspelt command (`tail`) stays.

    Who has a model is understood by it; nobody else has a use for what needs one.
    """
    permitted = [
        one
        for one in registry().values()
        if not one.hidden
        and asker.rights.allows(one.permission)
        and (one.lane != "model" or tail is not None)
    ]
    found = nearest.nearest(text, permitted, filled=tail is not None)
    offers = _timed_offer(text, permitted, asker) if tail is None else []
    offers += [
        Offer(OFFER.format(zh=one.zh, name=one.name), _offered(one, tail or "", asker), one.name)
        for one in found
        if one.name not in {offer.skill for offer in offers}
    ]
    if not offers:
        return Understood("none")
    return Understood("nearest", offers=offers[: nearest.SHOWN], why=PERHAPS)


def offers_near(names: Sequence[str], asker: Asker, more: Sequence[Offer]) -> Sequence[Offer]:
    """Offers for skills that a model made up the names of, then these; each skill once."""
    found = [offer for name in names for offer in _nearest(name, "", asker).offers]
    kept: dict[str, Offer] = {}
    for one in (*found, *more):
        kept.setdefault(one.skill, one)
    return tuple(kept.values())[: nearest.SHOWN]


def _offered(skill: Skill, tail: str, asker: Asker) -> str:
    """The command of an offer; what was typed is kept where the skill has a use for it."""
    if tail and len(tail) <= MAX_TIMED:
        typed = Command(skill.name, tail=tail)
        if not isinstance(_bind(skill, typed, asker), Invalid):
            return f"/{skill.name} {tail}"
    return f"/{skill.name}"


def _timed_offer(text: str, permitted: Sequence[Skill], asker: Asker) -> list[Offer]:
    """A sentence with a time that asks for nothing: perhaps it is to be remembered."""
    names = {one.name for one in permitted}
    clock = asker.clock
    found = find_time(text, clock.local_now) if len(text) <= MAX_TIMED else None
    said = without(text, found.start, found.end) if found else ""
    if found is None or not said or lookup(said) is not None:
        return []
    if found.at is not None and "remind" in names:
        shown = f"{found.at.astimezone(asker.tz):%Y-%m-%d %H:%M}"
        label = OFFER_REMIND.format(clock=shown, text=said)
        return [Offer(label, f"/remind at={shown.replace(' ', 'T')} {said}", "remind")]
    if found.every is not None and "schedule" in names:
        command = phrases.reminder_command(said, clock)
        label = OFFER_REPEAT.format(words=found.every.words, text=said)
        return [Offer(label, f"/schedule {found.every.words} {command}", "schedule")]
    return []
