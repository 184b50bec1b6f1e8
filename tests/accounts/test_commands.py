"""The commands for people, roles and the audit, as an operator types them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command, load_command_class
from django.db import connection

from apps.accounts import authz, identity, tokens
from apps.accounts.models import Department, Person, Role
from apps.audit import log
from apps.audit.models import AuditRow
from apps.audit.seal import seal_once
from apps.console import cli
from apps.core.clock import utcnow
from apps.im.models import Bot

ROOT = Path(__file__).parent.parent.parent


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out, stderr=out)
    return out.getvalue().strip()


def refused(*words: str) -> str:
    with pytest.raises(CommandError) as caught:
        run(*words)
    assert caught.value.returncode == 2
    return str(caught.value)


@pytest.fixture
def bot(db: None) -> Bot:
    return Bot.objects.create(slug="office", platform="feishu")


@pytest.fixture(autouse=True)
def english(settings: Any) -> None:
    settings.CLAWDBOT_LANGUAGE = "en"


def test_person_add_with_everything(roles: dict[str, Role], bot: Bot) -> None:
    shown = json.loads(
        run(
            *("person", "add", "dora", "--role", "member", "--role", "auditor"),
            *("--identity", "feishu:office:ou_1:with:colons", "--email", "d@example.com"),
            *("--department", "IT", "--json"),
        )
    )
    dora = Person.objects.get(name="dora")
    assert shown["id"] == dora.pk
    assert shown["roles"] == ["auditor", "member"]
    assert shown["identities"] == ["feishu:office:ou_1:with:colons"]
    assert dora.department == Department.objects.get(name="IT")
    assert identity.resolve([(bot.pk, "ou_1:with:colons")]) == {(bot.pk, "ou_1:with:colons"): dora}
    rows = AuditRow.objects.filter(object_type="person", object_id=str(dora.pk))
    assert set(rows.values_list("actor", flat=True)) == {log.Actor.cli().key}
    assert log.Actor.cli().key.startswith("cli:")


def test_person_add_is_all_or_nothing(alice: Person, bot: Bot) -> None:
    for words, hint in (
        (["--role", "membr"], "member"),
        (["--identity", "feishu:ofice:ou_1"], "feishu:office"),
        (["--identity", "feishu:office"], "PLATFORM:SLUG:EXTERNAL_ID"),
        (["--identity", "slack:office:ou_1"], "office"),
        (["--email", "nowhere"], "nowhere"),
    ):
        assert hint in refused("person", "add", "eve", *words)
        assert not Person.objects.filter(name="eve").exists()
    assert "already" in refused("person", "add", "Alice")


def test_person_list(alice: Person, bob: Person, bot: Bot) -> None:
    identity.bind(bob, bot, "ou_b", log.Actor.system("test"))
    listed = json.loads(run("person", "list", "--json"))
    assert [(p["name"], p["roles"], p["identities"], p["active"]) for p in listed] == [
        ("alice", ["administrator", "member"], [], True),
        ("bob", ["member"], ["feishu:office:ou_b"], True),
    ]
    text = run("person", "list")
    assert "alice" in text
    assert "feishu:office:ou_b" in text


def test_person_signin_prints_a_link_that_works(bob: Person, settings: Any) -> None:
    settings.CLAWDBOT_PUBLIC_URL = "https://bot.example.com"
    url = run("person", "signin", "bob")
    assert url.startswith("https://bot.example.com/sign-in/")
    assert identity.redeem_link(url.rstrip("/").rpartition("/")[2]) == bob
    assert json.loads(run("person", "signin", "bob", "--json"))["url"].startswith("https://bot.")
    assert "bob" in refused("person", "signin", "bib")


def test_person_pair(bob: Person, bot: Bot) -> None:
    code = identity.pairing_code(bot.pk, "ou_m", "M", utcnow())
    assert code
    assert "feishu:office:ou_m" in run("person", "pair", code.lower(), "bob")
    assert "code" in refused("person", "pair", code, "bob")


def test_person_disable_and_enable(bob: Person) -> None:
    run("person", "disable", "bob")
    assert not authz.may(bob, "skill.ping").allowed
    assert "switched off" in refused("person", "signin", "bob")
    run("person", "enable", "bob")
    assert authz.may(bob, "skill.ping").allowed


def test_roles(alice: Person, bob: Person) -> None:
    run("role", "add", "ops")
    run("role", "allow", "ops", "skill.host")
    run("role", "deny", "member", "skill.echo")
    listed = {role["name"]: role for role in json.loads(run("role", "list", "--json"))}
    assert listed["ops"]["allow"] == ["skill.host"]
    assert listed["member"]["deny"] == ["skill.echo"]
    assert listed["administrator"]["people"] == ["alice"]
    assert not authz.may(bob, "skill.echo").allowed
    run("role", "revoke", "member", "skill.echo")
    assert not authz.may(bob, "skill.echo").allowed  # both effects are taken back
    run("role", "allow", "member", "skill.echo")
    assert authz.may(bob, "skill.echo").allowed
    assert "skill.ping" in refused("role", "revoke", "member", "skill.nothing")
    assert "area.action" in refused("role", "allow", "member", "host")
    assert "member" in refused("role", "allow", "mebmer", "skill.host")
    shown = run("role", "list")
    assert "administrator (alice)" in shown
    assert "  allow skill.host" in shown


@pytest.mark.parametrize(
    "words",
    [
        ["person"],
        ["person", "add"],
        ["role", "allow", "x"],
        ["audit", "mend"],
        ["audit", "export", "--since", "yesterday"],
    ],
)
def test_bad_arguments_end_in_exit_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    command = load_command_class("apps.console", words[0])
    command._called_from_command_line = True
    with pytest.raises(SystemExit) as caught:
        command.create_parser("manage.py", words[0]).parse_args(words[1:])
    assert caught.value.code == 2
    shown = capsys.readouterr().err
    assert "usage" in shown
    assert "yesterday" not in words or "2026-11-22" in shown


def test_without_a_database_one_is_told_what_to_do() -> None:
    # On the settings of the tests, so that no installation of this machine is touched.
    done = subprocess.run(
        [sys.executable, "manage.py", "person", "list"],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "clawdbot.settings.test"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1, done
    assert "manage.py up" in done.stderr
    assert "Traceback" not in done.stderr


def test_audit_verify(alice: Person) -> None:
    seal_once()
    log.record("fresh", actor=log.Actor.person(alice))
    assert "Whole" in run("audit", "verify")
    assert json.loads(run("audit", "verify", "--json"))["ok"] is True
    broken = AuditRow.objects.earliest("id").pk
    with connection.cursor() as cursor:
        cursor.execute("UPDATE audit_auditrow SET actor = 'x' WHERE id = %s", [broken])
    with pytest.raises(CommandError) as caught:
        run("audit", "verify")
    assert caught.value.returncode == 1
    assert f"row {broken}" in str(caught.value)
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("audit", "verify", "--json", stdout=out)
    assert json.loads(out.getvalue())["first_broken"] == f"row {broken}"


def test_a_command_seals_what_it_wrote(roles: dict[str, Role]) -> None:
    run("person", "add", "dora")
    assert not AuditRow.objects.filter(seal=None).exists()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM audit_auditrow WHERE action = 'person.added'")
    with pytest.raises(CommandError):
        run("audit", "verify")


def test_audit_export(alice: Person) -> None:
    lines = [json.loads(line) for line in run("audit", "export").splitlines()]
    assert lines[-1]["action"] == "audit.exported"
    assert len(lines) == AuditRow.objects.count()
    assert run("audit", "export", "--since", "2999-01-01") == ""
    assert run("audit", "export", "--until", "2001-01-01T00:00") == ""


def test_key_values() -> None:
    assert cli.key_values(["a=1", "url=http://x/?b=c", "empty="]) == {
        "a": "1",
        "url": "http://x/?b=c",
        "empty": "",
    }
    for bad in (["a"], ["=1"], ["a=1", "a=2"]):
        with pytest.raises(cli.Refused):
            cli.key_values(bad)


def test_moments_are_on_the_wall_clock(settings: Any) -> None:
    settings.CLAWDBOT_TIME_ZONE = "Asia/Shanghai"
    assert cli.moment("2026-11-22").isoformat() == "2026-11-22T00:00:00+08:00"
    assert cli.moment("2026-11-22T08:30").isoformat() == "2026-11-22T08:30:00+08:00"
    assert cli.moment("2026-11-22T08:30Z").isoformat() == "2026-11-22T08:30:00+00:00"


def test_tables_align_chinese() -> None:
    assert cli.table([("NAME", "X"), ("张三", "1"), ("bob", "2")]) == [
        "NAME  X",
        "张三  1",
        "bob   2",
    ]


def test_a_token_for_a_program_is_shown_once_and_works(bob: Person) -> None:
    made = json.loads(run("person", "token", "bob", "ERP", "--days", "30", "--json"))
    assert tokens.find(made["token"]) == bob
    assert run("person", "token", "bob", "other").strip().startswith(tokens.PREFIX)
    assert "--days" in refused("person", "token", "bob", "ERP", "--days", "0")
    assert made["token"] not in json.dumps(list(AuditRow.objects.values()), default=str)
