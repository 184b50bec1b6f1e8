"""The doctor's own looks: settings, code, keys, tables, clock, people, bots, models, Flower."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.core import checks
from django.db import connection

from apps.accounts.shipped import first_administrator
from apps.audit.log import Actor
from apps.console.supervisor.first_start import pending_migrations
from apps.console.supervisor.home import Refused
from apps.console.supervisor.keys import check_keys
from apps.core import leases
from apps.core.i18n import Text, both
from apps.im.bot_checks import check_bot
from apps.im.bots import streaming
from apps.im.models import Bot
from apps.im.registry import all_platforms
from apps.llm import actions as models_at
from apps.llm.models import LanguageModel

CLOCK_S = 5
BOT_S = 8.0
CONNECT_SILENT_S = 20.0
#: What `apps.webhooks.streams` says of a connection that lives.
CONNECTED = "connected"
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
NOTHING = Text("", "")
FINE = both("正常", "fine")


@dataclass(frozen=True)
class Seen:
    """What one look saw; without a name it stands under the look's own."""

    level: str
    detail: Text = FINE
    mend: Text = NOTHING
    name: str = ""


def settings_look() -> Iterator[Seen]:
    """What is allowed, but not wise."""
    secure = settings.CLAWDBOT_PUBLIC_URL.startswith("https://")
    if settings.CLAWDBOT_HOST not in LOOPBACK and not secure:
        yield Seen(
            "WARN",
            both("对外监听但未使用 HTTPS", "listens to the network without HTTPS"),
            both(
                "在前面放一个 TLS 代理，并设置 CLAWDBOT_PUBLIC_URL=https://…",
                "Put a TLS proxy in front and set CLAWDBOT_PUBLIC_URL=https://…",
            ),
        )
    if secure and not settings.CLAWDBOT_TRUSTED_PROXIES:
        yield Seen(
            "WARN",
            both(
                "未设置可信代理，看不到真实来访地址", "no trusted proxy: callers' addresses are its"
            ),
            both("设置 CLAWDBOT_TRUSTED_PROXIES。", "Set CLAWDBOT_TRUSTED_PROXIES."),
        )
    yield Seen("OK", both("{home}", "{home}").format(home=settings.CLAWDBOT_HOME))


def code() -> Iterator[Seen]:
    """Django's system checks, ours among them."""
    found = [one for one in checks.run_checks() if not one.is_silenced()]
    for one in found:
        level = "FAIL" if one.level >= checks.ERROR else "WARN"
        yield Seen(level, both(one.msg, one.msg), both(one.hint or "", one.hint or ""))
    if not found:
        yield Seen("OK")


def keys() -> Iterator[Seen]:
    """Are there keys, and do they fit the database?"""
    if not settings.CLAWDBOT_INSTALLED:
        yield Seen("FAIL", both("还没有密钥", "there are no keys"), both("运行 up", "Run up."))
        return
    try:
        check_keys(settings.CLAWDBOT_HOME)
    except Refused as error:
        zh, _, en = str(error).partition("\n")
        yield Seen("FAIL", both(zh, en))
        return
    count = len(settings.CLAWDBOT_SECRET_KEYS)
    yield Seen("OK", both("{n} 个", "{n} of them").format(n=count))


def migrations() -> Iterator[Seen]:
    """Has the database seen every migration?"""
    pending = pending_migrations()
    if not pending:
        yield Seen("OK", both("表结构是最新的", "the tables are up to date"))
        return
    text = both("有 {n} 个未执行：{names}", "{n} to be run: {names}")
    mend = both("重启 up，或运行 manage.py migrate", "Restart up, or run manage.py migrate.")
    yield Seen("FAIL", text.format(n=len(pending), names=", ".join(pending[:3])), mend)


def clock() -> Iterator[Seen]:
    """Does the database's clock agree with ours? Leases go by its clock, signatures by ours."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT CURRENT_TIMESTAMP")
        said = cursor.fetchone()[0]
    at = said if isinstance(said, datetime) else datetime.fromisoformat(said).replace(tzinfo=UTC)
    apart = abs((datetime.now(UTC) - at).total_seconds())
    text = both("与数据库相差 {s} s", "{s} s apart from the database").format(s=f"{apart:.1f}")
    if apart <= CLOCK_S:
        yield Seen("OK", text)
    else:
        mend = both("在两台机器上启用 NTP。", "Have NTP set the clocks of both machines.")
        yield Seen("FAIL", text, mend)


def administrator() -> Iterator[Seen]:
    """Is there somebody who can mend things?"""
    person = first_administrator()
    if person is None:
        mend = both(
            "manage.py person add NAME --role administrator",
            "manage.py person add NAME --role administrator",
        )
        yield Seen("FAIL", both("没有管理员", "nobody is administrator"), mend)
    else:
        yield Seen("OK", both("{name}", "{name}").format(name=person.name))


def bots() -> Iterator[Seen]:
    """Every enabled bot: its settings, and what its platform says to them."""
    known = all_platforms()
    asked = []
    for bot in Bot.objects.order_by("pk"):
        if bot.platform not in known:
            text = both("没有平台 {p}", "there is no platform {p}").format(p=bot.platform)
            yield Seen("FAIL", text, name=f"bot {bot.slug}")
        elif bot.fault and not bot.enabled:
            text = both("已停用：{why}", "was disabled: {why}").format(why=bot.fault)
            mend = both("改正后重新启用。", "Mend it, then enable it again.")
            yield Seen("FAIL", text, mend, name=f"bot {bot.slug}")
        elif bot.enabled and not known[bot.platform].built_in:
            asked.append(bot)
    if not asked:
        yield Seen("OK", both("没有外部机器人", "none but the built-in ones"))
        return
    with ThreadPoolExecutor(len(asked)) as pool:
        for seen in pool.map(_bot, asked):
            yield from seen


def connections() -> Iterator[Seen]:
    """Every bot with an outgoing connection: is it held, and does it live?"""
    streams = streaming().order_by("slug")
    held: dict[str, str] = {}
    for process in leases.alive("connect", CONNECT_SILENT_S):
        held |= process.detail.get("bots", {})
    for bot in streams:
        state = held.get(bot.slug, "")
        if state == CONNECTED:
            yield Seen("OK", name=f"connection {bot.slug}")
        elif state:
            mend = both("manage.py bot check {s}", "manage.py bot check {s}").format(s=bot.slug)
            text = both("没有连上：{why}", "not connected: {why}").format(why=state)
            yield Seen("FAIL", text, mend, f"connection {bot.slug}")
        else:
            text = both("没有进程维持它的连接", "no process holds its connection")
            mend = both("运行 up，或 manage.py connect。", "Run up, or manage.py connect.")
            yield Seen("FAIL", text, mend, f"connection {bot.slug}")


def _bot(bot: Bot) -> list[Seen]:
    name = f"bot {bot.slug}"
    mend = both("manage.py bot check {s}", "manage.py bot check {s}").format(s=bot.slug)
    try:
        wrong = [c for c in check_bot(bot, Actor.cli(), timeout_s=BOT_S) if c.failed]
    finally:
        connection.close()
    if not wrong:
        return [Seen("OK", name=name)]
    return [Seen("FAIL", check.text, mend, name) for check in wrong]


def flower() -> Iterator[Seen]:
    """Its port must ask strangers for the secret."""
    port = settings.CLAWDBOT_FLOWER_PORT
    request = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        request.request("GET", "/flower/")
        status = request.getresponse().status
    except OSError:
        yield Seen("OK", both("未运行", "does not run here"))
        return
    finally:
        request.close()
    if status == 401:
        yield Seen("OK", both("需要登录", "asks for a login"))
    else:
        text = both("{port} 端口无需登录即可查看", "port {port} answers without a login")
        mend = both("停掉它，用 manage.py up 启动", "Stop it and start it with manage.py up.")
        yield Seen("FAIL", text.format(port=port), mend)


def models() -> Iterator[Seen]:
    """Every enabled model: does its address answer? Costs no tokens; `model check` looks closer."""
    rows = list(LanguageModel.objects.filter(enabled=True).order_by("pk"))
    if not rows:
        yield Seen("OK", both("没有配置（可选）", "none is set up (optional)"))
        return
    with ThreadPoolExecutor(len(rows)) as pool:
        yield from pool.map(_model, rows)


def _model(row: LanguageModel) -> Seen:
    name = f"model {row.name}"
    mend = both("manage.py model check {n}", "manage.py model check {n}").format(n=row.name)
    told = models_at.reached(row)
    if told is None or told.ok:
        return Seen("OK", name=name)
    return Seen("FAIL", told.text, mend, name)
