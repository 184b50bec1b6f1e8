"""Read `CLAWDBOT_*` and the service addresses from the environment and refuse what is wrong.

Every name is declared here once. Reading writes nothing: first start (`manage.py up`) makes the
data folder and the keys.
"""

from __future__ import annotations

import ipaddress
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import environ
from django.core.exceptions import ImproperlyConfigured

from apps.core.private import MARKER, strange_in

ROOT = Path(__file__).resolve().parent.parent.parent

NAMES = (
    "HOME HOST PORT FLOWER_PORT PUBLIC_URL SECRET_KEYS TIME_ZONE LANGUAGE WORKERS "
    "TRUSTED_PROXIES LIMIT_PERSON LIMIT_CHAT LIMIT_REFUSED LOG_LEVEL METRICS_TOKEN "
    "TEST_DATABASE_URL TEST_REDIS_URL TEST_AMQP_URL"
)
KNOWN = frozenset("CLAWDBOT_" + name for name in NAMES.split())
LANGUAGES = ("zh-hans", "en")
RATE = re.compile(r"[1-9][0-9]{0,6}/[smh]|off")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
MIN_KEY = 32
MIN_TOKEN = 16
HOST = re.compile(r"[0-9a-z]([0-9a-z.-]*[0-9a-z])?|[0-9a-f:.]*:[0-9a-f:.]*")


def refuse(name: str, why: str, mend: str) -> NoReturn:
    """Stop the start with the name, the cause and the mend."""
    raise ImproperlyConfigured(f"{name}: {why} {mend}")


def load() -> None:
    """Read `.env` beside manage.py (the real environment wins), then refuse unknown names."""
    path = ROOT / ".env"
    if path.is_file():
        environ.Env.read_env(str(path))
    unknown = sorted(n for n in os.environ if n.startswith("CLAWDBOT_") and n not in KNOWN)
    if unknown:
        refuse(
            unknown[0],
            "is not a setting of ClawdBot.",
            f"Known names: {', '.join(sorted(KNOWN))}.",
        )


def text(name: str, default: str = "") -> str:
    """The value of a variable without surrounding blanks; empty counts as not set."""
    return os.environ.get(name, "").strip() or default


def token(name: str) -> str:
    """A bearer token: none, or one that nobody guesses."""
    raw = text(name)
    if raw and len(raw) < MIN_TOKEN:
        refuse(name, "it is too short.", f"Use {MIN_TOKEN} random characters or more.")
    return raw


def integer(name: str, default: int, low: int, high: int) -> int:
    """A whole number within low..high, ASCII digits only."""
    raw = text(name, str(default))
    digits = raw.isascii() and raw.isdigit() and len(raw) < 20
    if not (digits and low <= int(raw) <= high):
        refuse(name, f"{raw!r} is not a whole number from {low} to {high}.", "Mend it or unset it.")
    return int(raw)


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    """One of the allowed words."""
    raw = text(name, default)
    if raw not in allowed:
        refuse(name, f"{raw!r} is none of {', '.join(allowed)}.", "Choose one of them.")
    return raw


def rate(name: str, default: str) -> str:
    """`N/s`, `N/m`, `N/h` or `off`."""
    raw = text(name, default)
    if not RATE.fullmatch(raw):
        refuse(name, f"{raw!r} is no rate.", "Write it as 60/m, 5/s, 1000/h or off.")
    return raw


def time_zone(name: str, default: str) -> str:
    """An IANA time zone that this machine knows."""
    raw = text(name, default)
    try:
        ZoneInfo(raw)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        refuse(name, f"{raw!r} is no time zone.", "Use a name such as Asia/Shanghai or UTC.")
    return raw


def scheme(address: str) -> str:
    """The scheme of an address, empty when it is none."""
    try:
        parts = urlsplit(address)
        return parts.scheme if parts.port is None or parts.port else ""
    except ValueError:
        return ""


def url(name: str, schemes: tuple[str, ...], default: str = "") -> str:
    """An address with one of the given schemes."""
    raw = text(name, default)
    if raw and scheme(raw) not in schemes:
        refuse(name, f"this is no address of {' or '.join(schemes)}.", "Mend it.")
    return raw


def host(name: str, default: str) -> str:
    """A host name or address to listen on, without scheme or port."""
    raw = text(name, default)
    if not re.fullmatch(r"[0-9A-Za-z.\-:]+", raw):
        refuse(name, f"{raw!r} is no host name or address.", "Use 127.0.0.1 or a name.")
    return raw


def networks(name: str) -> tuple[str, ...]:
    """Comma-separated addresses or networks."""
    parts = tuple(p.strip() for p in text(name).split(",") if p.strip())
    for part in parts:
        try:
            ipaddress.ip_network(part, strict=False)
        except ValueError:
            refuse(name, f"{part!r} is no address or network.", "Use 10.0.0.5 or 10.0.0.0/8.")
    return parts


def home() -> Path:
    """The data folder; it may not exist yet. Refuses one that exists and is not ours to use."""
    path = Path(text("CLAWDBOT_HOME", str(ROOT / "var"))).expanduser().absolute()
    if path.exists():
        _refuse_foreign(path)
    return path


def _refuse_foreign(path: Path) -> None:
    name = "CLAWDBOT_HOME"
    if not path.is_dir():
        refuse(name, f"{path} is not a folder.", "Name a folder.")
    if path.stat().st_uid != os.geteuid():
        refuse(name, f"{path} belongs to another user.", "Start as that user, or name another.")
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        refuse(name, f"{path} cannot be read and written.", "Mend its permissions.")
    strange = strange_in(path)
    if strange:
        refuse(
            name,
            f"{path} 已有其他内容 holds something else ({strange}) and no {MARKER}.",
            "Name an empty folder, or put the marker of your backup back.",
        )


def secret_keys(home: Path) -> list[str]:
    """The key-encryption keys: from the environment, else from the data folder, else none yet."""
    raw = text("CLAWDBOT_SECRET_KEYS")
    where = "CLAWDBOT_SECRET_KEYS"
    path = home / "secrets" / "keys"
    if not raw and path.is_file():
        where = str(path)
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            refuse(where, "others on this machine can read it.", f"Run: chmod 600 {path}")
        raw = path.read_text(encoding="ascii")
    keys = [k.strip() for k in re.split(r"[,\n]", raw) if k.strip()]
    for key in keys:
        if len(key) < MIN_KEY or len(set(key)) < 8:
            refuse(where, "a key is too short or too simple.", f"Use {MIN_KEY} random characters.")
    return keys


@dataclass(frozen=True)
class Public:
    """The address in links: as given, else http://HOST:PORT."""

    url: str
    host: str
    secure: bool


def public(listen_host: str, port: int) -> Public:
    """CLAWDBOT_PUBLIC_URL taken apart; no path, query or login may be in it."""
    shown = "127.0.0.1" if listen_host in {"0.0.0.0", "::"} else listen_host  # noqa: S104
    shown = f"[{shown}]" if ":" in shown else shown
    raw = url("CLAWDBOT_PUBLIC_URL", ("http", "https"), f"http://{shown}:{port}").rstrip("/")
    parts = urlsplit(raw)
    # The host also says which Host headers and origins count: no pattern may get in.
    found = parts.hostname or ""
    plain = HOST.fullmatch(found) and parts.netloc.isascii()
    if not plain or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        refuse(
            "CLAWDBOT_PUBLIC_URL", f"{raw!r} is no plain address.", "Use https://bot.example.com"
        )
    return Public(raw, found, parts.scheme == "https")
