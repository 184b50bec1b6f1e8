"""The program that reads foreign documents: a process of its own, small, limited, soon over.

`python -m apps.knowledge.child KIND` reads a document on stdin and writes its pieces to stdout as
one JSON object: `{"pieces": [[text, place, table]], "pages", "blank"}`. It ends with status 3 and
one word on stderr for what cannot be read. Nothing of Django is loaded here.
"""

from __future__ import annotations

import json
import logging
import sys

from apps.core.confined import fail, limit
from apps.knowledge.readers import docx, pdf, text, xlsx
from apps.knowledge.readers.piece import Unreadable, within

SECONDS = 60
_MEMORY = 1024 * 1024**2
READERS = {
    "text": text.plain,
    "markdown": text.markdown,
    "pdf": pdf.pages,
    "docx": docx.document,
    "xlsx": xlsx.workbook,
}


def main(argv: list[str]) -> None:
    """Read one."""
    limit(memory=_MEMORY, seconds=SECONDS)
    logging.disable()  # libraries speak of what is wrong with a file; stderr is for our one word
    sys.setrecursionlimit(2000)
    try:
        found = READERS[argv[0]](sys.stdin.buffer.read())
        pieces = [[one.text, one.place, one.table] for one in within(found.pieces)]
    except Unreadable as error:
        fail(error.word)
    except MemoryError:
        fail("too_large")
    except RecursionError:
        fail("broken")
    if not pieces:
        fail("no_text")
    answer = {"pieces": pieces, "pages": found.pages, "blank": found.blank}
    sys.stdout.write(json.dumps(answer, separators=(",", ":")))
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
