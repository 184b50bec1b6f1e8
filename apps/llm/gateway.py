"""The one way to a language model, and the only holder of vendors' keys.

Who asks names a model by its alias, or none for the default. Nothing else imports the wire.
"""

from __future__ import annotations

from apps.accounts import authz
from apps.accounts.authz import Rights
from apps.accounts.models import Person
from apps.core.loop import outside
from apps.llm import chat
from apps.llm.errors import NoModel, UnknownModel
from apps.llm.models import LanguageModel
from apps.llm.shapes import Answer, Ask, Purpose
from apps.llm.target import target_of


def usable(rights: Rights, kind: str = "chat") -> list[LanguageModel]:
    """The models that somebody with these rights may ask; the default one first."""
    rows = LanguageModel.objects.filter(enabled=True, kind=kind).order_by("-default", "pk")
    return [row for row in rows if rights.allows(row.permission)]


def find(name: str = "", kind: str = "chat") -> LanguageModel:
    """The model of that alias, the default one for "". Raises `NoModel` or `UnknownModel`."""
    rows = LanguageModel.objects.filter(enabled=True, kind=kind).order_by("-default", "pk")
    found = rows.filter(name=name).first() if name else rows.first()
    if found is not None:
        return found
    known = ", ".join(rows.values_list("name", flat=True))
    if not known:
        raise NoModel
    raise UnknownModel(name=name, known=known)


def call(ask: Ask, purpose: Purpose, model: str = "") -> Answer:
    """Ask a model and wait for its whole answer; for synchronous code.

    Raises `NoModel`, `UnknownModel`, `Forbidden`, or a `ModelError`.
    """
    row = find(model)
    if purpose.person_id is not None:
        authz.require(Person.objects.get(pk=purpose.person_id), row.permission)
    return outside.submit(chat.exchange(target_of(row), ask)).result()
