"""The caller: who they are, their tokens; and the bots, for whoever may see the console."""

from __future__ import annotations

from datetime import timedelta

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import authz, tokens
from apps.accounts.models import ApiToken
from apps.api.base import ApiView, me, my_rights
from apps.api.errors import NotFound
from apps.api.shapes import BotOut, ErrorOut, MeOut, NewTokenOut, TokenIn, TokenOut
from apps.audit.log import Actor
from apps.core.clock import utcnow
from apps.im.bots import address_of, public_settings
from apps.im.models import Bot
from apps.skills.base import registry


class Me(ApiView):
    """The caller."""

    @extend_schema(operation_id="me", responses={200: MeOut})
    def get(self, request: Request) -> Response:
        """Return who I am and which skills I may run."""
        person, rights = me(request), my_rights(request)
        found = {
            "name": person.name,
            "display_name": person.display_name,
            "language": person.language,
            "roles": [role.name for role in person.roles.order_by("name")],
            "skills": [s.name for s in registry().values() if rights.allows(s.permission)],
        }
        return Response(MeOut(found).data)


class Tokens(ApiView):
    """My tokens."""

    @extend_schema(operation_id="tokens", responses={200: TokenOut(many=True)})
    def get(self, request: Request) -> Response:
        """List my tokens, without the tokens themselves."""
        rows = ApiToken.objects.filter(person=me(request)).order_by("-pk")
        return Response(TokenOut(rows, many=True).data)

    @extend_schema(
        operation_id="add_token", request=TokenIn, responses={201: NewTokenOut, 400: ErrorOut}
    )
    def post(self, request: Request) -> Response:
        """Make a token; this answer is the only place where it is shown."""
        given = TokenIn(data=request.data)
        given.is_valid(raise_exception=True)
        person, days = me(request), given.validated_data.get("days")
        made, token = tokens.create(
            person,
            given.validated_data["name"],
            actor=Actor.person(person),
            expires_at=utcnow() + timedelta(days=days) if days else None,
        )
        return Response({**TokenOut(made).data, "token": token}, status=201)


class Token(ApiView):
    """One token."""

    @extend_schema(operation_id="remove_token", responses={204: None, 404: ErrorOut})
    def delete(self, request: Request, number: int) -> Response:
        """Make a token of mine worthless."""
        token = ApiToken.objects.filter(person=me(request), pk=number).first()
        if token is None:
            raise NotFound
        tokens.revoke(token, actor=Actor.person(me(request)))
        return Response(status=204)


class Bots(ApiView):
    """The bots."""

    @extend_schema(operation_id="bots", responses={200: BotOut(many=True), 403: ErrorOut})
    def get(self, request: Request) -> Response:
        """List the bots with their state; needs `console.view`."""
        authz.require(me(request), "console.view")
        return Response(BotOut([_bot(bot) for bot in Bot.objects.order_by("slug")], many=True).data)


def _bot(bot: Bot) -> dict[str, object]:
    return {
        "slug": bot.slug,
        "platform": bot.platform,
        "enabled": bot.enabled,
        "connection": bot.connection,
        "address": address_of(bot),
        "settings": public_settings(bot),
    }
