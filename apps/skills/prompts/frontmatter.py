"""The head of a SKILL.md (agentskills.io, specification): YAML of which a small part is enough.

Every value is a text: YAML's guesses at numbers, dates and truth are not made. Anchors, tags and
duplicate keys are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

from apps.core.i18n import Text, both
from apps.skills.prompts.errors import BadSkill

MAX_HEAD = 16_384
MAX_NAME = 64
MAX_DESCRIPTION = 1024
MAX_COMPATIBILITY = 500
MAX_OTHER = 1000
KNOWN = frozenset({"name", "description", "license", "compatibility", "metadata", "allowed-tools"})
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

NO_HEAD = both(
    "SKILL.md 应以 --- 之间的 YAML 开头", "SKILL.md must begin with YAML between two lines of ---"
)
NO_YAML = both("SKILL.md 的 YAML 有误（{why}）", "the YAML of SKILL.md is wrong ({why})")
NOT_ALLOWED = both(
    "SKILL.md 的 YAML 里不可用锚点、别名和标签",
    "anchors, aliases and tags are not allowed in the YAML of SKILL.md",
)
TWICE = both("{key} 写了两次", "{key} is given twice")
UNKNOWN = both("不认识的字段 {key}", "there is no field {key}")
NO_TEXT = both("{key} 应为文字", "{key} must be a text")
NO_MAPPING = both("{key} 应为文字的映射", "{key} must be a mapping of texts")
MISSING = both("缺少 {key}", "{key} is missing")
LONG = both("{key} 超过 {most} 个字符", "{key} is longer than {most} characters")
BAD_NAME = both(
    "name 应为小写字母、数字和单个连字符，如 meeting-notes",
    "name is lower-case letters, digits and single hyphens, such as meeting-notes",
)
OTHER_FOLDER = both(
    "name（{name}）与文件夹名（{folder}）不同", "name ({name}) is not the folder's name ({folder})"
)


@dataclass(frozen=True, slots=True)
class Head:
    """What the frontmatter says."""

    name: str
    description: str
    license: str = ""
    compatibility: str = ""
    allowed_tools: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


def read(text: str, folder: str) -> tuple[Head, str]:
    """Return the head and the body of a SKILL.md in that folder. Raises `BadSkill`."""
    lines = text.removeprefix("\ufeff").splitlines()
    try:
        end = lines.index("---", 1) if lines[:1] == ["---"] else 0
    except ValueError:
        end = 0
    if not end:
        _refuse(NO_HEAD)
    head = _head(_loaded("\n".join(lines[1:end])))
    if head.name != folder:
        _refuse(OTHER_FOLDER.format(name=head.name, folder=folder[:MAX_NAME]))
    return head, "\n".join(lines[end + 1 :]).strip()


def _head(given: Mapping[str, Any]) -> Head:
    unknown = next((key for key in given if key not in KNOWN), None)
    if unknown is not None:
        _refuse(UNKNOWN.format(key=str(unknown)[:40]))
    head = Head(
        name=_text(given, "name", MAX_NAME, required=True),
        description=_text(given, "description", MAX_DESCRIPTION, required=True),
        license=_text(given, "license", MAX_OTHER),
        compatibility=_text(given, "compatibility", MAX_COMPATIBILITY),
        allowed_tools=_text(given, "allowed-tools", MAX_OTHER),
        metadata=_texts(given.get("metadata", {})),
    )
    if not _NAME.fullmatch(head.name):
        _refuse(BAD_NAME)
    return head


def _text(given: Mapping[str, Any], key: str, most: int, *, required: bool = False) -> str:
    value = given.get(key, "")
    if not isinstance(value, str):
        _refuse(NO_TEXT.format(key=key))
    value = value.strip()
    if required and not value:
        _refuse(MISSING.format(key=key))
    if len(value) > most:
        _refuse(LONG.format(key=key, most=most))
    return value


def _texts(value: Any) -> dict[str, str]:
    texts = isinstance(value, dict) and all(isinstance(one, str) for one in value.values())
    if not texts:
        _refuse(NO_MAPPING.format(key="metadata"))
    return dict(value)


def _loaded(text: str) -> Mapping[str, Any]:
    if len(text) > MAX_HEAD:
        _refuse(LONG.format(key="YAML", most=MAX_HEAD))
    try:
        for event in yaml.parse(text, Loader=yaml.BaseLoader):
            _check(event)
        root = yaml.compose(text, Loader=yaml.BaseLoader)
        if not isinstance(root, yaml.MappingNode):
            _refuse(NO_HEAD)
        return _mapping(root)
    except (yaml.YAMLError, RecursionError) as error:
        where = getattr(error, "problem", None) or type(error).__name__
        raise BadSkill(why=NO_YAML.format(why=str(where)[:120])) from error


def _check(event: yaml.Event) -> None:
    tagged = getattr(event, "tag", None) is not None
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) or tagged:
        _refuse(NOT_ALLOWED)


def _mapping(node: yaml.MappingNode) -> dict[str, Any]:
    """Two levels at most: what lies deeper is no text and is refused by who wants one."""
    found: dict[str, Any] = {}
    for key, value in node.value:
        name = str(key.value)
        if name in found:
            _refuse(TWICE.format(key=name[:40]))
        if isinstance(value, yaml.MappingNode):
            found[name] = {str(k.value): v.value for k, v in value.value}
            if len(found[name]) != len(value.value):
                _refuse(TWICE.format(key=name[:40]))
        else:
            found[name] = value.value
    return found


def _refuse(why: Text) -> NoReturn:
    raise BadSkill(why=why)
