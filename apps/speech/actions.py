"""What can be done to the transcriber: each checks, changes and audits in one transaction."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from apps.audit import log as audit
from apps.audit.log import Actor
from apps.core import addresses, crypto
from apps.core.errors import ClawdbotError
from apps.core.http_errors import Refused
from apps.core.i18n import Text, both
from apps.speech import decode, endpoint, local
from apps.speech.decode import Sound
from apps.speech.errors import CannotHear
from apps.speech.models import Transcriber

DEFAULT = "default"
LANGUAGES = ("", "zh", "en")
_URL = both("base_url 不是可用的地址", "base_url is no address that can be called")
_MODEL = both("缺少 model", "model is missing")
_LANGUAGE = both("language 应为 zh、en 或留空", "language is zh, en or empty")
_LONG = both("{name} 太长", "{name} is too long")
_ANSWERS = both("应答正常（{model}）", "it answers ({model})")
_INSTALLED = both("本机识别可用（whisper base）", "the local transcriber works (whisper base)")
_NEITHER = both(
    "没有语音识别：用 manage.py speech set 指定端点，或运行 make speech 安装本机识别",
    "nothing transcribes: name an endpoint with manage.py speech set, or install the local one "
    "with make speech",
)


class BadTranscriber(ClawdbotError):
    """The transcriber's settings are not right: {why}."""

    code = "bad_transcriber"
    zh = "语音识别的设置不正确：{why}。"
    http_status = 400
    permanent = True


@dataclass(frozen=True, slots=True)
class Look:
    """One finding of `check`."""

    name: str
    ok: bool
    text: Text


def set_transcriber(
    *, base_url: str, model: str, api_key: str | None, language: str, actor: Actor
) -> Transcriber:
    """Name the endpoint that transcribes, and switch it on. An `api_key` of None stays as it is.

    Raises `BadTranscriber`.
    """
    _check(base_url, model, language)
    with transaction.atomic():
        row = Transcriber.objects.select_for_update().filter(name=DEFAULT).first()
        row = row or Transcriber(name=DEFAULT)
        row.base_url, row.model, row.language, row.enabled = base_url, model, language, True
        if api_key is not None:
            row.api_key = crypto.encrypt(api_key, endpoint.aad(row)) if api_key else ""
        row.save()
        shown = {"base_url": base_url, "model": model, "language": language}
        _audit("transcriber.set", row, actor, {**shown, "key": bool(row.api_key)})
    return row


def switch_off(actor: Actor) -> int:
    """Ask no endpoint any more; the local transcriber takes over where it is installed."""
    with transaction.atomic():
        rows = list(Transcriber.objects.select_for_update().filter(enabled=True))
        for row in rows:
            row.enabled = False
            row.save(update_fields=["enabled"])
            _audit("transcriber.off", row, actor, {})
    return len(rows)


def check() -> list[Look]:
    """Does whoever would transcribe answer? Sends a second of silence to the endpoint."""
    row = Transcriber.objects.filter(enabled=True).order_by("pk").first()
    if row is not None:
        try:
            endpoint.hear(row, Sound(bytes(2 * 16_000)))
        except CannotHear as error:
            return [Look(row.name, False, Text(error.text("zh"), error.text("en")))]
        return [Look(row.name, True, _ANSWERS.format(model=row.model))]
    if not local.installed():
        return [Look("speech", False, _NEITHER)]
    try:
        local.model()
        decode.decode(Sound(bytes(2 * 16_000)).wav(), "audio/wav")
    except CannotHear as error:
        return [Look(local.NAME, False, Text(error.text("zh"), error.text("en")))]
    return [Look(local.NAME, True, _INSTALLED)]


def _check(base_url: str, model: str, language: str) -> None:
    try:
        addresses.parse(endpoint.address(base_url))
    except Refused as error:
        raise BadTranscriber(why=_URL) from error
    if not model.strip():
        raise BadTranscriber(why=_MODEL)
    if language not in LANGUAGES:
        raise BadTranscriber(why=_LANGUAGE)
    for name, value, longest in (("base_url", base_url, 500), ("model", model, 200)):
        if len(value) > longest or not value.isprintable():
            raise BadTranscriber(why=_LONG.format(name=name))


def _audit(action: str, row: Transcriber, actor: Actor, data: dict[str, object]) -> None:
    obj = ("transcriber", row.pk, str(row))
    audit.record(action, actor=actor, obj=obj, outcome="done", data=data)


def remove(row: Transcriber, actor: Actor) -> None:
    """Forget an endpoint and its key."""
    with transaction.atomic():
        _audit("transcriber.removed", row, actor, {})
        row.delete()
