"""`manage.py bot` and `manage.py delivery`, as an operator types them."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from apps.audit.models import AuditRow
from apps.im.bots import config_of
from apps.im.models import Bot, Delivery
from apps.simulate.feishu import FeishuStand
from apps.simulate.webhook import SECRET

pytestmark = pytest.mark.django_db(transaction=True)


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def refused(*words: str) -> tuple[int, str]:
    with pytest.raises(CommandError) as caught:
        run(*words)
    return caught.value.returncode, str(caught.value)


def settings_of(stand: FeishuStand, **changes: Any) -> list[str]:
    return [f"{name}={value}" for name, value in stand.config(**changes).items()]


def test_add_learns_who_the_bot_is(feishu_stand: FeishuStand) -> None:
    said = run("bot", "add", "feishu", "office", *settings_of(feishu_stand, bot_open_id=""))
    assert "/webhooks/feishu/office/" in said
    assert feishu_stand.signer.bot_open_id in said
    bot = Bot.objects.get()
    assert config_of(bot)["bot_open_id"] == feishu_stand.signer.bot_open_id
    assert AuditRow.objects.filter(action="bot.added", actor__startswith="cli:").exists()


def test_add_works_while_the_platform_is_away() -> None:
    config = ["app_id=a", "app_secret=b", "encrypt_key=c", "api_base=http://127.0.0.1:9"]
    run("bot", "add", "feishu", "office", *config)
    assert Bot.objects.get().enabled


def test_add_takes_values_with_equals_signs_and_the_common_words() -> None:
    run(
        "bot", "add", "webhook", "own", f"secret={SECRET}", "reply_url=http://127.0.0.1:9/?a=b",
        "enabled=no", "connection=webhook",
    )  # fmt: skip
    bot = Bot.objects.get()
    assert (bot.enabled, config_of(bot)["reply_url"]) == (False, "http://127.0.0.1:9/?a=b")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["feishu", "x", "app_id=1", "app_secret=2", "verification_token=3"], "encrypt_key"),
        (["feishu", "x", "nonsense=1"], "nonsense"),
        (["icq", "x"], "icq"),
        (["web", "x"], "web"),
        (["webhook", "a b"], "a b"),
        (["webhook", "x", "secret"], "secret"),
        (["webhook", "x", "secret=short", "reply_url=http://h"], "secret"),
        (["webhook", "x", f"secret={SECRET}", "reply_url=h"], "reply_url"),
        (["webhook", "x", "enabled=perhaps"], "enabled"),
        (["webhook", "x", "connection=stream"], "stream"),
    ],
)
def test_add_refuses_with_the_reason(words: list[str], named: str) -> None:
    code, message = refused("bot", "add", *words)
    assert (code, named in message) == (2, True), message
    assert not Bot.objects.exists()


def test_list_shows_no_secret(feishu_stand: FeishuStand) -> None:
    run("bot", "add", "feishu", "office", *settings_of(feishu_stand))
    (found,) = json.loads(run("bot", "list", "--json"))
    assert (found["slug"], found["enabled"]) == ("office", True)
    assert found["settings"]["app_secret"] == "***" + feishu_stand.app_secret[-4:]
    assert feishu_stand.app_secret not in run("bot", "list") + json.dumps(found)


def test_check_names_what_is_missing(feishu_stand: FeishuStand) -> None:
    run("bot", "add", "feishu", "office", *settings_of(feishu_stand))
    assert "NO" not in run("bot", "check", "office")
    feishu_stand.app_secret = "changed-at-the-vendor"
    code, message = refused("bot", "check", "office")
    assert code == 1
    assert "app_secret" in message


def test_remove(feishu_stand: FeishuStand) -> None:
    run("bot", "add", "feishu", "office", *settings_of(feishu_stand))
    run("bot", "remove", "office")
    assert not Bot.objects.exists()
    code, message = refused("bot", "remove", "office")
    assert (code, "office" in message) == (2, True)


def test_deliveries(feishu_stand: FeishuStand) -> None:
    run("bot", "add", "feishu", "office", *settings_of(feishu_stand))
    bot = Bot.objects.get()
    failed = Delivery.objects.create(
        bot=bot, role="answer", chat_id="oc_1", state="failed", last_error="refused"
    )
    Delivery.objects.create(bot=bot, role="notice", chat_id="oc_1", state="pending")
    found = json.loads(run("delivery", "list", "--state", "failed", "--json"))
    assert [(one["id"], one["key"]) for one in found] == [(failed.pk, str(failed.key))]
    assert "refused" in run("delivery", "list", "--bot", "office")
    assert run("delivery", "list", "--bot", "other").count("\n") == 1
    run("delivery", "replay", str(failed.pk))
    assert Delivery.objects.get(pk=failed.pk).state == "pending"
    assert refused("delivery", "replay", str(failed.pk))[0] == 2
    assert refused("delivery", "replay", "999999")[0] == 2


def test_a_bot_is_changed_and_switched_on_again(feishu_stand: FeishuStand) -> None:
    run("bot", "add", "feishu", "office", *settings_of(feishu_stand))
    Bot.objects.update(enabled=False, fault="app is gone")
    run("bot", "set", "office", "max_skew_s=60", "connection=stream", "encrypt_key=", "enabled=yes")
    bot = Bot.objects.get()
    assert (bot.enabled, bot.fault, bot.connection) == (True, "", "stream")
    assert config_of(bot)["max_skew_s"] == 60
    code, message = refused("bot", "set", "office", "connection=webhook")
    assert (code, "encrypt_key" in message) == (2, True)
    run("bot", "set", "office", "enabled=no")
    assert not Bot.objects.get().enabled
    assert refused("bot", "set", "office", "no_such=1")[0] == 2
