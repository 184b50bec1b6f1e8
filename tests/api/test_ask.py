"""Asking through the API: once for each client id, with or without waiting for the answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from apps.api import answers
from apps.assistant.models import Message
from apps.skills.base import skill
from apps.skills.registry import borrowed
from tests.api.conftest import JSON, Program

Handle = Callable[[], None]


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch, handle: Handle) -> list[float]:
    """Let the workers work whenever the API waits; returns how long it wanted to."""
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        handle()

    monkeypatch.setattr(answers.time, "sleep", sleep)
    return pauses


def test_the_answer_comes_with_the_call(as_bob: Program, workers: list[float]) -> None:
    answer = as_bob.post("ask/", {"text": "/ping", "wait_s": 5})
    assert answer.status_code == 200
    found = answer.json()
    assert found["answer"]["text"] == "pong"
    assert found["answer"]["card"]["blocks"]
    assert (found["state"], found["job"], found["question"]) == ("done", None, None)


def test_without_waiting_it_can_be_looked_up(as_bob: Program, handle: Handle) -> None:
    asked = as_bob.post("ask/", {"text": "/ping"})
    assert asked.status_code == 202
    assert asked.json()["answer"] is None
    path = f"messages/{asked.json()['message_id']}/"
    assert as_bob.get(path).json()["state"] == "waiting"
    handle()
    assert as_bob.get(path).json()["answer"]["text"] == "pong"


def test_one_client_id_is_one_question(as_bob: Program, as_carol: Program) -> None:
    body = {"text": "/ping", "client_id": "order-000042"}
    first, second = (as_bob.post("ask/", body).json()["message_id"] for _ in range(2))
    assert first == second
    as_carol.post("ask/", body)
    assert Message.objects.count() == 2
    assert {message.origin for message in Message.objects.all()} == {"api"}


def test_a_job_is_named_and_may_ask_back(as_alice: Program, workers: list[float]) -> None:
    with borrowed():

        @skill(name="launch", confirm=True)
        def launch() -> str:
            return "launched"

        found = as_alice.post("ask/", {"text": "/launch", "wait_s": 5}).json()
        assert found["answer"] is None
        assert (found["job_state"], len(found["job"])) == ("asking", 8)
        yes = found["question"]["card"]["buttons"][0]["cmd"]
        as_alice.post("ask/", {"text": yes, "wait_s": 5})
        found = as_alice.get(f"messages/{found['message_id']}/").json()
        assert (found["job_state"], found["question"]) == ("waiting", None)


def test_waiting_ends(as_bob: Program) -> None:
    started = time.monotonic()
    assert as_bob.post("ask/", {"text": "/ping", "wait_s": 0.3}).status_code == 202
    assert 0.3 <= time.monotonic() - started < 3


def test_only_so_many_wait_at_once(as_bob: Program, workers: list[float]) -> None:
    taken = [answers._room.acquire(blocking=False) for _ in range(answers.MOST_WAITING)]
    try:
        assert all(taken)
        assert as_bob.post("ask/", {"text": "/ping", "wait_s": 30}).status_code == 202
        assert workers == []
    finally:
        for _ in taken:
            answers._room.release()
    assert as_bob.post("ask/", {"text": "/ping", "wait_s": 30}).status_code == 200


@pytest.mark.parametrize("state", answers.SILENT_ENDS)
def test_what_gets_no_answer_is_not_waited_for(
    as_bob: Program, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    def sleep(seconds: float) -> None:
        Message.objects.update(state=state)

    monkeypatch.setattr(answers.time, "sleep", sleep)
    found = as_bob.post("ask/", {"text": "/ping", "wait_s": 30}).json()
    assert (found["state"], found["answer"]) == (state, None)


@pytest.mark.parametrize(
    "body",
    [
        {"text": ""},
        {"text": "  "},
        {"text": "x" * 10_001},
        {"text": "/ping", "wait_s": 31},
        {"text": "/ping", "wait_s": -1},
        {"text": "/ping", "wait_s": "soon"},
        {"text": "/ping", "client_id": "short"},
        {"text": "/ping", "client_id": "a b c d e f g"},
        {"text": ["/ping"]},
    ],
)
def test_odd_questions_are_refused(as_bob: Program, body: dict[str, Any]) -> None:
    answer = as_bob.post("ask/", body)
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid"
    assert not Message.objects.exists()


def test_messages_are_private(as_bob: Program, as_carol: Program, as_alice: Program) -> None:
    number = as_bob.post("ask/", {"text": "/ping"}).json()["message_id"]
    assert as_carol.get(f"messages/{number}/").status_code == 404
    assert as_carol.get("messages/999999/").status_code == 404
    assert as_alice.get(f"messages/{number}/").json()["text"] == "/ping"


@pytest.mark.parametrize(
    "body",
    [
        "[" * 100_000,
        '{"text": "/ping", "text": "/host"}',
        '{"text": NaN}',
        '{"text": "\\u0000"}',
        f'{{"text": "{"x" * 2**20}"}}',
    ],
    ids=["deep", "twice", "NaN", "NUL", "large"],
)
def test_odd_bodies_are_refused(as_bob: Program, body: str) -> None:
    answer = as_bob.client.post("/api/v1/ask/", body, content_type=JSON)
    assert answer.status_code == 400
    assert set(answer.json()) >= {"error", "detail"}
    assert not Message.objects.exists()
