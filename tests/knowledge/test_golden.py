"""The golden set: does the passage that answers a question come among the first three?"""

from __future__ import annotations

import json
import time
from typing import Any

from apps.accounts import authz
from apps.accounts.models import Person
from apps.knowledge.models import Collection
from apps.knowledge.search import Hit, search
from tests.knowledge import make

CASES = [
    json.loads(line)
    for line in (make.GOLDEN / "questions.jsonl").read_text(encoding="utf-8").splitlines()
]


def answers(case: dict[str, Any], hit: Hit) -> bool:
    """Is this the passage, cited with the right file and page?"""
    right_page = "page" not in case or hit.place.get("page") == case["page"]
    return hit.document == case["file"] and case["has"] in hit.text and right_page


def test_the_answer_is_among_the_first_three(library: Collection, reader: Person) -> None:
    rights = authz.rights([reader])[reader.pk]
    asked = [case for case in CASES if case["file"]]
    missed, first = [], 0
    began = time.perf_counter()
    for case in asked:
        hits = search(case["q"], rights)
        first += bool(hits) and answers(case, hits[0])
        if not any(answers(case, hit) for hit in hits[:3]):
            missed.append((case["q"], [(hit.document, hit.where.en) for hit in hits[:3]]))
    took = (time.perf_counter() - began) / len(asked) * 1000
    held = [one for one in missed if any(c.get("held") and c["q"] == one[0] for c in asked)]
    print("held out missed", len(held), "of", sum(bool(c.get("held")) for c in asked))
    share = 1 - len(missed) / len(asked)
    print(
        f"hit@1 {first}/{len(asked)}, hit@3 {share:.3f}, {took:.1f} ms a question",
        *missed,
        sep="\n",
    )
    assert len(asked) >= 40
    assert share >= 0.92


def test_what_no_document_tells_is_not_found(library: Collection, reader: Person) -> None:
    rights = authz.rights([reader])[reader.pk]
    strange = [case["q"] for case in CASES if not case["file"]]
    found = {q: [hit.document for hit in hits] for q in strange if (hits := search(q, rights))}
    assert len(found) <= 2
