"""What checking a model says, in both languages: what was seen, why, and what to do."""

from __future__ import annotations

from apps.core.errors import ClawdbotError
from apps.core.i18n import Text, both

SKIPPED = both("前面的步骤没有通过，未检查。", "Not looked at, because a step before it failed.")
REACHABLE = both("可以连接（HTTP {status}）。", "It can be reached (HTTP {status}).")
UNREACHABLE = both(
    "连不上：{why}请检查地址、端口、防火墙和证书。",
    "It cannot be reached: {why} Look at the address, the port, the firewall and the certificate.",
)
KEY = both("密钥有效。", "The key is accepted.")
KEY_NOT_NEEDED = both("没有设置密钥，也不需要。", "No key is set, and none is needed.")
KEY_UNKNOWN = both("还不能确定密钥是否有效。", "Whether the key is good cannot be told yet.")
NO_KEY = both(
    "需要密钥，但没有设置。请在厂商控制台创建后填入。（{detail}）",
    "A key is needed and none is set. Make one in the vendor's console and set it. ({detail})",
)
BAD_KEY = both(
    "密钥不被接受。请确认没有多余的空格、没有过期，并且属于这个地址。（{detail}）",
    "The key is not accepted. See that it has no spaces round it, has not expired, and belongs to "
    "this address. ({detail})",
)
CHAT = both("可以对话，它回答：{text}", "It answers: {text}")
REFUSED = both(
    "{why}请核对模型名 {model} 与厂商控制台（或 GET /models）列出的一致。",
    "{why} See that the model's name, {model}, is one that the vendor's console (or GET /models) "
    "lists.",
)
STREAMS = both("可以流式输出（{pieces} 段）。", "It streams ({pieces} pieces).")
ONE_PIECE = both(
    "流式请求一次性返回了全部内容；代理可能在缓冲，请在代理上关闭缓冲。",
    "A stream came in one piece; a proxy between may be buffering: switch that off there.",
)
TOOLS = both("支持工具调用（{call}）。", "It calls tools ({call}).")
TOOLS_AS_JSON = both(
    "不直接支持工具调用，已改用 JSON 方式，可以正常使用（{call}）。",
    "It does not call tools by itself; asked for JSON instead, it does ({call}).",
)
TOOLS_WEAK = both(
    "没有直接调用工具，改用 JSON 方式才成功（{call}）。请在“差异”里设置 weak_tools=true。",
    'It called no tool until it was asked for JSON ({call}). Set "weak_tools": true in its quirks.',
)
NO_TOOLS = both(
    "不会调用工具：{why}理解和规划请另选一个模型；私有服务请检查 tool-call-parser。",
    "It calls no tools: {why} Choose another model for understanding and planning; for a private "
    "server, look at its tool-call-parser.",
)
SCHEMA = {
    "schema": both("按 JSON Schema 回答。", "It answers by a JSON schema."),
    "object": both(
        "以 JSON 回答，Schema 由提示词给出。", "It answers JSON; the schema is in the prompt."
    ),
    "none": both(
        "没有 JSON 模式，只靠提示词，可以使用。", "It has no JSON mode; the prompt alone does."
    ),
}
NO_SCHEMA = both(
    '不能按要求的格式回答：{why}可以在“差异”里把 json 设为 "object" 或 "none"，或换一个模型。',
    'It does not answer in the format that was asked for: {why} Set "json" to "object" or "none" '
    "in its quirks, or choose another model.",
)
REASONING = {
    True: both("会思考，思考过程已与回答分开。", "It thinks, and its thoughts are kept apart."),
    False: both("没有看到思考过程。", "It showed no thoughts."),
}
USAGE = both("报告用量。", "It tells what was used.")
USAGE_ESTIMATED = both(
    "没有报告用量，将按字数估算。", "It does not tell what was used; that will be estimated."
)
SPEED = both(
    "首个 token 用时 {first} 毫秒，每秒 {rate} 个 token。",
    "The first token after {first} ms, then {rate} tokens a second.",
)
EMBEDDING = both("可以生成向量（{size} 维）。", "It makes vectors ({size} dimensions).")
TOOK = both("用时 {ms} 毫秒。", "It took {ms} ms.")


def of(error: ClawdbotError) -> Text:
    """An error's text with its detail, which an administrator may see."""
    told = error.texts().format(**error.params)
    if not error.detail:
        return told
    return both(f"{told.zh}（{error.detail}）", f"{told.en} ({error.detail})")
