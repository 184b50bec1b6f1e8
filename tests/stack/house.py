"""A house full of people: an installation, two bots, and the strict stand-ins behind them."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from apps.simulate import webhook
from apps.simulate.desk import Desk
from apps.simulate.feishu import FeishuStand
from apps.simulate.webhook import WebhookStand
from tests.console.stack import wait_for
from tests.services.redis import Redis
from tests.stack import trials
from tests.stack.database import Database
from tests.stack.installation import Installation, names
from tests.stack.post import post

OWN, DESK = "own", "desk"  # the bots: `webhook` and `feishu`
PEOPLE = names(20)  # on `own`, each under their own name
ALICE, BOB = "ou_alice", "ou_bob"  # on `desk`
ANSWER_S = 40  # a machine full of other work, no lease to wait for
Reply = dict[str, Any]


class House:
    """Everything is running between `with` and its end."""

    def __init__(
        self, home: Installation, redis: Redis | None = None, database: Database | None = None
    ) -> None:
        self.home = home
        self.redis = redis  # ours to kill; None is the embedded one
        self._database = database
        self.own, self.desk = WebhookStand(), FeishuStand()
        self._stands = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._stands.enter_context(self.own)
            self._stands.enter_context(self.desk)
            self._prepare()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def database(self) -> Database:
        """Our database on a server; SQLite has none."""
        assert self._database is not None
        return self._database

    def close(self) -> None:
        """End the processes, then the stands that they talk to."""
        self.home.end()
        self._stands.close()

    def _prepare(self) -> None:
        self.home.up()
        self.home.add_bot("webhook", OWN, self.own.config())
        self.home.add_bot("feishu", DESK, self.desk.config())
        roles = ["member", "operator"]
        skills = [f"skill.{name}" for name in trials.NAMES]
        self.home.ask("allow", role="operator", permissions=[*skills, "approve.pay"])
        self.home.ask("add_people", bot=OWN, names=PEOPLE, roles=roles)
        self.home.ask("add_people", bot=DESK, names=[ALICE, BOB], roles=roles)

    # ---- anybody's bot ----

    def join(self, desk: Desk, slug: str, count: int) -> list[str]:
        """Add a bot that talks to this stand, with so many people; returns their names."""
        self.home.add_bot(desk.platform, slug, desk.config())
        found = [f"{slug}{number:02d}" for number in range(count)]
        for name in found:
            desk.add_person(name)
        identities = {name: desk.people[name] for name in found}
        self.home.ask("bind_people", bot=slug, identities=identities, roles=["member"])
        return found

    def address(self, desk: Desk, slug: str) -> str:
        """Where the bot of this stand takes events."""
        return f"http://127.0.0.1:{self.home.port}/webhooks/{desk.platform}/{slug}/"

    # ---- on the bot `own` ----

    def say(self, person: str, text: str) -> str:
        """Send a message that is accepted; returns its id."""
        conversation = {"id": f"c-{person}", "type": "private"}
        sender = {"id": person, "name": person}
        body = webhook.message(text, sender=sender, conversation=conversation)
        raw, headers = webhook.signed(body)
        assert post(self.home.port, f"/webhooks/webhook/{OWN}/", raw, headers) == 202
        return str(body["id"])

    def answer(self, message_id: str, seconds: float = ANSWER_S) -> Reply:
        """The visible answer of a message, once it is there."""
        arrived = self.own.wait(lambda: bool(self.own.of(message_id, "answer")), seconds)
        if not arrived:
            rows = "\n".join(self.home.ask("details"))
            raise AssertionError(f"no answer in {seconds:g} s\n{rows}\n{self.home.complaints()}")
        return self.own.of(message_id, "answer")[0]

    def asks(self, person: str, text: str, seconds: float = ANSWER_S) -> str:
        """Send a message and return the words of its answer."""
        return str(self.answer(self.say(person, text), seconds)["text"])

    def answers(self) -> Counter[str]:
        """Visible answers by the message that they answer."""
        return Counter(one["in_reply_to"] for one in self.shown("answer"))

    def shown(self, role: str) -> list[Reply]:
        """What people see in this role."""
        return [one for one in self.own.received if one["role"] == role]

    # ---- jobs ----

    def job(self, skill: str) -> dict[str, Any]:
        """The newest job of a skill."""
        found: dict[str, Any] = self.home.ask("jobs", skill=skill)[-1]
        return found

    def until(self, skill: str, state: str, seconds: float = ANSWER_S) -> dict[str, Any]:
        """Wait until the newest job of a skill is in this state; returns it."""
        began = time.monotonic()
        wait_for(lambda: self.home.ask("jobs", skill=skill), seconds, f"a job {skill}")
        left = seconds - (time.monotonic() - began)
        wait_for(lambda: self.job(skill)["state"] == state, left, f"{skill} {state}")
        return self.job(skill)
