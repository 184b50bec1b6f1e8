"""A page to chat in, for any stand-in: who writes, what people see, what goes wrong, every call."""

from __future__ import annotations

import base64
import binascii
import http.client
import json
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from apps.simulate.desk import Desk, Push, Seen
from apps.simulate.push import Event, Pusher
from apps.simulate.server import Answer, Call, HttpStand

HTML = Path(__file__).with_name("page.html")
HOSTS = frozenset({"127.0.0.1", "localhost"})
SHOWN = 100  # entries and calls
LONGEST = 4000  # characters of a body
LOOK_S = 2.0
DOWN_S = 10.0
WAIT_S = 5  # asked for by a 429


class Mistake(Exception):
    """The page asked for what cannot be done; the argument says why."""


@dataclass
class Said:
    """What somebody did at the page."""

    who: str
    where: str
    text: str
    event: Event


class Page(HttpStand):
    """Serves on a port of its own, so that it is there while the stand-in is down."""

    def __init__(self, desk: Desk, pusher: Pusher, *, port: int = 0, language: str = "en") -> None:
        super().__init__(port)
        self.desk, self.pusher, self.language = desk, pusher, language
        self.alive = False  # does an installation answer at the target?
        self._entries: list[Said | str] = []  # a str is the id of a message that people see
        self._nonce = secrets.token_urlsafe(16)
        self._down: threading.Timer | None = None
        self._ending = threading.Event()
        self._acts: dict[str, Callable[[dict[str, Any]], None]] = {
            "say": self._say,
            "click": self._click,
            "file": self._file,
            "again": self._again,
            "fail": self._fail,
            "down": self._go_down,
            "target": self._aim,
        }

    def start(self) -> None:
        """Listen, and look after the installation."""
        super().start()
        threading.Thread(target=self._look, daemon=True).start()

    def stop(self) -> None:
        """Close everything; a stand-in that is down stays down."""
        self._ending.set()
        if self._down is not None:
            self._down.cancel()
        super().stop()

    def respond(self, call: Call) -> Answer:
        """Serve the page, its state and its buttons to this machine's own browser."""
        if urlsplit(f"//{call.headers.get('host', '')}").hostname not in HOSTS:
            return Answer(403, {"error": "only as 127.0.0.1 or localhost"})
        match call.method, call.path:
            case "GET", "/":
                return self._html()
            case "GET", "/state":
                return Answer(200, self.state())
            case "GET", "/file":
                return self._download(call.query)
            case "POST", "/do":
                return self._do(call)
        return Answer(404, {"error": "no such page"})

    # ---- what is shown ----

    def state(self) -> dict[str, Any]:
        """Everything that the page shows, newest last."""
        with self.desk.quiet:
            seen = {one.message_id: one for one in self.desk.visible()}
            calls = list(self.desk.answered)[-SHOWN:]
            first_call = len(self.desk.calls) - len(calls)
        known = {entry for entry in self._entries if isinstance(entry, str)}
        self._entries += [name for name in seen if name not in known]
        first = max(0, len(self._entries) - SHOWN)
        return {
            "platform": self.desk.platform,
            "people": list(self.desk.people),
            "target": self.pusher.target,
            "alive": self.alive,
            "down": self._down is not None,
            "entries": [self._entry(number, seen) for number in range(first, len(self._entries))],
            "calls": [{"n": n, **_call(*one)} for n, one in enumerate(calls, first_call)],
        }

    def _entry(self, number: int, seen: dict[str, Seen]) -> dict[str, Any]:
        entry = self._entries[number]
        if isinstance(entry, Said):
            return {"n": number, "said": _said(entry)}
        return {"n": number, "seen": self._shown(seen[entry]) if entry in seen else None}

    def _shown(self, seen: Seen) -> dict[str, Any]:
        names = {external: name for name, external in self.desk.people.items()}
        return {
            "id": seen.message_id,
            "chat": "group" if seen.chat == self.desk.group else seen.chat,
            "text": seen.text,
            "buttons": seen.buttons,
            "inputs": seen.inputs,
            "files": [[name, len(data)] for name, data in seen.files],
            "private_to": names.get(seen.private_to, seen.private_to),
            "edits": seen.edits,
        }

    def _html(self) -> Answer:
        text = HTML.read_text(encoding="utf-8")
        text = text.replace("__NONCE__", self._nonce).replace("__LANGUAGE__", self.language)
        only = f"'nonce-{self._nonce}'"
        policy = (
            f"default-src 'none'; script-src {only}; style-src {only}; connect-src 'self'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        headers = {"content-type": "text/html; charset=utf-8", "content-security-policy": policy}
        return Answer(200, text.encode(), headers | _CAUTIOUS)

    def _download(self, query: dict[str, str]) -> Answer:
        """A file that people see; never shown inside the browser."""
        files = next((s.files for s in self.desk.visible() if s.message_id == query.get("id")), [])
        number = query.get("n", "")
        if not (number.isdecimal() and int(number) < len(files)):
            return Answer(404, {"error": "no such file"})
        name, data = files[int(number)]
        kind = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
        headers = {"content-type": "application/octet-stream", "content-disposition": kind}
        return Answer(200, data, headers | _CAUTIOUS)

    # ---- what can be done ----

    def _do(self, call: Call) -> Answer:
        """One act; JSON only, which other sites' pages cannot post without asking."""
        if call.headers.get("content-type", "").partition(";")[0] != "application/json":
            return Answer(415, {"error": "JSON only"})
        try:
            asked = call.json()
            self._acts[asked["act"]](asked)
        except Mistake as error:
            return Answer(400, {"error": str(error)})
        except NotImplementedError:
            return Answer(400, {"error": f"nobody can do that at {self.desk.platform}"})
        except ValueError as error:  # a desk says in words what its platform does not have
            return Answer(400, {"error": str(error)})
        except (LookupError, TypeError) as error:
            return Answer(400, {"error": f"{type(error).__name__}: {error}"})
        return Answer(200, {})

    def _say(self, asked: dict[str, Any]) -> None:
        who, where, text = asked["who"], asked["where"], asked["text"]
        if where == "all":
            push = self.desk.say_to_all(text, who)
        else:
            mention = where == "group"
            push = self.desk.say(text, who, group=where != "private", mention=mention)
        if push is None:
            raise Mistake(f"nobody can mention everybody at {self.desk.platform}")
        self._push(who, where, text, push)

    def _click(self, asked: dict[str, Any]) -> None:
        who, value = asked["who"], asked["value"]
        values = {name: value for name, value in asked["values"].items() if value}
        seen = next((s for s in self.desk.visible() if s.message_id == asked["id"]), None)
        if seen is None:
            raise Mistake("that message is gone")
        label = next((label for label, sent in seen.buttons if sent == value), value)
        self._push(who, "click", label, self.desk.click(seen, value, who, **values))

    def _file(self, asked: dict[str, Any]) -> None:
        who, name, voice = asked["who"], asked["name"], asked["voice"] is True
        try:
            data = base64.b64decode(asked["data"], validate=True)
        except binascii.Error as error:
            raise Mistake("the file is not base64") from error
        words = asked["transcript"]
        push = self.desk.send_file(data, name, who, voice=voice, transcript=words)
        self._push(who, "voice" if voice else "file", name, push)

    def _push(self, who: str, where: str, text: str, push: Push) -> None:
        self._entries.append(Said(who, where, text, self.pusher.send(push)))

    def _again(self, asked: dict[str, Any]) -> None:
        entry = self._entries[int(asked["n"])]
        if not isinstance(entry, Said):
            raise Mistake("only what people did is delivered")
        self.pusher.again(entry.event)

    def _fail(self, asked: dict[str, Any]) -> None:
        match asked["kind"]:
            case "429":
                self.desk.fail("", "answer", self.desk.too_many(WAIT_S))
            case "500":
                self.desk.fail("", "answer", Answer(500, {}))
            case "timeout":
                self.desk.fail("", "hang")
            case "cut":
                self.desk.fail("", "cut", after=True)
            case other:
                raise Mistake(f"no such failure: {other}")

    def _go_down(self, asked: dict[str, Any]) -> None:
        if self._down is None:
            self.desk.go_down()
            self._down = threading.Timer(DOWN_S, self._come_back)
            self._down.daemon = True
            self._down.start()

    def _come_back(self) -> None:
        self.desk.come_back()
        self._down = None

    def _aim(self, asked: dict[str, Any]) -> None:
        parts = urlsplit(str(asked["target"]))
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise Mistake("an address begins with http:// or https://")
        self.pusher.aim(parts.geturl())

    def _look(self) -> None:
        while not self._ending.is_set():
            self.alive = answers(self.pusher.target)
            self._ending.wait(LOOK_S)


def answers(target: str) -> bool:
    """Does a living installation answer where this address points?"""
    parts = urlsplit(target)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=LOOK_S)
    try:
        connection.request("GET", "/healthz/live")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


_CAUTIOUS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


def _said(entry: Said) -> dict[str, Any]:
    attempts = [[one.status, one.why or _text(one.body)] for one in entry.event.attempts]
    return {
        "who": entry.who,
        "where": entry.where,
        "text": entry.text,
        "attempts": attempts,
        "waits": entry.event.next_at > 0,
    }


def _call(call: Call, answer: Answer, fault: str) -> dict[str, Any]:
    asked = f"{call.method} {call.path}"
    told = answer.body
    if not isinstance(told, bytes):
        told = json.dumps(told, ensure_ascii=False).encode()
    return {
        "asked": asked,
        "body": _text(call.body),
        "status": answer.status,
        "answer": _text(told),
        "fault": "" if fault == "answer" else fault,
    }


def _text(body: bytes) -> str:
    """A body as text, cut; what is no text is told by its size."""
    try:
        return body.decode()[:LONGEST]
    except UnicodeDecodeError:
        return f"{len(body)} bytes"
