"""What DingTalk's card platform takes, as far as we use it: the stand refuses everything else."""

from __future__ import annotations

import json
from typing import Any

MAX_KEY = 100
MAX_VALUE = 1024
CREATE_KEYS = {
    *("userId", "cardTemplateId", "outTrackId", "callbackType", "callbackRouteKey", "cardData"),
    *("privateData", "openSpaceId", "userIdType", "cardAtUserIds", "imGroupOpenSpaceModel"),
    *("imRobotOpenSpaceModel", "imGroupOpenDeliverModel", "imRobotOpenDeliverModel"),
}
UPDATE_KEYS = {"outTrackId", "cardData", "privateData", "cardUpdateOptions", "userIdType"}


class BadCard(ValueError):
    """The platform's code for what is wrong with a card."""


def need(fine: object, code: str = "param.invalid") -> None:
    """Refuse the card unless `fine`."""
    if not fine:
        raise BadCard(code)


def values(body: dict[str, Any]) -> dict[str, str]:
    """`cardParamMap`: strings by name, each of at most 1 KB."""
    data = body.get("cardData")
    need(isinstance(data, dict) and set(data) == {"cardParamMap"}, "param.cardPublicDataEmpty")
    assert isinstance(data, dict)
    found = data["cardParamMap"]
    need(isinstance(found, dict))
    for name, value in found.items():
        need(isinstance(name, str) and len(name.encode()) <= MAX_KEY)
        need(isinstance(value, str) and len(value.encode()) <= MAX_VALUE)
    buttons(found.get("btns", "[]"))
    return dict(found)


def buttons(text: str) -> list[dict[str, Any]]:
    """The entries of a button group, each with its event."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise BadCard("param.invalid") from error
    need(isinstance(found, list))
    for one in found:
        need(set(one) == {"text", "color", "status", "event"} and one["text"].strip())
        need(one["color"] in {"blue", "red", "gray", "green"} and one["status"] == "normal")
        need(one["event"]["type"] == "sendCardRequest")
        need(set(one["event"]["params"]) == {"actionId", "params"})
    return list(found)


def space(body: dict[str, Any]) -> tuple[str, str]:
    """(kind, id) of the one space that a card is delivered to, with its models."""
    given = str(body.get("openSpaceId", ""))
    kind, _, name = given.removeprefix("dtv1.card//").partition(".")
    need(given.startswith("dtv1.card//") and name, "param.openSpaceIdInvalid")
    models = {"IM_GROUP": "imGroup", "IM_ROBOT": "imRobot"}
    need(kind in models, "param.openSpaceIdInvalid")
    show, deliver = f"{models[kind]}OpenSpaceModel", f"{models[kind]}OpenDeliverModel"
    need(isinstance(body.get(show), dict) and "supportForward" in body[show])
    need(isinstance(body.get(deliver), dict), "param.openDeliverModelEmpty")
    if kind == "IM_ROBOT":
        need(body[deliver].get("spaceType") == "IM_ROBOT", "param.openDeliverModelError")
    else:
        need(body[deliver].get("robotCode"), "param.openDeliverModelError")
    return kind, name
