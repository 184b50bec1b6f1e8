"""Finds the platforms: every module in `apps/im/platforms`, and other packages' entry points."""

from __future__ import annotations

import functools

from apps.core.errors import ClawdbotError
from apps.core.plugins import Found, find
from apps.im import platforms
from apps.im.platform import Platform

GROUP = "clawdbot.platforms"


class UnknownPlatform(ClawdbotError):
    """There is no platform called {name}; known are: {known}."""

    code = "unknown_platform"
    zh = "没有名为 {name} 的平台；可用的有：{known}。"
    http_status = 404
    permanent = True


@functools.cache
def registry() -> Found[Platform]:
    """The platforms of this installation, found once in each process."""
    return find(platforms, GROUP, Platform)


def get_platform(name: str) -> Platform:
    """The platform of that name. Needs no database. Raises `UnknownPlatform`."""
    return registry().get(name, UnknownPlatform)


def all_platforms() -> dict[str, Platform]:
    """Every platform, by name."""
    return registry().named
