"""First start: keys, tables, roles, the built-in bots and the first administrator.

Every step looks whether it is done already, so that a first start that was killed half-way goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor

from apps.accounts import authz, people, shipped
from apps.accounts.models import Person
from apps.assistant import context
from apps.assistant.models import Conversation
from apps.assistant.ports import Asker
from apps.audit.log import Actor
from apps.console.supervisor import flower
from apps.console.supervisor.home import prepare
from apps.console.supervisor.keys import check_keys, ensure_keys
from apps.core.clock import utcnow
from apps.core.logging import new_trace_id
from apps.im import bots
from apps.skills.times import Every

ADMINISTRATOR = "admin"
CLEAN_UP = Every("0 */6 * * *", "每 6 小时 every 6 hours")
MIGRATION_LOCK = 0x436C6177  # "Claw", for PostgreSQL's advisory lock


def ensure_installed() -> bool:
    """Make the installation complete; True when its first administrator was made just now.

    Raises home.Refused when the data folder or the database belongs to another installation, and
    the database's errors when it cannot be reached.
    """
    home: Path = settings.CLAWDBOT_HOME
    prepare(home)
    ensure_keys(home)
    flower.ensure_secret(home)
    migrate()
    check_keys(home)
    actor = Actor.system("first start")
    with transaction.atomic():
        shipped.ensure_roles()
        bots.ensure_builtin(actor)
        fresh = not Person.objects.exists()
        if fresh:
            _first_administrator(actor)
    return fresh


def pending_migrations() -> list[str]:
    """The names of the migrations that the database has not seen."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def migrate() -> bool:
    """Bring the tables up to date; True when something had to be done."""
    if not pending_migrations():
        return False
    with _alone():
        call_command("migrate", interactive=False, verbosity=0)
    return True


@contextmanager
def _alone() -> Iterator[None]:
    """Two machines that start at once migrate one after the other (SQLite has one machine)."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])


def _first_administrator(actor: Actor) -> None:
    person = people.add_person(ADMINISTRATOR, actor=actor, roles=["administrator"])
    web = bots.ensure_builtin(actor)
    bot = next(bot for bot in web if bot.slug == "web")
    chat, _ = Conversation.objects.get_or_create(bot=bot, chat_id=f"person:{person.pk}")
    asker = Asker(person, authz.rights([person])[person.pk], chat, utcnow(), new_trace_id())
    # Old files and rows go every six hours, as a schedule that an operator sees and can change.
    context.build(asker, origin="cli").schedules.add("/cleanup", CLEAN_UP, CLEAN_UP.words)
