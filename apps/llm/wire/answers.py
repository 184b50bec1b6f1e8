"""Makes an answer of what was gathered: its end, its calls, its cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.core.i18n import both
from apps.llm.errors import BadAnswer, ContentOut, Cut, ModelError, Overloaded
from apps.llm.shapes import Answer, Ask, Finish, Usage
from apps.llm.wire import toolcalls
from apps.llm.wire.gathered import Gathered
from apps.llm.wire.line import Line
from apps.llm.wire.tokens import estimate, of_request, told

#: Reasons beside OpenAI's: Zhipu's `sensitive` and `network_error` (docs.bigmodel.cn), DeepSeek's
#: `insufficient_system_resource` (api-docs.deepseek.com), SGLang's and vLLM's `abort`.
_BLOCKED = frozenset({"content_filter", "sensitive", "blocked"})
_CUT = frozenset({"length", "max_tokens", "model_length", "model_context_window_exceeded"})
_BROKEN = frozenset({"network_error", "insufficient_system_resource", "abort", "error"})


@dataclass(frozen=True, slots=True)
class Said:
    """An answer, and what was wrong with a call in it that cannot be used."""

    answer: Answer
    broken: str = ""


def said(line: Line, ask: Ask, body: Mapping[str, Any], gathered: Gathered) -> Said:
    """The answer. Raises `ContentOut`, `Overloaded` or `Cut`, each with what it cost."""
    usage = _usage(body, gathered)
    if gathered.finish in _BLOCKED:
        raise costing(ContentOut(gathered.finish, model=line.target.name), usage)
    if gathered.finish in _BROKEN:
        raise costing(Overloaded(gathered.finish, model=line.target.name), usage)
    calls, text = _calls(ask, gathered)
    finish: Finish = "length" if gathered.finish in _CUT else "stop"
    if finish == "length" and _useless(ask, gathered, calls):
        raise costing(Cut(model=line.target.name, limit=body[line.quirks.limit_field]), usage)
    answer = Answer(
        text, calls.good, finish="tool_calls" if calls.good and finish == "stop" else finish,
        reasoning=gathered.reasoning, usage=usage, model=line.target.name, raw=gathered.message(),
    )  # fmt: skip
    return Said(answer, calls.broken)


def _calls(ask: Ask, gathered: Gathered) -> tuple[toolcalls.Calls, str]:
    if not ask.tools or ask.choice == "none":
        return toolcalls.Calls(), gathered.text
    if gathered.calls:
        return toolcalls.native(gathered.calls), gathered.text
    return toolcalls.in_text(gathered.text, ask.tools, ask.choice)


def _useless(ask: Ask, gathered: Gathered, calls: toolcalls.Calls) -> bool:
    """Is half of this answer worth nothing? Half a JSON text may even look like a whole one."""
    if gathered.calls or calls.good:
        return bool(calls.broken)
    return ask.schema is not None or bool(calls.broken) or not gathered.text.strip()


def _usage(body: Mapping[str, Any], gathered: Gathered) -> Usage:
    used = gathered.usage or {}
    put_in, out = used.get("prompt_tokens"), used.get("completion_tokens")
    if told(put_in) and told(out) and put_in + out > 0:
        return Usage(put_in, out)
    made = "".join(str(one["function"].get("arguments") or "") for one in gathered.calls)
    return Usage(of_request(body), estimate(gathered.text + gathered.reasoning + made), known=False)


def sum_of(one: Usage, other: Usage) -> Usage:
    """What two calls cost together."""
    return Usage(
        one.tokens_in + other.tokens_in,
        one.tokens_out + other.tokens_out,
        one.known and other.known,
    )


def costing(error: ModelError, usage: Usage) -> ModelError:
    """The error, with what was spent until it."""
    error.usage = usage
    return error


def unusable(line: Line, detail: str) -> ModelError:
    """For an answer that is none of what was asked for."""
    why = both("没有按要求的格式回答", "it is not what was asked for")
    return BadAnswer(detail, model=line.target.name, why=why)
