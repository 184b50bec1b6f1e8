"""The console's pages of bots and deliveries, as Alice and others see them."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import Person
from apps.audit.log import Actor
from apps.audit.models import AuditRow
from apps.im.bots import add_bot, config_of, ensure_builtin
from apps.im.models import Bot, Delivery
from apps.simulate.feishu import FeishuStand

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "app-secret-0123456789"
KEY = "encrypt-key-0123456789"


@pytest.fixture
def bot(feishu_stand: FeishuStand) -> Bot:
    return add_bot("feishu", "office", feishu_stand.config(), Actor.system("tests"))


def signed_in(person: Person) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(person)
    return client


def page(bot: Bot, tail: str = "change/") -> str:
    return f"/admin/im/bot/{bot.pk}/{tail}"


def form(bot: Bot, **changes: str) -> dict[str, str]:
    """What the browser posts: plain values as shown, secrets empty."""
    config = config_of(bot)
    plain = ("api_base", "app_id", "bot_open_id", "max_skew_s")
    posted = {f"setting_{name}": str(config[name]) for name in plain}
    posted |= {"connection": "webhook", "enabled": "on"}
    posted |= changes
    return {name: value for name, value in posted.items() if value != "-"}


def test_add_is_two_steps(alice: Person) -> None:
    client = signed_in(alice)
    answer = client.get("/admin/im/bot/add/")
    assert b"Feishu" in answer.content
    answer = client.post("/admin/im/bot/add/", {"platform": "feishu", "slug": "office"})
    bot = Bot.objects.get()
    assert answer.headers["location"] == page(bot)
    assert not bot.enabled
    shown = client.get(page(bot)).content.decode()
    assert "/webhooks/feishu/office/" in shown
    assert "card.action.trigger" in shown
    posted = {"setting_app_id": "cli_1", "setting_app_secret": SECRET, "setting_encrypt_key": KEY}
    client.post(page(bot), {"connection": "webhook", "enabled": "on", **posted})
    row = Bot.objects.get()
    assert row.enabled
    assert config_of(row)["app_secret"] == SECRET
    assert AuditRow.objects.filter(action="bot.enabled", actor=f"person:{alice.pk}").exists()


def test_a_taken_slug_is_an_error_of_the_form(alice: Person, bot: Bot) -> None:
    answer = signed_in(alice).post("/admin/im/bot/add/", {"platform": "webhook", "slug": bot.slug})
    assert answer.status_code == 200
    assert Bot.objects.count() == 1


def test_secrets_go_in_and_never_come_out(
    alice: Person, bot: Bot, feishu_stand: FeishuStand
) -> None:
    client = signed_in(alice)
    shown = client.get(page(bot)).content.decode()
    assert 'type="password"' in shown
    assert "***" + feishu_stand.app_secret[-4:] in shown
    for secret in (feishu_stand.app_secret, feishu_stand.signer.encrypt_key):
        assert secret not in shown
    client.post(page(bot), form(bot, setting_app_id="cli_2"))
    config = config_of(Bot.objects.get())
    assert config["app_id"] == "cli_2"
    assert config["app_secret"] == feishu_stand.app_secret  # an empty field keeps it


def test_enabling_is_refused_with_the_reason(alice: Person, bot: Bot) -> None:
    client = signed_in(alice)
    answer = client.post(page(bot), form(bot, clear_encrypt_key="on"))
    assert "encrypt_key is missing" in answer.content.decode()
    assert config_of(Bot.objects.get())["encrypt_key"]
    client.post(page(bot), form(bot, clear_encrypt_key="on", enabled="-"))
    row = Bot.objects.get()
    assert (row.enabled, config_of(row)["encrypt_key"]) == (False, "")


def test_wrong_values_are_named(alice: Person, bot: Bot) -> None:
    answer = signed_in(alice).post(page(bot), form(bot, setting_max_skew_s="soon"))
    assert "max_skew_s must be a whole number" in answer.content.decode()
    assert config_of(Bot.objects.get())["max_skew_s"] == 3600


def test_test_connection(alice: Person, bot: Bot, feishu_stand: FeishuStand) -> None:
    client = signed_in(alice)
    answer = client.post(page(bot, "check/"), follow=True)
    assert "app_secret: fine" in answer.content.decode()
    feishu_stand.app_secret = "changed-at-the-vendor"
    answer = client.post(page(bot, "check/"), follow=True)
    assert "compare app_id and app_secret" in answer.content.decode()
    assert client.get(page(bot, "check/")).status_code == 405


def test_removing_counts_what_goes_with_it(alice: Person, bot: Bot) -> None:
    Delivery.objects.create(bot=bot, role="notice", chat_id="oc_1")
    client = signed_in(alice)
    assert b"deliveries" in client.get(page(bot, "delete/")).content
    client.post(page(bot, "delete/"), {"post": "yes"})
    assert not Bot.objects.exists()
    assert AuditRow.objects.filter(action="bot.removed").exists()


def test_the_built_in_bots_are_only_shown(alice: Person) -> None:
    web = next(bot for bot in ensure_builtin(Actor.system("tests")) if bot.slug == "web")
    client = signed_in(alice)
    assert client.get(page(web)).status_code == 200
    assert client.post(page(web), {"enabled": ""}).status_code == 403
    assert client.post(page(web, "delete/"), {"post": "yes"}).status_code == 403
    both = {"action": "delete_selected", "_selected_action": [str(web.pk)], "post": "yes"}
    client.post("/admin/im/bot/", both)
    assert Bot.objects.filter(pk=web.pk, enabled=True).exists()


def test_who_may_not_sees_or_changes_nothing(
    bob: Person, mallory: Person, bot: Bot, roles: dict[str, Any]
) -> None:
    for person in (bob, mallory):
        client = signed_in(person)
        for address in ("/admin/im/bot/", page(bot), "/admin/im/delivery/"):
            assert client.get(address).status_code == 403
    bob.roles.add(roles["auditor"])
    client = signed_in(bob)
    shown = client.get(page(bot))
    assert shown.status_code == 200
    assert b"setting_" not in shown.content
    assert client.post(page(bot), form(bot)).status_code == 403
    assert client.post(page(bot, "check/")).status_code == 403


def delivery(bot: Bot, state: str) -> Delivery:
    return Delivery.objects.create(
        bot=bot, role="answer", chat_id="oc_1", state=state, text="hello", last_error="refused"
    )


def test_deliveries_are_read_and_sent_again(alice: Person, bot: Bot) -> None:
    failed, pending = delivery(bot, "failed"), delivery(bot, "pending")
    client = signed_in(alice)
    listed = client.get("/admin/im/delivery/?state=failed").content.decode()
    assert "refused" in listed
    assert client.get(f"/admin/im/delivery/?q={failed.key}").status_code == 200
    assert client.get(f"/admin/im/delivery/{failed.pk}/change/").status_code == 200
    assert client.get("/admin/im/delivery/add/").status_code == 403
    chosen = {
        "action": "replay_selected",
        "_selected_action": [str(failed.pk), str(pending.pk)],
    }
    answer = client.post("/admin/im/delivery/", chosen, follow=True)
    assert "1 deliveries go out again" in answer.content.decode()
    failed.refresh_from_db()
    assert failed.state == "pending"
    assert AuditRow.objects.filter(action="delivery.replayed").count() == 1


def test_auditors_read_deliveries_and_send_nothing(
    bob: Person, bot: Bot, roles: dict[str, Any]
) -> None:
    bob.roles.add(roles["auditor"])
    failed = delivery(bot, "failed")
    client = signed_in(bob)
    assert client.get("/admin/im/delivery/").status_code == 200
    chosen = {"action": "replay_selected", "_selected_action": [str(failed.pk)]}
    client.post("/admin/im/delivery/", chosen)
    failed.refresh_from_db()
    assert failed.state == "failed"
