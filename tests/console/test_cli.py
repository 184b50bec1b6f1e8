"""What every command has in common, tried with real processes: what it prints, and where."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import BaseCommand, call_command

from apps.accounts.models import Person
from apps.accounts.models import Role as RoleRow
from apps.assistant import inbox, reply
from apps.assistant.models import Message
from apps.audit.actor import Actor
from apps.console import talk
from apps.console.management.commands.role import Command as Role
from apps.core.clock import utcnow
from apps.core.logging import get_logger
from apps.im import bots
from apps.im.cards import Button, Card
from apps.schedules.management.commands.schedule import Command as Schedule

ROOT = Path(__file__).resolve().parents[2]


def manage(home: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command on this data folder, with nothing else of ours in the environment."""
    ours = ("CLAWDBOT_", "DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "DJANGO_SETTINGS")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    env = kept | {"CLAWDBOT_HOME": str(home)} | more
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("words", [("bot", "list"), ("schedule", "list"), ("say", "/ping")])
def test_a_folder_of_somebody_elses_things_is_refused_and_left_alone(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / "photo.jpg").touch()
    done = manage(tmp_path, *words)
    assert done.returncode == 2
    assert "CLAWDBOT_HOME" in done.stderr
    assert "photo.jpg" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "command"), [("role", Role()), ("schedule", Schedule())])
def test_a_program_of_its_own_prints_its_answer_and_no_lines_about_what_went_well(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: str,
    command: BaseCommand,
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "level", logging.INFO)
    monkeypatch.setattr("django.db.connections.close_all", lambda: None)
    command.run_from_argv(["manage.py", name, "list"])
    get_logger("apps.test_cli").info("went.well")
    get_logger("apps.test_cli").warning("went.wrong")
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.django_db
def test_say_speaks_the_language_of_whoever_asks(
    monkeypatch: pytest.MonkeyPatch, bob: Person
) -> None:
    bots.ensure_builtin(Actor.system("test"))
    bob.language = "en"
    bob.save()
    ask = inbox.ask

    def answered(person: Person, text: str, **more: str) -> Message:
        message = ask(person, text, **more)
        card = Card("Did you mean", buttons=(Button("/ping", "/ping"),))
        answer = reply.to_message(message, "answer", card, now=utcnow())
        answer.state = "sent"
        answer.save()
        return message

    monkeypatch.setattr(inbox, "ask", answered)
    assert "Commands you can type:" in talk.ask(bob, "/pin", 5).text


def test_a_right_to_a_skill_that_is_not_there_is_given_with_a_word_about_it(
    roles: dict[str, RoleRow], capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("role", "allow", "member", "skill.hots")
    assert "hots 的技能" in capsys.readouterr().out
    for known in ("skill.host", "skill.*", "console.view"):
        call_command("role", "allow", "member", known)
    assert "技能" not in capsys.readouterr().out
    assert set(roles["member"].grants.values_list("permission", flat=True)) > {"skill.hots"}
