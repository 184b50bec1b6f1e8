"""Skill: take a document into the company's knowledge."""

from __future__ import annotations

from typing import Annotated

from apps.audit.actor import Actor
from apps.core.i18n import Text
from apps.knowledge import actions, indexing
from apps.knowledge.models import Document
from apps.skills.base import Attachment, CannotDo, Context, Param, Stopped, both, skill

READING = both("正在读取 {name}……", "Reading {name}…")
DONE = both(
    "已入库：{name}（资料库 {collection}，{count} 段）。用 /docs 提问。",
    "{name} is in the collection {collection} now ({count} passages). Ask with /docs.",
)
SAME = both(
    "{name} 已在资料库 {collection} 里，内容没有变化。",
    "{name} is in the collection {collection} already; nothing changed.",
)
BLANK = both(
    "其中第 {pages} 页没有文字（像是扫描件），检索不到。",
    "Pages {pages} hold no text (they look scanned) and will not be found.",
)
FAILED = both("{name} 没有入库：{why}。", "{name} was not taken in: {why}.")
LATER = both(
    "{name} 已收下，正由另一个任务处理；稍后用 /docs 提问。",
    "{name} was received and is being read by another job; ask with /docs in a moment.",
)
MOST_PAGES = 20


@skill(
    zh="入库",
    aliases=["上传资料", "加入知识库"],
    summary=both(
        "把文档（txt、md、pdf、docx、xlsx）放进资料库，供 /docs 检索。",
        "Take a document (txt, md, pdf, docx, xlsx) into a collection, to be found with /docs.",
    ),
    examples=[both("/入库", "/learn"), both("/入库 handbook", "/learn handbook")],
    timeout=600,
)
def learn(
    ctx: Context,
    file: Annotated[
        Attachment,
        Param(
            label=both("文档", "document"),
            ask=both("请把文档发给我。", "Please send me the document."),
        ),
    ],
    collection: Annotated[str, Param(label=both("资料库", "collection"), limit=50)] = "",
) -> Text:
    """Read and index it within this job; the same bytes again change nothing."""
    ctx.progress(READING.format(name=file.name))
    actor = Actor.person(ctx.person)
    added = actions.add(collection, file.name, file.read(), actor, wait=actions.OWN)
    document = added.document
    place = document.collection.name
    if document.state == "ready":
        return SAME.format(name=document.name, collection=place)
    try:
        found = indexing.run(document.pk, ctx.check_stop)
    except Stopped:
        actions.withdraw(document, actor)
        raise
    if found is None or found.state in ("waiting", "running"):
        return LATER.format(name=document.name)
    return _told(found, place)


def _told(document: Document, place: str) -> Text:
    if document.state == "failed":
        why = Text(document.reason("zh"), document.reason("en"))
        raise CannotDo(FAILED.format(name=document.name, why=why))
    said = DONE.format(name=document.name, collection=place, count=document.chunks.count())
    if not document.blank:
        return said
    pages = ", ".join(map(str, document.blank[:MOST_PAGES]))
    pages += "…" if len(document.blank) > MOST_PAGES else ""
    blank = BLANK.format(pages=pages)
    return Text(f"{said.zh}\n{blank.zh}", f"{said.en}\n{blank.en}")
