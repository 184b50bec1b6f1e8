"""Secrets and numbers of people that are planted in everything that a person says: none of them is
in a log, in the broker, on a page of Flower, in the audit, or in what a model is sent."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from apps.simulate import webhook
from apps.simulate.model import MODEL, ModelStand, calls
from apps.simulate.server import Answer
from tests.stack import places
from tests.stack.house import OWN, PEOPLE, House
from tests.stack.installation import Installation
from tests.stack.post import post

pytestmark = pytest.mark.stack
VENDOR_KEY = "sk-vendor5Tq8Zr2Xw9Lm4Np7Kd3Vb6"
WRONG_KEY = "sk-wrong7Hj3Fg8Ds2Pa9Qw4Er6Ty1"
#: By the word that gives each of them away.
SAID = {
    "身份证号": "11010519491231002X",
    "银行卡": "6217 0012 3456 7890 122",
    "密码是": "Zebra#2719",
    "API key: ": "sk-planted7Q2mZ9xK4vB8nT3wL6yR",
    "手机": "13912345678",
}
PLANTED = {**SAID, "the vendor's key": VENDOR_KEY, "a wrong key": WRONG_KEY}
HOLDS = "，".join(word + value for word, value in SAID.items())
WHO = PEOPLE[0]


@pytest.fixture(scope="module")
def stand() -> Iterator[ModelStand]:
    """A model server that repeats what it was asked."""
    with ModelStand(key=VENDOR_KEY, answer=repeat) as running:
        yield running


@pytest.fixture(scope="module")
def home(
    tmp_path_factory: pytest.TempPathFactory, skills_path: str, stand: ModelStand
) -> Iterator[House]:
    """A house with that model."""
    folder = tmp_path_factory.mktemp("planted") / "home"
    with House(Installation(folder, PYTHONPATH=skills_path)) as found:
        given = (f"base_url={stand.base_url}", f"model={MODEL}", f"api_key={VENDOR_KEY}")
        found.home.command("model", "add", "stand", *given)
        found.home.ask("allow", role="operator", permissions=["model.use.stand"])
        yield found


def test_what_is_planted_is_found_in_the_chat_and_nowhere_else(
    home: House, stand: ModelStand
) -> None:
    own = home.home
    with places.Monitor(own) as broker:
        said = good_answers(home, stand)
        bad_answers(home, stand)
        masked = list(stand.asked)
        worse_answers(home, stand)
        read = {
            "metrics": places.page(own.port, "/metrics"),
            "audit export": own.command("audit", "export").encode(),
            "model calls": own.command("model", "calls", "--json").encode(),
            "model calls --text": own.command("model", "calls", "--json", "--text").encode(),
            "model list": own.command("model", "list", "--json").encode(),
            **places.flower_pages(own),
        }
        own.settled(20)
    for way, text in said.items():
        assert all(value in text for value in SAID.values()), (way, text)
    asked = [json.dumps(one, ensure_ascii=False).encode() for one in masked]
    read |= {f"request {number}": body for number, body in enumerate(asked)}
    read |= {"broker": broker.text(), "output of up": own.output.encode(), **places.files(own)}
    assert places.leaks(read, PLANTED) == []
    look_where_something_is(read)
    database = {path.name: path.read_bytes() for path in own.home.glob(f"{places.DATABASE}*")}
    assert database
    assert places.leaks(database, {"the vendor's key": VENDOR_KEY}) == []
    own.command("audit", "verify")


def good_answers(home: House, stand: ModelStand) -> dict[str, str]:
    """All ways to a model; what each is answered."""
    said = {
        "a sentence": home.asks(WHO, f"你看看这些有什么问题没有：{HOLDS}"),
        "/ask": home.asks(WHO, f"/ask 这些对吗：{HOLDS}"),
        "/summarise": home.answer(send_file(home, f"要点如下。{HOLDS}。"))["text"],
    }
    stand.answers = [two_steps]
    said["a plan"] = home.asks(WHO, f"先核对再归纳这几样东西：{HOLDS}")
    token = home.home.ask("token", person=WHO)
    asked = {"model": "stand", "messages": [{"role": "user", "content": HOLDS}]}
    bearer = {"Authorization": f"Bearer {token}"}
    found = json.loads(places.page(home.home.port, "/v1/chat/completions", bearer, asked))
    said["/v1"] = found["choices"][0]["message"]["content"]
    return said


def bad_answers(home: House, stand: ModelStand) -> None:
    """A skill that breaks over its text, and a vendor that repeats the question in its error."""
    home.asks(WHO, f"/burst {HOLDS}")
    stand.answer = complain
    home.asks(WHO, f"/ask 这些又对吗：{HOLDS}")


def worse_answers(home: House, stand: ModelStand) -> None:
    """The same from a model that is exempt from masks, and a vendor that repeats the key."""
    home.home.command("model", "set", "stand", "unmasked=yes")
    home.asks(WHO, f"你再看看这些行不行：{HOLDS}")
    home.home.command("model", "set", "stand", f"api_key={WRONG_KEY}")
    refused = error_of(f"Incorrect API key provided: {WRONG_KEY}", "invalid_api_key")
    stand.fail("/chat/completions", "answer", Answer(401, refused))
    home.asks(WHO, "/ask 还有人在吗")


def look_where_something_is(read: dict[str, bytes]) -> None:
    """The search finds what is there, and everything to be searched was."""
    packed = base64.b64encode(b'["' + VENDOR_KEY.encode() + b'"]')
    assert places.leaks({"x": b"{" + packed + b"}"}, PLANTED) == ["x: the vendor's key"]
    there = {
        "broker": "skill.ask", "audit export": "CN_ID", "model calls --text": "⟦CN_ID",
        "/flower/api/tasks": "skill.ask", "request 0": "⟦BANK_CARD", "model list": "stand",
        "metrics": "clawdbot_model_calls_total", "logs/worker-jobs.log": "job.failed",
        "logs/worker-model.log": "planner.no_answer",
    }  # fmt: skip
    assert [place for place, word in there.items() if word.encode() not in read[place]] == []


def send_file(home: House, text: str) -> str:
    """`/summarise` with a text file; returns the message's id."""
    data = base64.b64encode(text.encode()).decode()
    body = webhook.message(
        "/summarise",
        sender={"id": WHO, "name": WHO},
        conversation={"id": f"c-{WHO}", "type": "private"},
        attachments=[{"type": "file", "name": "notes.txt", "data": data}],
    )
    raw, headers = webhook.signed(body)
    assert post(home.home.port, f"/webhooks/webhook/{OWN}/", raw, headers) == 202
    return str(body["id"])


def question(body: dict[str, Any]) -> str:
    """The last thing that was said to the model."""
    return str(body["messages"][-1]["content"])


def repeat(body: dict[str, Any]) -> str:
    return f"I read: {question(body)}"


def two_steps(body: dict[str, Any]) -> dict[str, Any]:
    """A plan: ask, then sum up what came of it."""
    first = {"id": "s1", "skill": "ask", "parameters": {"question": question(body)}}
    second = {"id": "s2", "skill": "summarise", "parameters": {"text": {"$from": "s1"}}}
    return calls(("plan", {"steps": [first, second]}))


def complain(body: dict[str, Any]) -> Answer:
    return Answer(500, error_of(f"cannot answer {question(body)}"))


def error_of(message: str, code: str = "server_error") -> dict[str, Any]:
    return {"error": {"message": message, "type": code, "code": code}}
