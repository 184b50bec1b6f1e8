"""First start: everything once, and nothing again that somebody took away on purpose."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from apps.accounts.models import Person, Role
from apps.audit.models import AuditRow
from apps.console.supervisor import banner, first_start, keys
from apps.console.supervisor.home import Refused, prepare
from apps.console.supervisor.leftovers import end_leftovers
from apps.core import crypto
from apps.im.models import Bot
from tests.console.stack import alive, wait_for

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Any) -> Path:
    """A data folder that nobody used yet."""
    settings.CLAWDBOT_HOME = tmp_path / "home"
    settings.CLAWDBOT_INSTALLED = True  # the tests' own keys, as CLAWDBOT_SECRET_KEYS would be
    return tmp_path / "home"


def test_it_makes_what_a_newcomer_needs(home: Path) -> None:
    assert first_start.ensure_installed() is True
    admin = Person.objects.get()
    assert admin.name == "admin"
    assert admin.has_perm("console.view")
    assert {"member", "operator", "auditor", "administrator"} <= {
        role.name for role in Role.objects.all()
    }
    assert set(Bot.objects.values_list("slug", flat=True)) == {"web", "cli"}
    cleanup = admin.schedules.get()
    assert (cleanup.command, cleanup.cron) == ("/cleanup", "0 */6 * * *")
    assert AuditRow.objects.filter(action="person.added").exists()


def test_a_second_start_changes_nothing(home: Path) -> None:
    first_start.ensure_installed()
    Person.objects.get().schedules.all().delete()
    Role.objects.get(name="operator").grants.all().delete()
    before = AuditRow.objects.count()
    assert first_start.ensure_installed() is False
    assert not Person.objects.get().schedules.exists()
    assert not Role.objects.get(name="operator").grants.exists()
    assert AuditRow.objects.count() == before


def test_an_administrator_who_was_replaced_does_not_come_back(home: Path) -> None:
    first_start.ensure_installed()
    Person.objects.update(name="wang", is_active=False)
    assert first_start.ensure_installed() is False
    assert Person.objects.count() == 1
    assert "nobody is administrator" in "\n".join(banner.banner({"web"}))


def test_keys_are_made_once_private_and_used_at_once(home: Path, settings: Any) -> None:
    prepare(home)
    settings.CLAWDBOT_INSTALLED = False
    keys.ensure_keys(home)
    made = (home / "secrets" / "keys").read_text().split()
    assert (home / "secrets" / "keys").stat().st_mode & 0o777 == 0o600
    assert made == settings.CLAWDBOT_SECRET_KEYS == crypto.keys()
    assert crypto.django_secret(made) == settings.SECRET_KEY
    keys.ensure_keys(home)
    assert (home / "secrets" / "keys").read_text().split() == made


def test_no_new_keys_for_a_database_that_has_people(
    home: Path, settings: Any, alice: Person
) -> None:
    prepare(home)
    settings.CLAWDBOT_INSTALLED = False
    with pytest.raises(Refused, match="already holds an installation"):
        keys.ensure_keys(home)
    assert not (home / "secrets" / "keys").exists()


def test_the_banner_has_a_fresh_link_each_time(home: Path, settings: Any) -> None:
    settings.CLAWDBOT_PUBLIC_URL = "https://bot.example.com"
    first_start.ensure_installed()
    links = []
    for _ in range(2):
        (line,) = [one for one in banner.banner({"web"}) if one.startswith("Sign in: ")]
        links.append(line.removeprefix("Sign in: "))
    assert links[0] != links[1]
    assert all(link.startswith("https://bot.example.com/sign-in/") for link in links)
    assert not [line for line in banner.banner({"worker"}) if "Sign in" in line]


def test_what_an_earlier_run_left_is_ended_and_strangers_are_not(home: Path) -> None:
    prepare(home)
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    env = os.environ | {"CLAWDBOT_HOME": str(home)}
    mine = subprocess.Popen(sleep, env=env, start_new_session=True)
    other = subprocess.Popen(sleep, start_new_session=True)
    try:
        (home / "run" / "web.pid").write_text(f"{mine.pid}\n")
        (home / "run" / "beat.pid").write_text(f"{other.pid}\n")
        (home / "run" / "flower.pid").write_text("999999999\n")
        assert end_leftovers(home) == ["web"]
        wait_for(lambda: not alive(mine.pid))
        assert alive(other.pid)
        assert not list((home / "run").glob("*.pid"))
    finally:
        for process in (mine, other):
            process.kill()
            process.wait()
