"""What a skill may do to the rest of the house: ports that the layers above implement.

Every port acts for the asker: it sees and changes only what this person may see and change, and
raises a `ClawdbotError` with a text for the person when it refuses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol, TypedDict

from apps.core.i18n import Text
from apps.skills.files import Attachment
from apps.skills.times import Every


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether an act was done, and the sentence that says so."""

    ok: bool
    text: Text


@dataclass(frozen=True, slots=True)
class JobInfo:
    """One job as its owner sees it; `text` is its answer or error, or what it will say.

    `due` is when a job that waits for its time (a reminder) will run.
    """

    number: str
    skill: str
    state: str
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    text: str = ""
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class ScheduleInfo:
    """One schedule as its owner sees it; `next_times` are aware, soonest first."""

    number: str
    words: str
    cron: str
    time_zone: str
    command: str
    enabled: bool = True
    next_times: Sequence[datetime] = ()


class CheckInfo(Protocol):
    """One finding about the installation's health."""

    @property
    def name(self) -> str:
        """What was looked at, such as `database`."""
        ...

    @property
    def ok(self) -> bool:
        """Whether it is right."""
        ...

    @property
    def detail(self) -> Text:
        """What was found; may be empty."""
        ...


@dataclass(frozen=True, slots=True)
class BudgetLeft:
    """A budget that bounds the asker: what is used of it and left, in words, and when it ends."""

    name: Text
    used: Text
    left: Text
    until: datetime


class Usage(TypedDict):
    """How much one person asked: today and in the last 30 days, by their wall clock.

    What models took is of today and of this month, as budgets count: tokens, and money by
    currency. `budgets` are those that apply to the person.
    """

    messages_today: int
    messages_month: int
    jobs_today: int
    jobs_month: int
    tokens_today: int
    tokens_month: int
    money_today: Mapping[str, Decimal]
    money_month: Mapping[str, Decimal]
    budgets: Sequence[BudgetLeft]


class JobsPort(Protocol):
    """The asker's jobs (all jobs for whoever may see the console's)."""

    def mine(self, limit: int = 10, include_done: bool = True) -> list[JobInfo]:
        """Return own jobs, newest first."""
        ...

    def find(self, number: str) -> JobInfo | None:
        """Return one job; None when there is none that this person may see."""
        ...

    def cancel(self, number: str) -> Outcome:
        """Stop a job that is not over."""
        ...

    def retry(self, number: str) -> Outcome:
        """Run a job again that is over, as a new job."""
        ...

    def remind(self, text: str, at: datetime) -> JobInfo:
        """Store a job of skill `remind` with parameters {"text": text}, due at `at`."""
        ...

    def counts(self) -> dict[str, int]:
        """Return the number of own jobs by state."""
        ...


class SchedulesPort(Protocol):
    """The asker's schedules."""

    def add(self, command: str, every: Every, words: str) -> ScheduleInfo:
        """Store a schedule that asks `command` for its owner in this conversation."""
        ...

    def mine(self) -> list[ScheduleInfo]:
        """Return own schedules, oldest first."""
        ...

    def pause(self, number: str) -> Outcome:
        """Stop firing until resumed."""
        ...

    def resume(self, number: str) -> Outcome:
        """Fire again."""
        ...

    def remove(self, number: str) -> Outcome:
        """Delete it."""
        ...

    def run(self, number: str) -> Outcome:
        """Ask its command at once; its times stay as they are."""
        ...


class ApprovalsPort(Protocol):
    """Questions that wait for a yes or a no."""

    def decide(self, code: str, approve: bool) -> Outcome:
        """Answer one; the rules (who, once, in time) are checked there."""
        ...


class PeoplePort(Protocol):
    """The asker as a person."""

    def set_language(self, code: str) -> None:
        """Keep `zh-hans` or `en` as the person's own choice."""
        ...

    def role_names(self) -> list[str]:
        """Return the person's roles in the asker's language."""
        ...

    def identities(self) -> list[str]:
        """Return the person's IM identities as `platform:slug:external id`."""
        ...


class FilesPort(Protocol):
    """The files that came with the question, or were sent shortly before."""

    def attached(self) -> tuple[Attachment, ...]:
        """Return those of the message that asked."""
        ...

    def find(self, message: int, index: int, name: str) -> Attachment:
        """Return one that a parameter names. It is the asker's own, or looking at it raises."""
        ...


class ConversationPort(Protocol):
    """The conversation in which the person asks."""

    def start_fresh(self) -> None:
        """Forget what was said before."""
        ...


class MemoryPort(Protocol):
    """What the assistant remembers of its talk with the asker."""

    def on(self) -> bool:
        """Is anything kept in this chat?"""
        ...

    def shown(self) -> list[tuple[str, str]]:
        """Return (asked, answered) of this chat, oldest first; a summary asks nothing."""
        ...

    def forget(self, everywhere: bool = False) -> int:
        """Delete it, here or in every chat; return how many there were."""
        ...

    def switch(self, on: bool) -> None:
        """Switch it on or off in this group. Raises for who may not."""
        ...


@dataclass(frozen=True, slots=True)
class Written:
    """What a model wrote. `data` is the checked JSON when a schema was given; `model` its alias.

    `cut`: it hit its limit of length and the end is missing.
    """

    text: str
    data: Any = None
    model: str = ""
    cut: bool = False


class ModelPort(Protocol):
    """The language models that the asker may use; masks, limits and prices are seen to behind it.

    Every method raises a `ClawdbotError` with a sentence for the person.
    """

    def available(self) -> bool:
        """Is there a model that the asker may use?"""
        ...

    def write(
        self,
        task: str,
        *,
        material: Sequence[str] = (),
        schema: Mapping[str, Any] | None = None,
        max_tokens: int = 1024,
        model: str = "",
    ) -> Written:
        """Let a model do `task` (our words) with `material` (anybody's words, read as data)."""
        ...


class SystemPort(Protocol):
    """The installation."""

    def health(self) -> Sequence[CheckInfo]:
        """Return what is right and wrong now."""
        ...

    def waiting(self) -> dict[str, int]:
        """Return how much waits in each lane."""
        ...

    def usage(self) -> Usage:
        """Return how much the asker asked."""
        ...

    def clean_up(self) -> dict[str, int]:
        """Remove old temporary files and rows, optimise the database; return counts by kind."""
        ...
