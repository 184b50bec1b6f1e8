"""What WeCom's template cards allow, as far as we use them: the stand refuses everything else.

The vendor gives sizes as advice ("建议不超过…个字"); what is longer is cut on the screen. The stand
refuses it: an answer must not be lost that way.
"""

from __future__ import annotations

import re
from typing import Any

_HEAD = {"card_type", "main_title", "sub_title_text", "horizontal_content_list"}
_MORE = {
    "text_notice": {"card_action"},
    "button_interaction": {"task_id", "button_list", "card_action"},
    "multiple_interaction": {"task_id", "select_list", "submit_button"},
}
INTERACTIVE = frozenset({"button_interaction", "multiple_interaction", "vote_interaction"})
_TASK = re.compile(r"[0-9A-Za-z_@-]{1,128}")


class BadCard(ValueError):
    """The card would be refused, or cut."""


def need(fine: object, why: str) -> None:
    """Refuse the card unless `fine`."""
    if not fine:
        raise BadCard(why)


def check_card(card: Any, *, update: bool = False) -> None:
    """Raise BadCard for the first thing that WeCom would refuse or cut."""
    need(isinstance(card, dict), "no object")
    kind = card.get("card_type")
    need(kind in _MORE, f"card_type {kind}")
    unknown = set(card) - _HEAD - _MORE[kind]
    need(not unknown, f"unknown keys {sorted(unknown)}")
    _head(card)
    if kind == "text_notice":
        action = card.get("card_action")
        need(isinstance(action, dict) and action.get("type") == 1, "card_action is needed")
        need(str(action.get("url", "")).startswith(("http://", "https://")), "card_action.url")
        return
    if not update:
        need(_TASK.fullmatch(str(card.get("task_id", ""))), "task_id")
    if kind == "button_interaction":
        _buttons(card.get("button_list"))
    else:
        _selects(card.get("select_list"))
        submit = card["submit_button"]
        _text(submit.get("text"), 10, "submit_button.text")
        _key(submit.get("key"), "submit_button.key")


def _head(card: dict[str, Any]) -> None:
    title, body = card.get("main_title", {}), card.get("sub_title_text", "")
    need(isinstance(title, dict) and set(title) <= {"title", "desc"}, "main_title")
    need(title.get("title") or body, "neither main_title.title nor sub_title_text")
    if title.get("title"):
        _text(title["title"], 36, "main_title.title")
    need(
        isinstance(body, str) and _wide(body) <= 320, "sub_title_text has more than 160 characters"
    )
    facts = card.get("horizontal_content_list", [])
    need(isinstance(facts, list) and len(facts) <= 6, "horizontal_content_list")
    for fact in facts:
        need(set(fact) == {"keyname", "value"}, "horizontal_content_list keys")
        _text(fact["keyname"], 5, "keyname")
        _text(fact["value"], 30, "value")


def _buttons(buttons: Any) -> None:
    need(isinstance(buttons, list) and 1 <= len(buttons) <= 6, "1 to 6 buttons")
    for button in buttons:
        need(set(button) <= {"text", "style", "key"}, "button keys")
        _text(button.get("text"), 10, "button text")
        need(button.get("style", 1) in {1, 2, 3, 4}, "button style")
        _key(button.get("key"), "button key")
    keys = [button["key"] for button in buttons]
    need(len(set(keys)) == len(keys), "button keys repeat")


def _selects(selects: Any) -> None:
    need(isinstance(selects, list) and 1 <= len(selects) <= 3, "1 to 3 lists")
    keys = [select["question_key"] for select in selects]
    need(len(set(keys)) == len(keys), "question keys repeat")
    for select in selects:
        need(set(select) <= {"question_key", "title", "option_list", "selected_id"}, "list keys")
        _key(select["question_key"], "question_key")
        options = select["option_list"]
        need(isinstance(options, list) and 1 <= len(options) <= 10, "1 to 10 options")
        ids = [option["id"] for option in options]
        need(len(set(ids)) == len(ids), "option ids repeat")
        for option in options:
            need(1 <= len(option["id"].encode()) <= 128, "option id")
            _text(option["text"], 16, "option text")


def _text(text: Any, characters: int, name: str) -> None:
    need(isinstance(text, str) and text.strip(), f"{name} is empty")
    need(_wide(text) <= 2 * characters, f"{name} has more than {characters} characters")


def _key(key: Any, name: str) -> None:
    need(isinstance(key, str) and 1 <= len(key.encode()) <= 1024, name)


def _wide(text: str) -> int:
    """Two letters are as wide as one Chinese character."""
    return len(text) + sum(1 for letter in text if ord(letter) > 0x10FF)
