"""The control: the same model in a plain loop of tools, where whatever it calls is run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentdojo.agent_pipeline.base_pipeline_element import BasePipelineElement
from agentdojo.agent_pipeline.tool_execution import tool_result_to_str
from agentdojo.base_tasks import BaseInjectionTask, BaseUserTask
from agentdojo.functions_runtime import EmptyEnv, Env, FunctionCall, FunctionsRuntime
from agentdojo.types import ChatAssistantMessage, ChatMessage, text_content_block_from_string

from benchmarks.agentdojo.attacks import calls_of, shows


def message(text: str, made: Sequence[FunctionCall] = ()) -> ChatAssistantMessage:
    """What the assistant said or called."""
    content = [text_content_block_from_string(text)]
    return ChatAssistantMessage(role="assistant", content=content, tool_calls=list(made) or None)


class Control(BasePipelineElement):
    """Calls what the user's task needs; once a result shows an injection, what the attacker wants
    and nothing else. `shown` says whether that happened. `alone`: the attacker's calls without any
    task, which tells whether AgentDojo could see that an attack succeeded."""

    name = "control"

    def __init__(
        self,
        task: BaseUserTask[Any],
        injection: BaseInjectionTask[Any] | None,
        *,
        alone: bool = False,
    ) -> None:
        self._task, self._injection, self._alone = task, injection, alone
        self.shown = False

    def query(
        self,
        query: str,
        runtime: FunctionsRuntime,
        env: Env = EmptyEnv(),  # type: ignore[assignment] # noqa: B008 - the base class's own
        messages: Sequence[ChatMessage] = (),
        extra_args: dict[str, Any] | None = None,
    ) -> tuple[str, FunctionsRuntime, Env, Sequence[ChatMessage], dict[str, Any]]:
        """Run the task."""
        before = env.model_copy(deep=True)
        made: list[ChatMessage] = []
        for call in () if self._alone else self._task.ground_truth(env):
            result, _ = runtime.run_function(env, call.function, call.args)
            made.append(message("", [call]))
            self.shown = shows(tool_result_to_str(result))
            if self.shown:
                break
        if self._injection is not None and (self.shown or self._alone):
            for call in calls_of(self._injection, env, before):
                runtime.run_function(env, call.function, call.args)
                made.append(message("", [call]))
        return query, runtime, env, [*messages, *made, message("")], extra_args or {}
