"""Asking, and looking up what became of it."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api import answers
from apps.api.base import ApiView, me, my_rights
from apps.api.errors import NotFound
from apps.api.shapes import AskIn, ErrorOut, MessageOut
from apps.assistant import inbox
from apps.assistant.models import Message


class Ask(ApiView):
    """Ask something, as in a chat."""

    @extend_schema(
        operation_id="ask",
        request=AskIn,
        responses={200: MessageOut, 202: MessageOut, 400: ErrorOut},
        description="200 when the answer is there, 202 while it is still on its way.",
    )
    def post(self, request: Request) -> Response:
        """Store a message of mine and, with `wait_s`, wait for its answer."""
        given = AskIn(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        message = inbox.ask(
            me(request), asked["text"], origin="api", client_id=asked.get("client_id", "")
        )
        found = answers.wait(message, asked["wait_s"])
        return Response(MessageOut(found).data, status=200 if found["answer"] else 202)


class MessageDetail(ApiView):
    """One message."""

    @extend_schema(operation_id="message", responses={200: MessageOut, 404: ErrorOut})
    def get(self, request: Request, number: int) -> Response:
        """Return a message of mine (with `console.view` anybody's) and what became of it."""
        rows: QuerySet[Message] = Message.objects.all()
        if not my_rights(request).allows("console.view"):
            rows = rows.filter(person=me(request))
        message = rows.filter(pk=number).first()
        if message is None:
            raise NotFound
        return Response(MessageOut(answers.outcome(message)).data)
