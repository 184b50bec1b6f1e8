"""Settings of the test suite: the embedded default in a throw-away folder.

A server is used only when somebody named it: CLAWDBOT_TEST_DATABASE_URL, CLAWDBOT_TEST_REDIS_URL.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from clawdbot.settings.env import KNOWN

for _name in [n for n in os.environ if n.startswith("CLAWDBOT_") and "_TEST_" not in n]:
    del os.environ[_name]
# Empty counts as not set, and `.env` beside manage.py fills in only what is missing.
for _name in {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", *KNOWN}:
    if "_TEST_" not in _name:
        os.environ[_name] = ""

_home = tempfile.mkdtemp(prefix="clawdbot-test-")
atexit.register(shutil.rmtree, _home, ignore_errors=True)
os.environ["CLAWDBOT_HOME"] = _home
Path(_home, "installation.json").write_text("{}")  # ours: programs that tests start look for it
os.environ["CLAWDBOT_SECRET_KEYS"] = "test-key-0123456789-abcdefghijklmnopqrstuv"  # noqa: S105
os.environ["CLAWDBOT_TIME_ZONE"] = "Asia/Shanghai"
if os.environ.get("CLAWDBOT_TEST_DATABASE_URL"):
    os.environ["DATABASE_URL"] = os.environ["CLAWDBOT_TEST_DATABASE_URL"]
if os.environ.get("CLAWDBOT_TEST_REDIS_URL"):
    os.environ["REDIS_URL"] = os.environ["CLAWDBOT_TEST_REDIS_URL"]

from clawdbot.settings.base import *  # noqa: E402, F403
from clawdbot.settings.base import DATABASES  # noqa: E402

# A file, as in an installation: threads of a test share no cache and wait for each other.
if not os.environ.get("DATABASE_URL"):
    DATABASES["default"]["TEST"] = {"NAME": f"{_home}/test.sqlite3"}

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
CLOCK_OF_DATABASE = False  # tests travel in time
# Each test's client would look through all static files first.
WHITENOISE_AUTOREFRESH = True
# Tests empty tables; those of the audit switch both on for themselves.
AUDIT_TRIGGERS = False
AUDIT_HEAD = None
