"""`manage.py schedule`: what an operator does without a browser."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.models import Person
from apps.assistant.models import Conversation, Message
from apps.audit.models import AuditRow
from apps.im.models import Bot
from apps.schedules.models import Schedule

pytestmark = pytest.mark.django_db


def schedule(*words: str) -> Any:
    """Run the command with --json and return what it prints."""
    out = StringIO()
    call_command("schedule", *words, "--json", stdout=out)
    return json.loads(out.getvalue())


@pytest.mark.parametrize(
    ("when", "cron"),
    [("每周一 18:00", "0 18 * * 1"), ("every day at 9am", "0 9 * * *"), ("*/5 * * * *", None)],
)
def test_add_takes_words_or_a_crontab(chat: Conversation, when: str, cron: str | None) -> None:
    found = schedule("add", "bob", when, "/ping")
    assert (found["cron"], found["owner"]) == (cron or when, "bob")
    assert len(found["next_runs"]) == 5
    assert Schedule.objects.get().conversation == chat
    assert AuditRow.objects.get(action="schedule.added").actor.startswith("cli:")


def test_the_verbs(chat: Conversation) -> None:
    number = schedule("add", "bob", "0 9 * * *", "/ping")["number"]
    assert schedule("pause", number.lower())["enabled"] is False
    assert schedule("list")[0]["next_runs"] == []
    assert schedule("resume", number)["enabled"] is True
    schedule("run", number)
    assert Message.objects.get().text == "/ping"
    assert schedule("remove", number)["number"] == number
    assert schedule("list") == []


def test_a_chat_elsewhere(bob: Person) -> None:
    Bot.objects.create(slug="office", platform="feishu")
    schedule("add", "bob", "0 9 * * *", "/ping", "--chat", "feishu:office:oc_1:with:colons")
    found = Schedule.objects.get().conversation
    assert (found.bot.slug, found.chat_id) == ("office", "oc_1:with:colons")


@pytest.mark.parametrize(
    "words",
    [
        ["add", "nobody", "0 9 * * *", "/ping"],
        ["add", "bob", "someday", "/ping"],
        ["add", "bob", "明天 9 点", "/ping"],
        ["add", "bob", "0 0 30 2 *", "/ping"],
        ["add", "bob", "0 9 * * *", " "],
        ["add", "bob", "0 9 * * *", "/pingg"],
        ["add", "bob", "0 9 * * *", "/ping", "--chat", "icq:x:1"],
        ["add", "bob", "0 9 * * *", "/ping", "--chat", "web:web"],
        ["pause", "NOSUCH"],
    ],
)
def test_what_cannot_be_is_refused_with_2(chat: Conversation, words: list[str]) -> None:
    with pytest.raises(CommandError) as refused:
        call_command("schedule", *words)
    assert refused.value.returncode == 2
    assert not Schedule.objects.exists()


def test_the_list_is_readable(chat: Conversation, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("schedule", "list")
    call_command("schedule", "add", "bob", "0 9 * * *", "/ping")
    call_command("schedule", "list")
    empty, _, shown = capsys.readouterr().out.splitlines()
    assert "schedule add" in empty
    assert "bob" in shown
    assert "09:00" in shown
    assert "/ping" in shown


def test_lists_with_a_hundred_cost_few_queries(
    chat: Conversation, bob: Person, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    from apps.audit.log import Actor
    from apps.schedules import actions

    for _ in range(30):
        actions.add(bob, chat, "/ping", "0 9 * * *", actor=Actor.cli())
    with django_assert_max_num_queries(2):
        assert len(schedule("list")) == 30
