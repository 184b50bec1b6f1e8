"""A Matrix user at a real client (matrix-nio), driven by lines of JSON on its standard input.

Runs with the Python of the venv in which Synapse is, not with ours. Each line is
`{"name", "arguments"}` and is answered with one line; meanwhile the client syncs and keeps every
message that it is shown. `python matrix_client.py URL USER PASSWORD`
"""

from __future__ import annotations

import asyncio
import io
import json
import sys
from typing import Any

from nio import (
    AsyncClient,
    LoginResponse,
    RoomCreateResponse,
    RoomInviteResponse,
    RoomSendResponse,
    SyncResponse,
    UploadResponse,
)

SYNC_MS = 2_000
#: Else a sync after a pause shows the newest ten events of a room and passes over the others.
NO_GAPS = {"room": {"timeline": {"limit": 1000}}}
AGAIN_S = 0.3
PATIENCE_S = 40.0


class Person:
    """One user with one client."""

    def __init__(self, url: str, user: str) -> None:
        self.client = AsyncClient(url, user)
        self.seen: list[dict[str, Any]] = []
        self.members: dict[str, dict[str, str]] = {}

    async def sync_for_ever(self) -> None:
        """Sync as a client does: on through restarts of the server."""
        while True:
            try:
                answer = await self.client.sync(timeout=SYNC_MS, sync_filter=NO_GAPS)
            except Exception:  # noqa: BLE001 - the server is away, which is what is tested
                answer = None
            if isinstance(answer, SyncResponse):
                self._keep(answer)
            else:
                await asyncio.sleep(AGAIN_S)

    def _keep(self, answer: SyncResponse) -> None:
        for room_id, room in answer.rooms.join.items():
            for event in [*room.state, *room.timeline.events]:
                source = event.source
                if source["type"] == "m.room.member":
                    here = self.members.setdefault(room_id, {})
                    here[source["state_key"]] = source["content"].get("membership", "")
                elif source["type"] == "m.room.message":
                    self.seen.append({"room": room_id, **source})

    async def create_room(self, invite: list[str], direct: bool = True, **more: Any) -> str:
        """Make a room and invite people; returns its id."""
        made = await self.client.room_create(invite=invite, is_direct=direct, **more)
        assert isinstance(made, RoomCreateResponse), made
        return made.room_id

    async def invite(self, room: str, user: str) -> None:
        """Invite somebody."""
        done = await self.client.room_invite(room, user)
        assert isinstance(done, RoomInviteResponse), done

    async def join(self, room: str) -> None:
        """Accept an invitation."""
        await self.client.join(room)

    async def leave(self, room: str) -> None:
        """Leave a room."""
        await self.client.room_leave(room)

    async def membership(self, room: str, user: str) -> str:
        """What this client knows of somebody in a room."""
        return self.members.get(room, {}).get(user, "")

    async def send(self, room: str, content: dict[str, Any], txn: str) -> str:
        """Send a message, again under the same id while the server is away; returns its id."""
        ends = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            try:
                sent = await self.client.room_send(room, "m.room.message", content, tx_id=txn)
            except Exception as error:  # noqa: BLE001 - see above
                sent = error
            if isinstance(sent, RoomSendResponse):
                return sent.event_id
            assert asyncio.get_running_loop().time() < ends, sent
            await asyncio.sleep(AGAIN_S)

    async def upload(self, path: str, mime: str) -> str:
        """Store a file at the server; returns its mxc address."""
        with open(path, "rb") as file:  # noqa: PTH123 - a small script
            data = file.read()
        sent, _ = await self.client.upload(io.BytesIO(data), mime, filesize=len(data))
        assert isinstance(sent, UploadResponse), sent
        return sent.content_uri

    async def messages(self, room: str) -> list[dict[str, Any]]:
        """Every message that the client was shown in a room, oldest first."""
        return [event for event in self.seen if event["room"] == room]

    async def history(self, room: str) -> list[dict[str, Any]]:
        """The messages that the server has in a room, newest first."""
        found: list[dict[str, Any]] = []
        start = ""
        while True:
            page = await self.client.room_messages(room, start, limit=100)
            found += [event.source for event in page.chunk]
            start = page.end
            if not page.chunk or not start:
                return [event for event in found if event["type"] == "m.room.message"]


async def main() -> None:
    """Log in, sync, and answer until the input ends."""
    url, user, password = sys.argv[1:]
    person = Person(url, user)
    answer = await person.client.login(password)
    assert isinstance(answer, LoginResponse), answer
    syncing = asyncio.create_task(person.sync_for_ever())
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        asked = json.loads(line)
        try:
            value = await getattr(person, asked["name"])(**asked["arguments"])
            told = {"value": value}
        except Exception as error:  # noqa: BLE001 - the test that asked raises it again
            told = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
    syncing.cancel()
    await person.client.close()


if __name__ == "__main__":
    asyncio.run(main())
