"""Typed commands: what is one, which words it has, and that nothing anybody types breaks it."""

from __future__ import annotations

import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.assistant.grammar import Command, joined, quote, read, split
from apps.core.i18n import Text


def command(text: str) -> Command:
    """The command that `text` is."""
    found = read(text)
    assert found is not None, text
    return found


@pytest.mark.parametrize(
    ("text", "name", "tail"),
    [
        ("/ping", "ping", ""),
        ("  /ping  ", "ping", ""),
        ("/PING", "ping", ""),
        ("／ｐｉｎｇ", "ping", ""),
        ("\u200b/p\u200bi\u2060ng\ufeff", "ping", ""),
        ("\u202e/ping", "ping", ""),
        ("/echo hello  world", "echo", "hello  world"),
        ("/echo\thi", "echo", "hi"),
        ("/echo\n第一行\n\n  第二行 ", "echo", "第一行\n\n  第二行"),
        ("/echo　全角空格", "echo", "全角空格"),
        ('/echo"hi"', "echo", '"hi"'),
        ("/帮助", "帮助", ""),
        ("/帮助。", "帮助", ""),
        ("/提醒： 20分钟后", "提醒", "20分钟后"),
        ("/ping@ClawdBot", "ping", ""),
        ("/echo@bot hi", "echo", "hi"),
        ("/no_such-thing x", "no_such-thing", "x"),
        ("帮助", "帮助", ""),
        ("状态？", "状态", ""),
        (" Help! ", "help", ""),
    ],
)
def test_commands(text: str, name: str, tail: str) -> None:
    found = command(text)
    assert (found.name, found.tail) == (name, tail)


def test_the_name_after_an_at_is_kept() -> None:
    assert command("/ping@ClawdBot hi").bot == "clawdbot"
    assert command("/ping＠bot").bot == "bot"


def test_a_bare_name_says_so() -> None:
    assert not command("帮助").slash
    assert command("/帮助").slash


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "\u200b", "/", "／", "/ ping", "//ping", "/.", "/@bot", "/etc/passwd", "/-x",
        "ping me", "see /ping", "http://a/ping", "帮助我", "请帮助", "1/2", "echo hi",
        "状态 状态", "/\u200b",
    ],
)  # fmt: skip
def test_what_is_no_command(text: str) -> None:
    assert read(text) is None


def test_a_lookalike_of_another_script_is_another_name() -> None:
    assert command("/pіng").name != "ping"  # the second letter is Cyrillic


@pytest.mark.parametrize(
    ("tail", "words"),
    [
        ("a b", ["a", "b"]),
        ("a　b", ["a", "b"]),
        ('"a b" c', ["a b", "c"]),
        ("'a b' c", ["a b", "c"]),
        ("“a b” ‘c d’ 「e f」 『g h』 ＂i j＂", ["a b", "c d", "e f", "g h", "i j"]),
        (r'"a \"b\" \\ c"', ['a "b" \\ c']),
        (r"C:\temp\x", [r"C:\temp\x"]),
        (r"a\ b \"c", ["a b", '"c']),
        ("it's o'clock", ["it's", "o'clock"]),
        ('a"b c"', ['a"b', 'c"']),
        ("“他说‘好’”", ["他说‘好’"]),
        ('""', [""]),
        ("a\u200bb", ["ab"]),
        ("“a\u200bb”", ["a\u200bb"]),
        ("①²", ["①²"]),
        ("", []),
    ],
)
def test_words(tail: str, words: list[str]) -> None:
    assert [word.text for word in split(tail)] == words


@pytest.mark.parametrize(
    ("tail", "key", "option", "value"),
    [
        ("k=v", "k", "", "v"),
        ("k=", "k", "", ""),
        ("k＝v", "k", "", "v"),
        ('k="a b"', "k", "", "a b"),
        ("k=“a b”", "k", "", "a b"),
        ("k=a=b", "k", "", "a=b"),
        ("时间=明天", "时间", "", "明天"),
        ("--k", "", "k", None),
        ("--k=v", "", "k", "v"),
        ("--k='a b'", "", "k", "a b"),
        ("—dry-run", "", "dry-run", None),
        ("－－k", "", "k", None),
        ("-5", "", "", None),
        ("--", "", "", None),
        ("——好", "", "", None),
        ("1=2", "", "", None),
        ("=v", "", "", None),
        ('"k=v"', "", "", None),
        ('"--k"', "", "", None),
    ],
)
def test_named_words(tail: str, key: str, option: str, value: str | None) -> None:
    (word,) = split(tail)
    assert (word.key, word.option, word.value) == (key, option, value)


def test_a_word_knows_where_it_began() -> None:
    tail = '"a b"  k=v   rest'
    assert [tail[word.start :] for word in split(tail)] == [tail, "k=v   rest", "rest"]


def test_an_unclosed_quote_is_a_problem_that_is_said() -> None:
    found = command('/task "abc def')
    assert found.words[-1].broken
    problem = Text('引号没有成对："abc def', 'A quote is not closed: "abc def')
    assert found.problem == problem
    assert command('/task "abc"').problem is None


def test_no_blank_is_needed_after_a_chinese_name() -> None:
    found = [(one.name, one.tail) for one in joined(command("/提醒我20分钟后 开会"))]
    assert found == [("提醒我", "20分钟后 开会"), ("提醒", "我20分钟后 开会")]
    assert list(joined(command("/pingpong"))) == []
    assert [one.tail for one in joined(command("/回显，你好"))] == ["你好"]


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    for one in (text, "/" + text, "/x " + text, "帮助" + text):
        found = read(one)
        if found is not None:
            assert len(found.words) <= len(one)
            list(joined(found))


@given(st.text(alphabet="/ \"'“”「」\\=-—k\u200b　帮助@\n", max_size=30))
def test_no_mixture_of_marks_breaks_it(text: str) -> None:
    found = read("/x " + text)
    assert found is not None
    for word in found.words:
        assert 0 <= word.start < len(found.tail)
        assert not (word.key and word.option)


@given(st.lists(st.text()))
def test_quoted_words_are_read_back(words: list[str]) -> None:
    found = read("/x " + quote(words))
    assert found is not None
    assert [word.text for word in found.words] == words
    assert not any(word.key or word.option or word.broken for word in found.words)


@given(st.lists(st.text(alphabet="ab \"'\\=-—“”", max_size=8), max_size=5))
def test_quoted_marks_are_read_back(words: list[str]) -> None:
    assert [word.text for word in split(quote(words))] == words


def test_quoting_leaves_plain_words_alone() -> None:
    assert quote(["ab", "20分钟后", "a b", "", "--x", "k=v"]) == 'ab 20分钟后 "a b" "" "--x" "k=v"'


def test_a_long_text_takes_no_time() -> None:
    for text in (
        '/x "' * 9_000,
        "/x " + "\\ " * 20_000,
        "/x " + '"a' * 20_000,
        " " * 20_000 + "/x",
    ):
        assert (
            timeit.timeit("command(text).words", globals=globals() | {"text": text}, number=1) < 1
        )
