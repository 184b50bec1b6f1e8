"""Workbooks: the rows of every visible sheet, as they were last calculated."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time
from typing import Any

from apps.knowledge.readers.office import Parts
from apps.knowledge.readers.piece import MAX_CELLS, Found, Piece, Unreadable


def workbook(data: bytes) -> Found:
    """Its rows, each with the head of its sheet. Raises `Unreadable`."""
    from defusedxml.common import DefusedXmlException
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    Parts(data)  # what no library has to look at
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions that are not needed
            book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
            pieces = list(_rows(book))
    except (Unreadable, MemoryError):
        raise
    except DefusedXmlException as error:
        raise Unreadable("entities") from error
    except (InvalidFileException, zipfile.BadZipFile, SyntaxError, ValueError, LookupError,
            TypeError, AttributeError, OSError, OverflowError, EOFError) as error:  # fmt: skip
        raise Unreadable("broken") from error
    if not pieces:
        raise Unreadable("no_text")
    return Found(pieces, len(book.worksheets))


def _rows(book: Any) -> Iterator[Piece]:
    cells = 0
    for sheet in book.worksheets:
        if sheet.sheet_state != "visible":
            continue
        head: Piece | None = None
        rows = 0
        for number, row in enumerate(sheet.iter_rows(), 1):
            cells += len(row)
            if cells > MAX_CELLS:
                raise Unreadable("too_many_cells")
            values = [_shown(cell) for cell in row]
            while values and not values[-1]:
                values.pop()
            if not any(values):
                continue
            piece = Piece(" | ".join(values), {"sheet": sheet.title, "row": number})
            # The first row with several cells names the columns; a title above it does not.
            if head is None and sum(map(bool, values)) > 1:
                head = piece
                continue
            rows += head is not None
            yield replace(piece, table=head.text if head else "")
        if head is not None and not rows:
            yield head


def _shown(cell: Any) -> str:
    """A cell as people read it."""
    match cell.value:
        case None:
            return ""
        case bool() as truth:
            return "TRUE" if truth else "FALSE"
        case float() | int() as number if "%" in (cell.number_format or ""):
            return f"{number * 100:.10g}%"
        case float() as number:
            return f"{number:.10g}"
        case datetime() as moment:
            midnight = moment.time() == time(0)
            return f"{moment:%Y-%m-%d}" if midnight else f"{moment:%Y-%m-%d %H:%M}"
        case date() as day:
            return f"{day:%Y-%m-%d}"
        case value:
            return " ".join(str(value).split())
