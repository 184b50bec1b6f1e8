"""What can be wrong with the chain, in words for whoever runs `audit verify`."""

from __future__ import annotations

from apps.core.i18n import Text, both

ROW_CHANGED = both(
    "该行被改动,或不是由本系统写入。", "The row was changed, or was not written by this system."
)
ROW_MOVED = both("该行是复制品,或次序被改动。", "The row is a copy, or rows were reordered.")
ROWS_MOVED = both("该封签内各行的次序被改动。", "The rows under this seal were reordered.")
SEAL_CHANGED = both("该封签被改动。", "This seal was changed.")
SEAL_LOOSE = both("该封签与前一个封签不相连。", "This seal does not follow the one before.")
SEAL_GONE = both("该封签被删除。", "This seal was removed.")
OTHER_CHAIN = both(
    "该封签与数据目录中记下的不同:整条链被替换过。",
    "This seal differs from the one noted in the data folder: the chain was replaced.",
)


def row_gone(producer: str, expected: int, found: int) -> Text:
    """Numbers of one producer are missing before a row."""
    which = f"{expected}" if found == expected + 1 else f"{expected}–{found - 1}"
    return both(
        f"此行之前缺少记录(来源 {producer} 的第 {which} 条被删除)。",
        f"Entries before this row were removed (number {which} of producer {producer}).",
    )


def rows_gone(written: int, found: int) -> Text:
    """A seal covers another number of rows than there are."""
    return both(
        f"该封签应有 {written} 行,现有 {found} 行。",
        f"This seal covers {written} rows, and {found} are there.",
    )


def cut_off(end: int, noted: int) -> Text:
    """The chain ends before the place that was noted outside the database."""
    return both(
        f"链止于封签 {end},而数据目录记到 {noted}:末尾被删除,或数据库回到了旧备份。",
        f"The chain ends at seal {end}, and the data folder has noted {noted}: "
        "its end was removed, or the database is an older backup.",
    )


def bad_head(why: str) -> Text:
    """The note in the data folder is of no use."""
    return both(
        f"数据目录中记下的链尾被改动或无法读取({why})。",
        f"The end of the chain noted in the data folder was changed or cannot be read ({why}).",
    )
