"""Which lane a message waits in: what stops or decides work never waits behind work."""

from __future__ import annotations

CONTROL_WORDS = ("cancel", "取消", "approve", "审批", "批准", "deny", "拒绝")


def lane_for(text: str) -> str:
    """`control` for cancel, approve and deny, else `interactive`; a guess that only sets order."""
    word = text.lstrip().lstrip("/／").casefold()
    return "control" if word.startswith(CONTROL_WORDS) else "interactive"
