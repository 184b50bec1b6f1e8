"""Jobs, schedules, tokens and bots through the API: own things, and others' with the right."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from apps.accounts.models import ApiToken, Grant, Person, Role
from apps.assistant import conversations
from apps.assistant.models import Job, Message
from apps.audit.log import Actor
from apps.audit.models import AuditRow
from apps.core.ids import short_id
from apps.im import bots
from apps.im.models import Bot
from tests.api.conftest import Program


@pytest.fixture
def job(bob: Person) -> Job:
    return make_job(bob, "waiting")


def make_job(person: Person, state: str) -> Job:
    chat = conversations.own(person)
    return Job.objects.create(
        number=short_id(), person=person, conversation=chat, skill="host", state=state,
        parameters={"n": 1}, trace_id="t", result={"text": "fine"},
    )  # fmt: skip


@pytest.fixture
def as_operator(roles: dict[str, Role]) -> Program:
    person = Person.objects.create_person("otto")
    person.roles.add(roles["operator"])
    return Program(person)


def test_jobs_are_listed_newest_first(as_bob: Program, bob: Person, carol: Person) -> None:
    numbers = [make_job(bob, state).number for state in ("waiting", "failed", "succeeded")]
    make_job(carol, "waiting")
    found = as_bob.get("jobs/").json()
    assert [one["number"] for one in found["results"]] == numbers[::-1]
    assert found["results"][0]["text"] == "fine"
    assert [one["number"] for one in as_bob.get("jobs/", state="failed").json()["results"]] == [
        numbers[1]
    ]
    page = as_bob.get("jobs/", limit=1, offset=1).json()
    assert (page["count"], page["results"][0]["number"]) == (3, numbers[1])


def test_a_long_list_comes_in_pieces(as_bob: Program, bob: Person) -> None:
    Job.objects.bulk_create(
        Job(number=short_id(), person=bob, conversation=conversations.own(bob), skill="host")
        for _ in range(201)
    )
    for limit in (201, 10**9, 10**30):
        found = as_bob.get("jobs/", limit=limit).json()
        assert (found["count"], len(found["results"])) == (201, 200)


@pytest.mark.parametrize(
    "path", ["jobs/?state=%00", "jobs/%00/", "schedules/%00/", "messages/99999999999999999999/"]
)
def test_odd_addresses_are_refused(as_bob: Program, path: str) -> None:
    act = as_bob.delete if path.startswith("schedules") else as_bob.get
    assert act(path).status_code in {400, 404}


def test_jobs_of_others_are_not_there(
    as_carol: Program, as_operator: Program, as_alice: Program, job: Job
) -> None:
    for path in ("", "cancel/", "retry/"):
        ask = as_carol.post if path else as_carol.get
        assert ask(f"jobs/{job.number}/{path}").status_code == 404
    assert as_carol.get("jobs/").json()["results"] == []
    for allowed in (as_operator, as_alice):
        assert allowed.get(f"jobs/{job.number}/").json()["person"] == "bob"
        assert len(allowed.get("jobs/").json()["results"]) == 1
    job.refresh_from_db()
    assert job.state == "waiting"


def test_cancelling_and_running_again(as_bob: Program, bob: Person, job: Job) -> None:
    answer = as_bob.post(f"jobs/{job.number.lower()}/cancel/")
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    again = as_bob.post(f"jobs/{job.number}/cancel/")
    assert (again.status_code, again.json()["error"]) == (409, "job_over")
    fresh = as_bob.post(f"jobs/{job.number}/retry/")
    assert fresh.status_code == 201
    assert fresh.json()["number"] != job.number
    assert as_bob.post(f"jobs/{fresh.json()['number']}/retry/").status_code == 409
    rows = AuditRow.objects.filter(actor=f"person:{bob.pk}").values_list("action", flat=True)
    assert any("cancel" in action for action in rows)


def test_an_operator_cancels_for_others(as_operator: Program, job: Job) -> None:
    assert as_operator.post(f"jobs/{job.number}/cancel/").status_code == 200


def test_a_look_at_an_act_changes_nothing(as_bob: Program, job: Job) -> None:
    assert as_bob.get(f"jobs/{job.number}/cancel/").status_code == 405


def test_a_schedule_lives_and_ends(as_bob: Program, bob: Person) -> None:
    made = as_bob.post("schedules/", {"command": "/ping", "when": "每天 9 点"})
    assert made.status_code == 201
    found = made.json()
    assert (found["cron"], found["words"], found["enabled"]) == ("0 9 * * *", "每天 9 点", True)
    assert found["next_times"][0].endswith("T09:00:00+08:00")
    path = f"schedules/{found['number']}/"
    assert as_bob.post(f"{path}pause/").json()["ok"] is True
    assert as_bob.get("schedules/").json()[0]["enabled"] is False
    assert as_bob.post(f"{path}resume/").status_code == 200
    assert as_bob.post(f"{path}run/").status_code == 200
    asked = Message.objects.get(origin="schedule")
    assert (asked.text, asked.person) == ("/ping", bob)
    assert as_bob.delete(path).status_code == 200
    assert as_bob.get("schedules/").json() == []
    assert as_bob.delete(path).status_code == 404


def test_a_crontab_will_do(as_bob: Program) -> None:
    made = as_bob.post("schedules/", {"command": "/ping", "cron": "30  18 * * 1-5"})
    assert made.json()["cron"] == "30 18 * * 1-5"


@pytest.mark.parametrize(
    ("command", "status"),
    [("/host", 403), ("/nosuch x", 400), ("/schedule every day at 9 /ping", 400), ("/", 400)],
)
def test_what_could_never_run_is_not_scheduled(as_bob: Program, command: str, status: int) -> None:
    made = as_bob.post("schedules/", {"command": command, "when": "every day at 9"})
    assert made.status_code == status
    assert as_bob.get("schedules/").json() == []


def test_schedules_are_for_those_who_may_have_them(as_bob: Program, bob: Person) -> None:
    number = as_bob.post("schedules/", {"command": "/ping", "when": "每天 9 点"}).json()["number"]
    Grant.objects.filter(permission="skill.schedule").delete()
    made = as_bob.post("schedules/", {"command": "/ping", "when": "每天 10 点"})
    assert (made.status_code, made.json()["error"]) == (403, "forbidden")
    for act, status in (("run", 403), ("resume", 403), ("pause", 200)):
        assert as_bob.post(f"schedules/{number}/{act}/").status_code == status
    assert not Message.objects.exists()
    assert as_bob.delete(f"schedules/{number}/").status_code == 200


@pytest.mark.parametrize(
    "times",
    [{}, {"when": "sometime"}, {"when": "tomorrow at 9"}, {"cron": "every day"}, {"cron": "* *"}],
)
def test_unclear_times_are_refused(as_bob: Program, times: dict[str, str]) -> None:
    answer = as_bob.post("schedules/", {"command": "/ping", **times})
    assert (answer.status_code, answer.json()["error"]) == (400, "no_such_time")


def test_schedules_of_others_are_not_there(as_bob: Program, as_carol: Program) -> None:
    made = as_bob.post("schedules/", {"command": "/ping", "when": "每天 9 点"}).json()
    path = f"schedules/{made['number']}/"
    assert as_carol.get("schedules/").json() == []
    for answer in (
        as_carol.post(f"{path}pause/"),
        as_carol.post(f"{path}resume/"),
        as_carol.post(f"{path}run/"),
        as_carol.delete(path),
    ):
        assert answer.status_code == 404
    assert as_bob.get("schedules/").json()[0]["enabled"] is True
    assert not Message.objects.filter(origin="schedule").exists()


def test_a_token_is_shown_once_and_works(as_bob: Program, client: Client) -> None:
    made = as_bob.post("tokens/", {"name": "ci", "days": 30}).json()
    assert made["expires_at"]
    other = client.get("/api/v1/me/", headers={"authorization": f"Bearer {made['token']}"})
    assert other.json()["name"] == "bob"
    listed = as_bob.get("tokens/")
    assert listed.json()[0]["name"] == "ci"
    assert made["token"] not in listed.content.decode()
    assert as_bob.delete(f"tokens/{made['id']}/").status_code == 204
    again = client.get("/api/v1/me/", headers={"authorization": f"Bearer {made['token']}"})
    assert again.status_code == 401


def test_tokens_of_others_are_not_there(
    as_bob: Program, as_carol: Program, as_alice: Program
) -> None:
    mine = ApiToken.objects.get(person__name="bob")
    for other in (as_carol, as_alice):
        assert mine.pk not in [one["id"] for one in other.get("tokens/").json()]
        assert other.delete(f"tokens/{mine.pk}/").status_code == 404
    assert as_bob.get("me/").status_code == 200


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "x", "days": 0}])
def test_odd_tokens_are_refused(as_bob: Program, body: dict[str, object]) -> None:
    assert as_bob.post("tokens/", body).status_code == 400


def test_bots_are_for_the_console_and_without_secrets(as_alice: Program, as_bob: Program) -> None:
    secret = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA=="
    settings = {"secret": secret, "reply_url": "http://127.0.0.1:9/"}
    bots.add_bot("webhook", "hook", settings, Actor.system("test"))
    refused = as_bob.get("bots/")
    assert (refused.status_code, refused.json()["error"]) == (403, "forbidden")
    answer = as_alice.get("bots/")
    found = {one["slug"]: one for one in answer.json()}
    assert found["hook"]["address"].endswith("/webhooks/webhook/hook/")
    assert found["hook"]["settings"]["reply_url"] == "http://127.0.0.1:9"
    assert found["web"]["platform"] == "web"
    text = answer.content.decode()
    assert secret not in text
    for token in Bot.objects.get(slug="hook").secrets.values():
        assert token not in text


def test_me_tells_what_i_may(as_bob: Program, as_alice: Program) -> None:
    mine = as_bob.get("me/").json()
    assert mine["roles"] == ["member"]
    assert "ping" in mine["skills"]
    assert "cleanup" not in mine["skills"]
    assert "cleanup" in as_alice.get("me/").json()["skills"]
    assert "token" not in json.dumps(mine)
