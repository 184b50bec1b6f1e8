"""Documents as the programs of offices write them, made here from a few lines of text."""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import openpyxl

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "knowledge"
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/'
    'content-types"><Default Extension="xml" ContentType="application/xml"/></Types>'
)
_STYLES = (
    f'<w:styles xmlns:w="{_W}"><w:style w:styleId="1"><w:name w:val="heading 1"/></w:style>'
    '<w:style w:styleId="2"><w:name w:val="heading 2"/></w:style>'
    '<w:style w:styleId="Sub"><w:basedOn w:val="2"/></w:style>'
    '<w:style w:styleId="3"><w:pPr><w:outlineLvl w:val="2"/></w:pPr></w:style></w:styles>'
)


def golden() -> dict[str, bytes]:
    """The documents of the golden set by name, each in its own format."""
    return dict(_golden(path) for path in sorted(GOLDEN.iterdir()) if path.suffix != ".jsonl")


def _golden(path: Path) -> tuple[str, bytes]:
    text = path.read_text(encoding="utf-8")
    inner = Path(path.stem).suffix
    if inner == ".docx":
        return path.stem, docx(text)
    if inner == ".pdf":
        return path.stem, pdf(text.split("===\n"))
    if inner == ".xlsx":
        return path.stem, xlsx(text)
    return path.name, text.encode("gb18030" if path.name.startswith("食堂") else "utf-8")


def docx(text: str, extra: str = "", more: dict[str, str] | None = None) -> bytes:
    """A Word document of a little Markdown: headings, paragraphs, tables."""
    body: list[str] = []
    rows: list[str] = []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            if "---" not in line:
                rows.append(line)
            continue
        if rows:
            body.append(_table(rows))
            rows = []
        level = len(line) - len(line.lstrip("#"))
        style = f'<w:pPr><w:pStyle w:val="{level}"/></w:pPr>' if level else ""
        if line.strip():
            body.append(f"<w:p>{style}{_run(line.lstrip('# '))}</w:p>")
    document = f'<w:document xmlns:w="{_W}"><w:body>{"".join(body)}{extra}</w:body></w:document>'
    parts = {"word/document.xml": document, "word/styles.xml": _STYLES, **(more or {})}
    return package(parts)


def package(parts: dict[str, str | bytes]) -> bytes:
    """A ZIP of XML parts with the list of types that office documents have."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", _TYPES)
        for name, content in parts.items():
            archive.writestr(name, content)
    return made.getvalue()


def _run(text: str) -> str:
    return f'<w:r><w:t xml:space="preserve">{escape(text)}</w:t></w:r>'


def _table(lines: Sequence[str]) -> str:
    rows = []
    for line in lines:
        cells = (f"<w:tc><w:p>{_run(one.strip())}</w:p></w:tc>" for one in line[1:-1].split("|"))
        rows.append(f"<w:tr>{''.join(cells)}</w:tr>")
    return f"<w:tbl>{''.join(rows)}</w:tbl>"


def xlsx(text: str) -> bytes:
    """A workbook of CSV: a line `#Name` begins a sheet."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    book.remove(sheet)
    for row in csv.reader(io.StringIO(text)):
        if row and row[0].startswith("#") and len(row) == 1:
            sheet = book.create_sheet(row[0][1:])
        else:
            sheet.append([int(cell) if cell.isdigit() else cell for cell in row])
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def pdf(pages: Sequence[str], *, width: int = 44) -> bytes:
    """A PDF with a composite font and a ToUnicode map, as word processors write them: each
    character is a number of its own, long lines are broken."""
    glyphs = {char: n for n, char in enumerate(sorted(set("".join(pages)) - {"\n"}), 1)}
    contents = [_page(page, glyphs, width) for page in pages]
    objects: list[bytes] = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [%s] >>"
        % (len(pages), b" ".join(b"%d 0 R" % (7 + 2 * n) for n in range(len(pages)))),
        b"<< /Type /Font /Subtype /Type0 /BaseFont /Made /Encoding /Identity-H "
        b"/DescendantFonts [4 0 R] /ToUnicode 5 0 R >>",
        b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Made /CIDSystemInfo << /Registry "
        b"(Adobe) /Ordering (Identity) /Supplement 0 >> /DW 1000 /FontDescriptor 6 0 R >>",
        _stream(_to_unicode(glyphs)),
        b"<< /Type /FontDescriptor /FontName /Made /Flags 4 /FontBBox [0 0 1000 1000] "
        b"/ItalicAngle 0 /Ascent 800 /Descent -200 /CapHeight 700 /StemV 80 >>",
    ]
    for n, content in enumerate(contents):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font "
            b"<< /F1 3 0 R >> >> /Contents %d 0 R >>" % (8 + 2 * n)
        )
        objects.append(_stream(content))
    return _file(objects)


def _page(text: str, glyphs: dict[str, int], width: int) -> bytes:
    lines = []
    for line in text.splitlines():
        wide = width if any(ord(one) > 0x2E80 for one in line) else 3 * width
        lines += [line[i : i + wide] for i in range(0, len(line), wide)]
    drawn = ["BT /F1 11 Tf 16 TL 50 790 Td"]
    for line in lines:
        drawn.append(f"<{''.join(f'{glyphs[one]:04X}' for one in line)}> Tj T*")
    return "\n".join([*drawn, "ET"]).encode()


def _to_unicode(glyphs: dict[str, int]) -> bytes:
    pairs = [f"<{n:04X}> <{one.encode('utf-16-be').hex()}>" for one, n in glyphs.items()]
    blocks = [
        f"{len(some)} beginbfchar\n" + "\n".join(some) + "\nendbfchar"
        for some in (pairs[i : i + 100] for i in range(0, len(pairs), 100))
    ]
    head = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def\n"
        "/CMapType 2 def 1 begincodespacerange <0000> <FFFF> endcodespacerange\n"
    )
    return f"{head}{chr(10).join(blocks)}\nendcmap end end".encode()


def _stream(data: bytes) -> bytes:
    packed = zlib.compress(data)
    return b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(packed), packed)


def _file(objects: Sequence[bytes]) -> bytes:
    made = b"%PDF-1.7\n"
    places = []
    for number, one in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    tail = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    return made + head + table + tail % (len(objects) + 1, len(made))
