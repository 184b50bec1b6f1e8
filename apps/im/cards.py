"""The neutral card: what an answer looks like before any platform draws it.

Every platform renders a `Card` in its own way, and `to_text` is the way that always works: it
holds everything that the card holds, with the buttons as commands to type.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from apps.core.i18n import both

Color = Literal["blue", "green", "orange", "red", "grey"]
Style = Literal["default", "primary", "danger"]

_COLORS: dict[str, Color] = {
    "succeeded": "green",
    "done": "green",
    "approved": "green",
    "failed": "red",
    "dead": "red",
    "asking": "orange",
    "refused": "orange",
    "denied": "orange",
    "limited": "orange",
    "cancelled": "grey",
    "expired": "grey",
    "withdrawn": "grey",
}
_TYPE = both("可以输入这些命令：", "Commands you can type:")
_MEND = both("办法", "What to do")
_NUMBER = both("给管理员的编号", "Number for the administrator")
_REPEAT = both("（可能重复）", "(this may be a repeat)")
_EMPTY = both("（没有内容）", "(nothing to show)")
_FAILED = both("没有成功", "It did not work")


class BadCard(ValueError):
    """Stored or received JSON is not a card."""


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph, shown letter by letter; with `markdown` its markup is drawn where possible.

    Words that came from outside belong in plain text: markup could mention people or hide links.
    """

    text: str
    markdown: bool = False


@dataclass(frozen=True, slots=True)
class Fields:
    """Short facts: (name, value) pairs."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under column heads; a row has as many cells as there are heads."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        if any(len(row) != len(self.heads) for row in self.rows):
            raise BadCard("a table row has more or fewer cells than there are heads")


@dataclass(frozen=True, slots=True)
class Divider:
    """A line between two parts."""


@dataclass(frozen=True, slots=True)
class Button:
    """A button is a command: a click says `cmd`, in the name of whoever clicked."""

    label: str
    cmd: str
    style: Style = "default"
    #: What a platform sends back on a click: signed, bound to this card; "" until it goes out.
    token: str = ""
    #: It acts once, whoever clicks. False where clicking again does no harm (help, lists, offers).
    once: bool = True


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of an input, and how it is shown."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Input:
    """One field of a form. With `choices` one of them is picked, else something is typed."""

    name: str
    label: str
    kind: Literal["text", "number", "date", "time"] = "text"
    required: bool = True
    hint: str = ""
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """Inputs and the button that sends them: a click says `submit.cmd` with the values.

    Where a platform has no forms the card's text asks for the first input in words.
    """

    inputs: tuple[Input, ...]
    submit: Button


Block = Text | Fields | Table | Divider


@dataclass(frozen=True, slots=True)
class Card:
    """One visible message."""

    title: str = ""
    color: Color = "blue"
    blocks: tuple[Block, ...] = ()
    buttons: tuple[Button, ...] = ()
    form: Form | None = None

    def to_json(self) -> dict[str, Any]:
        """The card as JSON; `from_json` gives the same card back."""
        drawn = {
            "title": self.title,
            "color": self.color,
            "blocks": [_block_json(block) for block in self.blocks],
            "buttons": [_button_json(one) for one in self.buttons],
        }
        return drawn | ({"form": _form_json(self.form)} if self.form else {})

    @classmethod
    def from_json(cls, data: Any) -> Card:
        """Read a card; an empty object is the empty card. Raises `BadCard`."""
        try:
            return cls(
                title=_text(data.get("title", "")),
                color=_one_of(data.get("color", "blue"), get_args(Color)),
                blocks=tuple(_block(one) for one in data.get("blocks", [])),
                buttons=tuple(_button(one) for one in data.get("buttons", [])),
                form=_form(data["form"]) if data.get("form") else None,
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise BadCard(str(error)) from error


def answer(
    text: str, *, title: str = "", markdown: bool = False, buttons: Iterable[Button] = ()
) -> Card:
    """A plain answer: one paragraph, blue."""
    return Card(title, "blue", (Text(text, markdown),) if text else (), tuple(buttons))


def error(
    cause: str, *, mend: str = "", number: str = "", language: str = "zh-hans", title: str = ""
) -> Card:
    """What went wrong, what to do about it, and the number by which an administrator finds it."""
    pairs = ((_MEND.in_(language), mend), (_NUMBER.in_(language), number))
    shown = tuple(pair for pair in pairs if pair[1])
    facts: tuple[Block, ...] = (Fields(shown),) if shown else ()
    return Card(title or _FAILED.in_(language), "red", (Text(cause), *facts))


def shown(card: Card, text: str, *, repeat: bool, language: str) -> Card:
    """The card as it is to be seen: made from the text when it is empty, and never empty.

    `repeat` puts in front that it may have been shown before.
    """
    if not to_text(card, language).strip() and card.form is None:
        card = replace(card, blocks=(Text(text if text.strip() else _EMPTY.in_(language)),))
    if repeat:
        card = replace(card, blocks=(Text(_REPEAT.in_(language)), *card.blocks))
    return card


def color_of(outcome: str) -> Color:
    """The colour of an outcome or a state; blue for everything that is still under way."""
    return _COLORS.get(outcome, "blue")


def to_text(card: Card, language: str = "zh-hans") -> str:
    """Everything that the card holds, as plain text."""
    parts = [card.title, *(block_text(block) for block in card.blocks)]
    if card.buttons:
        lines = [_TYPE.in_(language), *(f"{one.cmd}  ({one.label})" for one in card.buttons)]
        parts.append("\n".join(lines))
    return "\n\n".join(part for part in parts if part)


def block_text(block: Block) -> str:
    """One block as plain text."""
    match block:
        case Text():
            return block.text
        case Fields():
            return "\n".join(f"{name}: {value}" for name, value in block.pairs)
        case Table():
            rows = (block.heads, *block.rows)
            return "\n".join(" | ".join(_one_line(cell) for cell in row) for row in rows)
        case Divider():
            return "———"


def _one_line(cell: str) -> str:
    return " ".join(cell.split())


def _block_json(block: Block) -> dict[str, Any]:
    match block:
        case Text():
            return {"type": "text", "text": block.text, "markdown": block.markdown}
        case Fields():
            return {"type": "fields", "pairs": [list(pair) for pair in block.pairs]}
        case Table():
            rows = [list(row) for row in block.rows]
            return {"type": "table", "heads": list(block.heads), "rows": rows}
        case Divider():
            return {"type": "divider"}


def _block(data: dict[str, Any]) -> Block:
    match data["type"]:
        case "text":
            return Text(_text(data["text"]), data.get("markdown", False) is True)
        case "fields":
            return Fields(tuple((_text(name), _text(value)) for name, value in data["pairs"]))
        case "table":
            return Table(_texts(data["heads"]), tuple(_texts(row) for row in data["rows"]))
        case "divider":
            return Divider()
        case other:
            raise BadCard(f"unknown block {other!r}")


def _button(data: dict[str, Any]) -> Button:
    style: Style = _one_of(data.get("style", "default"), get_args(Style))
    return Button(
        _text(data["label"]),
        _text(data["cmd"]),
        style,
        _text(data.get("token", "")),
        data.get("once", True) is not False,
    )


def _button_json(button: Button) -> dict[str, Any]:
    shown: dict[str, Any] = {"label": button.label, "cmd": button.cmd, "style": button.style}
    shown |= {"token": button.token} if button.token else {}
    return shown if button.once else shown | {"once": False}


def _form_json(form: Form) -> dict[str, Any]:
    return {
        "inputs": [
            {
                "name": one.name,
                "label": one.label,
                "kind": one.kind,
                "required": one.required,
                "hint": one.hint,
                "choices": [[choice.value, choice.label] for choice in one.choices],
            }
            for one in form.inputs
        ],
        "submit": _button_json(form.submit),
    }


def _form(data: dict[str, Any]) -> Form:
    return Form(tuple(_input(one) for one in data["inputs"]), _button(data["submit"]))


def _input(data: dict[str, Any]) -> Input:
    return Input(
        name=_text(data["name"]),
        label=_text(data["label"]),
        kind=_one_of(data.get("kind", "text"), ("text", "number", "date", "time")),
        required=data.get("required", True) is True,
        hint=_text(data.get("hint", "")),
        choices=tuple(Choice(_text(v), _text(label)) for v, label in data.get("choices", [])),
    )


def _texts(values: list[Any]) -> tuple[str, ...]:
    return tuple(_text(value) for value in values)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise BadCard("a text is not a string")
    return value


def _one_of(value: Any, allowed: tuple[Any, ...]) -> Any:
    if value not in allowed:
        raise BadCard(f"{value!r} is none of {allowed}")
    return value
