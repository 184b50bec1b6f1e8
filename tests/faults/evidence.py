"""Gathers what the judge looks at: recordings of the stands, rows, ledger, logs, queues."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from apps.simulate.feishu import MESSAGES
from tests.faults.history import Call, History, Seen, Sent
from tests.faults.judge import WORDS
from tests.faults.load import PHRASE
from tests.faults.site import Site
from tests.stack.installation import ROOT

REPLY = "reply:"


def shown_at(site: Site) -> dict[str, float]:
    """When the first answer to each message was seen (on Feishu: anything below it)."""
    found = dict(site.own.shown_at)
    for one in site.desk.visible():
        if one.reply_to:
            found.setdefault(one.reply_to, one.at)
    return found


def seen(site: Site) -> list[Seen]:
    """What people see, on both platforms."""
    own = [
        Seen(
            str(one["in_reply_to"]), str(one["id"]), str(one["text"]),
            site.own.shown_at.get(str(one["in_reply_to"]), 0.0), str(one["role"]),
        )
        for one in list(site.own.received)
        if one["type"] == "message.created"
    ]  # fmt: skip
    desk = [Seen(one.reply_to, one.uuid, one.words, one.at) for one in site.desk.visible()]
    return own + desk


def calls(site: Site) -> list[Call]:
    """Every attempt to show something new."""
    found = []
    for call in [c for c in list(site.own.calls) if c.method == "POST"]:
        body = call.json()
        if body["type"] == "message.created":
            found.append(Call(str(body["id"]), str(body["text"]), call.at))
    for call in [c for c in list(site.desk.calls) if c.method == "POST"]:
        if call.path.startswith(MESSAGES):
            body = call.json()
            found.append(Call(str(body["uuid"]), str(body["content"]), call.at))
    return found


def gather(site: Site, sent: list[Sent], since: int) -> History:
    """The whole history of these events."""
    ids = {one.id for one in sent}
    rows: dict[str, Any] = site.ask("rows", ids=sorted(ids), since=since)
    keys = {row["key"] for row in rows["deliveries"]}
    return History(
        sent=sent,
        seen=[one for one in seen(site) if one.to in ids],
        calls=[one for one in calls(site) if one.key in keys],
        **rows,
        stuck=site.ask("stuck"),
        effects=site.ledger.read_text().split(),
        verified=_verified(site),
        canaries=canaries(site),
        places=places(site, rows["audit"]),
    )


def _verified(site: Site) -> str:
    env = site.front.hand_env()
    found = subprocess.run(
        [sys.executable, "manage.py", "audit", "verify"], env=env, cwd=ROOT,
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    return "" if found.returncode == 0 else f"audit verify: {found.stdout}{found.stderr}"


def canaries(site: Site) -> dict[str, str]:
    """What must be found nowhere."""
    signer = site.desk.signer
    return {
        "the secret of own": site.own.secret,
        "the app secret of desk": site.desk.app_secret,
        "the encrypt key of desk": signer.encrypt_key,
        "the verification token of desk": signer.verification_token,
        "the key that encrypts": site.keys,
        WORDS: PHRASE,
    }


def recordings(site: Site) -> list[bytearray]:
    """What went towards the brokers and Redis since the case began."""
    proxies = [p for m in site.machines for name, p in m.proxies.items() if name != "database"]
    return [proxy.recording for proxy in proxies if proxy.recording is not None]


def places(site: Site, audit: list[dict[str, Any]]) -> dict[str, str]:
    """Where they are looked for."""
    logs = [p for machine in site.machines for p in (machine.home / "logs").glob("*.log")]
    cards = [c.body for stand in (site.own, site.desk) for c in list(stand.calls) if _shows(c.path)]
    return {
        "logs": "\n".join(path.read_text(errors="replace") for path in logs),
        "broker": b"\n".join([*map(bytes, recordings(site)), _dump(site)]).decode("latin-1"),
        "audit": json.dumps(audit, ensure_ascii=False, default=str),
        "cards": b"\n".join(cards).decode(errors="replace"),
    }


def _shows(path: str) -> bool:
    return path.startswith(MESSAGES) or path == "/replies"


def _dump(site: Site) -> bytes:
    """Everything that Redis holds now."""
    found = []
    with site.redis() as client:
        for key in client.scan_iter():
            found += [key, client.dump(key) or b""]
        found += [
            item for key in client.scan_iter(_type="list") for item in client.lrange(key, 0, -1)
        ]
    return b"\n".join(found)
