"""How a call to the outside can fail, told apart by one question: was it received?"""

from __future__ import annotations

from apps.core.errors import ClawdbotError


class HttpError(ClawdbotError):
    """The call to {host} failed ({reason}).

    ``host`` and ``reason`` are safe to show; the address is not kept, because some vendors put
    tokens in its path.
    """

    code = "http"
    zh = "访问 {host} 失败（{reason}）。"

    def __init__(self, reason: str, *, host: str = "?") -> None:
        self.reason = reason
        self.host = host
        super().__init__(f"{host}: {reason}", host=host, reason=reason)


class Refused(HttpError):
    """The address {host} may not be called ({reason}).

    Our own rules said no; nothing was sent, and trying again gives the same.
    """

    code = "http_refused"
    zh = "不允许访问 {host}（{reason}）。"
    permanent = True


class Unreachable(HttpError):
    """{host} could not be reached ({reason}).

    Certainly not received: no name, no connection, no TLS, or no time left before sending.
    """

    code = "http_unreachable"
    zh = "无法连接 {host}（{reason}）。"


class Unknown(HttpError):
    """{host} gave no full answer ({reason}).

    Something was sent, so it may have been received and done.
    """

    code = "http_unknown"
    zh = "{host} 没有给出完整的答复（{reason}）。"


class TooLarge(Unknown):
    """The answer of {host} was larger than allowed ({reason})."""

    code = "http_too_large"
    zh = "{host} 的答复超过了允许的大小（{reason}）。"
    permanent = True
