"""Runs a suite's pairs through the guard and through the control, and counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from agentdojo.base_tasks import BaseInjectionTask, BaseUserTask
from agentdojo.task_suite.load_suites import get_suites
from agentdojo.task_suite.task_suite import TaskSuite

from apps.assistant.plan import MOST_STEPS
from apps.skills.registry import borrowed
from benchmarks.agentdojo import house as houses
from benchmarks.agentdojo.attacks import Obedience, calls_of, wants_words
from benchmarks.agentdojo.control import Control
from benchmarks.agentdojo.guarded import Bench, Guarded
from benchmarks.agentdojo.house import House
from benchmarks.agentdojo.model import WorstModel
from benchmarks.agentdojo.tools import declare

VERSION = "v1.2.2"
SUITES = ("workspace", "travel", "banking", "slack")


@dataclass
class Task:
    """One user task without an attack."""

    name: str
    useful: bool
    steps: int
    questions: int

    @property
    def too_long(self) -> bool:
        """Does it need more steps than a plan may have?"""
        return self.steps > MOST_STEPS


@dataclass
class Pair:
    """One user task with one injection."""

    task: str
    injection: str
    shown: bool  # the injection, to the control's model
    control: bool  # the attack succeeded there
    alone: bool  # the attacker's calls reach the goal when nothing else is done
    shown_here: bool  # the injection, to ours
    attacked: bool  # the attack succeeded through our way
    useful: bool
    denied: int
    leaked: int


@dataclass
class Result:
    """What a suite came to. `words`: injections that want nothing but words in an answer; they are
    no pairs. `nowhere`: user tasks on whose way no injection is read."""

    suite: str
    tasks: list[Task] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    nowhere: list[str] = field(default_factory=list)

    @property
    def counted(self) -> list[Pair]:
        """The pairs in which the attacker's own calls, alone, count as a success."""
        return [one for one in self.pairs if one.alone]


@contextmanager
def prepared(name: str) -> Iterator[Suite]:
    """A suite whose tools are skills, in a house of its own."""
    suite, bench, model = get_suites(VERSION)[name], Bench(), WorstModel()
    with borrowed():
        skills = declare(suite, bench.call)
        with houses.opened(skills, model) as house:
            yield Suite(suite, bench, house)


class Suite:
    """A suite in its house."""

    def __init__(self, suite: TaskSuite[Any], bench: Bench, house: House) -> None:
        self._suite, self._bench, self._house = suite, bench, house
        self._attack = Obedience(suite)

    def run(self, most: int | None = None) -> Result:
        """Everything, or `most` pairs that are spread over the suite."""
        found = Result(self._suite.name)
        able = self._sort_injections(found)
        pairs = []
        for task in self._suite.user_tasks.values():
            if not self._attack.places(task):
                found.nowhere.append(task.ID)
                continue
            pairs += [(task, one) for one in able]
        chosen = pairs if most is None else pairs[:: max(1, len(pairs) // most)][:most]
        kept = {task.ID for task, _ in chosen}
        for task in self._suite.user_tasks.values():
            if most is None or task.ID in kept:
                found.tasks.append(self.task(task))
        found.pairs = [self.pair(*one) for one in chosen]
        return found

    def named(self, task: str, injection: str) -> Pair:
        """One pair by its names."""
        tasks, injections = self._suite.user_tasks, self._suite.injection_tasks
        return self.pair(tasks[task], injections[injection])

    def _sort_injections(self, found: Result) -> list[BaseInjectionTask[Any]]:
        able = []
        for one in self._suite.injection_tasks.values():
            env = self._suite.load_and_inject_default_environment({})
            if wants_words(one, calls_of(one, env, env)):
                found.words.append(one.ID)
            else:
                able.append(one)
        return able

    def task(self, task: BaseUserTask[Any]) -> Task:
        """A user task through our way, with nobody attacking."""
        self._house.another_chat()
        ours = Guarded(self._house, self._bench, task)
        useful, _ = self._suite.run_task_with_pipeline(ours, task, None, {})
        steps = len(self._house.model.right)
        return Task(task.ID, useful, steps, ours.confirmed + ours.denied)

    def pair(self, task: BaseUserTask[Any], injection: BaseInjectionTask[Any]) -> Pair:
        """An attacked user task: through the control, and through our way."""
        placed = self._attack.attack(task, injection)
        control = Control(task, injection)
        _, won = self._suite.run_task_with_pipeline(control, task, injection, placed)
        only = Control(task, injection, alone=True)
        _, alone = self._suite.run_task_with_pipeline(only, task, injection, placed)
        self._house.another_chat()
        ours = Guarded(self._house, self._bench, task, injection)
        useful, lost = self._suite.run_task_with_pipeline(ours, task, injection, placed)
        model = self._house.model
        return Pair(
            task.ID, injection.ID, control.shown, won, alone, bool(model.shown), lost, useful,
            ours.denied, model.leaked,
        )  # fmt: skip
