"""`manage.py speech …`: who turns voice messages into text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from apps.console.cli import ConsoleCommand, Failed, Options, Refused, cli_actor, key_values, said
from apps.core import crypto
from apps.core.i18n import both
from apps.im import file_kinds
from apps.speech import actions, endpoint, hearing, local
from apps.speech.errors import CannotHear

KEYS = ("base_url", "model", "api_key", "language")


class Command(ConsoleCommand):
    """Name an endpoint, try it, switch it off."""

    help = "Voice messages. 语音识别。"

    def add_arguments(self, parser: CommandParser) -> None:
        """The verbs and what they take."""
        verbs = self.verbs(parser)
        name = both("指定识别端点", "name the endpoint that transcribes")
        self.verb(verbs, "set", self._set, name).add_argument(
            "pairs", nargs="+", metavar="KEY=VALUE", help=", ".join(KEYS)
        )
        look = both("试一试；给文件就识别它", "try it; with a FILE, transcribe that")
        found = self.verb(verbs, "check", self._check, look, as_json=True)
        found.add_argument("file", nargs="?", metavar="FILE", type=Path)
        show = both("现在由谁识别", "who transcribes now")
        self.verb(verbs, "show", self._show, show, as_json=True)
        self.verb(verbs, "off", self._off, both("不再使用端点", "use no endpoint any more"))

    def _set(self, options: Options) -> None:
        values = key_values(options["pairs"])
        unknown = sorted(set(values) - set(KEYS))
        if unknown:
            known = ", ".join(KEYS)
            raise Refused(
                both(f"没有 {unknown[0]}；可用：{known}", f"no {unknown[0]}; known: {known}")
            )
        row = actions.set_transcriber(
            base_url=values.get("base_url", ""), model=values.get("model", ""),
            api_key=values.get("api_key"), language=values.get("language", ""),
            actor=cli_actor(),
        )  # fmt: skip
        self.say(both(f"语音交给 {row.base_url}", f"Voice goes to {row.base_url}"))

    def _check(self, options: Options) -> None:
        if options["file"] is not None:
            self._hear(options)
            return
        found = actions.check()
        data = [{"name": one.name, "ok": one.ok, "text": said(one.text)} for one in found]
        lines = [f"{'ok ' if one.ok else 'NO '} {one.name}: {said(one.text)}" for one in found]
        self.show(options, data, lines)
        if not all(one.ok for one in found):
            raise Failed(both("语音识别需要处理。", "Speech has to be mended."))

    def _hear(self, options: Options) -> None:
        path: Path = options["file"]
        try:
            data = path.read_bytes()
        except OSError as error:
            raise Refused(both(f"读不到 {path}", f"{path} cannot be read")) from error
        try:
            heard = hearing.hear(data, file_kinds.sniff(data, path.name).mime)
        except CannotHear as error:
            raise Failed(error.texts().format(**error.params)) from error
        found = {"text": heard.text, "sure": heard.sure, "by": heard.by, "seconds": heard.seconds}
        self.show(options, found, [heard.text])

    def _show(self, options: Options) -> None:
        row = hearing.configured()
        data: dict[str, Any] = {"by": None, "local": local.installed()}
        if row is not None:
            key = crypto.last4(endpoint.api_key(row)) if row.api_key else ""
            data |= {"by": "endpoint", "base_url": row.base_url, "model": row.model,
                     "api_key": key, "language": row.language}  # fmt: skip
        elif local.installed():
            data["by"] = local.NAME
        self.show(options, data, [f"{name}: {value}" for name, value in data.items()])

    def _off(self, options: Options) -> None:
        actions.switch_off(cli_actor())
        self.say(both("不再使用识别端点。", "No endpoint is asked any more."))
