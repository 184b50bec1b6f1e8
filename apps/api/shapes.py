"""The JSON that goes in and out, as the OpenAPI document shows it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.pagination import LimitOffsetPagination

from apps.accounts.models import ApiToken
from apps.assistant import plan_steps
from apps.assistant.models import Job
from apps.assistant.plan import PLAN

MOST_CHARS = 10_000


class Pages(LimitOffsetPagination):
    """Long lists come in pieces, whatever is asked for."""

    max_limit = 200


class AskIn(serializers.Serializer[Any]):
    """What is asked."""

    text = serializers.CharField(max_length=MOST_CHARS)
    client_id = serializers.RegexField(
        r"^[0-9A-Za-z-]{8,64}$",
        required=False,
        help_text="Your own id of this question: asked twice under one id, it runs once.",
    )
    wait_s = serializers.FloatField(
        min_value=0,
        max_value=30,
        default=0,
        help_text="Seconds to wait for the answer before this call returns.",
    )


class SaidOut(serializers.Serializer[Any]):
    """Something that ClawdBot says, as text and as a neutral card."""

    text = serializers.CharField()
    card = serializers.DictField()


class MessageOut(serializers.Serializer[Any]):
    """What became of a question. `question` is set while it waits for a parameter or a decision."""

    message_id = serializers.IntegerField()
    state = serializers.CharField(help_text="waiting, done, ignored, refused, limited or dead")
    text = serializers.CharField()
    created_at = serializers.DateTimeField()
    job = serializers.CharField(allow_null=True, help_text="The number of the job it made")
    job_state = serializers.CharField(allow_null=True)
    answer = SaidOut(allow_null=True)
    question = SaidOut(allow_null=True)


class StepOut(serializers.Serializer[Any]):
    """A step of a plan. A parameter may be `{"$from": "s1", "field": "text"}`."""

    number = serializers.IntegerField()
    id = serializers.CharField()
    skill = serializers.CharField()
    parameters = serializers.DictField()
    state = serializers.CharField(
        help_text="waiting, running, succeeded, failed, skipped or unknown"
    )
    attempts = serializers.IntegerField()
    text = serializers.CharField(help_text="What it said")
    error = serializers.CharField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class JobOut(serializers.ModelSerializer[Job]):
    """A job."""

    person = serializers.CharField(source="person.name")
    message_id = serializers.IntegerField(allow_null=True)
    text = serializers.SerializerMethodField(help_text="Its answer or its error")
    steps = serializers.SerializerMethodField(help_text="Of a plan; empty for any other job")

    class Meta:
        model = Job
        fields = (
            "number",
            "skill",
            "state",
            "person",
            "message_id",
            "parameters",
            "asking_for",
            "attempts",
            "text",
            "steps",
            "created_at",
            "started_at",
            "finished_at",
        )

    @extend_schema_field(StepOut(many=True))
    def get_steps(self, job: Job) -> list[dict[str, Any]]:
        """Return the steps of a plan."""
        return plan_steps.shown(job) if job.skill == PLAN else []

    def get_text(self, job: Job) -> str:
        """Return what the job said at its end."""
        return str((job.result or {}).get("text", ""))


class ScheduleIn(serializers.Serializer[Any]):
    """A command and its times: `when` in words (Chinese or English), or `cron`."""

    command = serializers.CharField(max_length=2000)
    when = serializers.CharField(max_length=200, required=False)
    cron = serializers.CharField(
        max_length=100, required=False, help_text="Five fields, 0 is Sunday"
    )


class ScheduleOut(serializers.Serializer[Any]):
    """A schedule with its next times."""

    number = serializers.CharField()
    words = serializers.CharField()
    cron = serializers.CharField()
    time_zone = serializers.CharField()
    command = serializers.CharField()
    enabled = serializers.BooleanField()
    next_times = serializers.ListField(child=serializers.DateTimeField())


class DoneOut(serializers.Serializer[Any]):
    """Something was done; `text` says so."""

    ok = serializers.BooleanField()
    text = serializers.CharField()


class BotOut(serializers.Serializer[Any]):
    """A bot. Of secrets only that they are set and their last four characters."""

    slug = serializers.CharField()
    platform = serializers.CharField()
    enabled = serializers.BooleanField()
    connection = serializers.CharField()
    address = serializers.CharField(help_text="Where the platform sends its events")
    settings = serializers.DictField()


class TokenIn(serializers.Serializer[Any]):
    """A new token's name and life."""

    name = serializers.CharField(max_length=100)
    days = serializers.IntegerField(min_value=1, max_value=3650, required=False)


class TokenOut(serializers.ModelSerializer[ApiToken]):
    """A token without the token."""

    class Meta:
        model = ApiToken
        fields = ("id", "name", "last4", "created_at", "expires_at", "used_at")


class NewTokenOut(TokenOut):
    """A new token, shown this once."""

    token = serializers.CharField(read_only=True)

    class Meta:
        model = ApiToken
        fields = ("id", "name", "last4", "created_at", "expires_at", "used_at", "token")


class MeOut(serializers.Serializer[Any]):
    """Who asks, and what they may do."""

    name = serializers.CharField()
    display_name = serializers.CharField()
    language = serializers.CharField()
    roles = serializers.ListField(child=serializers.CharField())
    skills = serializers.ListField(child=serializers.CharField(), help_text="Skills you may run")


class ErrorOut(serializers.Serializer[Any]):
    """What went wrong, in the reader's language."""

    error = serializers.CharField()
    detail = serializers.CharField()
