"""Environment and `zhanggui.toml` → Django settings. Nothing about running a shop lives here.

A value is looked up as the environment variable `ZHANGGUI_<NAME>`, then as `<name>` in `zhanggui.toml`
(path in `ZHANGGUI_CONFIG`, else the current folder), then the default. `zhanggui doctor` explains what is missing.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

PACKAGE = Path(__file__).resolve().parent
CONFIG_FILE = Path(os.environ.get("ZHANGGUI_CONFIG", "zhanggui.toml"))
_config: dict[str, Any] = tomllib.loads(CONFIG_FILE.read_text("utf-8")) if CONFIG_FILE.is_file() else {}


def setting(name: str, default: Any = "") -> Any:
    """The value of `name`: environment first, then zhanggui.toml, then `default`."""
    return os.environ.get(f"ZHANGGUI_{name.upper()}", _config.get(name.lower(), default))


def flag(name: str, default: bool = False) -> bool:
    """`name` read as yes or no ("1", "true", "yes", "on" are yes)."""
    value = setting(name, default)
    return value if isinstance(value, bool) else str(value).strip().lower() in {"1", "true", "yes", "on"}


def _database(url: str, home: Path) -> dict[str, Any]:
    """Django's database dictionary: the embedded SQLite file without a URL, PostgreSQL with `postgresql://…`."""
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": home / "zhanggui.sqlite3",
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",  # read-then-write inside one transaction cannot lose to a second writer
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA cache_size=-65536;"
                "PRAGMA temp_store=MEMORY;PRAGMA mmap_size=268435456;",
            },
        }
    parts = urlsplit(url)
    if not parts.scheme.startswith("postgres"):
        raise ValueError("ZHANGGUI_DATABASE_URL must begin with postgresql:// (leave it empty for the embedded database)")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
    }


HOME = Path(str(setting("home", "var/shop"))).resolve()
HOME.mkdir(parents=True, exist_ok=True)


def _secret(name: str) -> str:
    """A random secret kept in a file of the data folder that only its owner may read; made on first use."""
    folder = HOME / "keys"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / name
    if not path.exists():
        fresh = path.with_suffix(f".{os.getpid()}")
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "w") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)  # two processes starting together agree on the first one's key
        fresh.unlink()
    return path.read_text().strip()


SECRET_KEY = str(setting("secret_key")) or _secret("django")
VAULT_KEY = str(setting("vault_key")) or _secret("vault")
"""Key of personal data and platform secrets: outside the database, so a stolen database is not a stolen customer list."""
PREVIOUS_VAULT_KEYS = [k for k in str(setting("previous_vault_keys")).split(",") if k]

DEBUG = flag("debug")
DEMO = flag("demo")
"""The demo profile: every page is marked 演示数据 and the platform's hosts are the emulator's."""
PLAIN_CALLBACKS = flag("plain_callbacks")
"""Lets unencrypted (still signed) pushes in. For tests and drills only; no real platform account needs it."""
ALLOWED_HOSTS = [h.strip() for h in str(setting("allowed_hosts", "localhost,127.0.0.1,[::1],testserver")).split(",") if h.strip()]
PUBLIC_URL = str(setting("public_url", "")).rstrip("/")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL else []
BEHIND_HTTPS = PUBLIC_URL.startswith("https://")

WECHAT_HOSTS: dict[str, str] = {
    host: str(url)
    for host, url in (
        ("api.weixin.qq.com", setting("wechat_api", "https://api.weixin.qq.com")),
        ("qyapi.weixin.qq.com", setting("wecom_api", "https://qyapi.weixin.qq.com")),
        ("api.e.qq.com", setting("ads_api", "https://api.e.qq.com")),
    )
}
LAKE = Path(str(setting("lake", HOME / "lake")))
FILES = Path(str(setting("files", HOME / "files")))
WORKER_LEASE_SECONDS = int(setting("worker_lease_seconds", 60))

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "zhanggui.kernel",
    "zhanggui.facts",
    "zhanggui.metrics",
    "zhanggui.switchboard",
    "zhanggui.doors",
]
MIDDLEWARE = [
    "zhanggui.doors.middleware.DoorMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "zhanggui.urls"
WSGI_APPLICATION = "zhanggui.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PACKAGE / "doors" / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "zhanggui.doors.ui.context.desk",
            ],
            "builtins": ["zhanggui.doors.ui.tags"],
        },
    }
]

DATABASES = {"default": _database(str(setting("database_url")), HOME)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "kernel.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
CSRF_FAILURE_VIEW = "zhanggui.doors.errors.csrf_failure"
LOGIN_URL = "desk:sign-in"
LOGIN_REDIRECT_URL = "desk:home"

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文")]
LOCALE_PATHS = [PACKAGE / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"

STATIC_URL = "/static/"
STATIC_ROOT = Path(str(setting("static_root", HOME / "static")))
with contextlib.suppress(OSError):  # without it the styles come from the package: whitenoise only warns
    STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STATICFILES_DIRS = [PACKAGE / "doors" / "ui" / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_HTTPS
SESSION_COOKIE_AGE = 14 * 24 * 3600
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if BEHIND_HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
FILE_UPLOAD_TEMP_DIR = None

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": str(setting("log_level", "INFO"))},
}
