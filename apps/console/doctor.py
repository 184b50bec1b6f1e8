"""The doctor: looks at everything that an installation stands on; says what is wrong and the mend.

Looking changes nothing, except that a bot may learn from its platform what it could not know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.conf import settings
from django.db import Error

from apps.console import doctor_looks as looks
from apps.console import doctor_models
from apps.core import health
from apps.core.errors import ClawdbotError
from apps.core.i18n import Text, both
from apps.core.private import is_ours

OK, WARN, FAIL = "OK", "WARN", "FAIL"
NOTHING = Text("", "")
UP = both("请运行 manage.py up", "Run manage.py up")


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report; `level` is OK, WARN or FAIL."""

    name: str
    level: str
    detail: Text
    mend: Text = NOTHING


Look = Callable[[], Iterable[looks.Seen]]

#: What is looked at beside the health checks, in the order of the report.
LOOKS: dict[str, Look] = {
    "settings": looks.settings_look,
    "code": looks.code,
    "keys": looks.keys,
    "migrations": looks.migrations,
    "clock": looks.clock,
    "administrator": looks.administrator,
    "bots": looks.bots,
    "connections": looks.connections,
    "models": looks.models,
    "flower": looks.flower,
    "model gates": doctor_models.model_gates,
}


def examine() -> list[Finding]:
    """Look at everything, also when something fails on the way; takes some seconds."""
    if not is_ours(settings.CLAWDBOT_HOME) and not settings.DATABASE_URL:
        # Even looking into SQLite would make its file, and the folder would no longer be empty.
        nothing = both("{home} 里还没有安装", "nothing is installed in {home} yet")
        return [Finding("home", FAIL, nothing.format(home=settings.CLAWDBOT_HOME), UP)]
    found = [_from_health(check) for check in health.run(ready_only=False)]
    for name, look in LOOKS.items():
        found += _look(name, look)
    return found


def _look(name: str, look: Look) -> list[Finding]:
    try:
        seen = list(look())
    except ClawdbotError as error:
        return [Finding(name, FAIL, error.texts().format(**error.params))]
    except Error as error:
        # The database check says how to mend it.
        return [Finding(name, FAIL, both("数据库不可用：{e}", "no database: {e}").format(e=error))]
    except Exception as error:  # noqa: BLE001 - whatever a look stumbles over is its finding
        text = both("检查失败：{e}", "the check failed: {e}")
        return [Finding(name, FAIL, text.format(e=f"{type(error).__name__}: {error}"))]
    return [Finding(one.name or name, one.level, one.detail, one.mend) for one in seen]


def _from_health(check: health.Check) -> Finding:
    return Finding(check.name, OK if check.ok else FAIL, check.detail, check.mend)
