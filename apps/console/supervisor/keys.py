"""The key-encryption keys of this installation: made once, and checked against the database."""

from __future__ import annotations

import secrets
from pathlib import Path

from django.conf import settings
from django.db import connection

from apps.accounts.models import Person
from apps.audit.canonical import CONTENT, ROW_PURPOSE, row_bytes
from apps.audit.models import AuditRow
from apps.console.supervisor.flower import write_private
from apps.console.supervisor.home import Refused
from apps.core.crypto import django_secret, mac_ok


def ensure_keys(home: Path) -> None:
    """Use the keys of the settings, or make some for a database that nobody uses yet.

    Raises Refused when the database has people already: new keys could read none of its secrets.
    """
    if settings.CLAWDBOT_INSTALLED:
        return
    if _has_people():
        raise Refused(
            f"数据库里已有一个安装，但 {home} 里没有它的密钥。"
            "请把原来的 secrets/keys 复制过来，或设置 CLAWDBOT_SECRET_KEYS。",
            f"The database already holds an installation, but its keys are not in {home}. "
            "Copy its secrets/keys there, or set CLAWDBOT_SECRET_KEYS.",
        )
    keys = [secrets.token_urlsafe(48)]
    write_private(home / "secrets" / "keys", "".join(f"{key}\n" for key in keys))
    # The settings of this process were read before there were keys.
    settings.CLAWDBOT_SECRET_KEYS = keys
    settings.SECRET_KEY = django_secret(keys)
    settings.CLAWDBOT_INSTALLED = True


def check_keys(home: Path) -> None:
    """Refuse to start with the keys of another installation. Raises Refused."""
    row = AuditRow.objects.order_by("-pk").values(*CONTENT, "mac").first()
    if row is None:
        return
    if not mac_ok(row_bytes(row), ROW_PURPOSE, row["mac"]):
        raise Refused(
            f"密钥与数据库不符：{home}/secrets/keys 或 CLAWDBOT_SECRET_KEYS 属于另一个安装，"
            "或轮换时丢掉了旧密钥。",
            "The keys do not fit the database: secrets/keys or CLAWDBOT_SECRET_KEYS belong to "
            "another installation, or a rotation dropped the former key.",
        )


def _has_people() -> bool:
    table = Person._meta.db_table
    return table in connection.introspection.table_names() and Person.objects.exists()
