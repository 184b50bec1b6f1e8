"""Tells whom it concerns that a budget runs low, or that a model has a pause that needs a hand."""

from __future__ import annotations

from apps.accounts.models import Person
from apps.accounts.rights import holding
from apps.assistant import notices, words
from apps.core.i18n import both
from apps.llm import budgets, limits
from apps.llm.budgets import Nearing
from apps.llm.models import LanguageModel

#: Who holds it is told about budgets that are no single person's.
BUDGETS = "model.budgets"
#: Who holds it is told about a model that cannot mend itself.
MODELS = "model.manage"

_NEARING = both(
    "{text}。用完后到 {until} 之前不能再调用模型。",
    "{text}. Once it is used up, models cannot be asked until {until}.",
)
_PAUSES = {
    "auth": both(
        "模型 {model} 不接受它的密钥，已暂停调用。请更新密钥，然后运行 model check {model}。",
        "The model {model} does not accept its key and has a pause. Set the key anew, then run "
        "model check {model}.",
    ),
    "balance": both(
        "模型 {model} 的账户余额不足，已暂停调用。请充值，然后运行 model check {model}。",
        "The account of the model {model} is out of money, and it has a pause. Top it up, then "
        "run model check {model}.",
    ),
}


def warn(nearing: Nearing) -> None:
    """Tell the person whose budget it is, or those who see to budgets."""
    people = (
        list(Person.objects.filter(pk=nearing.person_id, is_active=True))
        if nearing.person_id is not None
        else holding(BUDGETS)
    )
    notices.tell(people, _NEARING.format(text=nearing.text, until=words.clock(nearing.until)))


def pause(uid: str, outcome: str) -> None:
    """Tell the administrators of a model whose key or account is at fault."""
    text = _PAUSES.get(outcome)
    row = LanguageModel.objects.filter(uid=uid).first() if text is not None else None
    if text is not None and row is not None:
        notices.tell(holding(MODELS), text.format(model=row.name))


def register() -> None:
    """Listen."""
    if warn not in budgets.on_warning:
        budgets.on_warning.append(warn)
        limits.on_pause.append(pause)
