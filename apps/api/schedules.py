"""Schedules: the same port that skills act through."""

from __future__ import annotations

from typing import Any

from django.utils.translation import get_language
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import authz
from apps.api.base import ApiView, me, my_rights
from apps.api.shapes import DoneOut, ErrorOut, ScheduleIn, ScheduleOut
from apps.assistant import context, conversations, grammar, phrases, when, words
from apps.assistant.ports import Asker
from apps.assistant.understand import find_time
from apps.core.clock import utcnow
from apps.core.errors import ClawdbotError
from apps.core.i18n import Text, both
from apps.core.logging import new_trace_id
from apps.skills import registry
from apps.skills.ports import Outcome, SchedulesPort
from apps.skills.times import Clock, Every

PERMISSION = "skill.schedule"
NESTED = both("定时里不能再建定时。", "A schedule cannot make schedules.")


class BadCommand(ClawdbotError):
    """This cannot be asked again and again: {why}"""

    code = "no_such_command"
    zh = "这条命令不能定时：{why}"
    http_status = 400
    permanent = True


class NoTimes(ClawdbotError):
    """It is not clear when: give `when` (such as "every day at 9") or `cron` (five fields)."""

    code = "no_such_time"
    zh = "没看懂时间：请给出 when（例如“每天 9 点”）或 cron（五段）。"
    http_status = 400
    permanent = True


class Schedules(ApiView):
    """My schedules."""

    @extend_schema(operation_id="schedules", responses={200: ScheduleOut(many=True)})
    def get(self, request: Request) -> Response:
        """List my schedules, oldest first."""
        return Response(ScheduleOut(port(request).mine(), many=True).data)

    @extend_schema(
        operation_id="add_schedule",
        request=ScheduleIn,
        responses={201: ScheduleOut, 400: ErrorOut, 403: ErrorOut, 409: ErrorOut},
    )
    def post(self, request: Request) -> Response:
        """Ask a command for me at these times; the answers come to my web chat."""
        given = ScheduleIn(data=request.data)
        given.is_valid(raise_exception=True)
        every = times(given.validated_data)
        asked = command(request, given.validated_data["command"])
        added = port(request).add(asked, every, every.words)
        return Response(ScheduleOut(added).data, status=201)


class Schedule(ApiView):
    """One schedule."""

    @extend_schema(operation_id="remove_schedule", responses={200: DoneOut, 404: ErrorOut})
    def delete(self, request: Request, number: str) -> Response:
        """Delete it."""
        return done(port(request).remove(number))


class ScheduleAct(ApiView):
    """Something that is done to a schedule."""

    act = ""

    @extend_schema(request=None, responses={200: DoneOut, 403: ErrorOut, 404: ErrorOut})
    def post(self, request: Request, number: str) -> Response:
        """Do it."""
        if self.act != "pause":
            authz.require(me(request), PERMISSION)
        return done(getattr(port(request), self.act)(number))


@extend_schema_view(post=extend_schema(operation_id="pause_schedule"))
class PauseSchedule(ScheduleAct):
    """No more firings until it is resumed."""

    act = "pause"


@extend_schema_view(post=extend_schema(operation_id="resume_schedule"))
class ResumeSchedule(ScheduleAct):
    """Firings again, from the next time on."""

    act = "resume"


@extend_schema_view(post=extend_schema(operation_id="run_schedule"))
class RunSchedule(ScheduleAct):
    """Its command at once; its times stay as they are."""

    act = "run"


def port(request: Request) -> SchedulesPort:
    """Return what this person may do with schedules."""
    person = me(request)
    conversation = conversations.own(person)
    asker = Asker(person, my_rights(request), conversation, utcnow(), new_trace_id())
    return context.schedules_of(asker)


def command(request: Request, text: str) -> str:
    """Return what is to be asked, as the skill `schedule` would keep it.

    Raises ``Forbidden`` for who may not have schedules, or not run this, and ``BadCommand``.
    """
    authz.require(me(request), PERMISSION)
    now = utcnow()
    found = phrases.as_command(text.strip(), Clock(now, words.zone(), find_time))
    if isinstance(found, Text):
        raise BadCommand(why=found)
    read = grammar.read(found)
    skill = registry.lookup(read.name) if read else None
    if skill is None or skill.permission == PERMISSION:
        raise BadCommand(why=NESTED)
    authz.require(me(request), skill.permission)
    return found


def times(given: dict[str, Any]) -> Every:
    """Return the times meant. Raises ``NoTimes``."""
    if given.get("cron"):
        try:
            return Every(" ".join(given["cron"].split()))
        except ValueError:
            raise NoTimes from None
    found = when.parse(given.get("when", ""), utcnow().astimezone(words.zone()))
    if not isinstance(found, when.Every):
        raise NoTimes
    return Every(found.cron, given["when"])


def done(outcome: Outcome) -> Response:
    """Say what was done in the reader's language."""
    text = outcome.text.in_(get_language() or "")
    return Response({"ok": outcome.ok, "text": text}, status=200 if outcome.ok else 409)
