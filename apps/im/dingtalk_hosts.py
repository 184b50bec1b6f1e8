"""Which addresses DingTalk may send us to: what it puts into unsigned bodies is not to be believed.

A robot callback's signature covers no body, so `sessionWebhook` could lead anywhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal

from apps.core import addresses
from apps.core.http_errors import Refused

API = "https://api.dingtalk.com"
OAPI = "https://oapi.dingtalk.com"
#: Where answers are posted.
REPLY_HOSTS = ("oapi.dingtalk.com", "*.dingtalk.com")
#: Where files that people sent can be fetched.
FILE_HOSTS = ("*.dingtalk.com", "*.aliyuncs.com")
#: Where the long connection leads.
STREAM_HOSTS = ("*.dingtalk.com",)

Trust = Literal["configured", "vendor"]


def trust(config: Mapping[str, Any], url: str, allow: Collection[str]) -> Trust | None:
    """Who vouches for an address: an administrator, the vendor's list `allow`, or nobody.

    An administrator vouches for exactly the servers that the settings name in place of the vendor's
    (a gateway, a stand-in), not for others beside them.
    """
    try:
        target = addresses.parse(url)
        for name, default in (("api_base", API), ("oapi_base", OAPI)):
            base = str(config.get(name) or default)
            if base != default and _origin(addresses.parse(base)) == _origin(target):
                return "configured"
        addresses.check_payload(target, allow)
    except Refused:
        return None
    return "vendor"


def _origin(target: addresses.Target) -> tuple[str, str, int]:
    return target.scheme, target.host, target.port
