"""An installation as compose lays it out: web, worker and beat each on a machine of its own.

The machines are data folders here. They share PostgreSQL, Redis and RabbitMQ, and nothing else.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.console.stack import Stack, alive, wait_for
from tests.deploy.compose import OURS, command

pytestmark = [pytest.mark.stack, pytest.mark.postgres, pytest.mark.redis, pytest.mark.rabbitmq]
NAME = "clawdbot_stack"
Machines = dict[str, Stack]


@pytest.fixture(scope="module")
def database_url(postgres_url: str) -> Iterator[str]:
    """An empty database, dropped again afterwards."""
    server, _, maintenance = postgres_url.rpartition("/")
    # django-environ writes the folder of a socket as a path, libpq as a parameter.
    user, _, folder = server.partition("@/")
    address = f"{user}@/{maintenance}?host={folder}" if folder else postgres_url
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {NAME}")
        yield f"{server}/{NAME}"
        connection.execute(f"DROP DATABASE {NAME} WITH (FORCE)")


@pytest.fixture(scope="module")
def machines(
    database_url: str,
    installed_redis_url: str,
    rabbitmq_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Machines]:
    """All three, started at the same moment on an empty database."""
    shared = {
        "DATABASE_URL": database_url,
        "REDIS_URL": installed_redis_url,
        "CELERY_BROKER_URL": rabbitmq_url,
        "CLAWDBOT_SECRET_KEYS": secrets.token_urlsafe(48),
    }
    found = {name: Stack(tmp_path_factory.mktemp(name) / "home", **shared) for name in OURS}
    # Its threads have to live on: a process of ours ends with the thread that started it.
    with ThreadPoolExecutor(len(OURS)) as pool:
        try:
            list(pool.map(lambda name: found[name].up(*command(name)[1:]), OURS))
            yield found
        finally:
            for stack in found.values():
                stack.end()


def test_each_runs_its_part_and_together_they_are_ready(machines: Machines) -> None:
    assert {name: set(stack.pids()) for name, stack in machines.items()} == {
        "web": {"web", "flower"},
        "worker": {"worker-io", "worker-jobs"},
        "beat": {"beat"},
    }
    wait_for(machines["web"].ready, 30, "readiness")
    assert not any((stack.home / "clawdbot.sqlite3").exists() for stack in machines.values())


def test_a_quick_skill_answers(machines: Machines) -> None:
    said = machines["web"].run("say", "/ping")
    assert (said.returncode, said.stdout.strip()) == (0, "pong")


def test_a_job_goes_through_the_broker(machines: Machines) -> None:
    said = machines["web"].run("say", "/host", "--json")
    assert said.returncode == 0, said.stdout + said.stderr
    answer = json.loads(said.stdout)
    assert (answer["state"], bool(answer["job_id"])) == ("succeeded", True)


def test_they_end_in_time_and_leave_nothing(machines: Machines) -> None:
    families = [pid for stack in machines.values() for pid in stack.family()]
    processes = [stack.process for stack in machines.values() if stack.process]
    for process in processes:
        process.terminate()
    assert [process.wait(15) for process in processes] == [0, 0, 0]
    assert not [pid for pid in families if alive(pid)]
