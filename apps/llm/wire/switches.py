"""Tells a model to think or not, each vendor in its own words."""

from __future__ import annotations

from typing import Any

from apps.llm.quirks import Quirks

_LEVELS = ("low", "medium", "high")


def thinking(quirks: Quirks, effort: str) -> bool:
    """Will a model with these quirks think about a question of that effort?"""
    if quirks.always_thinks:
        return True
    if effort == "none":
        return quirks.thinks and not quirks.switch
    if effort:
        return quirks.thinks or bool(quirks.switch)
    return quirks.thinks


def fields(quirks: Quirks, effort: str) -> dict[str, Any]:
    """What a request has to hold for an effort; nothing for "" (as the model likes)."""
    if not effort or not quirks.switch:
        return {}
    if effort == "none" and quirks.always_thinks:
        return _level(quirks, _LEVELS[0])
    on = effort != "none"
    if quirks.switch == "effort":
        return _level(quirks, effort) if on else {"reasoning_effort": "none"}
    return {**_switch(quirks, on), **(_level(quirks, effort) if on else {})}


def _switch(quirks: Quirks, on: bool) -> dict[str, Any]:
    if quirks.switch == "type":
        return {"thinking": {"type": "enabled" if on else "disabled"}}
    if quirks.switch == "enable":
        return {"enable_thinking": on}
    return {"chat_template_kwargs": {"enable_thinking": on}}


def _level(quirks: Quirks, effort: str) -> dict[str, Any]:
    if not quirks.efforts:
        return {}
    known = dict(zip(_LEVELS, quirks.efforts, strict=False))
    return {"reasoning_effort": known.get(effort, effort)}
