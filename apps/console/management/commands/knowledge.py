"""`manage.py knowledge …`: the company's documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from apps.accounts import authz
from apps.accounts.names import person_named
from apps.console.cli import ConsoleCommand, Failed, Options, Refused, cli_actor, said, table
from apps.core.errors import ClawdbotError
from apps.core.i18n import both
from apps.knowledge import actions, collections, indexing, rebuilding
from apps.knowledge.models import Collection, Document
from apps.knowledge.search import search

_LOST = both("由另一个进程处理", "another process is reading it")


class Command(ConsoleCommand):
    """Add, list, remove, find, rebuild."""

    help = "Documents. 资料库。"

    def add_arguments(self, parser: CommandParser) -> None:
        """The verbs and what they take."""
        verbs = self.verbs(parser)
        text = both("读取文档并入库", "read documents and take them in")
        add = self.verb(verbs, "add", self._add, text, as_json=True)
        add.add_argument("files", nargs="+", metavar="FILE", type=Path)
        add.add_argument("--collection", default="", metavar="NAME")
        add.add_argument("--role", action="append", default=[], metavar="ROLE", dest="roles")
        show = both("列出文档", "the documents")
        listed = self.verb(verbs, "list", self._list, show, as_json=True)
        listed.add_argument("--collection", default="", metavar="NAME")
        drop = both("移除文档", "take a document away")
        remove = self.verb(verbs, "remove", self._remove, drop, as_json=True)
        remove.add_argument("name", metavar="DOCUMENT")
        remove.add_argument("--collection", default="", metavar="NAME")
        find = both("以某人的权限检索", "find as somebody would")
        look = self.verb(verbs, "search", self._search, find, as_json=True)
        look.add_argument("text", metavar="TEXT")
        look.add_argument("--as", required=True, metavar="USER", dest="user")
        anew = both("重建索引", "make the index anew")
        rebuild = self.verb(verbs, "rebuild", self._rebuild, anew, as_json=True)
        rebuild.add_argument("--vectors", action="store_true")

    def _add(self, options: Options) -> None:
        actor = cli_actor()
        place = collections.make(options["collection"] or collections.DEFAULT, actor)
        for role in options["roles"]:
            collections.open_to(place, role, actor)
        found = [self._one(place, path) for path in options["files"]]
        lines = [f"{one['name']}: {one['state']} {one['why']}".rstrip() for one in found]
        self.show(options, found, lines)
        if any(one["state"] == "failed" for one in found):
            raise Failed(both("有文档没有入库。", "Not every document was taken in."))

    def _one(self, place: Collection, path: Path) -> dict[str, Any]:
        """Add and index one here and now; the others go on when it cannot be read."""
        try:
            data = path.read_bytes()
        except OSError as error:
            raise Refused(both(f"读不到 {path}", f"{path} cannot be read")) from error
        try:
            added = actions.add(place.name, path.name, data, cli_actor(), wait=actions.OWN)
        except ClawdbotError as error:
            why = said(error.texts().format(**error.params))
            return {"name": path.name, "collection": place.name, "state": "failed", "why": why}
        row = indexing.run(added.document.pk)
        if row is None:
            return {**_shown(added.document), "state": "waiting", "why": said(_LOST)}
        return _shown(row)

    def _list(self, options: Options) -> None:
        rows = Document.objects.exclude(state="gone").select_related("collection")
        if options["collection"]:
            rows = rows.filter(collection__name=collections.clean(options["collection"]))
        found = [_shown(row) for row in rows.order_by("collection__name", "name", "pk")]
        cells = [[f[k] for k in ("collection", "name", "state", "passages", "why")] for f in found]
        self.show(options, found, table(cells) if cells else [both("没有文档。", "None yet.")])

    def _remove(self, options: Options) -> None:
        document = actions.find(options["collection"], options["name"], cli_actor())
        actions.remove(document, cli_actor())
        shown = {"name": document.name, "collection": document.collection.name}
        done = both(f"已移除 {document.name}。", f"{document.name} is gone.")
        self.show(options, shown, [done])

    def _search(self, options: Options) -> None:
        person = person_named(options["user"])
        hits = search(options["text"], authz.rights([person])[person.pk], person_id=person.pk)
        found = [
            {
                "document": hit.document, "collection": hit.collection, "place": hit.place,
                "where": said(hit.where), "text": hit.text,
            }
            for hit in hits
        ]  # fmt: skip
        lines = [f"[{one['document']}, {one['where']}]\n{one['text']}\n" for one in found]
        self.show(options, found, lines or [both("没有找到。", "Nothing was found.")])

    def _rebuild(self, options: Options) -> None:
        count = rebuilding.rebuild(vectors=options["vectors"])
        done = both(f"已重建 {count} 段。", f"{count} passages are indexed anew.")
        self.show(options, {"passages": count}, [done])


def _shown(row: Document) -> dict[str, Any]:
    return {
        "name": row.name, "collection": row.collection.name, "state": row.state,
        "kind": row.kind, "size": row.size, "pages": row.pages,
        "passages": row.chunks.count(), "blank": row.blank,
        "why": row.reason("en" if said(both("zh", "en")) == "en" else "zh"),
    }  # fmt: skip
