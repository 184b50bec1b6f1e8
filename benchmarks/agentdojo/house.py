"""A small installation for the benchmark: one person, one bot, one model, a database of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest import mock

from django.test import override_settings
from django.utils import timezone

from apps.accounts import authz, identity
from apps.accounts.models import Person
from apps.accounts.shipped import ensure_roles
from apps.assistant import jobs, runner, wake
from apps.assistant.models import Job, Message
from apps.im import bots
from apps.im.sender import sender
from apps.llm import actions
from apps.simulate.model import KEY, MODEL, ModelStand
from benchmarks.agentdojo.model import WorstModel
from tests.assistant.conftest import SECRET, SYSTEM, Chat

WHO = "emma"
ROLE = "tester"
QUIET = {"CLAWDBOT_LIMIT_PERSON": "off", "CLAWDBOT_LIMIT_CHAT": "off"}


class House:
    """Emma says things; jobs run here and at once."""

    def __init__(self, chat: Chat, model: WorstModel) -> None:
        self.chat, self.model = chat, model
        self._talk = 0

    def another_chat(self) -> None:
        """What was said before is not heard any more."""
        self._talk += 1

    def say(self, text: str) -> Message:
        """Say it and run whatever comes of it."""
        self.chat.now = timezone.now()
        message = self.chat.say(WHO, text, chat_id=f"chat-{self._talk}")
        while job := Job.objects.filter(state="waiting", not_before__lte=timezone.now()).first():
            runner.run(job.pk)
        return message


@contextmanager
def opened(skills: list[str], model: WorstModel) -> Iterator[House]:
    """The house, in a database that is there; Emma may run `skills`."""
    ensure_roles()
    bots.ensure_builtin(SYSTEM)
    settings = {"secret": SECRET, "reply_url": "http://127.0.0.1:9/"}
    bot = bots.add_bot("webhook", "dojo", settings, SYSTEM)
    emma = Person.objects.create_person(WHO, display_name="Emma", language="en")
    role, _ = emma.roles.model.objects.get_or_create(name=ROLE)
    emma.roles.set([role])
    identity.bind(emma, bot, f"u-{WHO}", SYSTEM)
    for name in ("model.use.worst", *map("skill.{}".format, ("assist", "plan", "approve", "deny"))):
        authz.allow(ROLE, name, SYSTEM)
    for name in skills:
        authz.allow(ROLE, f"skill.{name}", SYSTEM)
    with ExitStack() as stack:
        stack.enter_context(override_settings(**QUIET))
        for place, name in ((jobs, "_publish"), (wake, "wake"), (sender, "submit")):
            # Rows are looked at here; nobody has to be woken, and nothing is sent.
            stack.enter_context(mock.patch.object(place, name))
        stand = stack.enter_context(ModelStand(answer=model))
        actions.add("worst", base_url=stand.base_url, model=MODEL, api_key=KEY, actor=SYSTEM)
        yield House(Chat(bot), model)
