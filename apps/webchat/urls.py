"""Addresses of the sign-in pages, the chat and the own account."""

from __future__ import annotations

from django.urls import path
from django.views.generic import RedirectView

from apps.webchat import account, files, sign_in, views

urlpatterns = [
    path("", RedirectView.as_view(url="/chat/"), name="home"),
    path("sign-in/", sign_in.SignIn.as_view(), name="sign-in"),
    path("sign-in/<str:token>/", sign_in.SignInByLink.as_view(), name="sign-in-link"),
    path("sign-out/", sign_in.SignOut.as_view(), name="sign-out"),
    path("language/", account.choose_language, name="language"),
    path("account/", account.Account.as_view(), name="account"),
    path("chat/", views.chat, name="chat"),
    path("chat/items/", views.items, name="chat-items"),
    path("chat/send/", views.send, name="chat-send"),
    path("chat/files/<uuid:uid>", files.stored, name="chat-file"),
    path("chat/pair/", views.pair, name="chat-pair"),
]
