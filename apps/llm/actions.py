"""What can be done to a model's row: each checks, changes and audits in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings as house
from django.db import transaction

from apps.audit import log as audit
from apps.audit.log import Actor
from apps.core import crypto
from apps.core.crypto import Secret
from apps.core.errors import ClawdbotError
from apps.core.i18n import both
from apps.core.private import wanted
from apps.llm import limits, probe, settings
from apps.llm.finding import Finding
from apps.llm.models import LanguageModel
from apps.llm.settings import BadModel
from apps.llm.target import target_of

_KEY_AGAIN = both(
    "base_url 换了主机，请重新填写 api_key（已保存的密钥不会发给别的主机）",
    "base_url has another host: give the api_key again (a kept key is sent to no other host)",
)


class NameTaken(ClawdbotError):
    """There is already a model called {name}. Change it with `model set {name}`."""

    code = "name_taken"
    zh = "已有名为 {name} 的模型。可用 model set {name} 修改。"
    http_status = 409
    permanent = True


def tell_worker() -> bool:
    """Let `up` know whether somebody has to wait for models; called whenever that may change.

    Returns whether there is a model.
    """
    file = wanted(house.CLAWDBOT_HOME, "worker-model")
    there = LanguageModel.objects.filter(enabled=True, kind="chat").exists()
    with suppress(OSError):  # no `up` runs here, or ever did: there is nobody to be told
        if there:
            file.touch()
        else:
            file.unlink(missing_ok=True)
    return there


def add(name: str, *, actor: Actor, **given: Any) -> LanguageModel:
    """Keep a model; the first one of its kind becomes the default.

    `given` are settings by the names of `settings.READERS`, as words or typed; `base_url` and
    `model` are needed. Raises `BadModel`, `NameTaken`, and what the provider refuses.
    """
    values = settings.read(given)
    with transaction.atomic():
        if LanguageModel.objects.filter(name=name).exists():
            raise NameTaken(name=name)
        row = LanguageModel(name=name)
        settings.complete(row, values)
        first = not LanguageModel.objects.filter(kind=row.kind, default=True).exists()
        _keep(row, values, values.get("default", first))
        _audit("model.added", row, actor, _shown(row, values.keys() | {"provider", "zone"}))
    return row


def change(row: LanguageModel, *, actor: Actor, **given: Any) -> LanguageModel:
    """Change some settings; an `api_key` that is not given, or None, stays. An empty one goes.

    A new address on another host wants its key anew. Raises as `add`.
    """
    values = settings.read({k: v for k, v in given.items() if (k, v) != ("api_key", None)})
    with transaction.atomic():
        row = LanguageModel.objects.select_for_update().get(pk=row.pk)
        before = _shown(row, settings.READERS.keys())
        host = urlsplit(row.base_url).netloc
        settings.complete(row, values)
        if row.api_key and "api_key" not in values and urlsplit(row.base_url).netloc != host:
            raise BadModel(_KEY_AGAIN)
        _keep(row, values, values.get("default", row.default))
        after = _shown(row, settings.READERS.keys())
        changed = {name: value for name, value in after.items() if before[name] != value}
        if "api_key" in values:
            changed["api_key"] = after["api_key"]
        _audit("model.changed", row, actor, changed)
    # A new key, a topped-up account: whatever was wrong may be mended.
    limits.reset(row)
    return row


def remove(row: LanguageModel, actor: Actor) -> None:
    """Forget a model and its key; what was called stays in the rows of the calls."""
    with transaction.atomic():
        _audit("model.removed", row, actor, {})
        row.delete()
        transaction.on_commit(tell_worker, robust=True)


def check(row: LanguageModel, actor: Actor, api_key: str = "") -> Iterator[Finding]:
    """Look at a model step by step, with its stored key or, given one, with that instead.

    Each finding comes as it is known; the verdict is audited at the end.
    """
    target = target_of(row)
    if api_key:
        target = replace(target, key=Secret(api_key))
    wrong = []
    for finding in probe.check(target, row.kind):
        if finding.ok is False:
            wrong.append(finding.name)
        yield finding
    if not wrong:
        limits.reset(row)
    obj = ("model", row.pk, row.name)
    audit.record(
        "model.checked", actor=actor, obj=obj, outcome="failed" if wrong else "ok",
        data={"wrong": wrong},
    )  # fmt: skip


def reached(row: LanguageModel) -> Finding | None:
    """Does the address of a model answer? Costs no tokens, changes nothing."""
    findings = probe.check(target_of(row), row.kind)
    return next((finding for finding in findings if finding.ok is not None), None)


def key_shown(row: LanguageModel) -> str:
    """By its last four characters an administrator knows a key; "" when there is none."""
    return crypto.last4(crypto.decrypt(row.api_key, row.aad)) if row.api_key else ""


def _keep(row: LanguageModel, values: dict[str, Any], default: bool) -> None:
    if "api_key" in values:
        row.api_key = crypto.encrypt(values["api_key"], row.aad) if values["api_key"] else ""
    row.default = default
    row.save()
    if default:
        others = LanguageModel.objects.filter(kind=row.kind, default=True).exclude(pk=row.pk)
        others.update(default=False)
    transaction.on_commit(tell_worker, robust=True)


def _shown(row: LanguageModel, names: Any) -> dict[str, Any]:
    """Settings as the audit keeps them: of a key only that there is one."""
    found = {name: getattr(row, name) for name in names if name not in {"api_key", "fallback"}}
    found["fallback"] = row.fallback.name if row.fallback else ""
    return {k: str(v) for k, v in found.items()} | {"api_key": bool(row.api_key)}


def _audit(action: str, row: LanguageModel, actor: Actor, data: dict[str, Any]) -> None:
    audit.record(action, actor=actor, obj=("model", row.pk, row.name), outcome="done", data=data)
