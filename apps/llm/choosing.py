"""Which model is asked: by its alias, or the first that somebody may use; then its fallbacks."""

from __future__ import annotations

from apps.accounts.guard import refused
from apps.accounts.rights import Rights, rights_of
from apps.llm import residency
from apps.llm.errors import NoModel, UnknownModel
from apps.llm.models import LanguageModel
from apps.llm.shapes import Ask, Purpose


def usable(rights: Rights, kind: str = "chat") -> list[LanguageModel]:
    """The models that somebody with these rights may ask; the default one first."""
    rows = LanguageModel.objects.filter(enabled=True, kind=kind).order_by("-default", "pk")
    return [row for row in rows if rights.allows(row.permission)]


def find(
    name: str = "", kind: str = "chat", told: list[LanguageModel] | None = None
) -> LanguageModel:
    """The model of that alias, the default one for "". Raises `NoModel` or `UnknownModel`, which
    names all models, or those of `told`: aliases are nobody's business who may not use them."""
    rows = LanguageModel.objects.filter(enabled=True, kind=kind).order_by("-default", "pk")
    found = rows.filter(name=name).first() if name else rows.first()
    if found is not None:
        return found
    known = [row.name for row in rows]
    if not known:
        raise NoModel
    shown = known if told is None else [row.name for row in told]
    raise UnknownModel(name=name, known=", ".join(shown) or "-")


def chosen(name: str, ask: Ask, purpose: Purpose, kind: str = "chat") -> list[LanguageModel]:
    """The model to ask and its fallbacks in order, each once; of the fallbacks those that the
    asker may use and to which this question may go. For "" it is the first that the asker may
    use, the default one before others.

    Whether the first may be used is asked again by `permit`. Raises `NoModel`, `UnknownModel`.
    """
    first = None
    mine: list[LanguageModel] | None = None
    if purpose.person_id is not None:
        mine = usable(rights_of([purpose.person_id])[purpose.person_id], kind)
        first = mine[0] if mine and not name else None
    first = first or find(name, kind, mine)
    return [first, *(row for row in _fallbacks(first) if _may(row, ask, purpose))]


def permit(row: LanguageModel, purpose: Purpose) -> None:
    """Raise `Forbidden` unless the asker may use it; the installation itself may."""
    if purpose.person_id is not None:
        decision = rights_of([purpose.person_id])[purpose.person_id].decide(row.permission)
        if not decision.allowed:
            raise refused(decision)


def _fallbacks(first: LanguageModel) -> list[LanguageModel]:
    found, row = [first], first
    while row.fallback_id is not None and row.fallback_id not in {one.pk for one in found}:
        following = LanguageModel.objects.filter(pk=row.fallback_id).first()
        if following is None:
            break
        found.append(following)
        row = following
    return [row for row in found[1:] if row.enabled and row.kind == first.kind]


def _may(row: LanguageModel, ask: Ask, purpose: Purpose) -> bool:
    person = purpose.person_id
    allowed = person is None or rights_of([person])[person].allows(row.permission)
    return allowed and residency.may(row, ask, purpose)
