"""What a skill is given (`Context`) and what it gives back (`Reply`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from apps.core.errors import ClawdbotError
from apps.core.i18n import Text, both
from apps.im.base import Media
from apps.im.cards import Card, to_text
from apps.skills import ports
from apps.skills.files import Attachment, made

if TYPE_CHECKING:
    from apps.accounts.models import Person


_NO_MODEL = both(
    "没有你可以使用的语言模型，请联系管理员。",
    "There is no language model that you may use; please ask an administrator.",
)


class Stopped(BaseException):
    """Somebody cancelled. Not an Exception, so that a skill's own handlers let it pass."""


class CannotDo(ClawdbotError):
    """A skill cannot do what was asked, for a reason that the person can understand and mend."""

    code: ClassVar[str] = "cannot_do"
    http_status: ClassVar[int] = 422
    permanent: ClassVar[bool] = True

    def __init__(self, why: Text, **params: object) -> None:
        """`why` is the sentence for the person; its fields are filled with `params`."""
        self.why = why.format(**params)
        super().__init__(self.why.en)

    def text(self, language: str) -> str:
        """Return the sentence in that language."""
        return self.why.in_(language)


class Rights(Protocol):
    """What the asker may do."""

    def allows(self, permission: str) -> bool:
        """Return whether a role allows it and none denies it."""
        ...


@dataclass(frozen=True)
class Reply:
    """The answer of a skill. `private`: for the asker alone, also when asked in a group.

    `files` (made by `ctx.file`) go out with it; a quick skill has none. `fields` are values (JSON)
    that later steps of a plan may use, by the names that the skill declares in `gives`.
    """

    content: str | Text | Card = ""
    private: bool = False
    files: tuple[Media, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)

    def plain(self, language: str) -> str:
        """Return everything that it says as plain text."""
        if isinstance(self.content, Card):
            return to_text(self.content, language)
        return self.content.in_(language) if isinstance(self.content, Text) else self.content


Answer = str | Text | Card | Reply


def as_reply(answer: object) -> Reply:
    """Return any answer that a skill may give as a Reply. Raises TypeError for anything else."""
    if isinstance(answer, Reply):
        return answer
    if isinstance(answer, str | Text | Card):
        return Reply(answer)
    raise TypeError(f"a skill answers str, Text, Card or Reply, not {type(answer).__name__}")


def _say_nothing(text: str | Text) -> None:
    """Where nobody watches progress."""


def _go_on() -> bool:
    return False


class NoFiles:
    """Where nothing can be attached."""

    def attached(self) -> tuple[Attachment, ...]:
        """Return nothing."""
        return ()

    def find(self, message: int, index: int, name: str) -> Attachment:
        """Return what cannot be opened."""
        raise LookupError(f"no file {index} of message {message}")


class NoModel:
    """Where no language model can be asked."""

    def available(self) -> bool:
        """Return False."""
        return False

    def write(
        self,
        task: str,
        *,
        material: Sequence[str] = (),
        schema: Mapping[str, Any] | None = None,
        max_tokens: int = 1024,
        model: str = "",
    ) -> ports.Written:
        """Raise CannotDo."""
        raise CannotDo(_NO_MODEL)


@dataclass(frozen=True)
class Context:
    """Who asks, when and where, and the ports to the rest of the house.

    `now` is aware; `tz` is the asker's zone; `origin` is im, web, cli, api or schedule;
    `job_number` is None when the skill answers in place. `quoted` is the message that the asker's
    own message quotes, where the platform tells it: others wrote it.
    """

    person: Person
    rights: Rights
    language: str
    now: datetime
    tz: tzinfo
    jobs: ports.JobsPort
    schedules: ports.SchedulesPort
    approvals: ports.ApprovalsPort
    people: ports.PeoplePort
    conversation: ports.ConversationPort
    system: ports.SystemPort
    memory: ports.MemoryPort
    conversation_id: int | None = None
    chat_type: str = "private"
    bot_id: int | None = None
    origin: str = "im"
    trace_id: str = ""
    job_number: str | None = None
    #: The same in every attempt of this piece of work and in no other: an idempotency key for what
    #: is done elsewhere. Reminders and schedules made through the ports carry it by themselves.
    once_key: str = ""
    on_progress: Callable[[str | Text], None] = _say_nothing
    stop_asked: Callable[[], bool] = _go_on
    files: ports.FilesPort = NoFiles()  # noqa: RUF009 - it holds nothing
    quoted: str = ""
    model: ports.ModelPort = NoModel()  # noqa: RUF009 - it holds nothing

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """The files of the message that asked; each is fetched when it is first looked at."""
        return self.files.attached()

    def file(self, name: str, data: bytes | str | Path) -> Media:
        """Return a file for `Reply(files=(…,))`, of bytes, a text or a path."""
        return made(name, data)

    def progress(self, text: str | Text) -> None:
        """Show how far the work is, on the one card that is edited in place."""
        self.on_progress(text)

    def check_stop(self) -> None:
        """Raise Stopped when somebody cancelled; long work calls it between its steps."""
        if self.stop_asked():
            raise Stopped

    def tell(self, outcome: ports.Outcome) -> str:
        """Return what a port says about an act. Raises CannotDo when it was not done."""
        if not outcome.ok:
            raise CannotDo(outcome.text)
        return outcome.text.in_(self.language)

    def say(self, text: Text, **params: object) -> str:
        """Return `text` in the asker's language with its fields filled."""
        return text.format(**params).in_(self.language)
