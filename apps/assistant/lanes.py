"""Which lane a message waits in: what stops or decides work never waits behind work."""

from __future__ import annotations

CONTROL_WORDS = ("cancel", "取消", "approve", "审批", "批准", "deny", "拒绝")


CLICKS = frozenset({"card_action", "form"})


def lane_for(text: str, kind: str = "text") -> str:
    """`control` for cancel, approve, deny and every click, else `interactive`.

    A guess that only sets order: what a button says is not known yet.
    """
    if kind in CLICKS:
        return "control"
    word = text.lstrip().lstrip("/／").casefold()
    return "control" if word.startswith(CONTROL_WORDS) else "interactive"
