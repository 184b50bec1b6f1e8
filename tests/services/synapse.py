"""A Matrix homeserver for the tests: Synapse on loopback, in a folder and a venv of its own."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import secrets
import signal
from pathlib import Path
from typing import Any

from tests.services.process import ROOT, Missing, PrivateServer, free_port, made

PYTHON = ROOT / ".synapse-venv" / "bin" / "python"
NAME = "clawdbot.test"
BOT = f"@clawdbot:{NAME}"
#: Building the venv: some fifty wheels.
BUILD_S = 600
ENOUGH = {"per_second": 1000, "burst_count": 1000}


def installed() -> Path:
    """The Python that has Synapse and matrix-nio, installed by `make` at need. Raises Missing."""
    made("synapse", BUILD_S)
    return PYTHON


class Synapse:
    """A homeserver that knows one application service; `url` is its address.

    `stop` and `start` are a restart: its database stays until `remove`.
    """

    def __init__(self) -> None:
        self.python = installed()
        self.server = PrivateServer("synapse")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.as_token, self.hs_token = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        self._shared_secret = secrets.token_urlsafe(24)
        self._address = ""

    def start(self, address: str = "") -> None:
        """Return when it answers. `address` is where the bot takes its events."""
        self._address = address or self._address
        self._configure()
        config = ["-c", str(self.server.folder / "homeserver.yaml")]
        if not (self.server.folder / "signing.key").exists():
            self.server.run([str(self.python), "-m", "synapse.app.homeserver", *config,
                             "--generate-keys"])  # fmt: skip
        self.server.start([str(self.python), "-m", "synapse.app.homeserver", *config])
        self.server.wait(self.answers)

    def stop(self) -> None:
        """An orderly end, as before an update."""
        self.server.halt(signal.SIGTERM)

    def crash(self) -> None:
        """As when the machine loses its power; what was committed stays."""
        self.server.halt(signal.SIGKILL)

    def remove(self) -> None:
        """Leave nothing behind."""
        self.server.stop(signal.SIGKILL)

    def answers(self) -> bool:
        """Does it take requests?"""
        try:
            return self._call("GET", "/health")[0] == 200
        except OSError:
            return False

    def add_person(self, name: str, password: str) -> str:
        """Register somebody; returns the Matrix id."""
        nonce = self._admin("GET")["nonce"]
        told = "\0".join((nonce, name, password, "notadmin")).encode()
        mac = hmac.new(self._shared_secret.encode(), told, hashlib.sha1).hexdigest()
        body = {"nonce": nonce, "username": name, "password": password, "admin": False, "mac": mac}
        return str(self._admin("POST", body)["user_id"])

    def bot_settings(self) -> dict[str, str]:
        """The settings of the bot whose service this homeserver knows."""
        return {
            "api_base": self.url,
            "as_token": self.as_token,
            "hs_token": self.hs_token,
            "user_id": BOT,
        }

    def _admin(self, method: str, body: Any = None) -> Any:
        status, answer = self._call(method, "/_synapse/admin/v1/register", body)
        assert status == 200, answer
        return answer

    def _call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text.startswith(b"{") else text.decode()
        finally:
            connection.close()

    def _configure(self) -> None:
        """Write what Synapse reads; JSON is YAML too."""
        folder = self.server.folder
        service = {
            "id": "clawdbot",
            "url": self._address or None,
            "as_token": self.as_token,
            "hs_token": self.hs_token,
            "sender_localpart": "clawdbot",
            "rate_limited": False,
            "namespaces": {"users": [{"regex": f"@clawdbot:{NAME}", "exclusive": True}]},
        }
        (folder / "clawdbot.yaml").write_text(json.dumps(service))
        (folder / "log.yaml").write_text(json.dumps(_LOGGING))
        (folder / "homeserver.yaml").write_text(json.dumps(self._settings()))

    def _settings(self) -> dict[str, Any]:
        folder = self.server.folder
        listener = {
            "port": self.port,
            "bind_addresses": ["127.0.0.1"],
            "type": "http",
            "resources": [{"names": ["client"]}],  # nobody federates with us
        }
        limits = ("rc_message", "rc_registration", "rc_room_creation", "rc_invites", "rc_joins")
        return {
            "server_name": NAME,
            "listeners": [listener],
            "database": {"name": "sqlite3", "args": {"database": str(folder / "homeserver.db")}},
            "log_config": str(folder / "log.yaml"),
            "media_store_path": str(folder / "media"),
            "signing_key_path": str(folder / "signing.key"),
            "registration_shared_secret": self._shared_secret,
            "macaroon_secret_key": self._shared_secret,
            "form_secret": self._shared_secret,
            "enable_registration": False,
            "report_stats": False,
            "presence": {"enabled": False},
            "trusted_key_servers": [],
            "suppress_key_server_warning": True,
            "federation_domain_whitelist": [],
            "app_service_config_files": [str(folder / "clawdbot.yaml")],
            **{name: _limit(name) for name in limits},
            "rc_login": dict.fromkeys(("address", "account", "failed_attempts"), ENOUGH),
        }


def _limit(name: str) -> dict[str, Any]:
    per = {
        "rc_invites": ("per_room", "per_user", "per_issuer"),
        "rc_joins": ("local", "remote"),
    }.get(name)
    return dict.fromkeys(per, ENOUGH) if per else ENOUGH


_LOGGING = {
    "version": 1,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"level": "WARNING", "handlers": ["console"]},
}

__all__ = ["Missing", "Synapse"]
