"""Takes secrets out of text before it is logged: by their shape, and those in use by their value.

The shapes are the vendors' published ones (Slack xox…, OpenAI-like sk-…, Telegram number:token,
Standard Webhooks whsec_…, AWS AKIA…, JWT, PEM) and the names under which secrets usually travel.
All patterns are linear: a log line may hold anything.
"""

from __future__ import annotations

import functools
import re
import threading
from collections import OrderedDict

HIDDEN = "***"
_MIN_LENGTH = 8
_MAX_SECRETS = 256

_NAMES = (
    r"(?:[a-z0-9]{1,20}[_-])?"
    r"(?:token|(?:secret|password|passphrase|credential|cookie)s?|passwd|authorization)"
    r"|(?:app|client|corp|agent|bot|access|refresh|tenant|verification|session|csrf)"
    r"(?:secret|token)"
    r"|(?:api|secret|private|encrypt|aes|encodingaes)[_-]?key|signature|sign|ticket"
)
#: Whole names of fields whose value is a secret.
SECRET_NAME = re.compile(rf"(?i)(?:{_NAMES})")

_SHAPES = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[A-Za-z0-9+/=\s\\]*+"
    r"|\b(?:whsec_[A-Za-z0-9+/=_-]++|sk-[A-Za-z0-9_-]{8,}+"
    r"|xox[a-z]-[A-Za-z0-9-]++|xapp-[A-Za-z0-9-]++"
    r"|v1\.A256GCM\.[A-Za-z0-9._-]++|AKIA[A-Z0-9]{12,}+|gh[pousr]_[A-Za-z0-9]{20,}+"
    r"|clawdbot_[A-Za-z0-9_-]{40,}+"
    r"|eyJ[A-Za-z0-9_-]{6,}+\.[A-Za-z0-9_-]++(?:\.[A-Za-z0-9_-]++)?)"
)
_TELEGRAM = re.compile(r"(?<![0-9])[0-9]{6,12}:[A-Za-z0-9_-]{30,}+")
# A refused request is logged with its path, and the one-time link in it may still be good.
_LINK = re.compile(r"(/sign-in/)[A-Za-z0-9_-]{8,}+")
_SCHEMES = re.compile(r"(?i)\b(bearer|basic)(\s+|%20)[A-Za-z0-9._~+/=-]{6,}+")
_USERINFO = re.compile(r"(://)[^\s/@:\"'<>]{0,200}:[^\s/@\"'<>]{1,200}@")
_NAMED = rf"(?i)(?<![a-z0-9])({_NAMES})"
_QUOTED = re.compile(
    _NAMED + r"(\\*[\"']\s{0,3}[:=,]\s{0,3}|\s{0,3}[:=]\s{0,3})([bru]?\\*[\"'])[^\"']++"
)
_PLAIN = re.compile(
    _NAMED + r"(\s{0,3}[:=]\s{0,3}|[\"']\s{0,3}:\s{0,3})"
    r"(?!\s|\*\*\*|(?:none|null|true|false)\b|(?:bearer|basic)\s)[^\s\"'\\,;&}\])<>]++"
)

_NAME_HINTS = (
    "token", "secret", "passw", "passphrase", "credential", "cookie", "authorization", "key",
    "sign", "ticket",
)  # fmt: skip
# Words (lower case) without one of which a pattern cannot match: most lines have none of them,
# and looking for a word is a hundred times cheaper than running a pattern.
_RULES: list[tuple[tuple[str, ...], re.Pattern[str], str]] = [
    (
        (
            *("private key", "whsec_", "sk-", "xox", "xapp-", "a256gcm", "akia", "eyj"),
            *("clawdbot_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
        ),
        _SHAPES,
        HIDDEN,
    ),
    ((":",), _TELEGRAM, HIDDEN),
    (("/sign-in/",), _LINK, rf"\1{HIDDEN}"),
    (("bearer", "basic"), _SCHEMES, rf"\1\2{HIDDEN}"),
    (("@",), _USERINFO, rf"\1{HIDDEN}@"),
    (_NAME_HINTS, _QUOTED, rf"\1\2\3{HIDDEN}"),
    (_NAME_HINTS, _PLAIN, rf"\1\2{HIDDEN}"),
]

_lock = threading.Lock()
_in_use: OrderedDict[str, None] = OrderedDict()
_generation = 0  # of what is in use


def hide(secret: str) -> None:
    """From now on take this very value out of every text (the newest 256 are remembered).

    Values under 8 characters are not: they would blot out ordinary words.
    """
    global _generation
    if len(secret) < _MIN_LENGTH or secret in _in_use:
        return
    with _lock:
        _in_use[secret] = None
        while len(_in_use) > _MAX_SECRETS:
            _in_use.popitem(last=False)
        # Not just emptied: a thread that is looking now would remember what it found before.
        _generation += 1
        _scrub_short.cache_clear()


def scrub(text: str) -> str:
    """Return ``text`` with secrets replaced by ``***``."""
    if len(text) < _MIN_LENGTH:
        return text
    return _scrub_short(text, _generation) if len(text) <= _SHORT else _scrub(text)


def _scrub(text: str, generation: int = 0) -> str:
    for secret in list(_in_use):
        if secret in text:
            text = text.replace(secret, HIDDEN)
    lowered = text.lower()
    for hints, pattern, replacement in _RULES:
        if any(hint in lowered for hint in hints):
            text = pattern.sub(replacement, text)
    return text


#: What is logged again and again is short: names of events, of states, of reasons.
_SHORT = 64
_scrub_short = functools.lru_cache(maxsize=512)(_scrub)
