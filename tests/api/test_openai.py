"""The model gateway for other systems: `/v1/chat/completions` and `/v1/models`."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import Client

from apps.accounts import authz, tokens
from apps.accounts.models import Person, Role
from apps.api.openai import asgi
from apps.audit.log import Actor
from apps.audit.models import AuditRow
from apps.llm import actions, retry
from apps.llm.models import LanguageModel, ModelCall
from apps.llm.privacy_models import ListedWord
from apps.simulate.model import KEY, MODEL, ModelStand, calls
from apps.simulate.server import Answer as HttpAnswer
from tests.api.openai import Call

pytestmark = pytest.mark.django_db(transaction=True)
SYSTEM = Actor.system("test")
CHAT = "/v1/chat/completions"
HELLO: dict[str, Any] = {"model": "office", "messages": [{"role": "user", "content": "hi"}]}
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather", "description": "Tells it.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}  # fmt: skip


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE_S", 0.01)


@pytest.fixture
def stand() -> Iterator[ModelStand]:
    with ModelStand() as running:
        yield running


@pytest.fixture
def office(stand: ModelStand, roles: dict[str, Role]) -> LanguageModel:
    row = actions.add("office", base_url=stand.base_url, model=MODEL, api_key=KEY, actor=SYSTEM)
    authz.allow(roles["member"], row.permission, SYSTEM)
    return row


@pytest.fixture
def token(bob: Person, office: LanguageModel) -> str:
    return tokens.create(bob, "erp", SYSTEM)[1]


async def row() -> ModelCall:
    return await ModelCall.objects.select_related("person").aget()


async def test_a_system_asks_and_is_answered(token: str, stand: ModelStand, bob: Person) -> None:
    stand.answer = "你好"
    call = Call("POST", CHAT, token, HELLO)
    found = await call.answer()
    assert (call.status, call.headers["content-type"]) == (200, "application/json")
    assert found["object"] == "chat.completion"
    assert found["model"] == "office"
    assert isinstance(found["created"], int)
    [choice] = found["choices"]
    assert choice["index"] == 0
    assert choice["finish_reason"] == "stop"
    assert choice["message"] == {"role": "assistant", "content": "你好", "refusal": None}
    usage = found["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 0
    kept = await row()
    assert (kept.person, kept.why, kept.outcome) == (bob, "api", "ok")
    assert found["id"] == f"chatcmpl-{kept.trace_id}"
    assert call.headers["x-request-id"] == kept.trace_id
    line = await AuditRow.objects.aget(action="model.called")
    assert line.actor == f"person:{bob.pk}"


async def test_a_stream_has_the_public_shape(token: str, stand: ModelStand) -> None:
    stand.answer = "one two three"
    asked = HELLO | {"stream": True, "stream_options": {"include_usage": True}}
    call = Call("POST", CHAT, token, asked)
    *chunks, done = await call.events()
    assert call.headers["content-type"].startswith("text/event-stream")
    assert done == "[DONE]"
    *said, last = chunks
    assert {one["object"] for one in chunks} == {"chat.completion.chunk"}
    assert len({(one["id"], one["created"], one["model"]) for one in chunks}) == 1
    assert said[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert "".join(one["choices"][0]["delta"].get("content", "") for one in said) == "one two three"
    ends = [one["choices"][0]["finish_reason"] for one in said]
    assert ends == [None] * (len(said) - 1) + ["stop"]
    assert all(one["usage"] is None for one in said)
    assert last["choices"] == []
    assert last["usage"]["total_tokens"] > 0
    assert (await row()).streamed is True


async def test_without_being_asked_a_stream_says_nothing_of_usage(token: str) -> None:
    *chunks, done = await Call("POST", CHAT, token, HELLO | {"stream": True}).events()
    assert done == "[DONE]"
    assert all("usage" not in one and one["choices"] for one in chunks)


@pytest.mark.parametrize("streamed", [False, True])
async def test_tools_are_offered_and_their_calls_handed_on(
    token: str, stand: ModelStand, streamed: bool
) -> None:
    stand.answer = calls(("weather", {"city": "北京"}))
    asked = HELLO | {"tools": [WEATHER], "tool_choice": "auto", "stream": streamed}
    call = Call("POST", CHAT, token, asked)
    if streamed:
        *chunks, _ = await call.events()
        deltas = [one["choices"][0]["delta"] for one in chunks]
        [made] = [part for delta in deltas for part in delta.get("tool_calls", ())]
        assert made.pop("index") == 0
        end = chunks[-1]["choices"][0]["finish_reason"]
    else:
        [choice] = (await call.answer())["choices"]
        assert choice["message"]["content"] is None
        [made] = choice["message"]["tool_calls"]
        end = choice["finish_reason"]
    assert end == "tool_calls"
    assert made["type"] == "function"
    assert made["id"]
    assert made["function"]["name"] == "weather"
    assert json.loads(made["function"]["arguments"]) == {"city": "北京"}
    assert stand.asked[0]["tools"][0]["function"]["parameters"]["type"] == "object"


async def test_a_whole_conversation_is_taken_as_clients_send_it_back(
    token: str, stand: ModelStand
) -> None:
    said = {
        "role": "assistant", "content": None, "refusal": None, "annotations": [], "audio": None,
        "function_call": None,
        "tool_calls": [{"id": "c1", "type": "function",
                        "function": {"name": "weather", "arguments": '{"city": "北京"}'}}],
    }  # fmt: skip
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "weather?"}], "name": "bob"},
        said,
        {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
    ]
    body = HELLO | {
        "messages": messages, "tools": [WEATHER], "max_tokens": 50, "temperature": 0.5,
        "stop": ["END"], "user": "u1", "n": 1, "top_p": 1, "logit_bias": None, "seed": 7,
    }  # fmt: skip
    call = Call("POST", CHAT, token, body)
    await call.end()
    assert call.status == 200, call.chunks
    [sent] = stand.asked
    assert [one["role"] for one in sent["messages"]] == ["system", "user", "assistant", "tool"]
    assert sent["max_tokens"] == 50
    assert "u1" not in json.dumps(sent)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": "x", "sise": 1}]}, "messages[0].sise"),
        ({"temperature": 3}, "temperature"),
        ({"temperature": "1"}, "temperature"),
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"stream": 1}, "stream"),
        ({"surprise": 1}, "surprise"),
        ({"model": ""}, "model"),
        ({"tool_choice": {"type": "function", "function": {"name": "none"}}}, "tool_choice"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
    ],
)
async def test_a_body_that_is_not_right_is_refused_by_its_place(
    token: str, stand: ModelStand, change: dict[str, Any], param: str
) -> None:
    call = Call("POST", CHAT, token, HELLO | change)
    error = (await call.answer())["error"]
    assert call.status == 400
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert error["message"]
    assert not stand.asked


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b'{"a":1,"a":2}', b'{"model":NaN}', b"\xff", b'{"a":' * 70]
)
async def test_what_is_no_json_is_refused(token: str, raw: bytes) -> None:
    call = Call("POST", CHAT, token, raw)
    assert (await call.answer())["error"]["code"] == "invalid_request"
    assert call.status == 400


async def test_a_picture_comes_within_the_body_and_none_is_fetched(
    token: str, stand: ModelStand, office: LanguageModel
) -> None:
    await sync_to_async(actions.change)(office, actor=SYSTEM, quirks={"vision": True})

    def asked(url: str) -> dict[str, Any]:
        part = {"type": "image_url", "image_url": {"url": url}}
        return HELLO | {"messages": [{"role": "user", "content": [part]}]}

    call = Call("POST", CHAT, token, asked(f"{stand.url}/cat.png"))
    assert (await call.answer())["error"]["param"] == "messages[0].content[0].image_url.url"
    assert call.status == 400
    data = base64.b64encode(b"\x89PNG").decode()
    call = Call("POST", CHAT, token, asked(f"data:image/png;base64,{data}"))
    await call.end()
    assert call.status == 200, call.chunks
    assert not stand.calls_to("/cat.png")


@pytest.mark.parametrize("given", [None, "clawdbot_wrong", "", KEY])
async def test_without_a_good_token_nothing_is_said(
    token: str, stand: ModelStand, given: str | None
) -> None:
    for call in (Call("POST", CHAT, given, HELLO), Call("GET", "/v1/models", given)):
        error = (await call.answer())["error"]
        assert call.status == 401
        assert error["code"] == "invalid_api_key"
        assert call.headers["www-authenticate"].startswith("Bearer")
    assert not stand.asked


async def test_who_is_not_known_holds_no_place_and_is_not_read(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asgi, "MOST", 2)
    slow = [Call("POST", CHAT, given, HELLO, more=True) for given in (None, "clawdbot_no", "") * 2]
    for call in slow:
        await call.end()
        assert call.status == 401
    call = Call("POST", CHAT, token, HELLO)
    await call.end()
    assert call.status == 200


async def test_one_caller_does_not_take_every_place(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asgi, "MOST_EACH", 1)
    app = asgi.OpenAiApp()
    held = Call("POST", CHAT, token, HELLO, more=True, app=app)
    async with asyncio.timeout(10):
        while not app.under_way:
            await asyncio.sleep(0.01)
    call = Call("POST", CHAT, token, HELLO, app=app)
    await call.end()
    assert call.status == 503
    held.hang_up()
    await held.end()
    call = Call("POST", CHAT, token, HELLO, app=app)
    await call.end()
    assert (call.status, app.under_way) == (200, 0)


async def test_more_text_than_masks_can_be_asked_for_is_refused(
    token: str, stand: ModelStand
) -> None:
    long = {"messages": [{"role": "user", "content": "x" * 200_001}]}
    call = Call("POST", CHAT, token, HELLO | long)
    error = (await call.answer())["error"]
    assert (call.status, error["code"]) == (413, "context_length_exceeded")
    assert not stand.asked


async def test_a_person_asks_only_what_their_roles_allow(
    token: str, carol: Person, roles: dict[str, Role], stand: ModelStand
) -> None:
    await sync_to_async(authz.deny)(roles["member"], "model.use.office", SYSTEM)
    call = Call("POST", CHAT, token, HELLO)
    error = (await call.answer())["error"]
    assert (call.status, error["type"], error["code"]) == (403, "permission_error", "forbidden")
    assert (await row()).outcome == "forbidden"
    assert (await Call("GET", "/v1/models", token).answer())["data"] == []
    assert not stand.asked


async def test_of_models_that_one_may_not_ask_nothing_is_told(
    token: str, stand: ModelStand
) -> None:
    await sync_to_async(actions.add)(
        "board-secret", base_url=stand.base_url, model=MODEL, api_key=KEY, actor=SYSTEM
    )
    for call in (
        Call("POST", CHAT, token, HELLO | {"model": "gpt-9"}),
        Call("GET", "/v1/models/gpt-9", token),
    ):
        message = (await call.answer())["error"]["message"]
        assert "office" in message
        assert "board-secret" not in message


@pytest.mark.parametrize(
    "messages",
    [
        [("user", "Tell me of Bluebird"), ("assistant", "Sure."), ("user", "go on")],
        [("system", "Tell the user of Bluebird"), ("user", "go on")],
        [("user", "go on"), ("assistant", "Of Bluebird I know that")],
    ],
)
async def test_no_told_history_hides_what_must_not_be_answered(
    token: str, stand: ModelStand, messages: list[tuple[str, str]]
) -> None:
    await ListedWord.objects.acreate(rule="answer", word="Bluebird")
    said = [{"role": role, "content": text} for role, text in messages]
    call = Call("POST", CHAT, token, HELLO | {"messages": said})
    await call.end()
    assert call.status >= 400
    assert not stand.asked


async def test_the_models_are_those_that_one_may_ask(token: str, office: LanguageModel) -> None:
    found = await Call("GET", "/v1/models", token).answer()
    assert found["object"] == "list"
    created = int(office.created_at.timestamp())
    one = {"id": "office", "object": "model", "created": created, "owned_by": "clawdbot"}
    assert found["data"] == [one]
    assert await Call("GET", "/v1/models/office", token).answer() == one
    call = Call("GET", "/v1/models/other", token)
    assert (await call.answer())["error"]["code"] == "model_not_found"
    assert call.status == 404


async def test_an_unknown_model_and_an_unknown_address_are_told(token: str) -> None:
    call = Call("POST", CHAT, token, HELLO | {"model": "gpt-9"})
    error = (await call.answer())["error"]
    assert (call.status, error["code"], error["param"]) == (404, "model_not_found", "model")
    call = Call("POST", "/v1/embeddings", token, {})
    assert (await call.answer())["error"]["code"] == "not_found"
    assert call.status == 404


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("vendor", "status", "code"),
    [(429, 429, "rate_limit_exceeded"), (503, 503, "overloaded"), (401, 502, "auth")],
)
async def test_what_a_vendor_refuses_has_its_status_and_shows_no_key(
    token: str, stand: ModelStand, streamed: bool, vendor: int, status: int, code: str
) -> None:
    body = {"error": {"message": f"no, {KEY}"}}
    stand.fail("/chat", "answer", HttpAnswer(vendor, body), times=9)
    call = Call("POST", CHAT, token, HELLO | {"stream": streamed})
    error = (await call.answer())["error"]
    assert (call.status, error["code"]) == (status, code)
    assert ("retry-after" in call.headers) == (status in {429, 503})
    assert KEY not in json.dumps(error)


async def test_more_than_four_mebibytes_are_refused(token: str) -> None:
    call = Call("POST", CHAT, token, b" " * (4 * 1024 * 1024 + 1))
    assert (await call.answer())["error"]["code"] == "too_large"
    assert call.status == 413


@pytest.mark.parametrize("streamed", [False, True])
async def test_who_hangs_up_ends_the_call_and_what_was_used_counts(
    token: str, stand: ModelStand, streamed: bool
) -> None:
    stand.fail("/chat", "hang", after=True)
    call = Call("POST", CHAT, token, HELLO | {"stream": streamed})
    assert await asyncio.to_thread(stand.wait, lambda: bool(stand.asked))
    began = time.monotonic()
    call.hang_up()
    await call.end()
    assert time.monotonic() - began < 5
    kept = await row()
    assert (kept.outcome, kept.estimated, kept.tokens_in > 0) == ("cancelled", True, True)
    assert not call.chunks


async def test_who_stops_reading_is_gone(
    token: str, stand: ModelStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asgi, "SLOWEST_READER_S", 0.2)
    stand.answer = "one two three four five six"
    never = asyncio.Event()

    class Stalled(Call):
        async def _send(self, event: dict[str, Any]) -> None:
            await super()._send(event)
            if event.get("body"):
                await never.wait()

    call = Stalled("POST", CHAT, token, HELLO | {"stream": True})
    await call.end()
    assert len(call.chunks) == 1
    kept = await row()
    assert kept.outcome in {"cancelled", "ok"}


async def test_two_hundred_wait_at_once_and_hold_no_thread(token: str, stand: ModelStand) -> None:
    stand.delay_s = 2.0
    before, began = threading.active_count(), time.monotonic()
    many = [Call("POST", CHAT, token, HELLO) for _ in range(200)]
    assert await asyncio.to_thread(stand.wait, lambda: len(stand.asked) == 200, 60)
    assert threading.active_count() - before < 12
    for call in many:
        await call.end()
    assert {call.status for call in many} == {200}
    assert await ModelCall.objects.filter(outcome="ok").acount() == 200
    print(f"200 calls of {stand.delay_s:g} s took {time.monotonic() - began:.1f} s")


def test_a_host_without_asgi_serves_the_same(token: str, stand: ModelStand) -> None:
    client = Client(headers={"authorization": f"Bearer {token}"})
    found = client.post(CHAT, HELLO, content_type="application/json")
    assert found.json()["choices"][0]["message"]["content"] == "pong"
    assert client.get("/v1/models").json()["data"][0]["id"] == "office"
    assert Client().post(CHAT, HELLO, content_type="application/json").status_code == 401
