"""Our skills for MCP clients: what comes in, what is offered, and that nothing runs unconfirmed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from apps.accounts import grants
from apps.accounts.models import Person
from apps.api import answers
from apps.api.mcp import protocol, views
from apps.assistant import actions, runner
from apps.assistant.models import Job, Message
from apps.audit.log import Actor
from apps.audit.models import AuditRow
from apps.core.limits import LocalLimit, Rate
from apps.skills.base import skill
from apps.skills.registry import borrowed
from tests.api.conftest import JSON, Program

Handle = Callable[[], None]
META = {
    "io.modelcontextprotocol/protocolVersion": protocol.MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
}


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch, handle: Handle) -> None:
    """Let the workers work whenever a call waits."""

    def sleep(seconds: float) -> None:
        handle()
        for job in Job.objects.filter(state="waiting"):
            runner.run(job.pk)

    monkeypatch.setattr(answers.time, "sleep", sleep)


def post(program: Program, body: Any, version: str = "2025-11-25", **headers: str) -> Any:
    sent = {"accept": "application/json, text/event-stream", **headers}
    if version:
        sent["mcp-protocol-version"] = version
    return program.client.post("/mcp/", body, content_type=JSON, headers=sent)


def ask(program: Program, method: str, params: dict[str, Any] | None = None, **more: str) -> Any:
    body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params or {}}
    found = post(program, body, **more).json()
    assert (found["jsonrpc"], found["id"]) == ("2.0", 7)
    return found


def modern(program: Program, method: str, params: dict[str, Any], **headers: str) -> Any:
    body = {
        "jsonrpc": "2.0", "id": "a", "method": method, "params": {**params, "_meta": META},
    }  # fmt: skip
    mirrored = {"mcp-method": method}
    if "name" in params:
        mirrored["mcp-name"] = params["name"]
    return post(program, body, protocol.MODERN, **{**mirrored, **headers})


def call(program: Program, name: str, **arguments: Any) -> dict[str, Any]:
    found = ask(program, "tools/call", {"name": name, "arguments": arguments})
    result: dict[str, Any] = found["result"]
    return result


def text_of(result: dict[str, Any]) -> str:
    return str(result["content"][0]["text"])


@pytest.mark.parametrize(
    ("wanted", "agreed"),
    [("2025-11-25", "2025-11-25"), ("2025-03-26", "2025-03-26"), ("2024-11-05", "2024-11-05"),
     ("2026-07-28", "2025-11-25"), ("1999-01-01", "2025-11-25")],
)  # fmt: skip
def test_initialize_agrees_on_a_revision(as_bob: Program, wanted: str, agreed: str) -> None:
    params = {"protocolVersion": wanted, "capabilities": {}, "clientInfo": {"name": "x"}}
    result = ask(as_bob, "initialize", params, version="")["result"]
    assert result["protocolVersion"] == agreed
    assert result["serverInfo"]["name"] == "clawdbot"
    noted = post(as_bob, {"jsonrpc": "2.0", "method": "notifications/initialized"})
    assert (noted.status_code, noted.content) == (202, b"")
    assert ask(as_bob, "ping")["result"] == {}


def test_a_person_sees_what_they_may_run(as_bob: Program, as_alice: Program, bob: Person) -> None:
    tools = {one["name"]: one for one in ask(as_bob, "tools/list")["result"]["tools"]}
    assert {"ping", "echo", "remind", "tasks"} <= tools.keys()
    assert not tools.keys() & {"approve", "deny", "cleanup", "lang"}
    assert tools["echo"]["inputSchema"]["required"] == ["text"]
    grants.deny("member", "skill.echo", Actor.system("test"))
    left = {one["name"] for one in ask(as_bob, "tools/list")["result"]["tools"]}
    assert "echo" not in left


def test_every_schema_stands_for_itself(as_alice: Program) -> None:
    from jsonschema import Draft202012Validator

    for tool in ask(as_alice, "tools/list")["result"]["tools"]:
        Draft202012Validator.check_schema(tool["inputSchema"])
        properties = dict.fromkeys(tool["inputSchema"]["properties"])
        list(Draft202012Validator(tool["inputSchema"]).iter_errors(properties))  # follows $ref


@pytest.mark.usefixtures("workers")
def test_a_call_is_a_message(as_bob: Program, bob: Person) -> None:
    said = 'two  words "quoted" /approve at=now\n--x'
    result = call(as_bob, "echo", text=said)
    assert (text_of(result), result["isError"]) == (said, False)
    message = Message.objects.get()
    assert (message.person, message.origin, message.kind) == (bob, "api", "call")
    assert message.text.startswith("/echo text=")
    granted = AuditRow.objects.filter(action="permission.allowed").get()
    assert granted.data["permission"] == "skill.echo"


@pytest.mark.usefixtures("workers")
def test_what_may_not_be_run_is_refused_and_audited(as_bob: Program) -> None:
    result = call(as_bob, "cleanup")
    assert result["isError"] is True
    assert "skill.cleanup" in text_of(result)
    assert AuditRow.objects.filter(action="permission.denied").count() == 1


@pytest.mark.usefixtures("workers")
def test_nothing_runs_before_its_person_confirmed_it(as_alice: Program, alice: Person) -> None:
    with borrowed():
        ran: list[str] = []

        @skill(confirm=True)
        def wipe(what: str) -> str:
            """Wipe it."""
            ran.append(what)
            return f"wiped {what}"

        result = call(as_alice, "wipe", what="disk")
        job = Job.objects.get()
        assert job.state == "asking"
        assert ran == []
        assert job.number in text_of(result)
        assert "/chat/" in text_of(result)
        # A program that holds the code could confirm its own call.
        assert job.approval.code not in json.dumps(result)
        for name in ("approve", "deny"):
            found = ask(as_alice, "tools/call", {"name": name, "arguments": {"code": "X"}})
            assert found["error"]["code"] == protocol.INVALID_PARAMS
        assert ran == []


@pytest.mark.usefixtures("workers")
def test_a_call_answers_no_question_that_is_open(as_alice: Program, alice: Person) -> None:
    as_alice.post("ask/", {"text": "/echo", "wait_s": 1})
    question = Job.objects.get()
    assert question.state == "asking"
    assert text_of(call(as_alice, "ping")) == "pong"
    question.refresh_from_db()
    assert question.state == "asking"


@pytest.mark.usefixtures("workers")
def test_a_job_that_takes_long_is_named(as_alice: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    from apps.api.mcp import rpc

    monkeypatch.setattr(rpc, "WAIT_S", 0.05)
    with borrowed():

        @skill()
        def slow() -> str:
            """Take long."""
            return "at last"

        monkeypatch.setattr(runner, "run", lambda pk: None)
        result = call(as_alice, "slow")
        job = Job.objects.get()
        assert job.number in text_of(result)
        assert result["_meta"] == {"clawdbot/job": job.number, "clawdbot/state": "waiting"}
        actions.cancel_job(job, None)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [({}, "text"), ({"text": 5}, "text"), ({"text": "x", "y": 1}, "y"), ({"text": None}, "text")],
)
def test_wrong_arguments_are_the_tools_error(
    as_bob: Program, arguments: dict[str, Any], said: str
) -> None:
    result = call(as_bob, "echo", **arguments)
    assert result["isError"] is True
    assert said in text_of(result)
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("tools/call", {"name": "nothing"}, -32602),
        ("tools/call", {}, -32602),
        ("tools/call", {"name": "echo", "arguments": []}, -32602),
        ("tools/list", {"cursor": "2"}, -32602),
        ("resources/list", {}, -32601),
        ("initialize", {}, -32602),
    ],
)
def test_errors_have_their_numbers(
    as_bob: Program, method: str, params: dict[str, Any], code: int
) -> None:
    assert ask(as_bob, method, params)["error"]["code"] == code


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", -32700),
        (b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', -32700),
        (b'{"jsonrpc":"2.0","id":NaN,"method":"ping"}', -32700),
        (b"[" * 100, -32700),
        (b'"x"', -32600),
        (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":5}', -32600),
        (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600),  # since 2025-06-18
    ],
)
def test_bodies_that_are_no_message(as_bob: Program, body: bytes, code: int) -> None:
    found = post(as_bob, body)
    assert found.status_code == 400
    assert found.json()["error"]["code"] == code


def test_batches_where_the_revision_has_them(as_bob: Program) -> None:
    body = [
        {"jsonrpc": "2.0", "id": 1, "method": "ping"},
        {"jsonrpc": "2.0", "method": "notifications/x"},
        {"jsonrpc": "2.0", "id": 2, "method": "nothing"},
        5,
    ]
    found = post(as_bob, body, "2025-03-26")
    assert [one["id"] for one in found.json()] == [1, 2, None]
    assert post(as_bob, [], "2025-03-26").status_code == 400
    assert post(as_bob, body[:1] * 21, "2025-03-26").status_code == 400


@pytest.mark.usefixtures("workers")
def test_the_stateless_revision(as_bob: Program) -> None:
    found = modern(as_bob, "server/discover", {}).json()["result"]
    assert found["supportedVersions"][0] == protocol.MODERN
    assert found["resultType"] == "complete"
    listed = modern(as_bob, "tools/list", {}).json()["result"]
    assert (listed["ttlMs"], listed["cacheScope"]) == (0, "private")
    result = modern(as_bob, "tools/call", {"name": "echo", "arguments": {"text": "x"}})
    assert result.json()["result"]["content"][0]["text"] == "x"
    assert modern(as_bob, "ping", {}).status_code == 404
    assert modern(as_bob, "initialize", {}).json()["error"]["code"] == -32601


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"mcp-method": "tools/list"}, -32020),
        ({"mcp-name": "ping"}, -32020),
        ({"mcp-name": "=?base64?%%?="}, -32020),
        ({"mcp-name": "=?base64?ZWNobw==?="}, 0),
    ],
)
@pytest.mark.usefixtures("workers")
def test_its_headers_say_what_its_body_says(
    as_bob: Program, headers: dict[str, str], code: int
) -> None:
    params = {"name": "echo", "arguments": {"text": "x"}}
    found = modern(as_bob, "tools/call", params, **headers)
    assert found.json().get("error", {}).get("code", 0) == code
    assert found.status_code == (400 if code else 200)


def test_revisions_that_nobody_speaks(as_bob: Program) -> None:
    found = post(as_bob, {"jsonrpc": "2.0", "id": 1, "method": "ping"}, "2031-01-01")
    assert found.status_code == 400
    assert found.json()["error"]["code"] == -32022
    assert protocol.MODERN in found.json()["error"]["data"]["supported"]
    bare = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": META}}
    assert post(as_bob, bare, "").json()["error"]["code"] == -32020


PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


def test_strangers_are_asked_for_a_token(db: None) -> None:
    for given in ("", "Bearer ", "Bearer wrong", "Basic YTpi"):
        headers = {"authorization": given} if given else {}
        found = Client(headers=headers).post("/mcp/", PING, content_type=JSON)
        assert found.status_code == 401
        assert found["WWW-Authenticate"].startswith('Bearer realm="ClawdBot"')
        assert found.json()["error"]["code"] == protocol.REFUSED


def test_a_session_is_no_token(alice: Person) -> None:
    client = Client()
    client.force_login(alice)
    assert client.post("/mcp/", PING, content_type=JSON).status_code == 401


def test_pages_of_other_origins_are_turned_away(as_bob: Program, settings: Settings) -> None:
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1", "http://localhost"):
        assert post(as_bob, PING, origin=origin).status_code == 403
    assert post(as_bob, PING, origin=settings.CLAWDBOT_PUBLIC_URL).status_code == 200


def test_what_is_no_json_post_is_turned_away(as_bob: Program) -> None:
    for method in ("get", "delete", "put", "options"):
        found = getattr(as_bob.client, method)("/mcp/")
        assert (found.status_code, found["Allow"]) == (405, "POST")
    assert as_bob.client.post("/mcp/", PING).status_code == 415
    assert post(as_bob, PING, accept="text/html").status_code == 406
    assert post(as_bob, PING, accept="*/*").status_code == 200
    assert as_bob.client.post("/mcp", PING, content_type=JSON).status_code == 200


def test_a_large_body_is_cut_off(as_bob: Program) -> None:
    body = json.dumps({**PING, "params": {"x": "y" * 1_100_000}})
    assert post(as_bob, body).status_code == 413


def test_too_often_is_said(
    as_bob: Program, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CLAWDBOT_LIMIT_PERSON = "2/m"
    found = [post(as_bob, PING) for _ in range(3)]
    assert [one.status_code for one in found] == [200, 200, 429]
    assert found[2]["Retry-After"] == "60"
    limit = LocalLimit(Rate(2, 60))
    monkeypatch.setattr(views, "refused", lambda: limit)
    wrong = Client(headers={"authorization": "Bearer wrong"})
    codes = [wrong.post("/mcp/", PING, content_type=JSON).status_code for _ in range(3)]
    assert codes == [401, 401, 429]
