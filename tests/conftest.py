"""What every test gets: no network, a Redis, the cast; in CI nothing may be skipped.

The settings module drops `CLAWDBOT_*` from the environment before Django loads.
"""

from __future__ import annotations

from tests.support import network

pytest_plugins = [
    "tests.support.skips",
    "tests.support.selection",
    "tests.support.servers",
    "tests.support.cast",
]

network.guard()
