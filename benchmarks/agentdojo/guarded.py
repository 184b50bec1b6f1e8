"""Our own way of a message as a pipeline of AgentDojo's: nothing of it is left out or replaced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentdojo.agent_pipeline.base_pipeline_element import BasePipelineElement
from agentdojo.agent_pipeline.tool_execution import tool_result_to_str
from agentdojo.base_tasks import BaseInjectionTask, BaseUserTask
from agentdojo.functions_runtime import EmptyEnv, Env, FunctionCall, FunctionsRuntime
from agentdojo.types import ChatMessage

from apps.assistant.models import Approval, Job
from benchmarks.agentdojo import person
from benchmarks.agentdojo.attacks import calls_of
from benchmarks.agentdojo.control import message
from benchmarks.agentdojo.house import House


@dataclass
class Bench:
    """Where the skills call the tools: the environment at hand, and what was called in it."""

    runtime: FunctionsRuntime = field(default_factory=FunctionsRuntime)
    env: Any = None
    done: list[FunctionCall] = field(default_factory=list)

    def call(self, tool: str, args: Mapping[str, Any]) -> str:
        """Call a tool. Raises what it raises."""
        result, _ = self.runtime.run_function(self.env, tool, args, raise_on_error=True)
        self.done.append(FunctionCall(function=tool, args=dict(args)))
        return tool_result_to_str(result)


class Guarded(BasePipelineElement):
    """A message to the assistant, and a person who looks at what is asked.

    Afterwards: `confirmed` and `denied` count cards, `whole` says that every step succeeded.
    """

    name = "guarded"

    def __init__(
        self,
        house: House,
        bench: Bench,
        task: BaseUserTask[Any],
        injection: BaseInjectionTask[Any] | None = None,
    ) -> None:
        self._house, self._bench = house, bench
        self._task, self._injection = task, injection
        self.confirmed = self.denied = 0
        self.whole = False

    def query(
        self,
        query: str,
        runtime: FunctionsRuntime,
        env: Env = EmptyEnv(),  # type: ignore[assignment] # noqa: B008 - the base class's own
        messages: Sequence[ChatMessage] = (),
        extra_args: dict[str, Any] | None = None,
    ) -> tuple[str, FunctionsRuntime, Env, Sequence[ChatMessage], dict[str, Any]]:
        """Say the prompt and see it through."""
        bench, house = self._bench, self._house
        bench.runtime, bench.env, bench.done = runtime, env, []
        right = list(self._task.ground_truth(env))
        before = env.model_copy(deep=True)
        wanted = calls_of(self._injection, env, before) if self._injection else []
        house.model.begin(query, right, wanted)
        said = house.say(query)
        while (asked := Approval.objects.filter(state="waiting").first()) is not None:
            self._decide(asked, right)
        last = Job.objects.filter(message_id=said.pk).order_by("-pk").first()
        good = last is not None and last.state == "succeeded"
        self.whole = good and len(bench.done) == len(right)
        output = self._task.GROUND_TRUTH_OUTPUT if self.whole else ""
        made = [message("", [call]) for call in bench.done]
        return query, runtime, env, [*messages, *made, message(output)], extra_args or {}

    def _decide(self, asked: Approval, right: Sequence[FunctionCall]) -> None:
        good = person.agrees(asked, right[len(self._bench.done) :])
        self.confirmed += good
        self.denied += not good
        self._house.say(f"/{'approve' if good else 'deny'} {asked.code}")
