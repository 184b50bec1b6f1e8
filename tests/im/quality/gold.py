"""Gold: cards with buttons and forms, progress in place, voice and files, self-diagnosis."""

from __future__ import annotations

import wave
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest

from apps.core.http import Door
from apps.im import bot_traffic
from apps.im.base import Inbound, Outgoing, Permanent, UnknownOutcome
from apps.im.cards import Button, Card, Choice, Fields, Form, Input, Table, Text
from apps.im.shapes import Media
from apps.simulate.desk import Desk, Seen
from tests.im.quality.silver import Silver

#: As long as they get, of the characters that they are made of.
TOKEN = "1f2e3d.0123456789ab.k1a2b3c4.Ab0-_" + "x" * 20
OTHER = "1f2e3d.ba9876543210.k1a2b3c4.Zy9-_" + "z" * 20
APPROVE, DENY = Button("Approve", "/approve K7", "primary", TOKEN), Button("Deny", "/deny K7")


def asking(text: str = "Pay 100?") -> Card:
    """A card with facts, a table and two buttons."""
    facts = Fields((("amount", "100"), ("to", "ACME")))
    table = Table(("item", "price"), (("tea", "60"), ("milk", "40")))
    buttons = (APPROVE, replace(DENY, token=OTHER))
    return Card("Payment", "orange", (Text(text), facts, table), buttons)


def _step(words: str) -> Card:
    """A card of progress: it can be cancelled until the end."""
    cancel = Button("Cancel", "/cancel 7", "danger", TOKEN)
    return Card("Working", "blue", (Text(words),), (cancel,))


def _as_asked(message: Inbound, attachment: dict[str, Any]) -> dict[str, Any]:
    """An attachment as the assistant asks for it."""
    return {
        **attachment,
        "message_id": message.message_id,
        "chat_id": message.chat_id,
        "sender_id": message.sender_id,
        "extra": message.extra,
    }


def sound() -> bytes:
    """A tenth of a second of silence, as a whole wav file."""
    made = BytesIO()
    with wave.open(made, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes(bytes(3200))
    return made.getvalue()


class Gold(Silver):
    """Whoever passes this can do everything that the assistant can, as far as the API allows."""

    level = "gold"

    # ---- cards ----

    async def _shown(self, desk: Desk, card: Card, words: str, **changes: Any) -> Seen:
        out = self.answer(self.asked(desk), card, **changes)
        await self.adapter.send(self.context(desk), out)
        (seen,) = self.with_words(desk, words)
        return seen

    async def test_a_card_shows_everything_that_it_holds(self, desk: Desk) -> None:
        await self._shown(desk, asking(), "Pay 100?")
        whole = "\n".join(seen.text for seen in desk.visible())
        for words in ("Payment", "Pay 100?", "amount", "ACME", "item", "milk", "40"):
            assert words in whole

    async def test_a_button_brings_its_token_back(self, desk: Desk) -> None:
        self.needs("buttons")
        seen = await self._shown(desk, asking(), "Pay 100?")
        assert [label for label, _ in seen.buttons] == ["Approve", "Deny"]
        message = self._clicked(desk, seen, 0, "bob")
        assert (message.kind, message.extra["action"]) == ("card_action", TOKEN)
        assert (message.sender_id, message.text) == (desk.people["bob"], "")
        assert self._clicked(desk, seen, 1, "alice").extra["action"] == OTHER

    async def test_a_click_in_a_private_chat_is_known_to_be_there(self, desk: Desk) -> None:
        """It names the chat, or nowhere, or what the platform said when the card was sent."""
        self.needs("buttons")
        asked = self.asked(desk)
        sent = await self.adapter.send(self.context(desk), self.answer(asked, asking()))
        seen = next(seen for seen in desk.visible() if seen.buttons)
        chat = self._clicked(desk, seen, 0, "alice").chat_id
        assert chat in {None, asked.chat_id, sent.context.get("channel")}

    async def test_two_clicks_are_two_and_a_repeat_is_none(self, desk: Desk) -> None:
        self.needs("buttons")
        seen = await self._shown(desk, asking(), "Pay 100?")
        push = desk.click(seen, seen.buttons[0][1], "bob")
        first, again = self.only(desk, push), self.only(desk, desk.again(push))
        assert first.dedupe_key == again.dedupe_key
        if not self.names_clicks:
            return
        second = self._clicked(desk, seen, 0, "bob")
        assert second.dedupe_key != first.dedupe_key
        assert second.second_key is None or second.second_key != first.second_key

    def _clicked(self, desk: Desk, seen: Seen, number: int, who: str) -> Inbound:
        return self.only(desk, desk.click(seen, seen.buttons[number][1], who))

    async def test_a_form_brings_its_values(self, desk: Desk) -> None:
        self.needs("forms")
        assert self.adapter.abilities.forms
        cities = (Choice("bj", "北京"), Choice("上海", "Shanghai"))
        units = (Choice("c", "Celsius"), Choice("f", "Fahrenheit"))
        inputs = (
            Input("city", "City", choices=() if self.typed_inputs else cities),
            Input("unit", "Unit", choices=units),
        )
        form = Form(inputs, Button("Send", "/weather", "primary", TOKEN))
        card = Card("Weather", "blue", (Text("Which city?"),), form=form)
        seen = await self._shown(desk, card, "Which city?")
        assert seen.inputs == ["city", "unit"]
        ((label, value),) = seen.buttons
        assert label == "Send"
        message = self.only(desk, desk.click(seen, value, "bob", city="上海", unit="f"))
        assert (message.kind, message.sender_id) == ("form", desk.people["bob"])
        assert message.extra["action"] == TOKEN
        assert message.extra["values"] == {"city": "上海", "unit": "f"}

    # ---- progress ----

    async def test_progress_is_one_message_that_changes(self, desk: Desk) -> None:
        self.needs("edits")
        ctx, out = self.context(desk), self._progress(desk, "1 of 3")
        sent = await self.adapter.send(ctx, out)
        for revision, words in ((1, "2 of 3"), (2, "3 of 3")):
            newer = self._revised(out, sent.platform_message_id, revision, words, sent.context)
            await self.adapter.update(ctx, newer)
        (seen,) = [seen for seen in desk.visible() if "of 3" in seen.text]
        assert "3 of 3" in seen.text
        assert seen.edits >= (1 if "edits" in self.limited else 2)
        assert not seen.buttons

    async def test_a_repeat_does_not_bring_an_old_state_back(self, desk: Desk) -> None:
        self.needs("edits")
        self.needs("idempotency")
        ctx, out = self.context(desk), self._progress(desk, "1 of 3")
        await self.adapter.send(ctx, self.answer(self.asked(desk), "a token is there now"))
        desk.fail("", "cut", after=True, times=2)
        with pytest.raises(UnknownOutcome):
            await self.adapter.send(ctx, out)
        desk.mend()
        newer = replace(self._revised(out, "", 2, "3 of 3", {}), again=True)
        await self.adapter.send(ctx, newer)
        shown = ["3 of 3" in seen.text for seen in desk.visible() if "of 3" in seen.text]
        assert shown[-1:] == [True]
        assert len(shown) == 1 or "edits" in self.limited

    async def test_an_edit_may_be_repeated(self, desk: Desk) -> None:
        self.needs("edits")
        ctx, out = self.context(desk), self._progress(desk, "1 of 3")
        sent = await self.adapter.send(ctx, out)
        newer = self._revised(out, sent.platform_message_id, 1, "3 of 3", sent.context)
        for _ in range(2):  # some platforms call the second one an error
            await self.adapter.update(ctx, newer)
        assert len(self.with_words(desk, "3 of 3")) == 1

    def _progress(self, desk: Desk, words: str) -> Outgoing:
        return self.answer(self.asked(desk), _step(words), role="progress")

    def _revised(self, out: Outgoing, name: str, revision: int, words: str, more: Any) -> Outgoing:
        card = Card("Done", "green", (Text(words),)) if words == "3 of 3" else _step(words)
        context = {**out.context, **more}
        return replace(out, platform_message_id=name, revision=revision, card=card, context=context)

    # ---- voice and files ----

    async def test_what_is_spoken_comes_as_words_or_as_sound(self, desk: Desk) -> None:
        self.needs("voice")
        message = self.only(desk, desk.send_file(sound(), "v.wav", voice=True, transcript="/ping"))
        assert message.kind == "voice"
        if message.text:
            assert message.text == "/ping"
            return
        (attachment,) = message.attachments
        assert attachment["type"] == "voice"
        ctx, asked = self.context(desk), _as_asked(message, attachment)
        media = await self.adapter.fetch(ctx, asked, 1024 * 1024)
        assert media.data == sound()

    async def test_a_file_that_people_send_is_fetched(self, desk: Desk) -> None:
        self.needs("fetches")
        assert self.adapter.abilities.fetches
        data, (kind, name) = b"a,b\n1,2\n" * 500, self.sent_file
        message = self.only(desk, desk.send_file(data, name))
        assert message.kind == kind
        (attachment,) = message.attachments
        ctx, asked = self.context(desk), _as_asked(message, attachment)
        media = await self.adapter.fetch(ctx, asked, 1024 * 1024)
        assert media.data == data
        assert "/" not in media.name
        with pytest.raises(Permanent):
            await self.adapter.fetch(ctx, asked, 1000)

    async def test_files_go_out_each_once(self, desk: Desk) -> None:
        self.needs("files")
        assert self.adapter.abilities.files
        files = (
            Media(b"%PDF-1.4\n%%EOF\n", "report.pdf", "application/pdf"),
            Media(b"\x89PNG\r\n\x1a\n" + bytes(60), "chart.png", "image/png"),
        )
        ctx, out = self.context(desk), self.answer(self.asked(desk), "see below", files=files)
        await self.adapter.send(ctx, out)
        if self.adapter.abilities.idempotency:
            await self.adapter.send(ctx, replace(out, again=True))
        shown = [data for seen in desk.visible() for _, data in seen.files]
        if "files" not in self.limited:
            assert shown == [files[0].data, files[1].data]
        assert shown.count(files[1].data) == 1
        assert self.with_words(desk, "see below")

    # ---- diagnostics ----

    async def test_check_finds_nothing_wrong_with_a_sound_bot(self, desk: Desk) -> None:
        found = await self.adapter.check(self.context(desk))
        assert found
        assert [check for check in found if check.failed] == []

    async def test_check_names_what_is_wrong(
        self, desk: Desk, wrong: tuple[dict[str, Any], str]
    ) -> None:
        changes, name = wrong
        found = await self.adapter.check(self.context(desk, **changes))
        assert [check.name for check in found if check.failed] == [name]
        (text,) = [check.text for check in found if check.failed]
        assert text.zh
        assert text.en
        secrets = {str(changes[n]) for n in changes if self._is_secret(n) and changes[n]}
        assert not any(secret in text.en + text.zh for secret in secrets)

    def _is_secret(self, name: str) -> bool:
        return any(one.secret for one in self.adapter.settings if one.name == name)

    async def test_check_tells_that_the_clock_is_off(self, desk: Desk) -> None:
        for off_s, right in ((0.0, True), (-3600.0, False), (3600.0, False)):
            desk.clock_off_s = off_s
            found = await bot_traffic.clock_check(Door(), desk.url)
            assert found is not None
            assert found.ok is right

    def test_check_is_tried(self) -> None:
        assert self.wrong_settings or "check" in self.not_possible
