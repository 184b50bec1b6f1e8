"""Understanding with all four stages: what the first three leave open, a model is asked about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from apps.assistant import grammar, planner
from apps.assistant.plan import ASSIST, PLAN, Plan, Words
from apps.assistant.planner import Proposed
from apps.assistant.understand import Asker, Understood, offers_near, understand
from apps.core.i18n import both
from apps.llm import usable
from apps.llm.shapes import Purpose
from apps.skills.base import get

PROPOSED = both("语言模型（{model}）这样理解", "the language model {model} takes it for this")
SAID = both("语言模型（{model}）直接作答", "the language model {model} answers in words")


def understand_fully(text: str, asker: Asker, purpose: Purpose) -> Understood:
    """Return what `text` is taken for, and ask a model where the asker may and nothing else fits.

    Never runs anything. Waits for the model: not for the way of a message.
    """
    found = understand(text, asker)
    settled = found.stage not in ("nearest", "none") or grammar.read(text.strip()) is not None
    skill = get(ASSIST)
    if settled or skill is None or not asker.rights.allows(skill.permission):
        return found
    if not any(map(asker.rights.allows, usable.permissions())):
        return found
    return from_proposal(planner.propose(text, asker, purpose=purpose), asker, found)


def from_proposal(proposed: Proposed, asker: Asker, otherwise: Understood) -> Understood:
    """Return a checked proposal as what was understood; without one, `otherwise` and why."""
    proposal = proposed.proposal
    if isinstance(proposal, Words):
        why = SAID.format(model=proposed.model)
        return Understood("model", words=proposal.text, why=why)
    if proposal is None:
        offers = offers_near(proposed.near, asker, otherwise.offers)
        stage = "nearest" if offers else otherwise.stage
        return replace(otherwise, stage=stage, offers=offers, note=proposed.problem)
    why = PROPOSED.format(model=proposed.model)
    name, parameters = _one(proposal)
    skill = get(name)
    assert skill is not None  # noqa: S101 - checked, or our own
    return Understood("model", skill, dict(parameters), proposed.missing, why=why)


def _one(plan: Plan) -> tuple[str, Mapping[str, Any]]:
    """The skill that a plan is: its only step's, or the one that runs plans."""
    if len(plan.steps) == 1:
        return plan.steps[0].skill, plan.steps[0].parameters
    return PLAN, {"steps": plan.to_json()}
