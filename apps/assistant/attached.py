"""Files as parameters: from the message itself, or from what its sender sent shortly before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from apps.accounts.authz import Rights
from apps.assistant import ports, received
from apps.assistant.case import Case
from apps.assistant.models import Message
from apps.assistant.understand import Understood
from apps.core.errors import ClawdbotError
from apps.core.i18n import both
from apps.im import cards, file_kinds, files
from apps.im.cards import Button, Card
from apps.im.errors import DeliveryError
from apps.llm import usable
from apps.skills import base as skills
from apps.skills.base import Attachment, CannotDo, Parameter, Skill
from apps.skills.files import Stored, stored_value
from apps.skills.parameters import Missing, finish

BEFORE = timedelta(minutes=10)
ALONE = ("file", "image")
MOST_BUTTONS = 6

GOT = both("收到 {names}。要我做什么？", "Got {names}. What shall I do with it?")
NOTHING = both(
    "收到 {names}，不过你能用的技能里没有处理文件的。",
    "Got {names}, but none of the skills that you may use takes a file.",
)
GONE = both("找不到这个文件了，请再发一次。", "This file is no longer there; please send it again.")
NOT_FETCHED = both(
    "没能从平台取到文件 {name}：{why}。请再发一次。",
    "The file {name} could not be fetched from the platform: {why}. Please send it again.",
)


def alone(message: Message) -> bool:
    """Is it a file and not a word with it?"""
    return message.kind in ALONE and not message.text.strip() and bool(received.files_of(message))


def take(case: Case) -> None:
    """A file came alone: it answers our question, or we ask what to do with it."""
    job = case.asking
    skill = skills.get(job.skill) if job is not None else None
    parameters = skill.parameters if skill is not None else ()
    asked = next((p for p in parameters if job and p.name == job.asking_for), None)
    if job is not None and skill is not None and asked is not None and asked.kind == "file":
        values = {**job.parameters, asked.name: _values(case.message)[0]}
        case.understood = _completed(Understood.answered(skill, values), attended=True)
        return
    case.answer(_offer(case), reason="file")


def fill(case: Case) -> None:
    """Give the files at hand to the parameters that want one."""
    found = case.understood
    if found is None or found.skill is None or found.problem is not None:
        return
    wanted = [one for one in found.skill.parameters if one.kind == "file"]
    if not wanted:
        return
    values = {**found.parameters}
    open_ones = [one for one in wanted if not values.get(one.name)]
    own = _values(case.message)
    for one, value in zip(open_ones, at_hand(case), strict=False):
        if own or one.required:
            values[one.name] = value
    for one in wanted:
        if values.get(one.name) and not _named(case, values[one.name]):
            case.understood = replace(found, problem=GONE)
            return
    attended = case.message.origin != "schedule"
    case.understood = _completed(replace(found, parameters=values), attended=attended)


def at_hand(case: Case) -> list[dict[str, Any]]:
    """The files that came with the message, else those that were sent shortly before."""
    return _values(case.message) or _sent_before(case)


def _completed(found: Understood, *, attended: bool) -> Understood:
    assert found.skill is not None  # noqa: S101 - the callers looked
    result = finish(found.skill.parameters, found.parameters, attended=attended)
    missing = result.parameter if isinstance(result, Missing) else None
    return replace(found, missing=missing)


def _values(message: Message) -> list[dict[str, Any]]:
    return [
        stored_value(message.pk, index, received.name_of(one))
        for index, one in received.files_of(message)
    ]


def _sent_before(case: Case) -> list[dict[str, Any]]:
    """The files that the sender sent here without a word in the last minutes, newest first."""
    message = case.message
    rows = Message.objects.filter(
        conversation_id=message.conversation_id,
        sender_id=message.sender_id,
        kind__in=ALONE,
        text="",
        pk__lt=message.pk,
        created_at__gte=case.now - BEFORE,
    ).order_by("-pk")[: files.MAX_FILES]
    return [value for row in rows for value in _values(row)]


def _named(case: Case, value: dict[str, Any]) -> bool:
    """Put the name to a file that a button named by number; False when it is not the asker's."""
    if value.get("name"):
        return True
    row = _own_message(value["message"], case.person.pk if case.person else 0)
    every = received.all_of(row) if row else []
    if value["index"] >= len(every):
        return False
    value["name"] = received.name_of(every[value["index"]])
    return True


def _own_message(message_id: int, person_id: int) -> Message | None:
    rows = Message.objects.select_related("bot", "conversation")
    return rows.filter(pk=message_id, person_id=person_id).first()


def _offer(case: Case) -> Card:
    """What could be done with it: the permitted skills that take a file."""
    assert case.rights is not None  # noqa: S101 - understood with them
    names = ", ".join(received.name_of(one) for _, one in received.files_of(case.message))
    able = takers(case.rights)
    text = (GOT if able else NOTHING).in_(case.language).format(names=names)
    index = received.files_of(case.message)[0][0]
    file = f"{case.message.pk}/{index}"
    buttons = tuple(
        Button(skill.label.in_(case.language), f"/{skill.name} {one.name}={file}")
        for skill, one in able[:MOST_BUTTONS]
    )
    return Card("", "blue", (cards.Text(text),), buttons)


def takers(rights: Rights) -> Sequence[tuple[Skill, Parameter]]:
    """(skill, its parameter for a file) of those that this person may run."""
    found = []
    with_model = any(map(rights.allows, usable.permissions()))
    for skill in skills.registry().values():
        one = next((p for p in skill.parameters if p.kind == "file"), None)
        if one is None or skill.hidden or (skill.lane == "model" and not with_model):
            continue
        if rights.allows(skill.permission):
            found.append((skill, one))
    return found


class Files:
    """The port: files of the message that asked, and those that parameters name."""

    def __init__(self, asker: ports.Asker) -> None:
        self._asker = asker

    def attached(self) -> tuple[Attachment, ...]:
        """Those of the message that asked."""
        message = self._asker.message
        if message is None:
            return ()
        return tuple(self.find(**value) for value in _values(message))

    def find(self, message: int, index: int, name: str) -> Attachment:
        """One that a parameter names; fetched when it is looked at."""
        return Attachment(name, lambda: self._stored(message, index, name))

    def _stored(self, message_id: int, index: int, name: str) -> Stored:
        message = _own_message(message_id, self._asker.person.pk)
        if message is None or not 0 <= index < len(received.all_of(message)):
            raise CannotDo(GONE)
        try:
            row = received.kept(message, index)
        except DeliveryError as error:
            raise CannotDo(NOT_FETCHED.format(name=name, why=error.params["why"])) from error
        data = files.read(row)
        kind = file_kinds.sniff(data, row.name)
        return Stored(row.name, row.mime, row.size, row.sha256, kind.group, files.path_of(row))


class TooManyFiles(ClawdbotError):
    """The skill made {count} files; an answer holds {most}."""

    code = "too_many_files"
    zh = "技能生成了 {count} 个文件，一次回答最多 {most} 个。"
    http_status = 422


def keep_made(asker: ports.Asker, made: Sequence[Any]) -> list[str]:
    """Store what a skill made for its asker; returns the uids. Raises `FileRefused`, OSError."""
    if len(made) > files.MAX_FILES:
        raise TooManyFiles(count=len(made), most=files.MAX_FILES)
    rows = [
        files.save(one, person_id=asker.person.pk, conversation_id=asker.conversation.pk, made=True)
        for one in made
    ]
    return [str(row.uid) for row in rows]
