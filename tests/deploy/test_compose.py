"""The compose files: valid, without loose ends, and naming commands that exist."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from apps.console.management.commands.up import parts
from apps.console.supervisor.plan import PARTS
from apps.console.supervisor.spec import STOP_ORDER
from clawdbot.settings.env import KNOWN
from tests.deploy.compose import COMPOSE, OURS, command, services

ROOT = COMPOSE.parent
EXAMPLE = (ROOT / ".env.example").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()
ADDRESSES = {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL"}


def test_compose_itself_takes_the_file(tmp_path: Path) -> None:
    """Only where Docker's compose is installed; the tests below look at the same file."""
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], check=False).returncode:
        return
    for name in ("compose.yaml", "Dockerfile"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".env").write_text(re.sub("=$", "=x", EXAMPLE, flags=re.M))
    subprocess.run([docker, "compose", "config", "--quiet"], cwd=tmp_path, check=True)


def test_every_part_runs_somewhere_by_a_command_that_up_takes() -> None:
    said = [command(name) for name in OURS]
    assert all(words[:2] == ["up", "--only"] and len(words) == 3 for words in said)
    run = [part for words in said for part in parts(words[2])]
    assert sorted(run) == sorted(PARTS)


def test_a_health_check_asks_for_parts_that_the_container_has() -> None:
    for name in OURS:
        words = services()[name]["healthcheck"]["test"]
        assert words[:3] == ["CMD", "python", "compose/healthy.py"]
        assert set(words[3:]) <= set(STOP_ORDER)
        assert {word.partition("-")[0] for word in words[3:]} == set(parts(command(name)[2]))
    assert all(service.get("healthcheck") for service in services().values())


def test_health_is_the_pid_file_and_the_answer_of_web(tmp_path: Path) -> None:
    def ask(*roles: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, ROOT / "healthy.py", *roles],
            env={"CLAWDBOT_HOME": str(tmp_path), "CLAWDBOT_PORT": "1"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert ask("beat").returncode == 1
    (tmp_path / "run").mkdir()
    mine = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    for role in ("beat", "web"):
        (tmp_path / "run" / f"{role}.pid").write_text(str(mine.pid))
    try:
        assert ask("beat").returncode == 0
        assert "web" in ask("beat", "web").stderr  # it lives, and nobody answers on its port
    finally:
        mine.communicate()
    assert ask("beat").returncode == 1


def test_only_the_web_can_be_reached_and_on_loopback_unless_told_otherwise() -> None:
    published = {name: one["ports"] for name, one in services().items() if "ports" in one}
    assert published == {"web": ["${BIND:-127.0.0.1:8000}:8000"]}


def test_our_containers_have_no_privileges() -> None:
    for name in OURS:
        one = services()[name]
        assert (one["read_only"], one["cap_drop"]) == (True, ["ALL"])
        assert one["security_opt"] == ["no-new-privileges:true"]
    assert re.search(r"^USER clawdbot$", DOCKERFILE, re.M)


def test_no_secret_is_in_the_file_and_the_example_names_each_that_is_needed() -> None:
    text = COMPOSE.read_text()
    asked = set(re.findall(r"\$\{(\w+):\?", text))
    named = set(re.findall(r"^#? ?([A-Z_]+)=", EXAMPLE, re.M))
    assert asked <= named
    assert {n for n in named if n.startswith("CLAWDBOT_")} <= KNOWN
    assert named - KNOWN - asked <= ADDRESSES
    for name in ("CLAWDBOT_SECRET_KEYS", "POSTGRES_PASSWORD"):
        assert re.search(rf"^{name}=$", EXAMPLE, re.M), "the example carries a secret"


def test_the_settings_of_the_containers_are_known() -> None:
    for name in OURS:
        assert set(services()[name]["environment"]) <= KNOWN | ADDRESSES


def test_redis_keeps_a_journal_and_drops_nothing() -> None:
    words = " ".join(command("redis"))
    assert "--appendonly yes" in words
    assert "--maxmemory-policy noeviction" in words


def test_volumes_are_declared_and_used() -> None:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    mounts = [m for one in found["services"].values() for m in one.get("volumes", [])]
    used = {name for name, _, _ in (m.partition(":") for m in mounts) if not name.startswith("/")}
    assert used == set(found["volumes"])


@pytest.mark.parametrize("line", re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.M))
def test_what_the_image_copies_is_there(line: str) -> None:
    source = line.split()[0]
    assert (ROOT.parent / source).exists()


def test_the_image_installs_by_hash_and_gets_only_what_runs() -> None:
    assert "--require-hashes -r /tmp/base.txt" in DOCKERFILE
    ignored = (ROOT / "Dockerfile.dockerignore").read_text().splitlines()
    assert ignored[1] == "*"
    kept = {line[1:] for line in ignored if line.startswith("!")}
    assert {"apps", "clawdbot", "manage.py", "static", "templates", "requirements"} <= kept
