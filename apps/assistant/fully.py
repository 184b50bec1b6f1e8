"""Understanding with all four stages: what the first three leave open, a model is asked about."""

from __future__ import annotations

from dataclasses import replace

from apps.assistant import flow, grammar, planner
from apps.assistant.plan import ASSIST, PLAN, Plan, Words
from apps.assistant.planner import Budget, Proposed
from apps.assistant.understand import Asker, Understood, offers_near, understand
from apps.core.i18n import both
from apps.llm import usable
from apps.llm.shapes import Purpose
from apps.skills.base import get

PROPOSED = both("语言模型（{model}）这样理解", "the language model {model} takes it for this")
SAID = both("语言模型（{model}）直接作答", "the language model {model} answers in words")


def understand_fully(
    text: str, asker: Asker, purpose: Purpose, *, model: str = "", budget: Budget | None = None
) -> Understood:
    """Return what `text` is taken for, and ask a model where the asker may and nothing else fits:
    the one of that alias, "" for the first that they may use.

    Never runs anything. Waits for the model: not for the way of a message.
    """
    found = understand(text, asker)
    settled = found.stage not in ("nearest", "none") or grammar.read(text.strip()) is not None
    skill = get(ASSIST)
    if settled or skill is None or not asker.rights.allows(skill.permission):
        return found
    if not any(map(asker.rights.allows, usable.permissions())):
        return found
    proposed = planner.propose(text, asker, purpose=purpose, budget=budget, model=model)
    return from_proposal(proposed, asker, found)


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
    return replace(of_plan(proposal), missing=proposed.missing, why=why)


def of_plan(plan: Plan) -> Understood:
    """Return a checked plan as what was understood: its only step's skill, or the one that runs
    plans."""
    held = flow.shown(plan)
    name, parameters = PLAN, {"steps": plan.to_json()}
    if len(plan.steps) == 1:
        (step,) = plan.steps
        name, parameters = step.skill, dict(step.parameters)
        held = tuple(one.partition(".")[2] for one in held)
    skill = get(name)
    assert skill is not None  # noqa: S101 - checked, or our own
    return Understood("model", skill, parameters, held=held)
