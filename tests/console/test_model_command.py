"""`manage.py model …`, against the scripted model server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.models import Person, Role
from apps.audit.models import AuditRow
from apps.llm import gateway
from apps.llm.models import LanguageModel, ModelCall
from apps.llm.shapes import Ask, Purpose, user
from apps.simulate.model import KEY, MODEL, ModelStand, calls

pytestmark = pytest.mark.django_db


@pytest.fixture
def stand() -> Iterator[ModelStand]:
    with ModelStand() as running:
        yield running


def run(*words: str) -> str:
    out = StringIO()
    call_command("model", *words, stdout=out)
    return out.getvalue()


def asked(*words: str) -> Any:
    return json.loads(run(*words, "--json"))


def refused(*words: str) -> tuple[str, int]:
    with pytest.raises(CommandError) as told:
        run(*words)
    return str(told.value), told.value.returncode


def able(body: dict[str, Any]) -> str | dict[str, Any]:
    """A model that does whatever it is asked for."""
    if "tools" in body:
        return calls(("report_weather", {"city": "Beijing"}))
    return '{"answer": true}' if "response_format" in body else "pong"


@pytest.fixture
def local(stand: ModelStand) -> str:
    run("add", "local", f"base_url={stand.base_url}", f"model={MODEL}", f"api_key={KEY}")
    return "local"


def test_a_model_is_added_and_how_to_allow_it_is_told(stand: ModelStand) -> None:
    said = run("add", "qwen2.5", f"base_url={stand.base_url}", f"model={MODEL}", f"api_key={KEY}")
    assert "role allow member model.use.qwen2.5" in said
    row = LanguageModel.objects.get()
    assert (row.zone, row.default, row.enabled) == ("internal", True, True)
    line = AuditRow.objects.get(action="model.added")
    assert line.actor.startswith("cli:")
    assert KEY not in json.dumps(line.data)


def test_a_key_is_shown_by_its_end_only(local: str) -> None:
    assert KEY not in run("list") + run("list", "--json")
    [found] = asked("list")
    assert found["key"] == "***" + KEY[-4:]
    assert (found["name"], found["model"], found["default"]) == ("local", MODEL, True)


def test_every_setting_can_be_given(local: str, stand: ModelStand) -> None:
    found = asked(
        "add", "other", f"base_url={stand.base_url}", "model=m", "qps=2.5", "in_flight=4",
        f"fallback={local}", "price_in=1.5", "price_out=8", "currency=USD", "timeout=30",
        "zone=mainland", "default=yes", 'quirks={"tools": false}',
    )  # fmt: skip
    assert (found["qps"], found["in_flight"], found["fallback"]) == (2.5, 4, local)
    assert (found["price_in"], found["price_out"], found["timeout_s"]) == ("1.5000", "8.0000", 30)
    assert found["quirks"] == {"tools": False}
    assert found["default"] is True
    assert LanguageModel.objects.get(name=local).default is False


@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        (["base_url=http://127.0.0.1:1/v1"], "model"),
        (["model=m"], "base_url"),
        (["base_url=ftp://x", "model=m"], "base_url"),
        (["base_url=http://8.8.8.8/v1", "model=m"], "https"),
        (["base_url=http://127.0.0.1:1/v1", "model=m", "zone=moon"], "zone"),
        (["base_url=http://127.0.0.1:1/v1", "model=m", "qps=0", "in_flight=x"], "in_flight"),
        (["base_url=http://127.0.0.1:1/v1", "model=m", "price_in=-1"], "price_in"),
        (["base_url=http://127.0.0.1:1/v1", "model=m", "price_in=NaN"], "price_in"),
        (["base_url=http://127.0.0.1:1/v1", "model=m", "fallback=none"], "none"),
        (["base_url=http://127.0.0.1:1/v1", "model=m", "zone=abroad", "unmasked=yes"], "zone"),
        (["base_url=http://127.0.0.1:1/v1", "model=m", "default=maybe"], "yes"),
        (["base_url=http://127.0.0.1:1/v1", "model=m", "quirks=[]"], "quirks"),
        (["base_url=http://127.0.0.1:1/v1", "model=m", "actor=me", "sise=1"], "actor, sise"),
    ],
)
def test_what_is_not_right_is_refused_with_the_reason(pairs: list[str], told: str) -> None:
    text, code = refused("add", "new", *pairs)
    assert told in text
    assert code == 2
    assert not LanguageModel.objects.exists()


@pytest.mark.parametrize("name", ["", "-x", "a b", "x" * 51, "a,b"])
def test_a_name_must_fit_a_permission(name: str) -> None:
    args = ["base_url=http://127.0.0.1:1/v1", "model=m"]
    with pytest.raises(CommandError):
        run("add", *args, "--", name) if name.startswith("-") else run("add", name, *args)
    assert not LanguageModel.objects.exists()


def test_a_model_of_that_name_is_there_already(local: str) -> None:
    text, code = refused("add", local, "base_url=http://127.0.0.1:1/v1", "model=m")
    assert local in text
    assert code == 2


def test_a_setting_is_changed_and_the_rest_stays(local: str) -> None:
    run("set", local, "qps=5", "price_in=2")
    row = LanguageModel.objects.get()
    assert (row.qps, row.model) == (5, MODEL)
    assert row.api_key
    assert AuditRow.objects.get(action="model.changed").data == {"qps": "5.0", "price_in": "2.0000"}
    run("set", local, "qps=")
    assert LanguageModel.objects.get().qps is None


def test_a_kept_key_goes_to_no_other_host(local: str) -> None:
    text, _ = refused("set", local, "base_url=http://127.0.0.1:9/v1")
    assert "api_key" in text
    run("set", local, "base_url=http://127.0.0.1:9/v1", "api_key=another-key-0123456789")
    assert LanguageModel.objects.get().base_url == "http://127.0.0.1:9/v1"


def test_a_good_model_is_found_good_and_a_bad_one_bad(local: str, stand: ModelStand) -> None:
    stand.answer = able
    assert all(one["ok"] is not False for one in asked("check", local))
    assert "ok  chat" in run("check", local)
    stand.key = "another"
    text, code = refused("check", local)
    assert ("key" in text, code) == (True, 1)
    checked = AuditRow.objects.filter(action="model.checked").order_by("id")
    assert [line.outcome for line in checked] == ["ok", "ok", "failed"]


def test_a_model_is_removed_and_its_calls_stay(local: str) -> None:
    gateway.call(Ask((user("hi"),)), Purpose("ask"))
    run("remove", local)
    assert not LanguageModel.objects.exists()
    assert ModelCall.objects.get().model == local
    text, code = refused("check", local)
    assert ("local" in text, code) == (True, 2)


def test_calls_are_found_and_their_text_only_where_asked_for(
    local: str, alice: Person, roles: dict[str, Role]
) -> None:
    gateway.call(Ask((user("my secret plan"),)), Purpose("ask", alice.pk))
    gateway.call(Ask((user("other"),)), Purpose("plan"))
    [call] = asked("calls", "--person", "alice")
    assert (call["person"], call["why"], call["outcome"]) == ("alice", "ask", "ok")
    assert "my secret plan" not in run("calls") + run("calls", "--json")
    assert "my secret plan" in run("calls", "--text")
    assert [one["why"] for one in asked("calls", "--most", "1")] == ["plan"]
    assert asked("calls", "--until", "2020-01-01") == []
    exports = AuditRow.objects.filter(action="model.calls_exported").order_by("id")
    assert [line.data["text"] for line in exports].count(True) == 1


def test_how_long_calls_are_kept_is_set_by_a_command() -> None:
    assert asked("keep") == {"days": 180, "text_days": 180}
    assert asked("keep", "--days", "90") == {"days": 90, "text_days": 90}
    assert asked("keep", "--text-days", "7") == {"days": 90, "text_days": 7}
    assert refused("keep", "--days", "0")[1] == 2
    assert AuditRow.objects.filter(action="model.calls_policy").count() == 2
