"""The messages of a case: from 20 people, on both platforms; most are quick, some make a job."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from apps.simulate.feishu_signer import Signer
from tests.faults.history import Sent
from tests.stack.installation import names
from tests.stack.sender import Event

OWN, DESK = "own", "desk"
PEOPLE = names(20)
GUEST = PEOPLE[19]  # may use what everybody may, and no more
PROBES = [f"probe{number}" for number in range(5)]
PHRASE = "canary-phrase-7f3a"


@dataclass
class FeishuEvent(Event):
    """The same on a Feishu bot: encrypted, signed anew for each delivery."""

    signer: Signer = field(default_factory=Signer)

    @property
    def id(self) -> str:
        """What replies refer to."""
        return str(self.body["event"]["message"]["message_id"])

    def request(self) -> tuple[str, bytes, dict[str, str]]:
        """Path, body and headers, signed now."""
        body, headers = self.signer.sign(self.body)
        return f"/webhooks/feishu/{self.slug}/", body, headers


@dataclass
class Asked:
    """An event with what the judge wants to know about it."""

    event: Event
    chat: str
    text: str

    def sent(self) -> Sent:
        """As the judge reads it."""
        return Sent(self.event.id, self.chat, self.text, self.event.attempts)


def ask(person: str, text: str, name: str, *, signer: Signer | None = None, **more: Any) -> Asked:
    """One message of a person in their own chat; on Feishu when a signer is given."""
    if signer is None:
        body = {
            "id": name,
            "sender": {"id": person, "name": person},
            "conversation": {"id": f"c-{person}", "type": "private"},
            "text": text,
        }
        return Asked(Event(body, f"evt-{name}", OWN), f"own {person}", text)
    event = signer.message(
        {"text": text}, sender=f"ou_{person}", chat=f"oc_{person}",
        message_id=f"om_{name}", event_id=f"evt-{name}", **more,
    )  # fmt: skip
    return Asked(FeishuEvent(event, f"evt-{name}", DESK, signer=signer), f"desk {person}", text)


def words_of(number: int, tag: str) -> str:
    """What the message of this number says."""
    if number == 7:
        return f"/echo {PHRASE}"
    if number % 10 == 9:
        return f"/charge {tag}-{number}"
    return "/nap 0.2" if number % 10 == 4 else "/ping"


def storm(count: int, tag: str, signer: Signer) -> list[Asked]:
    """So many messages, the people in turn, 20 on one platform and then 20 on the other."""
    made = []
    for number in range(count):
        person = PEOPLE[(number + number // 20) % 20]
        on = signer if (number // 20) % 2 else None
        made.append(ask(person, words_of(number, tag), f"{tag}-{number}", signer=on))
    return made
