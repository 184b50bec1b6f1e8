"""Each provider beside a stand that is as strict as the vendor."""

from __future__ import annotations

from typing import Any

import pytest

from apps.core.crypto import Secret
from apps.llm import chat, checks, registry
from apps.llm.errors import BadRequest, ModelError
from apps.llm.quirks import BadQuirks
from apps.llm.registry import UnknownProvider
from apps.llm.shapes import Answer, Ask, Turn, system, user
from apps.llm.target import Target
from apps.simulate.model import KEY, ModelStand, Reply, calls
from tests.llm.asking import CANCEL, SCHEMA, ask, streamed, target
from tests.support.network import NetworkUsed

NAMES = {
    "custom", "dashscope", "deepseek", "iflytek", "llamacpp", "minimax", "moonshot", "ollama",
    "openai", "qianfan", "sglang", "siliconflow", "stepfun", "tencent", "vllm", "volcengine",
    "xinference", "zhipu",
}  # fmt: skip


async def _conversation(stand: ModelStand, provider: str, model: str) -> list[dict[str, Any]]:
    """A call, its result, and one call more; returns the messages that were sent last."""
    stand.vendor = provider
    where = target(stand, provider, model)
    stand.answers = [calls(("cancel", {"task_id": 1})), "done"]
    first = await chat.exchange(where, ask(tools=(CANCEL,)))
    said = Turn("assistant", first.text, first.calls, raw=first.raw)
    result = Turn("tool", "cancelled", call_id=first.calls[0].id)
    turns = (system("a"), user("cancel 1"), said, result, system("b"))
    answer = await chat.exchange(where, Ask(turns, (CANCEL,)))
    assert answer.text == "done"
    return list(stand.asked[-1]["messages"])


def test_every_provider_is_found() -> None:
    assert set(registry.all_providers()) == NAMES
    assert registry.registry().problems == []
    assert checks.providers_are_sound() == []
    with pytest.raises(UnknownProvider):
        registry.get_provider("nobody")


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_provider_is_declared_in_full(name: str) -> None:
    provider = registry.get_provider(name)
    assert provider.labels.zh
    assert provider.labels.en
    assert provider.hint.zh
    assert provider.hint.en
    assert provider.zone in {"internal", "mainland", "abroad"}
    assert provider.base(provider.base_url or "http://x") == (provider.base_url or "http://x/v1")
    for model in (*provider.suggestions, *(pattern for pattern, _ in provider.models)):
        provider.quirks_of(model)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://api.deepseek.com/v1", "deepseek"),
        ("https://llm-x.ap-southeast-1.maas.aliyuncs.com/compatible-mode/v1", "dashscope"),
        ("https://api.z.ai/api/paas/v4", "zhipu"),
        ("https://api.moonshot.ai/v1", "moonshot"),
        ("https://api.minimax.io/v1", "minimax"),
        ("https://api.hunyuan.cloud.tencent.com/v1", "tencent"),
        ("http://10.0.0.3:11434/v1", "ollama"),
        ("http://127.0.0.1:8000/v1", "custom"),
        ("https://evil-api.deepseek.com.example.org/v1", "custom"),
        ("nonsense", "custom"),
    ],
)
def test_a_provider_is_known_by_its_address(address: str, name: str) -> None:
    assert registry.provider_at(address).name == name


@pytest.mark.parametrize(
    ("address", "zone"),
    [
        ("https://api.deepseek.com", "mainland"),
        ("https://api.moonshot.cn/v1", "mainland"),
        ("https://api.moonshot.ai/v1", "abroad"),
        ("https://llm-x.ap-southeast-1.maas.aliyuncs.com/compatible-mode/v1", "abroad"),
        ("https://api.openai.com/v1", "abroad"),
        ("https://llm.example.com/v1", "abroad"),
        ("https://llm.example.com:11434/v1", "abroad"),
        ("http://10.0.0.3:8000/v1", "internal"),
        ("http://[::1]:8000/v1", "internal"),
        ("http://gpu-1:8000/v1", "internal"),
        ("http://gpu.corp.internal/v1", "internal"),
        ("https://8.8.8.8/v1", "abroad"),
        ("", "abroad"),
    ],
)
def test_where_an_address_lies_is_guessed_with_care(address: str, zone: str) -> None:
    assert registry.zone_at(address) == zone


@pytest.mark.parametrize(
    ("name", "given", "meant"),
    [
        ("vllm", "http://10.0.0.3:8000", "http://10.0.0.3:8000/v1"),
        ("custom", "http://10.0.0.3:8000/", "http://10.0.0.3:8000/v1"),
        ("custom", " http://x/v1/chat/completions ", "http://x/v1"),
        ("zhipu", "https://open.bigmodel.cn", "https://open.bigmodel.cn/api/paas/v4"),
        ("deepseek", "https://api.deepseek.com/", "https://api.deepseek.com"),
    ],
)
def test_addresses_are_taken_as_people_paste_them(name: str, given: str, meant: str) -> None:
    assert registry.get_provider(name).base(given) == meant


def test_a_row_changes_quirks_by_name() -> None:
    provider = registry.get_provider("dashscope")
    assert not provider.quirks_of("qwen-plus").vision
    assert provider.quirks_of("qwen3-vl-plus").vision
    changed = provider.quirks_of("qwen-plus", {"vision": True, "tool_choices": ["named"]})
    assert changed.vision
    assert changed.tool_choices == ("named",)


@pytest.mark.parametrize("bad", [{"visions": True}, {"json": "xml"}, {"batch": "many"}])
def test_a_row_cannot_change_what_there_is_not(bad: dict[str, Any]) -> None:
    with pytest.raises(BadQuirks) as caught:
        registry.get_provider("custom").quirks_of("m", bad)
    assert next(iter(bad)) in caught.value.text("zh")
    assert "weak_tools" in caught.value.text("en")


@pytest.mark.parametrize("model", ["deepseek-v4-flash", "deepseek-v4-pro"])
async def test_deepseek_gets_its_reasoning_back_even_when_there_is_none(
    stand: ModelStand, model: str
) -> None:
    messages = await _conversation(stand, "deepseek", model)
    assert messages[2]["reasoning_content"] == ""


async def test_deepseek_gets_what_it_thought(stand: ModelStand) -> None:
    stand.vendor = "deepseek"
    where = target(stand, "deepseek", "deepseek-v4-flash")
    stand.answer = Reply({"reasoning_content": "cancel, then", **calls(("cancel", {"task_id": 1}))})
    for first in (
        await chat.exchange(where, ask(tools=(CANCEL,))),
        (await streamed(where, ask(tools=(CANCEL,))))[0],
    ):
        said = Turn("assistant", first.text, first.calls, raw=first.raw)
        result = Turn("tool", "ok", call_id=first.calls[0].id)
        await chat.exchange(where, Ask((user("x"), said, result), (CANCEL,)))
        assert stand.asked[-1]["messages"][1]["reasoning_content"] == "cancel, then"


async def test_without_need_nobody_gets_anothers_reasoning(stand: ModelStand) -> None:
    said = Turn("assistant", "42", raw={"role": "assistant", "content": "42",
                                        "reasoning_content": "hm", "odd": 1})  # fmt: skip
    await chat.exchange(target(stand, "qianfan", "ernie-5.1"), Ask((user("x"), said, user("y"))))
    assert stand.asked[0]["messages"][1] == {"role": "assistant", "content": "42"}


async def test_deepseek_json_has_the_word_in_its_prompt(stand: ModelStand) -> None:
    stand.vendor = "deepseek"
    stand.answer = '{"city": "B", "days": 1}'
    where = target(stand, "deepseek", "deepseek-v4-flash")
    assert (await chat.exchange(where, ask("Wie lange?", schema=SCHEMA))).data["days"] == 1
    assert stand.asked[0]["response_format"] == {"type": "json_object"}


@pytest.mark.parametrize(
    ("provider", "model", "effort", "sent"),
    [
        ("deepseek", "deepseek-v4-pro", "none", {"thinking": {"type": "disabled"}}),
        ("deepseek", "deepseek-v4-pro", "medium",
         {"thinking": {"type": "enabled"}, "reasoning_effort": "high"}),
        ("deepseek", "deepseek-v4-pro", "", {}),
        ("dashscope", "qwen3.7-plus", "none", {"enable_thinking": False}),
        ("dashscope", "qwen3.7-plus", "low", {"enable_thinking": True}),
        ("zhipu", "glm-5.2", "none", {"thinking": {"type": "disabled"}}),
        ("moonshot", "kimi-k2.6", "none", {"thinking": {"type": "disabled"}}),
        ("moonshot", "kimi-k3", "none", {"reasoning_effort": "low"}),
        ("moonshot", "kimi-k3", "high", {"reasoning_effort": "high"}),
        ("volcengine", "doubao-seed-1-8-251228", "none", {"thinking": {"type": "disabled"}}),
        ("qianfan", "ernie-5.1", "high", {"enable_thinking": True}),
        ("iflytek", "x1", "none", {"thinking": {"type": "disabled"}}),
        ("iflytek", "4.0Ultra", "none", {}),
        ("siliconflow", "Qwen/Qwen3.5-397B-A17B", "none", {"enable_thinking": False}),
        ("vllm", "qwen3", "none", {"chat_template_kwargs": {"enable_thinking": False}}),
        ("ollama", "qwen3", "none", {"reasoning_effort": "none"}),
        ("openai", "gpt-5-mini", "low", {"reasoning_effort": "low"}),
        ("minimax", "MiniMax-M2.7", "none", {}),
    ],
)  # fmt: skip
async def test_the_switch_of_thinking(
    stand: ModelStand, provider: str, model: str, effort: str, sent: dict[str, Any]
) -> None:
    await chat.exchange(target(stand, provider, model), ask(effort=effort))
    fields = ("thinking", "enable_thinking", "reasoning_effort", "chat_template_kwargs")
    assert {key: stand.asked[0][key] for key in fields if key in stand.asked[0]} == sent


@pytest.mark.parametrize(
    ("provider", "model", "effort", "sent"),
    [
        ("deepseek", "deepseek-v4-pro", "", None),
        ("deepseek", "deepseek-v4-pro", "none", 0.0),
        ("moonshot", "kimi-k3", "", None),
        ("moonshot", "kimi-k2.6", "none", None),
        ("moonshot", "moonshot-v1-8k", "", 0.0),
        ("minimax", "MiniMax-M2.7", "", 0.01),
        ("iflytek", "4.0Ultra", "", 0.01),
        ("openai", "gpt-5-mini", "", None),
        ("openai", "gpt-4.1-mini", "", 0.0),
        ("custom", "any", "", 0.0),
    ],
)
async def test_the_temperature_that_each_takes(
    stand: ModelStand, provider: str, model: str, effort: str, sent: float | None
) -> None:
    await chat.exchange(target(stand, provider, model), ask(effort=effort))
    assert stand.asked[0].get("temperature") == sent


async def test_kimi_takes_what_it_is_sent(stand: ModelStand) -> None:
    for model in ("kimi-k3", "kimi-k2.6"):
        messages = await _conversation(stand, "moonshot", model)
        assert "reasoning_content" in messages[2]
        stand.answer = calls(("cancel", {"task_id": 1}))
        where = target(stand, "moonshot", model)
        answer = await chat.exchange(
            where, ask(tools=(CANCEL,), choice="cancel", effort="none", temperature=0.7)
        )
        assert answer.calls


async def test_qwen_thinks_in_streams_only(stand: ModelStand) -> None:
    stand.vendor = "dashscope"
    stand.answer = Reply({"reasoning_content": "hm", "content": "42"})
    where = target(stand, "dashscope", "qwen3.7-plus")
    answer = await chat.exchange(where, ask())
    assert (answer.text, answer.reasoning, answer.usage.known) == ("42", "hm", True)
    assert stand.asked[0]["stream"]
    await chat.exchange(where, ask(effort="none"))
    assert "stream" not in stand.asked[1]


async def test_qwen_does_not_know_required(stand: ModelStand) -> None:
    stand.vendor = "dashscope"
    stand.answer = calls(("cancel", {"task_id": 1}))
    where = target(stand, "dashscope", "qwen3.7-plus")
    answer = await chat.exchange(where, ask(tools=(CANCEL,), choice="required"))
    assert answer.calls
    assert "tool_choice" not in stand.asked[0]


async def test_minimax_takes_what_it_is_sent(stand: ModelStand) -> None:
    messages = await _conversation(stand, "minimax", "MiniMax-M2.7")
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "tool"]
    assert messages[0]["content"] == "a\n\nb"
    assert stand.asked[0]["reasoning_split"] is True


async def test_minimax_streams_and_its_thoughts_go_back(stand: ModelStand) -> None:
    stand.vendor = "minimax"
    details = [{"type": "reasoning.text", "index": 0, "text": "let me "}]
    more = [{"type": "reasoning.text", "index": 0, "text": "see"}]
    stand.answer = Reply({"reasoning_details": details, "content": "42"})
    where = target(stand, "minimax", "MiniMax-M2.7")
    answer, _ = await streamed(where, ask())
    assert (answer.text, answer.reasoning) == ("42", "let me ")
    assert not answer.usage.known
    assert answer.raw is not None
    assert answer.raw["reasoning_details"] == details
    turns = (user("x"), Turn("assistant", "42", raw=answer.raw), user("y"))
    await chat.exchange(where, Ask(turns))
    assert stand.asked[-1]["messages"][1]["reasoning_details"] == details
    assert more != details


async def test_iflytek_leaves_the_reason_out(stand: ModelStand) -> None:
    extra = {"code": 0, "message": "Success", "sid": "cha1"}
    stand.answer = Reply("你好", finish=None, extra=extra)
    where = target(stand, "iflytek", "4.0Ultra")
    whole = await chat.exchange(where, ask())
    pieces, _ = await streamed(where, ask())
    assert (whole.text, pieces.text, whole.finish) == ("你好", "你好", "stop")
    assert "stream_options" not in stand.asked[1]


async def test_iflytek_may_complain_in_a_stream(stand: ModelStand) -> None:
    stand.answer = Reply("你", fault={"code": 11202, "message": "秒级流控超限", "sid": "c"})
    with pytest.raises(ModelError) as caught:
        await streamed(target(stand, "iflytek", "4.0Ultra"), ask())
    assert caught.value.code == "rate"


@pytest.mark.parametrize("vendor", ["vllm", "ollama"])
async def test_private_servers_without_tools_are_asked_for_json(
    stand: ModelStand, vendor: str
) -> None:
    stand.vendor = vendor
    stand.answer = '{"skill": "cancel", "arguments": {"task_id": 9}}'
    where = target(stand, vendor, "qwen2.5")
    for answer in (
        await chat.exchange(where, ask(tools=(CANCEL,))),
        (await streamed(where, ask(tools=(CANCEL,))))[0],
    ):
        assert isinstance(answer, Answer)
        assert answer.calls[0].arguments == {"task_id": 9}
    assert all("tools" not in body for body in stand.asked)


async def test_ollama_ignores_the_choice(stand: ModelStand) -> None:
    chosen = '{"skill": "cancel", "arguments": {"task_id": 9}}'
    stand.answers = ["I will.", chosen]
    where = target(stand, "ollama", "qwen2.5")
    answer = await chat.exchange(where, ask(tools=(CANCEL,), choice="required"))
    assert answer.calls[0].arguments == {"task_id": 9}
    assert "tool_choice" not in stand.asked[0]


async def test_openai_wants_another_limit(stand: ModelStand) -> None:
    stand.vendor = "openai"
    await chat.exchange(target(stand, "openai", "gpt-4.1-mini"), ask(max_tokens=7))
    assert stand.asked[0]["max_completion_tokens"] == 7


async def test_thinking_has_room_of_its_own(stand: ModelStand) -> None:
    where = target(stand, "deepseek", "deepseek-v4-flash")
    await chat.exchange(where, ask(max_tokens=100))
    await chat.exchange(where, ask(max_tokens=100, effort="none"))
    assert [body["max_tokens"] for body in stand.asked] == [8292, 100]


async def test_a_row_may_send_fields_and_headers(stand: ModelStand) -> None:
    where = target(
        stand, "qianfan", "ernie-5.1", headers={"appid": "app-1"}, extra={"web_search": True}
    )
    await chat.exchange(where, ask())
    assert stand.asked[0]["web_search"] is True
    call = stand.calls_to("/chat/completions")[0]
    assert call.headers["appid"] == "app-1"
    assert call.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("provider", "address", "model", "told"),
    [
        ("tencent", "https://api.hunyuan.cloud.tencent.com/v1", "hy3", "2026-09-30"),
        ("tencent", "https://tokenhub.tencentmaas.com/v1", "hunyuan-turbos-latest", "hy3"),
        ("zhipu", "https://open.bigmodel.cn/api/paas/v1", "glm-5.2", "/v4"),
        ("deepseek", "https://api.deepseek.com", "deepseek-chat", "deepseek-v4"),
    ],
)
def test_what_has_changed_is_told(provider: str, address: str, model: str, told: str) -> None:
    found = registry.get_provider(provider).warnings(address, model)
    assert len(found) == 1
    assert told in found[0].zh
    assert told in found[0].en


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_sound_address_is_not_warned_of(name: str) -> None:
    provider = registry.get_provider(name)
    for model in provider.suggestions:
        assert provider.warnings(provider.base_url, model) == []


@pytest.mark.parametrize("name", sorted(NAMES))
async def test_no_test_can_reach_a_real_vendor(name: str) -> None:
    """The guard of the tests stops the attempt before a name server is asked."""
    provider = registry.get_provider(name)
    if provider.zone == "internal" or not provider.base_url:
        return
    where = Target("m", name, provider.base_url, provider.suggestions[0], Secret("sk-none"))
    with pytest.raises(NetworkUsed):
        await chat.exchange(where, ask())


async def test_bad_quirks_are_told_before_anything_is_sent(stand: ModelStand) -> None:
    with pytest.raises(BadQuirks):
        await chat.exchange(target(stand, nonsense=1), ask())
    assert not stand.asked
    assert not issubclass(BadQuirks, BadRequest)
