"""A plan's steps, to programs, to operators and in the console."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import Person
from apps.assistant import conversations
from apps.assistant.models import Job, Step
from apps.core.ids import short_id
from tests.api.conftest import Program


def make_plan(person: Person) -> Job:
    """A plan of two steps, one of them done."""
    steps = [
        {"id": "s1", "skill": "host", "parameters": {}},
        {"id": "s2", "skill": "echo", "parameters": {"text": {"$from": "s1", "field": "text"}}},
    ]
    job = Job.objects.create(
        number=short_id(), person=person, conversation=conversations.own(person), skill="plan",
        state="running", parameters={"steps": steps}, trace_id="t",
    )  # fmt: skip
    for number, (one, state, text) in enumerate(
        zip(steps, ("succeeded", "running"), ("fine", ""), strict=True), 1
    ):
        Step.objects.create(
            job=job, number=number, step=one["id"], skill=one["skill"], state=state, attempts=1,
            parameters=one["parameters"], result={"text": text} if text else None,
        )  # fmt: skip
    return job


@pytest.fixture
def plan(bob: Person) -> Job:
    return make_plan(bob)


def test_a_program_sees_the_steps(as_bob: Program, plan: Job) -> None:
    steps = as_bob.get(f"jobs/{plan.number}/").json()["steps"]
    assert [(one["id"], one["skill"], one["state"], one["text"]) for one in steps] == [
        ("s1", "host", "succeeded", "fine"),
        ("s2", "echo", "running", ""),
    ]
    assert steps[1]["parameters"] == {"text": {"$from": "s1", "field": "text"}}


def test_a_list_looks_for_all_steps_at_once(as_bob: Program, bob: Person, plan: Job) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            as_bob.get("jobs/")
        return len(seen)

    queries()  # the token is used for the first time
    before = queries()
    for _ in range(5):
        make_plan(bob)
    assert queries() == before


def test_an_operator_sees_the_steps(plan: Job) -> None:
    out = StringIO()
    call_command("job", "show", plan.number, "--json", stdout=out)
    assert [one["state"] for one in json.loads(out.getvalue())["steps"]] == ["succeeded", "running"]
    out = StringIO()
    call_command("job", "show", plan.number, stdout=out)
    assert "succeeded  /host  fine" in out.getvalue()


def test_the_console_shows_the_steps(alice: Person, plan: Job, client: Client) -> None:
    client.force_login(alice)
    page = client.get(f"/admin/assistant/job/{plan.pk}/change/").content.decode()
    assert "/host" in page
    assert "succeeded" in page
    assert "fine" in page
