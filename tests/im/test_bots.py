"""Bots: checked, encrypted, audited, and never enabled without a way to verify."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from apps.audit import log
from apps.audit.log import Actor
from apps.audit.models import AuditRow
from apps.core.crypto import SecretError
from apps.im import bots
from apps.im.bot_settings import aad
from apps.im.bots import (
    BadSettings,
    CannotEnable,
    SlugTaken,
    add_bot,
    config_of,
    ensure_builtin,
    public_settings,
    remove_bot,
    set_enabled,
    update_settings,
)
from apps.im.models import Bot, Delivery
from apps.im.registry import UnknownPlatform
from apps.im.replay import NotReplayable, replay

pytestmark = pytest.mark.django_db
ACTOR = Actor.system("tests")
SECRET = "app-secret-0123456789"
FEISHU = {
    "app_id": "cli_1",
    "app_secret": SECRET,
    "encrypt_key": "encrypt-key-0123456789",
    "max_skew_s": "60",
}


@pytest.fixture
def bot() -> Bot:
    return add_bot("feishu", "office", FEISHU, ACTOR)


def without(*names: str) -> dict[str, str]:
    return {name: value for name, value in FEISHU.items() if name not in names}


def test_a_bot_is_made_with_typed_settings_and_sealed_secrets(bot: Bot) -> None:
    row = Bot.objects.get(slug="office")
    assert row.settings == {"app_id": "cli_1", "max_skew_s": 60}
    assert set(row.secrets) == {"app_secret", "encrypt_key"}
    assert SECRET not in str(row.secrets)
    config = config_of(row)
    assert (config["app_secret"], config["max_skew_s"]) == (SECRET, 60)
    assert config["api_base"] == "https://open.feishu.cn"
    assert config["bot_open_id"] == ""


def test_nothing_readable_lies_in_the_database(bot: Bot) -> None:
    update_settings(bot, {"app_secret": "another-secret-9876543210"}, ACTOR)
    with connection.cursor() as cursor:
        cursor.execute("SELECT settings, secrets FROM im_bot")
        stored = str(cursor.fetchall())
        cursor.execute("SELECT data FROM audit_auditrow")
        audited = str(cursor.fetchall())
    for secret in (SECRET, "another-secret", FEISHU["encrypt_key"]):
        assert secret not in stored
        assert secret not in audited


def test_a_secret_opens_only_in_its_own_place(bot: Bot) -> None:
    assert aad(bot, "app_secret") == f"im.bot|{bot.uid}|app_secret"
    bot.secrets = {"encrypt_key": bot.secrets["app_secret"]}
    with pytest.raises(SecretError):
        config_of(bot)
    other = add_bot("feishu", "other", FEISHU, ACTOR)
    other.secrets = {"app_secret": Bot.objects.get(slug="office").secrets["app_secret"]}
    with pytest.raises(SecretError):
        config_of(other)


def test_shown_settings_hold_no_secret(bot: Bot) -> None:
    shown = public_settings(bot)
    assert shown["app_id"] == "cli_1"
    assert shown["app_secret"] == "***" + SECRET[-4:]
    assert shown["verification_token"] == ""


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"app_idd": "x"}, "app_idd"),
        ({"max_skew_s": "soon"}, "max_skew_s"),
        ({"max_skew_s": "0"}, "max_skew_s"),
        ({"max_skew_s": "９９"}, "max_skew_s"),
        ({"max_skew_s": "86401"}, "86400"),
        ({"api_base": "ftp://x"}, "api_base"),
        ({"api_base": "https://u:p@x"}, "api_base"),
        ({"api_base": "https://"}, "api_base"),
        ({"api_base": "https://x:99999"}, "api_base"),
        ({"api_base": "https://x/#f"}, "api_base"),
        ({"app_id": "a\nb"}, "app_id"),
        ({"app_id": "x" * 5000}, "app_id"),
    ],
)
def test_wrong_settings_are_named_in_both_languages(config: dict[str, str], words: str) -> None:
    with pytest.raises(BadSettings) as caught:
        add_bot("feishu", "office", FEISHU | config, ACTOR)
    assert words in caught.value.text("zh-hans")
    assert words in caught.value.text("en")
    assert not Bot.objects.exists()


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(BadSettings) as caught:
        add_bot("feishu", "office", {"nope": "1", "max_skew_s": "x", "api_base": "y"}, ACTOR)
    assert len(caught.value.problems) == 3


def test_an_address_may_be_private() -> None:
    bot = add_bot("feishu", "office", FEISHU | {"api_base": "http://10.0.0.5:8080/"}, ACTOR)
    assert config_of(bot)["api_base"] == "http://10.0.0.5:8080"


@pytest.mark.parametrize("slug", ["", "a b", "a/b", "例", "x" * 51, "../x"])
def test_slugs_that_fit_no_address(slug: str) -> None:
    with pytest.raises(BadSettings):
        add_bot("feishu", slug, FEISHU, ACTOR)


def test_a_slug_is_taken_once(bot: Bot) -> None:
    with pytest.raises(SlugTaken):
        add_bot("webhook", "office", {}, ACTOR, enabled=False)
    assert AuditRow.objects.filter(action="bot.added").count() == 1


def test_unknown_platforms_and_built_in_ones() -> None:
    with pytest.raises(UnknownPlatform):
        add_bot("icq", "x", {}, ACTOR)
    with pytest.raises(BadSettings):
        add_bot("web", "x", {}, ACTOR)
    with pytest.raises(BadSettings):
        add_bot("feishu", "x", FEISHU, ACTOR, connection="pigeon")


def test_a_stream_needs_no_key_for_events() -> None:
    bot = add_bot("feishu", "x", without("encrypt_key"), ACTOR, connection="stream")
    assert bot.enabled
    with pytest.raises(CannotEnable):
        update_settings(bot, {}, ACTOR, connection="webhook")


@pytest.mark.parametrize("missing", ["app_id", "app_secret", "encrypt_key"])
def test_a_bot_that_could_not_verify_cannot_be_enabled(missing: str) -> None:
    config = without(missing) | {"verification_token": "a-token"}
    with pytest.raises(CannotEnable) as caught:
        add_bot("feishu", "office", config, ACTOR)
    assert missing in caught.value.text("en")
    assert not Bot.objects.exists()
    bot = add_bot("feishu", "office", config, ACTOR, enabled=False)
    with pytest.raises(CannotEnable):
        set_enabled(bot, True, ACTOR)
    assert not Bot.objects.get().enabled
    update_settings(bot, {missing: FEISHU[missing]}, ACTOR)
    assert set_enabled(bot, True, ACTOR).enabled


def test_an_enabled_bot_cannot_lose_its_key(bot: Bot) -> None:
    with pytest.raises(CannotEnable):
        update_settings(bot, {"encrypt_key": ""}, ACTOR)
    assert config_of(Bot.objects.get())["encrypt_key"] == FEISHU["encrypt_key"]
    bot = set_enabled(bot, False, ACTOR)
    bot = update_settings(bot, {"encrypt_key": ""}, ACTOR)
    assert config_of(bot)["encrypt_key"] == ""


def test_every_change_has_a_new_version_and_an_audit_row(bot: Bot) -> None:
    versions = [bot.version]
    bot = update_settings(bot, {"app_id": "cli_2", "app_secret": "next-secret-0123456"}, ACTOR)
    versions.append(bot.version)
    for enabled in (False, True):
        bot = set_enabled(bot, enabled, ACTOR)
        versions.append(bot.version)
    assert versions == sorted(set(versions))
    actions = list(AuditRow.objects.order_by("id").values_list("action", flat=True))
    assert actions == ["bot.added", "bot.changed", "bot.disabled", "bot.enabled"]
    data = AuditRow.objects.get(action="bot.changed").data
    assert data["changed"] == {"app_id": ["cli_1", "cli_2"]}
    assert data["secrets"] == ["app_secret"]


def test_switching_to_what_it_is_changes_nothing(bot: Bot) -> None:
    assert set_enabled(bot, True, ACTOR).version == bot.version
    assert not AuditRow.objects.filter(action="bot.enabled").exists()


def test_what_is_not_named_stays_and_empty_takes_away(bot: Bot) -> None:
    bot = update_settings(bot, {"max_skew_s": "", "bot_open_id": "ou_1"}, ACTOR)
    config = config_of(bot)
    assert (config["max_skew_s"], config["bot_open_id"]) == (3600, "ou_1")
    assert config["app_secret"] == SECRET


def test_the_configuration_is_decrypted_once_and_follows_every_change(
    bot: Bot, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    held = config_of(bot)
    held["app_id"] = "changed by a caller"
    with django_assert_num_queries(0):
        assert config_of(bot)["app_id"] == "cli_1"
    changed = update_settings(bot, {"app_id": "cli_9"}, ACTOR)
    assert config_of(changed)["app_id"] == "cli_9"
    assert config_of(bot)["app_id"] == "cli_1"  # the row as it was read


def test_remove(bot: Bot) -> None:
    remove_bot(bot, ACTOR)
    assert not Bot.objects.exists()
    assert AuditRow.objects.get(action="bot.removed").object_label == "feishu:office"


def test_the_built_in_bots_are_made_once_and_stay() -> None:
    first = ensure_builtin(ACTOR)
    assert {(bot.platform, bot.slug) for bot in first} == {("web", "web"), ("cli", "cli")}
    assert [bot.pk for bot in ensure_builtin(ACTOR)] == [bot.pk for bot in first]
    with pytest.raises(BadSettings):
        remove_bot(first[0], ACTOR)
    assert Bot.objects.count() == 2


def test_the_address_to_copy(bot: Bot, settings: Any) -> None:
    settings.CLAWDBOT_PUBLIC_URL = "https://bot.example.com"
    assert bots.address_of(bot) == "https://bot.example.com/webhooks/feishu/office/"
    assert bots.address_of(ensure_builtin(ACTOR)[0]) == ""


def test_a_failed_audit_undoes_the_change(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("the audit cannot be written")

    monkeypatch.setattr(log, "record", broken)
    for act in (
        lambda: update_settings(bot, {"app_id": "cli_2"}, ACTOR),
        lambda: set_enabled(bot, False, ACTOR),
        lambda: remove_bot(bot, ACTOR),
        lambda: add_bot("feishu", "second", FEISHU, ACTOR),
    ):
        with pytest.raises(RuntimeError):
            act()
    row = Bot.objects.get()
    assert (row.settings["app_id"], row.enabled, row.version) == ("cli_1", True, bot.version)


# ---- replay ----


def delivery(bot: Bot, state: str, **fields: Any) -> Delivery:
    return Delivery.objects.create(
        bot=bot, role="answer", chat_id="oc_1", state=state, attempts=30, **fields
    )


@pytest.mark.parametrize(
    ("state", "outcome", "repeat"),
    [
        ("failed", "", ""),
        ("failed", "unknown", "unknown"),
        ("expired", "", ""),
        ("unknown", "unknown", "unknown"),
        ("sent", "", "unknown"),
    ],
)
def test_a_replay_keeps_the_key(bot: Bot, state: str, outcome: str, repeat: str) -> None:
    old = delivery(bot, state, last_outcome=outcome)
    new = replay(old, ACTOR)
    row = Delivery.objects.get()
    assert (row.key, row.state, row.attempts) == (old.key, "pending", 0)
    assert row.last_outcome == repeat
    assert row.expires_at is not None
    assert new.pk == old.pk
    assert AuditRow.objects.get(action="delivery.replayed").data["state"] == state


@pytest.mark.parametrize("state", ["pending", "sending"])
def test_what_is_on_its_way_is_not_replayed(bot: Bot, state: str) -> None:
    with pytest.raises(NotReplayable):
        replay(delivery(bot, state), ACTOR)
    assert not AuditRow.objects.filter(action="delivery.replayed").exists()
