"""The data folder, its lock, the ports and Flower's secret: what `up` checks before it starts."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from apps.console.supervisor import flower, home
from apps.console.supervisor.home import Refused, prepare
from apps.console.supervisor.lock import HomeLock, Taken, holder
from apps.console.supervisor.ports import Wanted, trouble
from apps.core.private import MARKER

ROOT = Path(__file__).resolve().parents[2]
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def test_first_use_marks_the_folder_and_the_second_finds_the_mark(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "home"
    assert prepare(path) is True
    mark = json.loads((path / MARKER).read_text())
    assert prepare(path) is False
    assert json.loads((path / MARKER).read_text()) == mark
    assert set(mark) == {"id", "created"}
    modes = {p.name: p.stat().st_mode & 0o777 for p in (path, *path.iterdir()) if p.is_dir()}
    assert set(modes.values()) == {0o700}


def test_an_empty_folder_and_a_fresh_volume_are_taken(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    assert prepare(tmp_path) is True


def test_an_empty_database_that_some_command_made_does_not_matter(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "clawdbot.sqlite3") as database:
        database.execute("PRAGMA journal_mode=WAL")
    assert prepare(tmp_path) is True
    other = tmp_path / "other"
    other.mkdir()
    with sqlite3.connect(other / "clawdbot.sqlite3") as database:
        database.execute("CREATE TABLE accounts_person (id)")
    with pytest.raises(Refused, match=r"clawdbot\.sqlite3"):
        prepare(other)


def test_a_folder_of_somebody_elses_things_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(Refused, match=r"photo\.jpg.*CLAWDBOT_HOME"):
        prepare(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]


def test_a_file_is_no_data_folder(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    with pytest.raises(Refused, match="not a folder"):
        prepare(tmp_path / "home")
    with pytest.raises(Refused, match="cannot be used"):
        prepare(tmp_path / "home" / "below")


@AS_ROOT
def test_another_users_folder_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 12345)
    with pytest.raises(Refused, match="another user"):
        prepare(tmp_path)


@AS_ROOT
def test_a_socket_folder_that_somebody_else_made_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home, "private_folder", lambda path: tmp_path / "sockets")
    assert home.private_sockets(tmp_path) == tmp_path / "sockets"
    os.chown(tmp_path / "sockets", 12345, 12345)
    with pytest.raises(Refused, match="another user"):
        home.private_sockets(tmp_path)
    (tmp_path / "sockets").rmdir()
    (tmp_path / "sockets").symlink_to(tmp_path)
    with pytest.raises(Refused, match=r"cannot be used|another user"):
        home.private_sockets(tmp_path)


def test_the_lock_says_who_holds_it_until_they_are_gone(tmp_path: Path) -> None:
    prepare(tmp_path)
    code = (
        "import sys, pathlib; from apps.console.supervisor.lock import HomeLock;"
        "HomeLock(pathlib.Path(sys.argv[1])).acquire('up'); print('held', flush=True);"
        "sys.stdin.read()"
    )
    assert holder(tmp_path) is None
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as other:  # fmt: skip
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        found = holder(tmp_path)
        assert found is not None
        assert (found.pid, found.what) == (other.pid, "up")
        with pytest.raises(Taken, match=str(other.pid)):
            HomeLock(tmp_path).acquire("say")
        other.kill()
    assert holder(tmp_path) is None
    mine = HomeLock(tmp_path)
    mine.acquire("say")
    mine.release()
    assert holder(tmp_path) is None


def test_a_taken_port_names_the_setting() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = trouble(Wanted("127.0.0.1", port, "CLAWDBOT_PORT"))
        assert f"port {port} is already taken: set CLAWDBOT_PORT" in found
    assert trouble(Wanted("127.0.0.1", port, "CLAWDBOT_PORT")) == ""


def test_an_address_that_is_not_ours_is_said() -> None:
    assert "cannot listen on 192.0.2.1:8000" in trouble(Wanted("192.0.2.1", 8000, "CLAWDBOT_PORT"))
    assert "CLAWDBOT_HOST" in trouble(Wanted("no.such.host.invalid", 8000, "CLAWDBOT_PORT"))


def test_flowers_secret_is_made_once_and_only_we_can_read_it(tmp_path: Path) -> None:
    prepare(tmp_path)
    flower.ensure_secret(tmp_path)
    name, password = flower.credentials(tmp_path)
    flower.ensure_secret(tmp_path)
    config = flower.write_config(tmp_path, 5555)
    assert flower.credentials(tmp_path) == (name, password)
    assert len(password) > 30
    options: dict[str, object] = {}
    exec(config.read_text(), options)  # noqa: S102 - tornado.options does the same
    assert options["basic_auth"] == [f"{name}:{password}"]
    assert options["address"] == "127.0.0.1"
    assert options["read_only"] is True
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "secrets").iterdir()}
    assert modes == {0o600}
