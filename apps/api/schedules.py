"""Schedules: the same port that skills act through."""

from __future__ import annotations

from typing import Any

from django.utils.translation import get_language
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.base import ApiView, me, my_rights
from apps.api.shapes import DoneOut, ErrorOut, ScheduleIn, ScheduleOut
from apps.assistant import context, conversations, when, words
from apps.assistant.ports import Asker
from apps.core.clock import utcnow
from apps.core.errors import ClawdbotError
from apps.core.logging import new_trace_id
from apps.skills.ports import Outcome, SchedulesPort
from apps.skills.times import Every


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
        responses={201: ScheduleOut, 400: ErrorOut, 409: ErrorOut},
    )
    def post(self, request: Request) -> Response:
        """Ask a command for me at these times; the answers come to my web chat."""
        given = ScheduleIn(data=request.data)
        given.is_valid(raise_exception=True)
        every = times(given.validated_data)
        added = port(request).add(given.validated_data["command"], every, every.words)
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

    @extend_schema(request=None, responses={200: DoneOut, 404: ErrorOut})
    def post(self, request: Request, number: str) -> Response:
        """Do it."""
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
