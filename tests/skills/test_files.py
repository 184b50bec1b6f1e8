"""Files in and out of skills: declared, given, asked for, made."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from apps.skills.base import (
    Attachment,
    CannotDo,
    Context,
    DeclarationError,
    Reply,
    Skill,
    get,
    registry,
    skill,
)
from apps.skills.parameters import Arguments, Bound, Invalid, Missing, Word, bind, check
from apps.skills.testing import NOW, FakeFiles, ask, context, declared, reply_of, sent
from apps.skills.times import Clock

CLOCK = Clock(NOW, context().tz, lambda text, now: None)


def check_of(name: str) -> Skill:
    """The declared skill."""
    found = get(name)
    assert found is not None
    return found


def rows(ctx: Context, table: Attachment, column: int = 0) -> str:
    """Count the rows of a table."""
    return f"{table.name}: {len(table.read().splitlines())} rows, column {column}"


def test_a_file_is_a_parameter_that_nobody_types() -> None:
    with declared():
        skill()(rows)
        found = check_of("rows")
        assert found.takes_file
        # A typed word goes past the file to the next parameter.
        result = bind(found.parameters, Arguments([Word("3", 0)], "3"), CLOCK)
        assert isinstance(result, Missing)
        assert (result.parameter.name, result.values) == ("table", {"column": 3})
        # Our own buttons name a file by the number of its message.
        named = Word("table=7/0", 0, key="table", value="7/0")
        result = bind(found.parameters, Arguments([named], "table=7/0"), CLOCK)
        assert result == Bound({"table": {"message": 7, "index": 0, "name": ""}})
        wrong = Word("table=/etc/passwd", 0, key="table", value="/etc/passwd")
        result = bind(found.parameters, Arguments([wrong], ""), CLOCK)
        assert isinstance(result, Invalid)


def test_a_skill_reads_the_file_and_it_is_fetched_once() -> None:
    with declared():
        skill()(rows)
        ctx = context(files=FakeFiles([("a.csv", b"1\n2\n3\n")]))
        assert ask("rows", ctx, table=sent()) == "a.csv: 3 rows, column 0"
        assert isinstance(check(check_of("rows").parameters, {"table": "a.csv"}), Invalid)


def test_everything_that_came_is_in_the_context() -> None:
    ctx = context(files=FakeFiles([("a.txt", b"abc"), ("b.png", b"\x89PNG\r\n\x1a\n")]))
    first, second = ctx.attachments
    assert (first.claimed_name, first.kind, first.size) == ("a.txt", "text", 3)
    assert (second.kind, second.mime) == ("image", "image/png")
    assert first.path.read_bytes() == first.read() == b"abc"
    assert context().attachments == ()


def test_a_quick_skill_takes_no_file() -> None:
    with declared(), pytest.raises(DeclarationError, match="cannot be quick"):
        skill(quick=True)(rows)


def test_what_a_skill_makes(tmp_path: Path) -> None:
    (tmp_path / "c.bin").write_bytes(b"\0\1")

    def report(ctx: Context) -> Reply:
        made = (
            ctx.file("a.csv", "数,1\n"),
            ctx.file("b.bin", b"\0"),
            ctx.file("c", tmp_path / "c.bin"),
        )
        return Reply("done", files=made)

    with declared():
        skill()(report)
        table, raw, other = reply_of("report", context()).files
    assert table.data == b"\xef\xbb\xbf" + "数,1\n".encode()  # spreadsheets know UTF-8 by its mark
    assert (raw.data, other.data, other.name) == (b"\0", b"\0\1", "c")


def test_file_tells_what_it_really_is() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("notes/plan.txt", "secret plan")
    ctx = context(language="en", files=FakeFiles([("holiday.png", packed.getvalue())]))
    said = ask("file", ctx, file=sent())
    assert "application/zip (not what the name says)" in said
    assert "notes/plan.txt" in said
    assert "secret" not in said
    text = context(
        language="en", files=FakeFiles([("a.txt", "第一行\nsecond\n".encode("gb18030"))])
    )
    assert "第一行\nsecond" in ask("file", text, file=sent())


def test_export_writes_own_jobs_and_no_formulas() -> None:
    ctx = context(language="en")
    ctx.jobs.add("echo", "succeeded", text='=HYPERLINK("http://evil")')
    old = ctx.jobs.add("host", "succeeded", number="OLD00001")
    ctx.jobs.jobs[0] = replace(old, created_at=NOW - timedelta(days=31))
    reply = reply_of("export", ctx)
    assert reply.private
    (made,) = reply.files
    assert made.name == "jobs-20261122.csv"
    head, row = list(csv.reader(io.StringIO(made.data.decode("utf-8-sig"))))
    assert head[0] == "number"
    assert row[0] == "TASK0001"
    assert row[-1] == '\'=HYPERLINK("http://evil")'
    (as_json,) = reply_of("export", ctx, form="json").files
    assert as_json.data.startswith(b"[")


def test_export_of_nothing_says_so() -> None:
    with pytest.raises(CannotDo, match="no jobs"):
        ask("export", context())


def test_what_reads_does_not_write() -> None:
    reads = {name for name, one in registry().items() if not one.writes}
    assert reads == {
        "ping", "echo", "help", "whoami", "status", "tasks", "task", "usage", "host", "file",
        "export", "docs", "ask", "summarise", "translate", "draft", "extract", "facts", "assist",
        "plan",
    }  # fmt: skip
