"""Files in the web chat: one's own, as downloads, with nothing that runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import Person
from apps.assistant.models import Conversation
from apps.im import files
from apps.im.base import Media
from apps.im.models import Delivery, StoredFile

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 30


def stored(person: Person, data: bytes, name: str) -> StoredFile:
    return files.save(Media(data, name), person_id=person.pk, conversation_id=None, made=True)


def test_a_picture_is_drawn_and_everything_else_downloaded(page: Client, bob: Person) -> None:
    picture = page.get(f"/chat/files/{stored(bob, PNG, '图 1.png').uid}")
    assert picture.content == PNG
    assert picture["Content-Type"] == "image/png"
    assert picture["Content-Disposition"] == (
        "inline; filename=\"_ 1.png\"; filename*=UTF-8''%E5%9B%BE%201.png"
    )
    for data, name in ((b"<script>1</script>", "a.html"), (b"<svg onload=x>", "a.png")):
        found = page.get(f"/chat/files/{stored(bob, data, name).uid}")
        assert found["Content-Type"] == "application/octet-stream"
        assert found["Content-Disposition"].startswith("attachment")
        assert found["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in found["Content-Security-Policy"]
        assert "script-src" not in found["Content-Security-Policy"]


def test_a_name_cannot_break_out_of_the_header(page: Client, bob: Person) -> None:
    row = stored(bob, b"x", "a.txt")
    StoredFile.objects.filter(pk=row.pk).update(name='a"; x="\r\nSet-Cookie: a=b')
    found = page.get(f"/chat/files/{row.uid}")
    assert "Set-Cookie" not in found.headers
    assert found["Content-Disposition"].count('"') == 2


def test_somebody_elses_file_is_not_there(page: Client, alice: Person, bob: Person) -> None:
    row = stored(alice, b"secret", "a.txt")
    assert page.get(f"/chat/files/{row.uid}").status_code == 404
    assert Client().get(f"/chat/files/{row.uid}").status_code == 302
    nobodys = files.save(Media(b"x", "a"), person_id=None, conversation_id=None)
    assert page.get(f"/chat/files/{nobodys.uid}").status_code == 404


def test_what_is_no_longer_kept_is_not_there(page: Client, bob: Person) -> None:
    row = stored(bob, b"x", "a.txt")
    files.path_of(row).unlink()
    assert page.get(f"/chat/files/{row.uid}").status_code == 404


def test_the_page_shows_the_files_of_an_answer(
    page: Client, bob: Person, chat: Conversation, answered: Callable[..., Delivery]
) -> None:
    row = answered("here it is")
    made = stored(bob, b"a,b", "a.csv")
    row.files = [str(made.uid), "00000000-0000-4000-8000-000000000000"]
    row.save()
    items: list[dict[str, Any]] = page.get("/chat/items/").json()["items"]
    shown = next(item for item in items if item["kind"] == "delivery")
    assert shown["files"] == [
        {"name": "a.csv", "size": "3 B", "url": f"/chat/files/{made.uid}", "image": False}
    ]


@pytest.fixture
def answered(chat: Conversation) -> Callable[..., Delivery]:
    """Puts an answer into Bob's conversation."""

    def put(text: str) -> Delivery:
        return Delivery.objects.create(
            bot=chat.bot, conversation=chat, role="answer", chat_id=chat.chat_id, text=text,
            card={}, state="sent",
        )  # fmt: skip

    return put
