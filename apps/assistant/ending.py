"""How a run ends, and how a call is tried: watched, and with every way out told in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog

from apps.assistant import words
from apps.assistant.models import Job
from apps.assistant.progress import Board
from apps.assistant.understand import Understood
from apps.assistant.watch import Stopped, TimedOut, Watch
from apps.core.errors import ClawdbotError
from apps.im import cards
from apps.im.cards import Card
from apps.skills import base as skills

log = structlog.get_logger(__name__)
Result = TypeVar("Result")


@dataclass(frozen=True)
class End:
    """How a run ended: the final state and what its owner is told."""

    state: str
    card: Card
    error: str = ""
    private: bool = False
    #: Did people see progress? Its last edit may have to wait a moment.
    shown: bool = False
    #: The uids of what the skill made.
    files: tuple[str, ...] = ()
    #: What it said, in plain text, and the typed values beside it, for later steps of a plan.
    text: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    #: Instead of an answer: the job that goes on in its place.
    becomes: Understood | None = None


def attempt(
    job: Job,
    timeout_s: float,
    board: Board,
    act: Callable[[], Result],
    then: Callable[[Result], End],
) -> End:
    """Run `act` under a watch that keeps its time and sees a cancel; `then` makes the end of it.

    Whatever is raised becomes an end with words for the person.
    """
    language = words.language_of(job.person)
    try:
        with Watch(job, timeout_s, board):
            result = act()
        return then(result)
    except (Stopped, skills.Stopped):
        return End("cancelled", words.plain(words.STOPPED_ASKING, language), "stopped")
    except TimedOut:
        return End("failed", words.timed_out(job.number, timeout_s, language), "timeout")
    except ClawdbotError as error:
        card = cards.error(error.text(language), number=job.number, language=language)
        return End("failed", card, f"{error.code}: {error}", text=error.text(language))
    except Exception as error:
        log.exception("job.failed", job=job.number, skill=job.skill)
        return End("failed", words.broke(job.number, language), f"{type(error).__name__}: {error}")
