"""No secret survives scrubbing, whatever form it travels in; ordinary lines stay as they are."""

from __future__ import annotations

import time

import pytest

from apps.core import scrub as module
from apps.core.crypto import Secret
from apps.core.scrub import hide, scrub

CANARY = "c4n4ryC4N4RY4711"

CANARIES = {
    "bearer": f"Authorization: Bearer {CANARY}",
    "basic": f"authorization: Basic {CANARY}==",
    "bearer in a header list": f"(b'authorization', b'Bearer {CANARY}')",
    "bare bearer": f"sent bearer {CANARY} to the vendor",
    "Standard Webhooks": f"secret whsec_{CANARY}+/{CANARY}= is wrong",
    "OpenAI-like": f"model key sk-proj-{CANARY} refused",
    "Slack bot": f"xoxb-1234-{CANARY}",
    "Slack app": f"xapp-1-{CANARY}",
    "GitHub": f"ghp_{CANARY}{CANARY}",
    "our own API token": f"unknown token clawdbot_{CANARY}{CANARY}{CANARY}",
    "one-time link": f"Forbidden: /sign-in/{CANARY}-_{CANARY}/",
    "AWS": "AKIAC4N4RYC4N4RY4711",
    "Telegram": f"POST https://api.telegram.org/bot123456789:AA{CANARY}{CANARY}/sendMessage",
    "JWT": f"eyJhbGciOiJIUzI1NiJ9.eyJ{CANARY}.sig{CANARY}",
    "PEM": f"-----BEGIN PRIVATE KEY-----\nMIIE{CANARY}\nAB{CANARY}==\n-----END PRIVATE KEY-----",
    "stored secret": f"v1.A256GCM.44fdf2d67400.{CANARY}.{CANARY}.{CANARY}",
    "JSON token": f'{{"token": "{CANARY}", "n": 1}}',
    "JSON with blanks in it": f'{{"app_secret" : "two words {CANARY}"}}',
    "JSON in JSON": f'{{"body":"{{\\"appSecret\\":\\"{CANARY}\\"}}"}}',
    "Python repr": f"{{'verification_token': '{CANARY}', 'encrypt_key': b'{CANARY}'}}",
    "assignment": f"CLAWDBOT_API_KEY={CANARY}",
    "YAML": f"encoding_aes_key: {CANARY}",
    "query": f"GET /callback?code=1&access_token={CANARY}&x=1",
    "signature in a query": f"/webhooks/wecom/a/?msg_signature={CANARY}&timestamp=1",
    "password in an address": f"redis://user:{CANARY}@redis.example.com:6379/0",
    "password without a user": f"redis://:{CANARY}@localhost",
    "cookie": f"Cookie: sessionid={CANARY}; csrftoken={CANARY}",
    "Set-Cookie": f"Set-Cookie: sessionid={CANARY}",
    "password": f"password = '{CANARY}'",
    "ticket": f"ticket={CANARY}",
}


@pytest.mark.parametrize("line", CANARIES.values(), ids=CANARIES.keys())
def test_canaries_do_not_survive(line: str) -> None:
    scrubbed = scrub(line)
    assert "c4n4ry" not in scrubbed.lower()
    assert "***" in scrubbed


@pytest.mark.parametrize(
    "line",
    [
        "Sign in at the console",
        "model answered: prompt_tokens=120 completion_tokens=30",
        "job 7K2M9XQ4 took 12:30:05.123456 for om_dc13264520392913993dd051dba21dcf",
        "token=None is missing; secret: null",
        "the key of the map is 5",
        "https://example.com:8000/a/b?page=2&size=10",
        "cafe@example.com wrote to 10.0.0.1:6379",
        "risk-based tasks sk-1",
        "你好:世界",
    ],
)
def test_ordinary_lines_stay(line: str) -> None:
    assert scrub(line) == line


def test_what_surrounds_a_secret_stays() -> None:
    assert scrub(f"GET /x?access_token={CANARY}&page=2 -> 401") == (
        "GET /x?access_token=***&page=2 -> 401"
    )


def test_a_secret_in_use_is_known_by_its_value() -> None:
    assert "q7Zk2Lw9" in scrub("bot said q7Zk2Lw9")
    Secret("q7Zk2Lw9").reveal()
    assert scrub("bot said q7Zk2Lw9 twice: q7Zk2Lw9") == "bot said *** twice: ***"


def test_short_values_are_not_hidden() -> None:
    hide("word")
    assert scrub("a word") == "a word"


def test_the_memory_of_secrets_is_bounded() -> None:
    for number in range(module._MAX_SECRETS + 50):
        hide(f"bounded-secret-{number:06d}")
    assert len(module._in_use) == module._MAX_SECRETS
    newest = f"bounded-secret-{module._MAX_SECRETS + 49:06d}"
    assert scrub(newest) == "***"


@pytest.mark.parametrize(
    "piece", ["a_", "token", "token=", '"', "://a:", "1", "eyJ", "sign '", "\\", "bearer ", "sk-"]
)
def test_no_line_is_slow(piece: str) -> None:
    start = time.perf_counter()
    scrub(piece * (16_000 // len(piece)))
    assert time.perf_counter() - start < 0.5


def test_a_line_that_was_seen_before_is_looked_at_again_for_a_new_secret() -> None:
    line = "said again and again: qwertzuiop"
    assert scrub(line) == line
    assert scrub(line) == line
    hide("qwertzuiop")
    assert scrub(line) == "said again and again: ***"


def test_a_secret_that_comes_into_use_while_a_line_is_looked_at_is_hidden_after_it() -> None:
    class Meanwhile(str):
        """A text in the midst of whose scrubbing another thread takes a secret into use."""

        def lower(self) -> str:
            hide("asdfghjkl-new")
            return super().lower()

    line = "between two looks: asdfghjkl-new"
    scrub(Meanwhile(line))
    assert scrub(line) == "between two looks: ***"


def test_long_and_short_lines_are_scrubbed_alike() -> None:
    hide("yxcvbnm-value")
    for length in (1, 7, 8, 40, 50, 51, 52, 64, 65, 200):
        line = ("x" * length + " yxcvbnm-value")[-length - 14 :]
        assert scrub(line) == "x" * length + " ***"
