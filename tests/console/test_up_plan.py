"""The command lines of the children: what each is told, and what no command line shows."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from apps.audit.log import Actor
from apps.console.supervisor import flower, plan, supervisor
from apps.console.supervisor.home import prepare
from apps.console.supervisor.process import Child
from apps.console.supervisor.spec import Spec
from apps.im import bots
from apps.im.models import Bot
from apps.llm import actions as models
from apps.llm.models import LanguageModel

SECRET = "pa55word-of-the-broker"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Any) -> Path:
    """A prepared data folder with the embedded Valkey."""
    prepare(tmp_path / "h")
    flower.ensure_secret(tmp_path / "h")
    settings.CLAWDBOT_HOME = tmp_path / "h"
    settings.CLAWDBOT_EMBEDDED_REDIS = True
    settings.REDIS_URL = f"unix://{tmp_path}/h/run/valkey.sock"
    return tmp_path / "h"


def specs(*parts: str) -> dict[str, Spec]:
    """The children by role."""
    return {spec.role: spec for spec in plan.plan_for(parts or plan.PARTS).specs}


def test_everything_waits_for_the_embedded_valkey() -> None:
    found = specs()
    assert set(found) == {
        "valkey",
        "web",
        "worker-io",
        "worker-jobs",
        "worker-model",
        "connect",
        "beat",
        "flower",
    }
    assert found.pop("valkey").after == ()
    assert {spec.after for spec in found.values()} == {("valkey",)}


def test_parts_run_alone_and_with_a_redis_of_ones_own(settings: Any) -> None:
    assert set(specs("worker")) == {"valkey", "worker-io", "worker-jobs", "worker-model", "connect"}
    settings.CLAWDBOT_EMBEDDED_REDIS = False
    assert set(specs("web")) == {"web"}
    assert specs("web")["web"].after == ()


def test_the_worst_case_of_stopping_stays_below_15_s() -> None:
    shares = {spec.role.partition("-")[0]: spec.share_s for spec in specs().values()}
    assert sum(shares.values()) < supervisor.STOP_S < 15


def test_no_command_line_shows_a_secret(settings: Any) -> None:
    settings.CELERY_BROKER_URL = f"amqp://u:{SECRET}@rabbit/"
    for spec in specs().values():
        line = " ".join(spec.argv)
        assert SECRET not in line
        assert flower.credentials(settings.CLAWDBOT_HOME)[1] not in line
        assert spec.env["CELERY_BROKER_URL"].endswith("@rabbit/")
        assert spec.env["CLAWDBOT_HOME"] == str(settings.CLAWDBOT_HOME)


def test_threads_share_their_free_memory_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    assert {spec.env["MALLOC_ARENA_MAX"] for spec in specs().values()} == {"1"}
    monkeypatch.setenv("MALLOC_ARENA_MAX", "4")
    assert {spec.env["MALLOC_ARENA_MAX"] for spec in specs().values()} == {"4"}


def test_sockets_take_small_frames_only(settings: Any) -> None:
    argv = specs("web")["web"].argv
    assert int(argv[argv.index("--ws-max-size") + 1]) <= 64 * 1024


def test_forwarded_headers_count_only_from_named_proxies(settings: Any) -> None:
    assert "--no-proxy-headers" in specs("web")["web"].argv
    settings.CLAWDBOT_TRUSTED_PROXIES = ("10.0.0.1", "10.1.0.0/16")
    argv = specs("web")["web"].argv
    assert argv[argv.index("--forwarded-allow-ips") + 1] == "10.0.0.1,10.1.0.0/16"


@pytest.mark.parametrize(
    ("host", "asked"),
    [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("10.0.0.9", "10.0.0.9")],  # noqa: S104
)
def test_readiness_is_asked_where_it_listens(settings: Any, host: str, asked: str) -> None:
    settings.CLAWDBOT_HOST = host
    assert specs("web")["web"].ready.startswith(f"http:{asked}:")


def test_workers_serve_all_lanes_and_hurry_in_celerys_way() -> None:
    found = specs("worker")
    queues = [spec.argv[spec.argv.index("-Q") + 1] for role, spec in found.items() if "-" in role]
    assert sorted(",".join(queues).split(",")) == [
        "batch",
        "control",
        "interactive",
        "model",
        "normal",
    ]
    assert found["worker-io"].hurry == signal.SIGQUIT


def test_workers_of_two_data_folders_have_two_names(settings: Any, tmp_path: Path) -> None:
    """RabbitMQ locks a worker's mailbox: a second one of the same name could not start."""

    def named() -> set[str]:
        found = (specs("worker")[role].argv for role in ("worker-io", "worker-jobs"))
        return {argv[argv.index("-n") + 1] for argv in found}

    one = named()
    prepare(tmp_path / "other")
    settings.CLAWDBOT_HOME = tmp_path / "other"
    assert len(one | named()) == 4
    assert {name.partition("@")[0] for name in one} == {"worker-io", "worker-jobs"}


def test_a_long_path_moves_the_socket_to_a_private_folder(settings: Any, tmp_path: Path) -> None:
    from clawdbot.settings.base import embedded_socket

    settings.CLAWDBOT_HOME = tmp_path / ("x" * 100)
    prepare(settings.CLAWDBOT_HOME)
    path = embedded_socket(settings.CLAWDBOT_HOME)
    settings.REDIS_URL = f"unix://{path}"
    flower.ensure_secret(settings.CLAWDBOT_HOME)
    argv = specs("worker")["valkey"].argv
    assert argv[argv.index("--unixsocket") + 1] == str(path)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    path.parent.rmdir()


@pytest.mark.django_db(transaction=True)
def test_outgoing_connections_need_bots_that_have_one(home: Path) -> None:
    connect = Child(specs("worker")["connect"], plan.plan_for(["worker"]))
    bots.tell_streams()
    assert not connect.wanted
    bot = Bot.objects.create(slug="b", platform="feishu", connection="stream")
    bots.tell_streams()
    assert connect.wanted
    bots.set_enabled(bot, False, Actor.cli())
    assert not connect.wanted
    assert "connect" not in specs("web")


@pytest.mark.django_db(transaction=True)
def test_who_waits_for_models_needs_a_model(home: Path) -> None:
    worker = Child(specs("worker")["worker-model"], plan.plan_for(["worker"]))
    models.tell_worker()
    assert not worker.wanted
    row = models.add("m", base_url="http://127.0.0.1:1/v1", model="m", actor=Actor.cli())
    assert worker.wanted
    LanguageModel.objects.filter(pk=row.pk).update(enabled=False)
    models.tell_worker()
    assert not worker.wanted
