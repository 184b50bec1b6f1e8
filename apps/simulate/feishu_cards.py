"""What Feishu's card JSON 2.0 allows, as far as we use it: the stand refuses everything else."""

from __future__ import annotations

from typing import Any

TEMPLATES = {
    *("blue", "wathet", "turquoise", "green", "yellow", "orange", "red", "carmine", "violet"),
    *("purple", "indigo", "grey", "default"),
}
MAX_ELEMENTS = 200
MAX_TABLES = 5
INPUTS = {"input", "select_static", "date_picker", "picker_time"}
MAX_HINT = 100


class BadCard(ValueError):
    """The card would not be drawn."""


def need(fine: object, why: str) -> None:
    """Refuse the card unless `fine`."""
    if not fine:
        raise BadCard(why)


def check_card(card: Any) -> None:
    """Raise BadCard for the first thing that Feishu would refuse."""
    need(isinstance(card, dict) and card.get("schema") == "2.0", "schema is not 2.0")
    need(set(card) <= {"schema", "config", "header", "body"}, f"unknown keys {sorted(card)}")
    header = card.get("header")
    if header is not None:
        _plain(header.get("title"))
        need(header.get("template", "default") in TEMPLATES, "unknown template")
    elements = card.get("body", {}).get("elements")
    need(isinstance(elements, list), "no elements")
    count = [0, 0]
    for element in elements:
        _element(element, count, root=True)
    need(count[0] <= MAX_ELEMENTS, "ErrCode: 300305; too many elements")
    need(count[1] <= MAX_TABLES, "ErrCode: 11310; ErrMsg: card table number over limit")


def _element(element: Any, count: list[int], *, root: bool = False) -> None:
    need(isinstance(element, dict), "an element is no object")
    count[0] += 1
    match element.get("tag"):
        case "markdown":
            need(isinstance(element.get("content"), str), "markdown without content")
        case "div":
            _plain(element.get("text"))
        case "hr":
            pass
        case "table":
            count[1] += 1
            _table(element)
        case "column_set":
            for column in element["columns"]:
                need(column.get("tag") == "column", "a column_set holds columns")
                count[0] += 1
                for inner in column["elements"]:
                    _element(inner, count)
        case "button":
            need("form_action_type" not in element, "a submit button outside a form")
            _button(element)
        case "form":
            need(root, "ErrCode: 200861; a form stands at the root")
            _form(element, count)
        case other:
            raise BadCard(f"ErrCode: 200861; unsupported tag {other}")


def _form(form: dict[str, Any], count: list[int]) -> None:
    need(set(form) <= {"tag", "name", "elements", "element_id"}, "unknown keys of a form")
    need(_name(form), "a form without a name")
    names = [form["name"]]
    submits = 0
    for element in form["elements"]:
        count[0] += 1
        tag = element.get("tag")
        need(tag not in {"table", "form", "chart"}, f"a form holds no {tag}")
        if tag in INPUTS:
            names.append(_name(element))
            _input(element)
        elif tag == "button":
            need(element.get("form_action_type") in {"submit", "reset"}, "form_action_type")
            submits += element["form_action_type"] == "submit"
            names.append(_name(element))
            _button(element)
        else:
            _element(element, count)
    need(submits, "ErrCode: 200530; a form without a submit button")
    need(all(names) and len(names) == len(set(names)), "ErrCode: 200732; names of a card repeat")


def _name(element: dict[str, Any]) -> str:
    name = element.get("name")
    return name if isinstance(name, str) else ""


def _input(element: dict[str, Any]) -> None:
    _plain(element.get("placeholder"))
    need(len(element["placeholder"]["content"]) <= MAX_HINT, "a placeholder of over 100")
    need(isinstance(element.get("required", False), bool), "required")
    if element["tag"] == "select_static":
        need(element.get("options"), "a select without options")
        values = [option["value"] for option in element["options"]]
        need(len(values) == len(set(values)), "options repeat")
        for option in element["options"]:
            _plain(option.get("text"))
            need(isinstance(option["value"], str), "a value that is no text")


def _plain(text: Any) -> None:
    need(isinstance(text, dict) and text.get("tag") == "plain_text", "no plain_text")
    need(isinstance(text.get("content"), str) and text["content"].strip(), "empty plain_text")


def _table(table: dict[str, Any]) -> None:
    need(1 <= table.get("page_size", 5) <= 10, "page_size")
    names = [column["name"] for column in table["columns"]]
    need(len(names) == len(set(names)) and names, "column names")
    need(all(c["data_type"] in {"text", "lark_md", "number"} for c in table["columns"]), "type")
    need(all(set(row) <= set(names) for row in table["rows"]), "a cell without a column")


def _button(button: dict[str, Any]) -> None:
    _plain(button.get("text"))
    need(button.get("type") in {"default", "primary", "danger"}, "button type")
    for behavior in button["behaviors"]:
        need(behavior.get("type") in {"callback", "open_url"}, "behavior")
        if behavior["type"] == "callback":
            need(isinstance(behavior.get("value"), dict), "a callback's value is an object")
