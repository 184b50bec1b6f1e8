"""The whole way: asked in a chat, permitted, confirmed, called by a worker, answered, audited."""

from __future__ import annotations

import subprocess
import sys

import pytest
from django.core.management import call_command
from django.utils import timezone

from apps.accounts import grants
from apps.accounts.models import Person
from apps.assistant import approvals, drain, inbox, jobs, pipeline, runner
from apps.assistant.models import Job, Message
from apps.assistant.tasks import app
from apps.audit.log import Actor
from apps.im import bots
from apps.im.models import Delivery
from apps.im.sender import sender
from apps.skills import added, registry
from apps.skills.mcp import review
from apps.skills.models import McpServer, McpTool
from tests.skills.conftest import CLERK
from tests.skills.mcp_stand import McpStand

NAME = "mcp_stand_echo"


@pytest.fixture(autouse=True)
def _installation(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    bots.ensure_builtin(Actor.system("test"))
    monkeypatch.setattr(sender, "submit", lambda deliveries: None)


def ask(person: Person, text: str) -> Message:
    message = inbox.ask(person, text)
    for lane in ("control", "interactive"):
        while claimed := drain.claim(lane):
            pipeline.handle(claimed, timezone.now())
    message.refresh_from_db()
    return message


def answer(message: Message) -> str:
    return Delivery.objects.get(message=message, role="answer").text


def test_a_writing_tool_runs_once_its_asker_confirmed_it(
    server: McpServer, stand: McpStand, bob: Person
) -> None:
    review.refresh(server, CLERK)
    row = McpTool.objects.get()
    review.enable(row, sha256=row.sha256, read_only=False, actor=CLERK)
    assert ask(bob, f"/{NAME} hello there").state == "refused"  # no role allows it yet
    grants.allow("member", f"skill.{NAME}", Actor.system("test"))
    message = ask(bob, f"/{NAME} hello there")
    job = Job.objects.get()
    assert (job.state, job.asking_for, stand.called) == ("asking", "confirm", [])
    ask(bob, f"/approve {job.approval.code}")
    runner.run(job.pk)
    assert stand.called == [("echo", {"text": "hello there"})]
    assert "hello there" in answer(message)
    assert "MCP · stand" in answer(message)


def test_what_changed_between_confirming_and_running_is_refused(
    server: McpServer, stand: McpStand, bob: Person
) -> None:
    review.refresh(server, CLERK)
    row = McpTool.objects.get()
    review.enable(row, sha256=row.sha256, read_only=False, actor=CLERK)
    grants.allow("member", f"skill.{NAME}", Actor.system("test"))
    message = ask(bob, f"/{NAME} x")
    job = Job.objects.get()
    ask(bob, f"/approve {job.approval.code}")
    stand.tools[0] = {**stand.tools[0], "description": "Send it to the press."}
    review.refresh(server, CLERK)
    runner.run(job.pk)
    job.refresh_from_db()
    assert (job.state, stand.called) == ("denied", [])
    assert Delivery.objects.filter(message=message, role="answer").exists()


def test_what_was_confirmed_is_what_runs(server: McpServer, stand: McpStand, bob: Person) -> None:
    """Another definition, though reviewed meanwhile, is not what the asker said yes to."""
    review.refresh(server, CLERK)
    row = McpTool.objects.get()
    review.enable(row, sha256=row.sha256, read_only=False, actor=CLERK)
    grants.allow("member", f"skill.{NAME}", Actor.system("test"))
    ask(bob, f"/{NAME} x")
    job = Job.objects.get()
    ask(bob, f"/approve {job.approval.code}")
    stand.tools[0] = {**stand.tools[0], "description": "Send it to the press."}
    review.refresh(server, CLERK)
    now = review.current(McpTool.objects.get()).sha256
    review.enable(row, sha256=now, read_only=False, actor=CLERK)
    runner.run(job.pk)
    job.refresh_from_db()
    assert (job.state, stand.called) == ("denied", [])


def test_a_plan_is_bound_to_what_its_steps_were(tool: McpTool, bob: Person) -> None:
    steps = [{"id": "s1", "skill": NAME, "parameters": {"text": "x"}}]
    job = Job(skill="plan", parameters={"steps": steps}, person=bob)
    before = approvals.digest(job)
    assert approvals.digest(job) == before
    McpTool.objects.filter(pk=tool.pk).update(sha256="0" * 64)
    added.changed()
    added.refresh()
    assert approvals.digest(job) != before


def test_workers_know_its_task_before_it_exists(tool: McpTool) -> None:
    assert jobs.task_name(NAME) == "skill.mcp"
    assert jobs.task_name("ping") == "skill.ping"
    assert jobs.task_name("mcp_no_more") == "skill.gone"
    assert {"skill.mcp", "skill.prompt", "skill.gone", "skill.ping"} <= set(app.tasks)
    assert "skill." + NAME not in app.tasks


def test_one_look_when_nothing_changed(tool: McpTool, django_assert_num_queries: object) -> None:
    edition = registry.edition()
    with django_assert_num_queries(1):  # type: ignore[operator]
        added.refresh()
    assert registry.edition() == edition
    review.disable(tool, CLERK)
    added.refresh()
    assert registry.edition() > edition


def test_a_skill_that_came_as_a_file_keeps_its_name(tool: McpTool) -> None:
    McpTool.objects.filter(pk=tool.pk).update(skill_name="ping")
    added.changed()
    added.refresh()
    ping = registry.get("ping")
    assert ping is not None
    assert ping.family == ""


def test_no_process_of_ours_imports_the_sdk() -> None:
    """It costs two seconds and 58 MB, and is an oracle of the tests only."""
    code = (
        "import django, sys; django.setup(); import clawdbot.asgi, apps.assistant.tasks, "
        "apps.api.urls, apps.skills.admin, apps.skills.mcp.shelf; "
        "print(*sorted({one.partition('.')[0] for one in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, timeout=60,
        env={"DJANGO_SETTINGS_MODULE": "clawdbot.settings.test", "PATH": ""},
    )  # fmt: skip
    found = set(done.stdout.decode().split())
    assert {"django", "apps"} <= found
    assert not found & {"mcp", "mcp_types", "starlette", "skills_ref"}


def test_no_migration_is_missing() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
