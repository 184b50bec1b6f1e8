"""Which question may go to which model, by where the model stands."""

from __future__ import annotations

from apps.accounts.models import Department, Person
from apps.accounts.rights import rights_of
from apps.audit import log as audit
from apps.core.i18n import Text, both
from apps.llm import wordlist
from apps.llm.models import LanguageModel
from apps.llm.privacy_errors import StaysHere
from apps.llm.privacy_models import ResidencyPolicy
from apps.llm.shapes import Ask, Purpose

_PICTURES = both(
    "其中有无法遮盖的图片或文件，只能交给内网模型",
    "it holds pictures or files, which cannot be masked and go to internal models only",
)
_ABROAD = both(
    "它在境外，公司没有允许把内容发往境外",
    "it stands abroad, and the company has not allowed content to go there",
)
_INSTEAD = both("可以改用：{models}。", "You can ask: {models}.")
_NONE = both(
    "目前没有可以改用的模型，请联系管理员。",
    "There is no other model to ask; please speak to an administrator.",
)
_DEEPEST = 20


def check(row: LanguageModel, ask: Ask, purpose: Purpose) -> None:
    """Raise `StaysHere` when this question must not go to that model; it is audited.

    The refusal names the models that may be asked instead.
    """
    why = _why_not(row, ask, purpose)
    if why is None:
        return
    audit.record(
        "model.kept_here", actor=wordlist.actor_of(purpose), obj=("model", row.pk, row.name),
        outcome="refused", trace_id=purpose.trace_id,
        data={"zone": row.zone, "why": purpose.why, "reason": why.en},
    )  # fmt: skip
    raise StaysHere(model=row.name, why=why, instead=_instead(row, ask, purpose))


def may(row: LanguageModel, ask: Ask, purpose: Purpose) -> bool:
    """May it go there, by zone and by what must not leave? For the models of a fallback chain;
    nothing is audited."""
    return _why_not(row, ask, purpose) is None and wordlist.leaving(row, ask) is None


def _why_not(row: LanguageModel, ask: Ask, purpose: Purpose) -> Text | None:
    if row.zone == "internal":
        return None
    if purpose.only_internal or any(turn.pictures for turn in ask.turns):
        return _PICTURES
    # What is neither inside nor known to stand in the country counts as abroad.
    return _ABROAD if row.zone != "mainland" and not _abroad(purpose) else None


def _abroad(purpose: Purpose) -> bool:
    policy = ResidencyPolicy.objects.order_by("pk").first()
    if policy is None or policy.allow_abroad:
        return policy is not None
    if purpose.person_id is None:
        return False
    allowed = set(policy.departments.values_list("pk", flat=True))
    return bool(allowed & _departments(purpose.person_id)) if allowed else False


def _departments(person_id: int) -> set[int]:
    """A person's department and all that it belongs to."""
    found: set[int] = set()
    key = Person.objects.filter(pk=person_id).values_list("department_id", flat=True).first()
    while key is not None and key not in found and len(found) < _DEEPEST:
        found.add(key)
        key = Department.objects.filter(pk=key).values_list("parent_id", flat=True).first()
    return found


def _instead(row: LanguageModel, ask: Ask, purpose: Purpose) -> Text:
    others = LanguageModel.objects.filter(enabled=True, kind=row.kind).exclude(pk=row.pk)
    person = purpose.person_id
    rights = None if person is None else rights_of([person])[person]
    names = [
        other.name
        for other in others.order_by("-default", "pk")
        if (rights is None or rights.allows(other.permission)) and may(other, ask, purpose)
    ]
    return _INSTEAD.format(models=", ".join(names)) if names else _NONE
