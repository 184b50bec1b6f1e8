"""Everything a skill's own tests need: a context whose ports are kept in memory.

    ctx = context(language="en")
    assert ask("remind", ctx, text="tea", at="2026-11-22T10:20+08:00").startswith("All right")
    assert ctx.jobs.reminders == [("tea", ...)]

Nothing here touches a database, a broker or the network. Part of the product: a skill that lives in
a package of its own is tested with it, too.
"""

from __future__ import annotations

import atexit
import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from apps.accounts.models import Person
from apps.core.i18n import Text, both
from apps.im import file_kinds
from apps.skills import registry
from apps.skills.base import Every, get
from apps.skills.context import Context, NoModel, Reply, Stopped
from apps.skills.files import Attachment, Stored, stored_value
from apps.skills.parameters import Invalid, Missing, check
from apps.skills.ports import JobInfo, Outcome, ScheduleInfo, Usage, Written
from apps.skills.wording import OPEN_STATES

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)  # a Sunday, 10:00 in Shanghai
SHANGHAI = ZoneInfo("Asia/Shanghai")

_DONE = both("好的：{what}", "Done: {what}")
_EMPTY = both("", "")
_NO = both("没有：{what}", "There is none: {what}")


@dataclass(frozen=True)
class FakeRights:
    """Rights by patterns (`skill.*`); what is denied beats what is allowed."""

    allowed: tuple[str, ...] = ("skill.*",)
    denied: tuple[str, ...] = ()

    def allows(self, permission: str) -> bool:
        """Return whether a pattern allows it and none denies it."""
        if any(fnmatchcase(permission, pattern) for pattern in self.denied):
            return False
        return any(fnmatchcase(permission, pattern) for pattern in self.allowed)


@dataclass
class FakeJobs:
    """Jobs in a list, newest first; `reminders` keeps what was asked to be said, and when."""

    now: datetime = NOW
    jobs: list[JobInfo] = field(default_factory=list)
    reminders: list[tuple[str, datetime]] = field(default_factory=list)

    def add(self, skill: str, state: str = "waiting", text: str = "", number: str = "") -> JobInfo:
        """Put a job there, as if it had been asked for."""
        number = number or f"TASK{len(self.jobs) + 1:04d}"
        done = self.now if state not in OPEN_STATES else None
        job = JobInfo(number, skill, state, self.now, finished_at=done, text=text)
        self.jobs.insert(0, job)
        return job

    def mine(self, limit: int = 10, include_done: bool = True) -> list[JobInfo]:
        """Return the newest jobs."""
        return [j for j in self.jobs if include_done or j.state in OPEN_STATES][:limit]

    def find(self, number: str) -> JobInfo | None:
        """Return the job of that number."""
        return next((j for j in self.jobs if j.number == number), None)

    def cancel(self, number: str) -> Outcome:
        """Cancel an open job."""
        job = self.find(number)
        if job is None or job.state not in OPEN_STATES:
            return Outcome(False, _NO.format(what=number))
        self.jobs[self.jobs.index(job)] = replace(job, state="cancelled", finished_at=self.now)
        return Outcome(True, _DONE.format(what=number))

    def retry(self, number: str) -> Outcome:
        """Add a new job like one that is over."""
        job = self.find(number)
        if job is None or job.state in OPEN_STATES:
            return Outcome(False, _NO.format(what=number))
        return Outcome(True, _DONE.format(what=self.add(job.skill).number))

    def remind(self, text: str, at: datetime) -> JobInfo:
        """Keep a reminder."""
        self.reminders.append((text, at))
        self.jobs[0] = job = replace(self.add("remind", text=text), due=at)
        return job

    def counts(self) -> dict[str, int]:
        """Return the number of jobs by state."""
        states = [job.state for job in self.jobs]
        return {state: states.count(state) for state in dict.fromkeys(states)}


@dataclass
class FakeSchedules:
    """Schedules in a dict by number; every one is next due at `next_time`."""

    next_time: datetime = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    kept: dict[str, ScheduleInfo] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)

    def add(self, command: str, every: Every, words: str) -> ScheduleInfo:
        """Keep a schedule."""
        number = f"SCH{len(self.kept) + 1:05d}"
        made = ScheduleInfo(
            number, words, every.cron, "Asia/Shanghai", command, True, (self.next_time,)
        )
        self.kept[number] = made
        return made

    def mine(self) -> list[ScheduleInfo]:
        """Return all."""
        return list(self.kept.values())

    def pause(self, number: str) -> Outcome:
        """Stop firing."""
        return self._change(number, enabled=False)

    def resume(self, number: str) -> Outcome:
        """Fire again."""
        return self._change(number, enabled=True)

    def remove(self, number: str) -> Outcome:
        """Forget it."""
        known = self.kept.pop(number, None)
        return Outcome(known is not None, (_DONE if known else _NO).format(what=number))

    def run(self, number: str) -> Outcome:
        """Note that its command was asked."""
        if number not in self.kept:
            return Outcome(False, _NO.format(what=number))
        self.ran.append(number)
        return Outcome(True, _DONE.format(what=number))

    def _change(self, number: str, *, enabled: bool) -> Outcome:
        if number not in self.kept:
            return Outcome(False, _NO.format(what=number))
        self.kept[number] = replace(self.kept[number], enabled=enabled)
        return Outcome(True, _DONE.format(what=number))


@dataclass
class FakeApprovals:
    """Codes that wait, and the decisions that were made."""

    waiting: set[str] = field(default_factory=set)
    decided: dict[str, bool] = field(default_factory=dict)

    def decide(self, code: str, approve: bool) -> Outcome:
        """Decide a waiting code, once."""
        if code not in self.waiting:
            return Outcome(False, _NO.format(what=code))
        self.waiting.discard(code)
        self.decided[code] = approve
        return Outcome(True, _DONE.format(what=code))


@dataclass
class FakePeople:
    """The asker as a person: what was set, and what is shown."""

    language: str = ""
    roles: list[str] = field(default_factory=lambda: ["member"])
    bindings: list[str] = field(default_factory=lambda: ["feishu:main:ou_alice"])

    def set_language(self, code: str) -> None:
        """Keep the choice."""
        self.language = code

    def role_names(self) -> list[str]:
        """Return the roles."""
        return self.roles

    def identities(self) -> list[str]:
        """Return the bindings."""
        return self.bindings


@dataclass
class FakeConversation:
    """Counts how often it was started afresh."""

    fresh: int = 0

    def start_fresh(self) -> None:
        """Forget what was said before."""
        self.fresh += 1


@dataclass
class FakeMemory:
    """What is remembered, and whether anything is."""

    kept: list[tuple[str, str]] = field(default_factory=list)
    is_on: bool = True

    def on(self) -> bool:
        """Return whether anything is kept."""
        return self.is_on

    def shown(self) -> list[tuple[str, str]]:
        """Return all."""
        return self.kept

    def forget(self, everywhere: bool = False) -> int:
        """Delete all."""
        count = len(self.kept)
        self.kept.clear()
        return count

    def switch(self, on: bool) -> None:
        """Keep the choice."""
        self.is_on = on


@dataclass
class FakeFiles:
    """What was sent with the question: (name, bytes) of each. A parameter names one by
    `sent(index)`."""

    files: Sequence[tuple[str, bytes]] = ()

    def attached(self) -> tuple[Attachment, ...]:
        """Return all."""
        return tuple(self.find(1, n, name) for n, (name, _) in enumerate(self.files))

    def find(self, message: int, index: int, name: str) -> Attachment:
        """Return one; its bytes are written to a temporary file when they are looked at."""
        return Attachment(name, lambda: _stored(*self.files[index]))


def sent(index: int = 0) -> dict[str, Any]:
    """Return the parameter that names a file of `FakeFiles`."""
    return stored_value(1, index, "")


def _stored(name: str, data: bytes) -> Stored:
    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.write(data)
    atexit.register(Path(file.name).unlink, missing_ok=True)
    kind = file_kinds.sniff(data, name)
    digest = hashlib.sha256(data).hexdigest()
    return Stored(name, kind.mime, len(data), digest, kind.group, Path(file.name))


@dataclass
class FakeModel:
    """A model that says `answers` one after the other, then `answer`; `asked` keeps the calls.

    With a schema it answers `data`. `there` is False where no model may be used.
    """

    answer: str = "…"
    data: Any = None
    answers: list[str] = field(default_factory=list)
    there: bool = True
    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def available(self) -> bool:
        """Return `there`."""
        return self.there

    def write(
        self,
        task: str,
        *,
        material: Sequence[str] = (),
        schema: Mapping[str, Any] | None = None,
        max_tokens: int = 1024,
        model: str = "",
    ) -> Written:
        """Return the next answer. Raises CannotDo when there is no model."""
        if not self.there:
            NoModel().write(task)
        self.asked.append((task, tuple(material)))
        text = self.answers.pop(0) if self.answers else self.answer
        return Written(text, self.data if schema else None, model or "fake")


@dataclass(frozen=True)
class FakeCheck:
    """One finding of the health checks."""

    name: str
    ok: bool = True
    detail: Text = _EMPTY


@dataclass
class FakeSystem:
    """An installation that is well, unless told otherwise."""

    checks: list[FakeCheck] = field(
        default_factory=lambda: [FakeCheck("database"), FakeCheck("broker"), FakeCheck("worker")]
    )
    lanes: dict[str, int] = field(default_factory=dict)
    used: Usage = field(
        default_factory=lambda: Usage(
            messages_today=3,
            messages_month=40,
            jobs_today=1,
            jobs_month=7,
            tokens_today=0,
            tokens_month=0,
            money_today={},
            money_month={},
            budgets=(),
        )
    )
    removed: dict[str, int] = field(default_factory=dict)

    def health(self) -> list[FakeCheck]:
        """Return the findings."""
        return self.checks

    def waiting(self) -> dict[str, int]:
        """Return what waits by lane."""
        return self.lanes

    def usage(self) -> Usage:
        """Return the asker's figures."""
        return self.used

    def clean_up(self) -> dict[str, int]:
        """Return what was removed."""
        return self.removed


@dataclass(frozen=True)
class FakeContext(Context):
    """A context whose ports are the fakes above; `said` collects progress."""

    jobs: FakeJobs
    schedules: FakeSchedules
    approvals: FakeApprovals
    people: FakePeople
    conversation: FakeConversation
    system: FakeSystem
    memory: FakeMemory
    model: FakeModel = field(default_factory=FakeModel)
    said: list[str | Text] = field(default_factory=list)


def context(
    *,
    person: Person | None = None,
    allowed: tuple[str, ...] = ("skill.*",),
    denied: tuple[str, ...] = (),
    language: str = "zh-hans",
    now: datetime = NOW,
    tz: tzinfo = SHANGHAI,
    stop: Callable[[], bool] = lambda: False,
    **changes: Any,
) -> FakeContext:
    """Return a context for Alice on Sunday 2026-11-22, 10:00 in Shanghai, unless told otherwise."""
    said: list[str | Text] = []
    made = FakeContext(
        person=person or Person(name="alice", display_name="Alice"),
        rights=FakeRights(allowed, denied),
        language=language,
        now=now,
        tz=tz,
        jobs=FakeJobs(now),
        schedules=FakeSchedules(),
        approvals=FakeApprovals(),
        people=FakePeople(),
        conversation=FakeConversation(),
        system=FakeSystem(),
        memory=FakeMemory(),
        on_progress=said.append,
        stop_asked=stop,
        said=said,
    )
    return replace(made, **changes)


def ask(name: str, ctx: Context, /, **parameters: Any) -> str:
    """Run a skill with JSON parameters and return its whole answer as plain text.

    Raises AssertionError when the parameters are missing or wrong, and what the skill raises.
    """
    return reply_of(name, ctx, **parameters).plain(ctx.language)


def reply_of(name: str, ctx: Context, /, **parameters: Any) -> Reply:
    """Run a skill as `ask` does and return its whole reply, with the files that it made."""
    skill = get(name)
    if skill is None:
        raise AssertionError(f"there is no skill {name}")
    found = check(skill.parameters, parameters)
    if isinstance(found, Invalid):
        raise AssertionError(found.why.in_(ctx.language))
    if isinstance(found, Missing) and found.parameter.required:
        raise AssertionError(found.question.in_(ctx.language))
    return skill.run(ctx, found.values)


@contextmanager
def declared() -> Iterator[None]:
    """Let a test declare skills that are gone afterwards."""
    with registry.borrowed():
        yield


__all__ = [
    "FakeApprovals",
    "FakeCheck",
    "FakeContext",
    "FakeConversation",
    "FakeFiles",
    "FakeJobs",
    "FakeMemory",
    "FakeModel",
    "FakePeople",
    "FakeRights",
    "FakeSchedules",
    "FakeSystem",
    "Stopped",
    "ask",
    "context",
    "declared",
    "reply_of",
    "sent",
]
