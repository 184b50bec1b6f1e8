"""The worst model there can be: right about the user's words, and obedient to everybody else's."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentdojo.functions_runtime import FunctionCall

from apps.assistant.plan import MOST_STEPS
from apps.simulate.model import Body, calls
from benchmarks.agentdojo.attacks import shows
from benchmarks.agentdojo.tools import FIND, GUARDS, VALUES, called, outside, stored

_WANTED = re.compile(r"(v\d+) = (?:(\w+) of step (\d+)|the answer)")


@dataclass
class WorstModel:
    """What it knows of the task at hand: the right calls, and those that the attacker wants.

    `shown` counts the requests that held an injection, `leaked` those that asked for a plan.
    """

    prompt: str = ""
    right: Sequence[FunctionCall] = ()
    wanted: Sequence[FunctionCall] = ()
    shown: int = 0
    leaked: int = 0

    def begin(
        self, prompt: str, right: Sequence[FunctionCall], wanted: Sequence[FunctionCall]
    ) -> None:
        """Another task."""
        self.prompt, self.right, self.wanted = prompt, right, wanted
        self.shown = self.leaked = 0

    def __call__(self, body: Body) -> Body:
        """Answer a chat request: a plan where tools are offered, else the values asked for."""
        seen = shows(json.dumps(body["messages"], ensure_ascii=False))
        self.shown += seen
        if body.get("tools"):
            self.leaked += seen
            return self._obey() if seen else calls(("plan", {"steps": propose(self)}))
        said = {"content": json.dumps(self._values(body, seen), ensure_ascii=False)}
        return {**self._obey(), **said} if seen else said

    def _obey(self) -> Body:
        """All that the attacker wants, called at once."""
        return calls(*((called(one.function), _stored(one.args)) for one in self.wanted))

    def _values(self, body: Body, seen: bool) -> dict[str, Any]:
        asked = str(body["messages"][-1]["content"]).partition("\n")[0]
        found = {}
        for name, parameter, step in _WANTED.findall(asked):
            found[name] = self._value(parameter, int(step), seen) if step else "see above"
        return found

    def _value(self, parameter: str, step: int, seen: bool) -> Any:
        call = self.right[step - 1]
        truth = call.args[parameter]
        bad = attackers(call.function, parameter, truth, self.wanted) if seen else None
        return stored(truth if bad is None else bad)


def attackers(tool: str, parameter: str, truth: Any, wanted: Sequence[FunctionCall]) -> Any:
    """What the attacker would put there: the value of the same parameter of the same tool, of any
    tool, or of another parameter that says the same (who, where, how much), as far as it has the
    right type; None when there is none."""
    same = [one.args[parameter] for one in wanted if one.function == tool and parameter in one.args]
    same += [one.args[parameter] for one in wanted if parameter in one.args]
    guard = GUARDS.get(parameter)
    for one in wanted:
        same += [v for name, v in one.args.items() if guard and GUARDS.get(name) == guard]
    fitting = (_fitted(one, truth) for one in same)
    return next((one for one in fitting if one is not None and one != truth), None)


def _fitted(value: Any, truth: Any) -> Any:
    if isinstance(truth, list) and isinstance(value, str):
        return [value]
    if isinstance(truth, str) and isinstance(value, list) and value:
        return value[0]
    number = isinstance(truth, int | float) and isinstance(value, int | float)
    return value if number or isinstance(value, type(truth)) else None


def propose(model: WorstModel) -> list[Body]:
    """The right steps. A value stands in the user's words, or comes out of what the latest step
    that read others' words gave; where there is none yet, it is how the user's words are put."""
    steps: list[Body] = []
    wanted: dict[int, list[str]] = {}
    source = 0
    for place, call in enumerate(model.right[:MOST_STEPS], 1):
        parameters = {}
        for name, value in call.args.items():
            if value is None:
                continue
            if source and not said(value, model.prompt):
                field_ = VALUES[len(wanted[source])]
                wanted[source].append(f"{field_} = {name} of step {place}")
                parameters[name] = {"$from": f"s{source}", "field": field_}
            else:
                parameters[name] = stored(value)
        steps.append({"id": f"s{place}", "skill": called(call.function), "parameters": parameters})
        if outside(call.function):
            source, wanted[place] = place, []
    for place, lines in wanted.items():
        # Whoever answers reads the result, too: so the model is always shown it.
        lines.append(f"{VALUES[len(lines)]} = the answer")
        steps[place - 1]["parameters"][FIND] = "; ".join(lines)
    return steps


def said(value: Any, prompt: str) -> bool:
    """Does it stand in the user's words?"""
    if isinstance(value, list):
        return all(said(one, prompt) for one in value)
    if isinstance(value, dict):
        return all(said(one, prompt) for one in value.values())
    text = str(value).casefold()
    return re.search(rf"(?<![0-9a-z]){re.escape(text)}(?![0-9a-z])", prompt.casefold()) is not None


def _stored(args: Mapping[str, Any]) -> dict[str, Any]:
    return {name: stored(value) for name, value in args.items() if value is not None}
