"""What `up` says when everything is ready: addresses, the sign-in link, the next thing to try."""

from __future__ import annotations

import sys
from collections.abc import Set
from pathlib import Path

from django.conf import settings

from apps.accounts import identity
from apps.accounts.models import Person

WIDTH = 60


def first_administrator() -> Person | None:
    """Whoever became an administrator first and still is one."""
    found = Person.objects.filter(roles__name="administrator", is_active=True)
    return found.order_by("pk").first()


def banner(parts: Set[str]) -> list[str]:
    """The lines; makes a new one-time link each time, when the web is among the parts."""
    lines = ["", "=" * WIDTH, "ClawdBot 已就绪 is ready"]
    if "web" in parts:
        lines += _web(parts)
    lines += [
        f"数据 Data:      {settings.CLAWDBOT_HOME}",
        "Ctrl-C 停止全部进程 stops every process",
        "=" * WIDTH,
    ]
    return lines


def _web(parts: Set[str]) -> list[str]:
    url = settings.CLAWDBOT_PUBLIC_URL
    lines = [f"对话 Chat:      {url}/chat/", f"后台 Console:   {url}/admin/"]
    if "flower" in parts:
        lines.append(f"队列 Flower:    {url}/flower/")
    person = first_administrator()
    if person is None:
        lines.append("没有管理员 nobody is administrator: manage.py person signin NAME")
    else:
        lines.append(f"Sign in: {url}{identity.sign_in_link(person)}")
        lines.append(f"  ({person.name}：一次性链接，24 小时内有效 one-time link, for 24 h)")
    lines.append(f'Next: {_python()} manage.py say "/ping"')
    lines.append("  (下一步：运行上面的命令，或打开对话页 or open the chat page)")
    return lines


def _python() -> str:
    """This interpreter as one would type it beside manage.py."""
    path = Path(sys.executable)
    here = settings.BASE_DIR
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
