"""How strict each vendor is, and how it words its errors, written apart from the providers.

Sources: the vendors' pages that `apps/llm/providers` names, read for what they refuse.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apps.simulate.server import Answer

Body = dict[str, Any]


def objection(vendor: str, body: Body) -> Answer | None:
    """What that vendor refuses about a request, None for nothing."""
    check = _CHECKS.get(vendor)
    return check(body) if check else None


def openai_error(status: int, message: str, **codes: Any) -> Answer:
    """`{"error": {…}}` with the codes that this one sends."""
    return Answer(status, {"error": {"message": message, **codes}})


def base_resp(code: int, message: str) -> Answer:
    """An error of MiniMax, inside a 200."""
    return Answer(200, {"choices": None, "base_resp": {"status_code": code, "status_msg": message}})


def spark_error(code: int, message: str, status: int = 200) -> Answer:
    """An error of iFlytek's."""
    return Answer(status, {"code": code, "message": message, "sid": "cha000b0001"})


def _deepseek(body: Body) -> Answer | None:
    thinks = (body.get("thinking") or {}).get("type") != "disabled"
    for message in body["messages"]:
        if message.get("tool_calls") and "reasoning_content" not in message and thinks:
            return openai_error(
                400, "The `reasoning_content` in the thinking mode must be passed back to the API.",
                type="invalid_request_error", code="invalid_request_error",
            )  # fmt: skip
    return _json_word(body)


def _json_word(body: Body) -> Answer | None:
    wanted = (body.get("response_format") or {}).get("type")
    if wanted == "json_schema":
        return openai_error(
            400, "This response_format type is unavailable now", code="invalid_request_error"
        )
    if wanted == "json_object" and "json" not in str(body["messages"]).lower():
        return openai_error(
            400, "Prompt must contain the word 'json' in some form to use "
            "'response_format' of type 'json_object'.", code="invalid_request_error",
        )  # fmt: skip
    return None


def _dashscope(body: Body) -> Answer | None:
    if body.get("tool_choice") == "required":
        return openai_error(
            400, "tool_choice is one of the strings that should be [\"none\", \"auto\"]",
            code="invalid_parameter_error",
        )  # fmt: skip
    if body.get("enable_thinking", True) and not body.get("stream"):
        return openai_error(
            400, "parameter.enable_thinking must be set to false for non-streaming calls",
            code="invalid_parameter_error",
        )  # fmt: skip
    return None


def _moonshot(body: Body) -> Answer | None:
    if body.get("temperature", 1) != 1:
        return openai_error(
            400, "invalid temperature: only 1 is allowed for this model",
            type="invalid_request_error",
        )  # fmt: skip
    if isinstance(body.get("tool_choice"), dict):
        return openai_error(
            400, "tool_choice 'specified' is incompatible with thinking enabled",
            type="invalid_request_error",
        )  # fmt: skip
    if (body.get("thinking") or {}).get("type") == "disabled" and body["model"].startswith(
        "kimi-k3"
    ):
        return openai_error(400, "thinking cannot be disabled", type="invalid_request_error")
    return _deepseek(body) if body["model"] != "moonshot-v1-8k" else None


def _minimax(body: Body) -> Answer | None:
    systems = [n for n, one in enumerate(body["messages"]) if one["role"] == "system"]
    if systems not in ([], [0]):
        return base_resp(2013, "invalid params, invalid message role: system")
    if any(one.get("content") is None for one in body["messages"]):
        return base_resp(2013, "invalid params, content is null")
    if not 0 < body.get("temperature", 1) <= 1:
        return base_resp(2013, "invalid params, temperature must be in (0, 1]")
    for unknown in ("stream_options", "tool_choice"):
        if unknown in body:
            return base_resp(2013, f"invalid chat setting: {unknown}")
    return None


def _vllm(body: Body) -> Answer | None:
    """Started without a parser of tool calls."""
    if body.get("tools") and body.get("tool_choice", "auto") == "auto":
        message = (
            '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'
        )
        return Answer(
            400, {"object": "error", "message": message, "type": "BadRequestError", "code": 400}
        )
    return None


def _ollama(body: Body) -> Answer | None:
    """A model whose template knows no tools."""
    if body.get("tools"):
        name = f"registry.ollama.ai/library/{body['model']}"
        return openai_error(400, f"{name} does not support tools", type="api_error", code=None)
    return None


def _openai(body: Body) -> Answer | None:
    if "max_tokens" in body:
        return openai_error(
            400, "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
            "'max_completion_tokens' instead.", code="unsupported_parameter",
        )  # fmt: skip
    return None


_CHECKS: dict[str, Callable[[Body], Answer | None]] = {
    "deepseek": _deepseek,
    "dashscope": _dashscope,
    "moonshot": _moonshot,
    "minimax": _minimax,
    "vllm": _vllm,
    "ollama": _ollama,
    "openai": _openai,
}
