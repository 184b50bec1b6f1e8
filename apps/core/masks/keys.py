"""Keys and tokens that their vendors' prefixes give away, private keys, and what `Bearer` carries.

The shapes are the published ones of each vendor. Entropy alone is no sign: hashes and ids have it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from apps.core.masks.found import Span

_A = "[A-Za-z0-9]"
_SHAPES = re.compile(
    r"(?<![A-Za-z0-9_-])(?:"
    # OpenAI, Anthropic, DeepSeek, Qwen, Kimi and others; `sk-learn` is a library.
    rf"sk-(?:[a-z]{{2,8}}[0-9]{{0,2}}-)*(?=[A-Za-z0-9_-]{{0,80}}{_A}{{16}})[A-Za-z0-9_-]{{20,200}}"
    rf"|LTAI{_A}{{12,30}}|AKID{_A}{{13,40}}|(?:AKIA|ASIA)[A-Z0-9]{{16}}|AKLT{_A}{{16,60}}"
    rf"|bce-v3/ALTAK-{_A}{{10,40}}/[a-f0-9]{{20,64}}|ALTAK-{_A}{{10,40}}"
    rf"|gh[pousr]_{_A}{{30,255}}|github_pat_[A-Za-z0-9_]{{30,255}}|glpat-[A-Za-z0-9_-]{{20,64}}"
    r"|xox[a-z]-[A-Za-z0-9-]{10,250}|xapp-[A-Za-z0-9-]{10,250}|AIza[A-Za-z0-9_-]{35}"
    rf"|ya29\.[A-Za-z0-9_-]{{20,500}}|GOCSPX-[A-Za-z0-9_-]{{20,40}}|hf_{_A}{{30,40}}|npm_{_A}{{36}}"
    rf"|pypi-[A-Za-z0-9_-]{{50,500}}|SG\.[A-Za-z0-9_-]{{16,32}}\.[A-Za-z0-9_-]{{32,64}}"
    rf"|[srp]k_(?:live|test)_{_A}{{16,200}}|whsec_[A-Za-z0-9+/=_-]{{16,200}}|shp(?:at|ss|ca|pa)_[a-f0-9]{{32}}"
    rf"|dop_v1_[a-f0-9]{{64}}|gsk_{_A}{{40,80}}|tvly-[A-Za-z0-9-]{{20,60}}|nvapi-[A-Za-z0-9_-]{{40,100}}"
    r"|clawdbot_[A-Za-z0-9_-]{32,}|v1\.A256GCM\.[A-Za-z0-9._-]{20,}"
    # JSON web tokens (RFC 7519), Telegram's bots, Zhipu's id and secret.
    r"|eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{4,8000}(?:\.[A-Za-z0-9_-]{0,2000})?"
    r"|[0-9]{8,12}:AA[A-Za-z0-9_-]{30,40}|[a-f0-9]{32}\.[A-Za-z0-9]{16}"
    r")(?![A-Za-z0-9])"
)
_DIGIT = re.compile(r"[0-9]")
_PEM = re.compile(
    r"-----BEGIN (?P<what>[A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?)-----[^-]{0,16000}"
    r"(?:-----END (?P=what)-----)?"
)
_BEARER = re.compile(
    r"(?i:bearer[ :]{1,3}|authorization[\"']?[ :=]{1,4}[\"']?(?:basic|token) |"
    r"x-api-key[\"']?[ :=]{1,4}[\"']?)"
    r"(?P<key>[A-Za-z0-9._~+/-]{12,4000}={0,2})"
)
_HOOK = re.compile(
    r"https://(?:hooks\.slack\.com/(?:services|triggers)/(?P<slack>[A-Za-z0-9/_-]{20,120})"
    r"|open\.(?:feishu\.cn|larksuite\.com)/open-apis/bot/v2/hook/(?P<feishu>[a-f0-9-]{20,60})"
    r"|qyapi\.weixin\.qq\.com/cgi-bin/webhook/send\?key=(?P<wecom>[a-f0-9-]{20,60}))"
)


def find(text: str) -> Iterator[Span]:
    """Keys in a folded text."""
    for match in _SHAPES.finditer(text):
        if _DIGIT.search(match.group()):
            yield Span(match.start(), match.end(), "API_KEY")
    if "PRIVATE KEY" in text:
        for match in _PEM.finditer(text):
            yield Span(match.start(), match.end(), "API_KEY")
    for match in _BEARER.finditer(text):
        if _DIGIT.search(match["key"]):
            yield Span(match.start("key"), match.end("key"), "API_KEY")
    if "https://" in text:
        for match in _HOOK.finditer(text):
            name = match.lastgroup or ""
            yield Span(match.start(name), match.end(name), "API_KEY")
