"""What can go wrong on the way out, by what is to be done about it."""

from __future__ import annotations

from typing import Any, ClassVar

from apps.core.errors import ClawdbotError


class DeliveryError(ClawdbotError):
    """A message could not be handed to the platform: {why}."""

    code = "delivery"
    zh = "消息没有交给平台：{why}。"

    def __init__(self, why: str, *, vendor_code: str = "") -> None:
        """`why` is a short reason without secrets; `vendor_code` is the platform's own code."""
        self.vendor_code = vendor_code
        #: What was done before it went wrong (pieces that are shown): `Outgoing.context` of the
        #: next attempt holds it.
        self.done: dict[str, Any] = {}
        super().__init__(f"{vendor_code} {why}".strip(), why=why)


class Permanent(DeliveryError):
    """The platform refuses this message and would refuse it again: {why}."""

    code = "delivery_permanent"
    zh = "平台拒绝这条消息，重试也没有用：{why}。"
    permanent: ClassVar[bool] = True


class BotBroken(Permanent):
    """The platform refuses the bot itself (its credentials, its app), whatever it sends: {why}.

    Sent often enough in a row it disables the bot, with this reason.
    """

    code = "bot_broken"
    zh = "平台不再接受这个机器人：{why}。"


class Later(DeliveryError):
    """The platform cannot take it now: {why}."""

    code = "delivery_later"
    zh = "平台现在不能接收：{why}。"

    def __init__(self, why: str, *, delay_s: float = 0.0, vendor_code: str = "") -> None:
        """`delay_s` is what the platform asked for; 0 leaves the pause to the caller."""
        self.delay_s = delay_s
        super().__init__(why, vendor_code=vendor_code)


class TokenExpired(DeliveryError):
    """The platform no longer knows the access token: {why}."""

    code = "delivery_token"
    zh = "平台不再承认访问令牌：{why}。"


class UnknownOutcome(DeliveryError):
    """Nobody can say whether the platform took the message: {why}."""

    code = "delivery_unknown"
    zh = "不知道平台是否收到了这条消息：{why}。"
