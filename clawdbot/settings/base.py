"""The settings of a running installation, all from the environment (names in docs/settings.md)."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

import environ

from apps.core import logging as core_logging
from apps.core.crypto import django_secret
from clawdbot.settings import env

env.load()

BASE_DIR = env.ROOT
CLAWDBOT_HOME: Path = env.home()
CLAWDBOT_HOST = env.host("CLAWDBOT_HOST", "127.0.0.1")
CLAWDBOT_PORT = env.integer("CLAWDBOT_PORT", 8000, 1, 65535)
CLAWDBOT_FLOWER_PORT = env.integer("CLAWDBOT_FLOWER_PORT", 5555, 1, 65535)
_public = env.public(CLAWDBOT_HOST, CLAWDBOT_PORT)
CLAWDBOT_PUBLIC_URL = _public.url
CLAWDBOT_TIME_ZONE = env.time_zone("CLAWDBOT_TIME_ZONE", "Asia/Shanghai")
CLAWDBOT_LANGUAGE = env.choice("CLAWDBOT_LANGUAGE", "zh-hans", env.LANGUAGES)
CLAWDBOT_WORKERS = env.integer("CLAWDBOT_WORKERS", min(os.cpu_count() or 1, 4), 1, 256)
CLAWDBOT_TRUSTED_PROXIES = env.networks("CLAWDBOT_TRUSTED_PROXIES")
CLAWDBOT_LIMIT_PERSON = env.rate("CLAWDBOT_LIMIT_PERSON", "60/m")
CLAWDBOT_LIMIT_CHAT = env.rate("CLAWDBOT_LIMIT_CHAT", "120/m")
CLAWDBOT_LIMIT_REFUSED = env.rate("CLAWDBOT_LIMIT_REFUSED", "120/m")
CLAWDBOT_LOG_LEVEL = env.choice("CLAWDBOT_LOG_LEVEL", "INFO", env.LOG_LEVELS)
CLAWDBOT_METRICS_TOKEN = env.token("CLAWDBOT_METRICS_TOKEN")
CLAWDBOT_SECRET_KEYS: list[str] = env.secret_keys(CLAWDBOT_HOME)
# Before first start there is no key: sign nothing that outlives this process.
CLAWDBOT_INSTALLED = bool(CLAWDBOT_SECRET_KEYS)
if not CLAWDBOT_INSTALLED:
    CLAWDBOT_SECRET_KEYS = [secrets.token_urlsafe(48)]

DEBUG = False
SECRET_KEY = django_secret(CLAWDBOT_SECRET_KEYS[:1])
SECRET_KEY_FALLBACKS = [django_secret([key]) for key in CLAWDBOT_SECRET_KEYS[1:]]
ALLOWED_HOSTS = sorted({_public.host, "127.0.0.1", "localhost", "[::1]"})
CSRF_TRUSTED_ORIGINS = [CLAWDBOT_PUBLIC_URL]

INSTALLED_APPS = [
    "apps.core",
    "apps.audit",
    "apps.accounts",
    "apps.im",
    "apps.speech",
    "apps.llm",
    "apps.knowledge",
    "apps.skills",
    "apps.assistant",
    "apps.webhooks",
    "apps.webchat",
    "apps.schedules",
    "apps.api",
    "apps.console",
    "apps.simulate",
    "django_celery_beat",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "channels",
    "apps.console.admin_config.ConsoleAdminConfig",  # django.contrib.admin with our site
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "apps.webchat.middleware.ReaderMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "apps.webchat.middleware.ContentSecurityPolicyMiddleware",
]

ROOT_URLCONF = "clawdbot.urls"
ASGI_APPLICATION = "clawdbot.asgi.application"
WSGI_APPLICATION = "clawdbot.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# ---- database ----
SQLITE_ENGINE = "apps.core.sqlite"
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY; "
        "PRAGMA mmap_size=134217728; PRAGMA journal_size_limit=67108864;"
    ),
}


def prepare_threshold(given: object) -> int | None:
    """After how many runs a connection keeps a statement's plan; None for never.

    A PgBouncer that hands out connections by transaction cannot keep them.
    """
    text = str(given)
    if text == "never":
        return None
    if not (text.isascii() and text.isdigit()):
        env.refuse("DATABASE_URL", "prepare_threshold is no number.", "Use 2, or never.")
    return int(text)


def database(address: str, home: Path) -> dict[str, Any]:
    """Django's DATABASES entry for DATABASE_URL; SQLite in the data folder when it is empty."""
    if not address:
        name = str(home / "clawdbot.sqlite3")
        return {
            "ENGINE": SQLITE_ENGINE,
            "NAME": name,
            "OPTIONS": SQLITE_OPTIONS,
            "CONN_MAX_AGE": None,
        }
    found: dict[str, Any] = environ.Env.db_url_config(address)
    if found["ENGINE"].endswith("sqlite3"):
        found["ENGINE"], found["OPTIONS"] = SQLITE_ENGINE, SQLITE_OPTIONS
    else:
        options = found.setdefault("OPTIONS", {})
        options.setdefault("connect_timeout", 5)
        options["prepare_threshold"] = prepare_threshold(options.get("prepare_threshold", 2))
        found["CONN_HEALTH_CHECKS"] = True
    found["CONN_MAX_AGE"] = None
    return found


DATABASE_URL = env.url("DATABASE_URL", ("postgres", "postgresql", "sqlite"))
DATABASES = {"default": database(DATABASE_URL, CLAWDBOT_HOME)}
CLOCK_OF_DATABASE = True  # where ours differs from it

# ---- Redis, broker, channel layer ----
CLAWDBOT_EMBEDDED_REDIS = not env.text("REDIS_URL")


def embedded_socket(home: Path) -> Path:
    """Where the embedded Valkey listens: beside its data, or (path too long) in the temp folder."""
    path = home / "run" / "valkey.sock"
    if len(str(path)) <= 100:
        return path
    from apps.core.private import private_folder

    return private_folder(home) / "valkey.sock"


REDIS_URL = env.url(
    "REDIS_URL", ("redis", "rediss", "unix"), f"unix://{embedded_socket(CLAWDBOT_HOME)}"
)


def broker(address: str) -> str:
    """Kombu's spelling of a Redis address on a unix socket."""
    return address.replace("unix://", "redis+socket://", 1)


CELERY_BROKER_URL = broker(
    env.url(
        "CELERY_BROKER_URL",
        ("redis", "rediss", "amqp", "amqps", "redis+socket", "unix"),
        REDIS_URL,
    )
)
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": "clawdbot"},
    }
}

# ---- people ----
AUTH_USER_MODEL = "accounts.Person"
AUTHENTICATION_BACKENDS = ["apps.accounts.backends.GrantBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/chat/"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600

# ---- safety ----
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = _public.secure
CSRF_COOKIE_SECURE = _public.secure
SECURE_SSL_REDIRECT = False  # TLS ends at the proxy; it redirects
SECURE_HSTS_SECONDS = 31536000 if _public.secure else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _public.secure
SECURE_HSTS_PRELOAD = _public.secure
SILENCED_SYSTEM_CHECKS = ["security.W008"]  # the redirect above
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

# ---- language and time ----
LANGUAGE_CODE = CLAWDBOT_LANGUAGE
LANGUAGES = [("zh-hans", "中文"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# ---- static files ----
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

# ---- API ----
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "apps.api.shapes.Pages",
    "PAGE_SIZE": 50,
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["apps.api.parsing.StrictJSONParser"],
    "EXCEPTION_HANDLER": "apps.api.errors.handle",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "ClawdBot",
    "DESCRIPTION": "Ask, follow jobs, keep schedules: the same actions as in a chat.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "PREPROCESSING_HOOKS": ["apps.api.urls.canonical"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

DJANGO_CELERY_BEAT_TZ_AWARE = True
LOGGING_CONFIG = None
LOGGING = core_logging.django_config(CLAWDBOT_LOG_LEVEL)
core_logging.configure(CLAWDBOT_LOG_LEVEL)
