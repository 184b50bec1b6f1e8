"""What a bot's traffic says: what no vendor's API tells, told the same way for every platform."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from apps.core import clock
from apps.core.http import Door, HttpError
from apps.core.i18n import Text, both
from apps.im.platform import Platform
from apps.im.shapes import Check, Facts

REACH_S = 5.0
#: A clock that is further off makes signatures stale, sooner or later.
CLOCK_S = 60.0

_OK = both("正常", "fine")
_LOCAL = both(
    "{address} 只在本机有效，平台访问不到。请设置 CLAWDBOT_PUBLIC_URL 为公网 HTTPS 地址{stream}",
    "{address} is an address of this machine only, which the platform cannot reach. Set "
    "CLAWDBOT_PUBLIC_URL to a public HTTPS address{stream}",
)
_OR_STREAM = both("，或改用 connection=stream", ", or use connection=stream")
_NO_ANSWER = both(
    "{address} 没有应答（{why}）。请检查域名、反向代理和防火墙",
    "{address} gives no answer ({why}). Look at the name, the proxy and the firewall",
)
_CLOCK = both(
    "本机时钟与平台相差 {seconds} 秒，签名会被判为过期。请启用 NTP",
    "this machine's clock is {seconds} s apart from the platform's, so that signatures count as "
    "stale. Have NTP set it",
)
_REFUSED = both(
    "收到过请求但被拒绝（{reason}），之后没有收到有效事件。{mend}",
    "requests came but were refused ({reason}), and no good event came after. {mend}",
)
_MENDS = {
    "bad_signature": both(
        "签名密钥与平台上的不一致，请重新复制。",
        "The signing secret differs from the platform's; copy it anew.",
    ),
    "missing_signature": both(
        "请求没有签名，请在平台上启用签名或加密。",
        "They carry no signature; switch signing or encryption on at the platform.",
    ),
    "bad_token": both(
        "校验 token 与平台上的不一致。", "The verification token differs from the platform's."
    ),
    "stale": both(
        "时间戳过期，请校准本机时钟（NTP）。",
        "Their timestamps are too old; have NTP set this machine's clock.",
    ),
    "bad_ciphertext": both(
        "解密失败，加密密钥与平台上的不一致。",
        "They cannot be decrypted; the encryption key differs from the platform's.",
    ),
    "receive_id_mismatch": both(
        "事件属于另一个应用或企业，请核对应用编号。",
        "They belong to another app or company; compare the app's id.",
    ),
}
_LOOK = both("请核对机器人的设置。", "Compare the bot's settings.")
_NO_EVENT = both(
    "还没有收到过任何事件。{hint}然后给机器人发一条消息再检查",
    "no event has ever come. {hint}Then write to the bot and check again",
)
_VERIFIED = both(
    "平台校验过地址，但还没有收到过事件。{hint}然后给机器人发一条消息再检查",
    "the platform has checked the address, but no event has ever come. {hint}Then write to the "
    "bot and check again",
)
_NO_CLICK = both(
    "发出过带按钮的卡片，但从未收到点击。{hint}如果只是没有人点过，点一次再检查",
    "cards with buttons were sent, but no click has ever come. {hint}If nobody pressed one yet, "
    "press one and check again",
)


async def reachable(door: Door, platform: Platform, address: str, api_base: str) -> Check:
    """Can the platform reach the address for events? Asked from here, which is not from there."""
    host = urlsplit(address).hostname or ""
    if _is_local(host) and not _is_local(urlsplit(api_base).hostname or ""):
        stream = _OR_STREAM if "stream" in platform.connections else both("", "")
        said = both(
            _LOCAL.zh.format(address=address, stream=stream.zh),
            _LOCAL.en.format(address=address, stream=stream.en),
        )
        return Check("address", False, said)
    parts = urlsplit(address)
    alive = f"{parts.scheme}://{parts.netloc}/healthz/live"
    try:
        answer = await door.get(alive, configured=True, timeout=REACH_S)
        why = "" if answer.status == 200 else f"HTTP {answer.status}"
    except HttpError as error:
        why = error.reason
    if why:
        return Check("address", False, _NO_ANSWER.format(address=alive, why=why), sure=False)
    return Check("address", True, _OK)


async def clock_check(door: Door, api_base: str) -> Check | None:
    """Does this machine's clock agree with the platform's? None when the platform says no time."""
    try:
        answer = await door.get(api_base, configured=True, timeout=REACH_S)
    except HttpError:
        return None  # whether it can be reached is another check's business
    try:
        there = parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
    except (TypeError, ValueError):
        return None
    apart = round(clock.timestamp() - there)
    if abs(apart) > CLOCK_S:
        return Check("clock", False, _CLOCK.format(seconds=abs(apart)))
    return Check("clock", True, _OK)


def traffic(platform: Platform, facts: Facts) -> Iterator[Check]:
    """What came and what did not."""
    if not platform.abilities.receives:
        return
    if facts.refused_at > facts.event_at:
        mend = _MENDS.get(facts.refused_reason, _LOOK)
        yield Check("events", False, _filled(_REFUSED, mend, reason=facts.refused_reason))
    elif not facts.event_at:
        said = _VERIFIED if facts.challenge_at else _NO_EVENT
        yield Check("events", False, _filled(said, platform.events_hint), sure=False)
    else:
        yield Check("events", True, _OK)
    if facts.click_at:
        yield Check("clicks", True, _OK)
    elif facts.buttons_at and platform.abilities.buttons:
        yield Check("clicks", False, _filled(_NO_CLICK, platform.clicks_hint), sure=False)


def _filled(text: Text, hint: Text, **params: str) -> Text:
    """A text with another one in it, in each language."""
    whole = Text(_sentence(hint.zh, "。"), _sentence(hint.en, "."))
    zh = text.zh.format(hint=whole.zh, mend=hint.zh, **params)
    return Text(zh, text.en.format(hint=whole.en and f"{whole.en} ", mend=hint.en, **params))


def _sentence(words: str, stop: str) -> str:
    return words if not words or words.endswith(stop) else words + stop


def _is_local(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
