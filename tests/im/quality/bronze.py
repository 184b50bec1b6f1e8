"""Bronze: it verifies, it reads what people write, and it sends text. Golden cases pass."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.assistant import wake
from apps.assistant.models import Message
from apps.audit.log import Actor
from apps.im import bots
from apps.im.base import InboundRequest, Received
from apps.simulate.desk import Desk, Push
from apps.webhooks.ingress import Ingress
from tests.im import golden
from tests.im.quality.base import RULES, Quality
from tests.im.quality.mutations import changed, mutated

KINDS = {
    *("text", "voice", "image", "file", "location", "command"),
    *("card_action", "form", "event"),
}
STATUS = {200, 202, 400, 403, 413}
#: Of the inbox's columns.
LONGEST = {"dedupe_key": 250, "second_key": 250, "sender_id": 200, "chat_id": 200}
LONGEST |= {"message_id": 200, "sender_name": 200, "kind": 20}
QUICK, THOROUGH, STORED = 300, 5000, 150


def own_cases(cls: type[Quality]) -> list[Path]:
    """The golden cases that are this platform's own."""
    if not cls.golden:
        return []
    found = [(path, golden.load(path)) for path in golden.cases(cls.golden)]
    return [path for path, case in found if _mode(case) in cls.modes and _is_event(case)]


def _mode(case: dict[str, Any]) -> str:
    return str(case.get("mode") or "webhook")


def _is_event(case: dict[str, Any]) -> bool:
    return case["expect"]["verdict"] != "crypto"


class Bronze(Quality):
    """Whoever passes this can be talked to, and lets nothing forged in."""

    level = "bronze"

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test for each golden case, one for each setting that can be wrong."""
        cls = type(self)
        if "golden_case" in metafunc.fixturenames:
            paths = own_cases(cls)
            metafunc.parametrize("golden_case", paths, ids=[path.stem for path in paths])
        if "wrong" in metafunc.fixturenames:
            names = [name for _, name in cls.wrong_settings]
            metafunc.parametrize("wrong", cls.wrong_settings, ids=names)

    # ---- golden cases ----

    def test_golden(self, golden_case: Path) -> None:
        golden.check(self.expected(golden.load(golden_case)), self.stand.platform)

    def test_a_golden_case_with_one_byte_changed_is_refused(self, golden_case: Path) -> None:
        case = golden.load(golden_case)
        request = golden.request_of(case)
        if not (self.signs_body and self.is_signed(case) and self._accepted(case, request)):
            return
        first, last = self.signed_part(request.body)
        places = range(first, last)
        assert places
        for place in places[:: max(1, len(places) // 100)]:
            for add in (1, 32, 128):
                self._refused(case, replace(request, body=changed(request.body, place, add)))

    def test_a_golden_case_with_another_signature_is_refused(self, golden_case: Path) -> None:
        case = golden.load(golden_case)
        request = golden.request_of(case)
        if not (self.is_signed(case) and self._accepted(case, request)):
            return
        for altered in self._altered(request):
            self._refused(case, altered)

    def expected(self, case: dict[str, Any]) -> dict[str, Any]:
        """The case as it is to be read, should it contradict itself."""
        return case

    def is_signed(self, case: dict[str, Any]) -> bool:
        """Does the bot of this case verify by a signature? (Some can be set up without one.)"""
        return True

    def signed_part(self, body: bytes) -> tuple[int, int]:
        """Where in a body the signed bytes begin and end."""
        return 0, len(body)

    def _accepted(self, case: dict[str, Any], request: InboundRequest) -> bool:
        received = self.adapter.receive(case["config"], request, case["now"])
        return received.verdict == "accept"

    def _refused(self, case: dict[str, Any], request: InboundRequest) -> None:
        received = self.adapter.receive(case["config"], request, case["now"])
        assert (received.verdict, received.messages) == ("reject", ()), request

    def _altered(self, request: InboundRequest) -> list[InboundRequest]:
        """The request with one character changed in each signed name, and without it."""
        made = []
        for name in self.signed_names:
            for holder in ("headers", "query"):
                held = dict(getattr(request, holder))
                key = name.lower() if holder == "headers" else name
                value = held.get(key, "")
                for place in range(0, len(value), max(1, len(value) // 12)):
                    other = chr(ord(value[place]) ^ 1)
                    text = value[:place] + other + value[place + 1 :]
                    made.append(replace(request, **{holder: held | {key: text}}))
                if value:
                    left = {k: v for k, v in held.items() if k != key}
                    made.append(replace(request, **{holder: left}))
        assert made, "no signed name is in the request"
        return made

    # ---- what comes in ----

    def test_what_a_person_writes_is_read(self, desk: Desk) -> None:
        push = desk.say("/echo 你好  🙂", "bob")
        message = self.only(desk, push)
        assert message.platform == self.stand.platform
        assert message.text.split() == ["/echo", "你好", "🙂"]
        assert message.kind in {"text", "command"}
        assert message.chat_type == "private"
        assert (message.sender_id, message.message_id) == (desk.people["bob"], push.message_id)
        self._well_formed(self.receive(desk, push))

    def test_nothing_is_believed_without_its_signature(self, desk: Desk) -> None:
        push = desk.say("/ping")
        for bare in (replace(push, headers={}), replace(push, headers={}, query={})):
            if bare == push:
                continue
            if bare.headers == push.headers or self._proof_is_in(push, bare):
                continue
            received = self.receive(desk, bare)
            assert (received.verdict, received.http_status // 100) == ("reject", 4)
            assert not received.messages

    def _proof_is_in(self, push: Push, bare: Push) -> bool:
        """Are all signed names still there?"""
        lower = {name.lower() for name in bare.headers}
        return all(n in bare.query or n.lower() in lower for n in self.signed_names)

    def test_a_large_body_is_refused_before_anything_else(self, desk: Desk) -> None:
        push = desk.say("/ping")
        received = self.receive(desk, replace(push, body=b"x" * (1024 * 1024 + 1)))
        assert (received.verdict, received.http_status) == ("reject", 413)

    def test_an_old_push_is_stale(self, desk: Desk) -> None:
        window = desk.config().get("max_skew_s")
        if window is None:
            return  # no timestamp is signed
        push = desk.say("/ping")
        assert self.receive(desk, push, later_s=float(window) - 5).verdict == "accept"
        for later_s in (float(window) + 5, -float(window) - 5):
            received = self.receive(desk, push, later_s=later_s)
            assert (received.verdict, received.http_status) == ("reject", 403)
            assert received.reason == "stale"

    # ---- whatever comes in ----

    def test_a_push_with_any_byte_changed_on_its_way_is_refused(self, desk: Desk) -> None:
        if not self.signs_body:
            return
        for plain in self.plains(desk):
            push = self.signed(desk, plain)
            assert self.receive(desk, push).verdict == "accept", plain
            for place in range(*self.signed_part(push.body)):
                for add in (1, 32, 128):
                    body = changed(push.body, place, add)
                    received = self.receive(desk, replace(push, body=body))
                    assert (received.verdict, received.messages) == ("reject", ())
                    assert received.http_status in {400, 403}

    def test_whatever_is_signed_is_judged(self, desk: Desk) -> None:
        self._signed_mutations(desk, QUICK)

    @pytest.mark.stack
    def test_five_thousand_signed_mutations(self, desk: Desk) -> None:
        self._signed_mutations(desk, THOROUGH)

    def _signed_mutations(self, desk: Desk, count: int) -> None:
        """Changed before it was signed: nothing raises, and what is accepted can be stored."""

        @settings(max_examples=count, deadline=None, database=None)
        @given(mutated(self.plains(desk)))
        def judge(plain: bytes) -> None:
            self._well_formed(self.receive(desk, self.signed(desk, plain)))

        judge()

    def _well_formed(self, received: Received) -> None:
        assert received.http_status in STATUS, received
        assert (received.http_status >= 400) == (received.verdict == "reject")
        assert bool(received.messages) == (received.verdict == "accept")
        json.dumps([received.response, received.body], ensure_ascii=False).encode()
        for message in received.messages:
            assert message.platform == self.stand.platform
            assert message.kind in KINDS
            assert message.chat_type in {None, "private", "group"}
            assert message.dedupe_key
            assert message.sender_id
            for name, longest in LONGEST.items():
                assert len(getattr(message, name) or "") <= longest, name
            more = json.dumps([message.attachments, message.extra], ensure_ascii=False)
            for text in (message.text, more, *(getattr(message, name) or "" for name in LONGEST)):
                assert "\0" not in text
                text.encode()  # no half of a character

    @pytest.mark.django_db
    def test_no_mutation_is_a_500_or_a_row_too_many(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Through the real way in: what is refused leaves no row, what is accepted its own."""
        monkeypatch.setattr(wake, "wake", lambda lane: None)
        name = self.stand.platform
        bots.add_bot(name, "sim", desk.config(), Actor.system("test"))
        ingress = Ingress()
        plains, addresses = self.plains(desk), iter(range(10**6))

        @settings(max_examples=STORED, deadline=None, database=None)
        @given(mutated(plains), st.integers(0, 10**6))
        def push(plain: bytes, place: int) -> None:
            made = self.signed(desk, plain)
            first, last = self.signed_part(made.body)
            tamper = self.signs_body and place % 2 == 0 and last > first
            if tamper:
                place = first + place % (last - first)
                made = replace(made, body=changed(made.body, place, 1))
            before = Message.objects.count()
            judged = self.receive(desk, made)
            address = f"10.0.0.{next(addresses)}"  # so that nobody is turned away
            answer = ingress.handle_sync(name, "sim", self.request(made), address)
            stored = Message.objects.count() - before
            assert answer.status in STATUS, answer
            assert stored <= len(judged.messages)
            assert not (tamper and stored)

        push()

    # ---- what goes out ----

    async def test_text_is_sent(self, desk: Desk) -> None:
        out = self.answer(self.asked(desk), "pong 汉字 🙂 <b>&amp;</b>")
        await self.adapter.send(self.context(desk), out)
        assert len(self.with_words(desk, "pong 汉字 🙂")) == 1

    def test_what_is_not_possible_is_declared(self) -> None:
        for rule, why in self.not_possible.items():
            assert why
            if RULES[rule]:
                assert not getattr(self.adapter.abilities, RULES[rule])
