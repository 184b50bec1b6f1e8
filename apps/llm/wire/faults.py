"""Turns what a vendor complains of into one of our ten errors.

Looked at in this order: the vendor's own words and codes, what a message says anywhere, codes that
many share, the HTTP status. A message comes before those because many send one code for everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from apps.llm.errors import (
    Auth,
    BadRequest,
    Balance,
    ContentIn,
    FormatRefused,
    ModelError,
    Overloaded,
    Rate,
    Timeout,
    TooLong,
    ToolsRefused,
)
from apps.llm.provider import Complaint
from apps.llm.wire.line import Line
from apps.llm.wire.waiting import after

#: HTTP, and 529 and 451 as vendors use them.
_STATUSES: dict[int, type[ModelError]] = {
    401: Auth, 403: Auth, 402: Balance, 408: Timeout, 413: TooLong, 429: Rate, 451: ContentIn,
    504: Timeout,
}  # fmt: skip
#: Codes and types of OpenAI, which most copy, and of llama.cpp.
_CODES: dict[str, type[ModelError]] = {
    "invalid_api_key": Auth,
    "authentication_error": Auth,
    "permission_error": Auth,
    "insufficient_quota": Balance,
    "billing_hard_limit_reached": Balance,
    "rate_limit_exceeded": Rate,
    "rate_limit_error": Rate,
    "context_length_exceeded": TooLong,
    "exceed_context_size_error": TooLong,
    "content_filter": ContentIn,
    "content_policy_violation": ContentIn,
    "server_error": Overloaded,
    "unavailable_error": Overloaded,
}
#: What a message says, in lower case. The first five words of vLLM's and Ollama's refusals are
#: quoted in docs.vllm.ai (tool calling) and in github.com/ollama/ollama (routes.go).
_WORDS: tuple[tuple[type[ModelError], tuple[str, ...]], ...] = (
    (ToolsRefused, ("enable-auto-tool-choice", "tool-call-parser", "does not support tools",
                    "tools is not supported", "tool use is not supported")),
    (FormatRefused, ("response_format", "json_schema", "json_object")),
    (TooLong, ("context length", "context size", "context window", "token limit", "too many tokens",
               "token length too long", "range of input length", "tokens_too_long")),
    (Balance, ("insufficient balance", "insufficient account balance", "余额不足", "欠费",
               "exceeded your current quota", "account is in arrears", "good standing")),
)  # fmt: skip
_SAFE = re.compile(r"[^\w.:/-]+")


def fault(line: Line, status: int, complaint: Complaint, headers: Mapping[str, str]) -> ModelError:
    """The error behind a complaint. `status` may be 200: then a code that is one counts."""
    status = _meant(status, complaint.codes)
    kind = _kind(line, status, complaint)
    return kind(
        f"HTTP {status}: {' '.join(complaint.codes)}: {complaint.message}",
        after=after(headers),
        model=line.target.name,
        why=_why(status, complaint.codes),
    )


def _kind(line: Line, status: int, complaint: Complaint) -> type[ModelError]:
    provider = line.provider
    message = " ".join((*complaint.codes, complaint.message)).lower()
    return (
        next((kind for word, kind in provider.words.items() if word in message), None)
        or _by_code(complaint.codes, provider.codes)
        or _by_words(status, message)
        or _by_code(complaint.codes, _CODES)
        or _STATUSES.get(status)
        or (Overloaded if status >= 500 or status < 300 else BadRequest)
    )


def _by_code(
    codes: Iterable[str], known: Mapping[str, type[ModelError]]
) -> type[ModelError] | None:
    for code in codes:
        # `RateLimitExceeded.EndpointRPMExceeded` of one, `InternalError.Algo.InvalidParameter` of
        # another: what is known may stand at either end.
        for form in (code, code.rpartition(".")[2], code.partition(".")[0]):
            if form in known:
                return known[form]
    return None


def _by_words(status: int, message: str) -> type[ModelError] | None:
    for kind, words in _WORDS:
        if any(word in message for word in words):
            # A key without rights or a busy server says many words, but means only that.
            if status in {401, 429, 503} and kind is not Balance:
                return None
            return kind
    return None


def _meant(status: int, codes: Iterable[str]) -> int:
    """The status inside a body that came with 200, as vLLM and others put it there."""
    if status >= 300:
        return status
    numbers = (int(code) for code in codes if code.isascii() and code.isdigit())
    return next((number for number in numbers if 400 <= number < 600), status)


def _why(status: int, codes: Iterable[str]) -> str:
    """What may be shown to everybody: never the message, which may quote the question."""
    code = next(iter(codes), "")
    shown = _SAFE.sub("", code)[:60]
    return f"HTTP {status}, {shown}" if shown and shown != str(status) else f"HTTP {status}"
