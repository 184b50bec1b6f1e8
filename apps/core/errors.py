"""The root of all errors that a person may see: cause and mend in two languages."""

from __future__ import annotations

import inspect
from typing import ClassVar

from apps.core.i18n import Text


class ClawdbotError(Exception):
    """Something went wrong here."""

    # Subclasses set what differs; without ``en`` the docstring's first paragraph is the text.
    code: ClassVar[str] = "error"
    zh: ClassVar[str] = "出了点问题。"
    en: ClassVar[str] = ""
    http_status: ClassVar[int] = 500
    #: True when trying again without a change by somebody cannot help.
    permanent: ClassVar[bool] = False

    def __init__(self, detail: str = "", /, **params: object) -> None:
        """Keep ``params`` for the texts; ``detail`` is for logs and is never shown to a chat."""
        self.detail = detail
        self.params = params
        super().__init__(detail or self.text("en"))

    @classmethod
    def texts(cls) -> Text:
        """Return both texts with their fields still open."""
        return Text(cls.zh, cls.en or _first_paragraph(cls))

    def text(self, language: str) -> str:
        """Return the sentence for a person, filled with ``params``."""
        return self.texts().format(**self.params).in_(language)


def _first_paragraph(cls: type) -> str:
    paragraph = (inspect.getdoc(cls) or cls.__name__).split("\n\n", 1)[0]
    return " ".join(paragraph.split())
