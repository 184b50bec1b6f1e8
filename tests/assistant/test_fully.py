"""All four stages from the command line: the model is asked, and nothing runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts import authz
from apps.assistant import assist
from apps.assistant.case import Case
from apps.assistant.models import Job, Message
from apps.assistant.understand import Understood
from apps.llm import actions
from apps.simulate.model import KEY, MODEL, ModelStand, calls
from apps.skills.base import get
from tests.assistant.conftest import SYSTEM, Chat

pytestmark = pytest.mark.django_db
SAID = "what shall i ever do about it"


@pytest.fixture
def stand(chat: Chat) -> Iterator[ModelStand]:
    """A model that members may ask."""
    with ModelStand() as running:
        actions.add("stand", base_url=running.base_url, model=MODEL, api_key=KEY, actor=SYSTEM)
        authz.allow("member", "model.use.stand", SYSTEM)
        yield running


def understood(text: str = SAID, who: str = "bob") -> dict[str, Any]:
    out = StringIO()
    call_command("understand", text, f"--as={who}", "--json", stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    assert not Job.objects.exists()
    return found


def test_a_read_would_run(stand: ModelStand) -> None:
    stand.answer = calls(("echo", {"text": "x"}))
    found = understood()
    assert (found["stage"], found["skill"], found["parameters"]) == ("model", "echo", {"text": "x"})
    assert found["runs"] is True


def test_a_write_would_be_confirmed(stand: ModelStand) -> None:
    stand.answer = calls(("remind", {"text": "x", "at": "in 2 hours"}))
    found = understood()
    assert (found["stage"], found["skill"], found["runs"]) == ("model", "remind", False)


def test_a_plan_is_shown_with_its_steps(stand: ModelStand) -> None:
    stand.answer = calls(("echo", {"text": "x"}), ("remind", {"text": "x", "at": "in 2 hours"}))
    found = understood()
    assert (found["stage"], found["skill"], found["runs"]) == ("model", "plan", False)
    assert [one["skill"] for one in found["parameters"]["steps"]] == ["echo", "remind"]


def test_what_is_missing_is_named(stand: ModelStand) -> None:
    stand.answer = calls(("echo", {}))
    assert understood()["missing"] == "text"


def test_words_name_no_skill(stand: ModelStand) -> None:
    found = understood()
    assert (found["stage"], found["skill"], found["words"]) == ("model", None, "pong")


def test_a_failure_leaves_the_third_stage(stand: ModelStand) -> None:
    stand.key = "another"
    found = understood("看看statu")
    assert (found["stage"], found["skill"], found["runs"]) == ("nearest", "status", False)
    assert "stand" in found["note"]


@pytest.mark.parametrize("text", ["/ping", "/cofee", "提醒我明天下午三点开会"])
def test_what_is_settled_asks_nobody(stand: ModelStand, text: str) -> None:
    assert understood(text)["stage"] != "model"
    assert not stand.asked


def case(chat: Chat, text: str, found: Understood) -> Case:
    """A case that has got as far as understanding."""
    message = Message.objects.get(pk=chat.put("bob", text))
    person = message.bot.bindings.get(external_id="u-bob").person
    return Case(message, chat.now, person, authz.rights([person])[person.pk], understood=found)


def test_a_settled_batch_costs_no_query_and_another_one(chat: Chat, stand: ModelStand) -> None:
    ping = get("ping")
    settled = [case(chat, "/ping", Understood("command", ping)) for _ in range(5)]
    open_ones = [case(chat, SAID, Understood("none")) for _ in range(5)]
    with CaptureQueriesContext(connection) as seen:
        assist.take_up(settled)
    assert len(seen) == 0
    with CaptureQueriesContext(connection) as seen:
        assist.take_up([*settled, *open_ones])
    assert len(seen) == 1
    assert {one.understood.stage for one in open_ones if one.understood} == {"model"}
    assert {one.understood.stage for one in settled if one.understood} == {"command"}
