"""Where an installation leaves bytes that people or machines read besides the chat, and a search
through them that is not fooled by how they were packed."""

from __future__ import annotations

import base64
import http.client
import json
import re
import threading
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import redis

from apps.console.supervisor import flower
from clawdbot.settings.base import embedded_socket
from tests.console.stack import wait_for
from tests.stack.installation import Installation

#: The database holds what was asked, and `media` the files that were sent, as they must.
DATABASE = "clawdbot.sqlite3"
KEPT = (DATABASE, "media/", "run/")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{24,}={0,2}")


class Monitor:
    """Every command that the broker is sent between `with` and its end, with all its arguments."""

    def __init__(self, home: Installation) -> None:
        self.client = redis.Redis(unix_socket_path=str(embedded_socket(home.home)))
        self._heard: list[str] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._over = threading.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        wait_for(lambda: self._marked("begun"), 10, "a broker that is listened to")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self.client.echo("over")
        self._thread.join(10)

    def _marked(self, word: str) -> bool:
        self.client.echo(word)
        return bool(self._heard)

    def _listen(self) -> None:
        with self.client.monitor() as heard:  # type: ignore[no-untyped-call]
            for command in heard.listen():
                self._heard.append(str(command["command"]))
                if self._over.is_set():
                    return

    def text(self) -> bytes:
        """All of it."""
        return "\n".join(self._heard).encode()


def files(home: Installation) -> dict[str, bytes]:
    """The logs, the broker's journal, and whatever else lies in the data folder."""
    found = {}
    for path in home.home.rglob("*"):
        name = str(path.relative_to(home.home))
        if path.is_file() and not name.startswith(KEPT):
            found[name] = path.read_bytes()
    return found


def page(port: int, path: str, headers: Mapping[str, str] | None = None, body: Any = None) -> bytes:
    """What a page answers with 200; a `body` is posted as JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        given = {**(headers or {}), "Content-Type": "application/json"}
        sent = None if body is None else json.dumps(body)
        connection.request("GET" if body is None else "POST", path, sent, given)
        answer = connection.getresponse()
        said = answer.read()
        assert answer.status == 200, (path, answer.status, said[:300])
        return said
    finally:
        connection.close()


def flower_pages(home: Installation) -> dict[str, bytes]:
    """The list of tasks, each task's own page, and the same from Flower's API."""
    pair = ":".join(flower.credentials(home.home))
    basic = {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    paths = ["tasks", "workers", "broker", "metrics", "api/tasks", "api/workers"]
    found = {f"/flower/{one}": page(home.flower_port, f"/flower/{one}", basic) for one in paths}
    for task in json.loads(found["/flower/api/tasks"]):
        for one in (f"/flower/task/{task}", f"/flower/api/task/info/{task}"):
            found[one] = page(home.flower_port, one, basic)
    return found


def leaks(places: Mapping[str, bytes], planted: Mapping[str, str]) -> list[str]:
    """`place: name` for each planted value that is in it: as it is, without its spaces, quoted for
    an address, or inside base64."""
    forms = {name: set(_forms(value)) for name, value in planted.items()}
    found = []
    for place, held in places.items():
        texts = [held, *unpacked(held)]
        for name, some in forms.items():
            if any(form in text for form in some for text in texts):
                found.append(f"{place}: {name}")
    return found


def _forms(value: str) -> Iterable[bytes]:
    for one in (value, value.replace(" ", ""), quote(value, safe="")):
        yield one.encode()
        yield json.dumps(one)[1:-1].encode()


def unpacked(held: bytes) -> Iterable[bytes]:
    """What of it is base64, unpacked, and what in that is."""
    for match in _BASE64.finditer(held):
        packed = match.group().translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
        try:
            inner = base64.b64decode(packed + b"=" * (-len(packed) % 4))
        except ValueError:
            continue
        yield inner
        if len(inner) < len(held):
            yield from unpacked(inner)
