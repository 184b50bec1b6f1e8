"""Whether and when a failed question goes to the same model again, or to the next one."""

from __future__ import annotations

import random
from collections import Counter

from apps.llm.errors import ModelError
from apps.llm.limit_errors import Limited
from apps.llm.models import LanguageModel
from apps.llm.passage import Question

#: Tries of one model: the last of a chain is tried once more than those that have a successor.
TRIES, TRIES_LAST = 2, 3
FIRST_PAUSE_S = 0.5
#: Who may wait shorter elsewhere does not wait longer than this for a model that is busy.
PATIENCE_S = 3.0


class Tries:
    """Counts the tries of one question."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._made: Counter[int] = Counter()

    def after(self, error: ModelError, row: LanguageModel, *, last: bool) -> float | None:
        """Seconds until the same model is tried again; None for: go to the next one.

        Raises the error where nothing more may be tried: it is none that passes (a question that
        was blocked for its content goes to no other vendor), something was shown already, or the
        time is over. The vendor's own wish (`Retry-After`) is kept. A model that is at our own
        limit was waited for already.
        """
        if not error.passes or self._question.shown or self._question.left <= 0:
            raise error
        if not isinstance(error, Limited):
            self._made[row.pk] += 1
            made = self._made[row.pk]
            pause = error.after if error.after is not None else _backoff(made)
            again = made < (TRIES_LAST if last else TRIES) and pause < self._question.left
            if again and (last or pause <= PATIENCE_S):
                return pause
        if last:
            raise error
        return None


def _backoff(made: int) -> float:
    """Half a second, then a whole one, each with half of it by chance."""
    whole = FIRST_PAUSE_S * (1 << (made - 1))
    return random.uniform(whole / 2, whole)  # noqa: S311 - no secret
