"""One settings file; the environment decides. `alphapanda/checks.py` says in words what is wrong with it."""

import sys
from datetime import time, timedelta
from pathlib import Path
from urllib.parse import unquote

import environ
from celery.schedules import crontab
from django.core.exceptions import ImproperlyConfigured

from alphapanda.core import postgres
from alphapanda.core.state_folder import BASE_DIR, kept_secret, running_beside, state_folder
from alphapanda.core.telemetry.logs import configure_logging

env = environ.Env()
if (BASE_DIR / ".env").exists():
    env.read_env(str(BASE_DIR / ".env"))

STATE_DIR = state_folder()
SHARED_DATA = next(
    (p for p in [Path(env.str("ALPHAPANDA_SHARED_DATA", str(BASE_DIR.parent / "shared" / "data")))] if p.is_dir()),
    None,
)

# What this installation is: fixed at birth in the Installation row (see alphapanda/core/clock/models.py).
KIND = env.str("ALPHAPANDA_KIND", "practice")
DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY", "")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
if not SECRET_KEY and KIND == "live":
    raise ImproperlyConfigured("SECRET_KEY is not set. Put one in the environment or in .env (see .env.example).")
# A command typed beside the demo is the demo's, unless it is given a database.
if KIND == "practice" and not env.str("DATABASE_URL", ""):
    env.ENVIRON.update(running_beside(STATE_DIR))
# A practice installation keeps its own in its state folder.
SECRET_KEY = SECRET_KEY or kept_secret(STATE_DIR / "secret_key")

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.import_export",
    # Without looking for every app's admin at once: only the web needs it (alphapanda/urls.py), no command does.
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "channels",
    "csp",
    "django_celery_beat",
    "django_filters",
    "django_htmx",
    "django_structlog",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drf_standardized_errors",
    "import_export",
    "knox",
    "rest_framework",
    "alphapanda",
    "alphapanda.core.clock",
    "alphapanda.core.journal",
    "instruments",
    "market",
    "portfolio",
    "trading",
    "alphapanda.alerts",
    "alphapanda.dashboard",
    "alphapanda.retention",
    "alphapanda.runner",
]

MIDDLEWARE = [
    "alphapanda.halting.keep_a_connection_for_halts",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "alphapanda.no_store.keep_no_answer",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "alphapanda.admin_policy.ProofInAdminMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "csp.middleware.CSPMiddleware",
    "alphapanda.admin_policy.AdminPolicyMiddleware",
]

ROOT_URLCONF = "alphapanda.urls"
ASGI_APPLICATION = "alphapanda.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "alphapanda.dashboard.appearance.appearance_of",
            ]
        },
    }
]

# PostgreSQL is the truth. Connections are kept: reopening one costs more than most tasks. The web process draws
# them from a pool, since it has a thread for each request of whoever asks; one more is kept there for halts.
WEB_CONNECTIONS = env.int("WEB_CONNECTIONS", 16)
DATABASES = {"default": env.db_url("DATABASE_URL", default="postgres://postgres@127.0.0.1/alphapanda")}
DATABASES["default"] |= {
    "ENGINE": "alphapanda.core.postgres",
    "CONNECTIONS": WEB_CONNECTIONS if postgres.answers_strangers else None,
    # A Unix socket's folder stands percent-encoded in the address's host.
    "HOST": unquote(DATABASES["default"].get("HOST", "")),
    # Nothing but the pool keeps the connections that come from one.
    "CONN_MAX_AGE": 0 if postgres.answers_strangers else 600,
    "CONN_HEALTH_CHECKS": True,
    "OPTIONS": {
        "connect_timeout": 5,
        "options": "-c lock_timeout=2000 -c statement_timeout=30000 -c idle_in_transaction_session_timeout=10000",
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", "redis://127.0.0.1:6379/0")
REDIS_TIMEOUTS = {"socket_timeout": 5, "socket_connect_timeout": 2, "health_check_interval": 10}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "cache",
        "OPTIONS": {"socket_timeout": 2, "socket_connect_timeout": 1},
    }
}
# The pub/sub layer: the core layer lost two thirds of a burst of 300 messages (docs/design-notes.md).
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": "channels"},
    }
}

# Celery: a message only says "there may be work in partition X"; rows say what the work is.
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 20
CELERY_TASK_SOFT_TIME_LIMIT = 15
CELERY_DB_REUSE_MAX = 1_000_000_000
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 60,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_keepalive": True,
    **REDIS_TIMEOUTS,
}
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_SCHEDULE = {
    "flat-by": {
        "task": "trading.tasks.exit_what_is_due",
        "schedule": 1.0,
        "options": {"queue": "housekeeping", "expires": 5},
    },
    "sweep": {"task": "trading.tasks.sweep", "schedule": 1.0, "options": {"queue": "housekeeping", "expires": 5}},
    "streams": {
        "task": "trading.tasks.trim_streams",
        "schedule": 5.0,
        "options": {"queue": "housekeeping", "expires": 5},
    },
    "lag": {
        "task": "trading.tasks.sample_lag",
        "schedule": 10.0,
        "options": {"queue": "housekeeping", "expires": 5},
    },
    "books": {"task": "portfolio.tasks.check_books", "schedule": crontab(hour="17", minute="30")},
    "calendar": {"task": "instruments.tasks.check_calendar", "schedule": crontab(hour="3", minute="0")},
    "watching": {"task": "trading.tasks.drop_unneeded_subscriptions", "schedule": crontab(hour="3", minute="30")},
    # Asked often, done once a day, and only while every market is closed.
    "pruning": {
        "task": "alphapanda.retention.tasks.prune_tables",
        "schedule": crontab(minute="*/5"),
        "options": {"queue": "lab", "expires": 240},
    },
    "snapshots": {
        "task": "trading.tasks.take_snapshots",
        "schedule": 5.0,
        "options": {"queue": "housekeeping", "expires": 5},
    },
}
CELERY_TASK_DEFAULT_QUEUE = "housekeeping"
CELERY_TASK_CREATE_MISSING_QUEUES = True
# The hours above are India's.
CELERY_TIMEZONE = "Asia/Kolkata"

# market wakes trading by name; it may not import it.
PROCESS_TICKS_TASK = "trading.tasks.process_ticks"
ORDER_HINT_TASK = "trading.tasks.book_trades"
LOCKSTEP_QUIESCED = "trading.ticks.quiesced.wait_until_quiesced"
TICK_SOURCE = "trading.brokers.zerodha.ticker.KiteTickSource"
INSTRUMENT_SOURCE = "trading.brokers.zerodha.dumps.fetch_instrument_dump"

# Zerodha, or the practice exchange that speaks its protocol.
KITE_ROOT = env.str("KITE_ROOT", "https://api.kite.trade")
KITE_LOGIN_ROOT = env.str("KITE_LOGIN_ROOT", "https://kite.zerodha.com/connect/login")
KITE_TICKER_ROOT = env.str("KITE_TICKER_ROOT", "wss://ws.kite.trade")
# Here and not among the checks: workers and the web run none of those, and must not send a key in the open.
# To halt sends nothing to Zerodha, and must never be kept from it.
if KIND == "live" and "halt" not in sys.argv[1:2]:
    for name, root, scheme in (
        ("KITE_ROOT", KITE_ROOT, "https"),
        ("KITE_LOGIN_ROOT", KITE_LOGIN_ROOT, "https"),
        ("KITE_TICKER_ROOT", KITE_TICKER_ROOT, "wss"),
    ):
        if not root.startswith(f"{scheme}://"):
            raise ImproperlyConfigured(f"{name} must begin with {scheme}:// when live: keys and orders go there.")
PRACTICE_CLOCK_URL = env.str("PRACTICE_CLOCK_URL", "")
# How many market days of the tick stream are kept in files, to be run again; 0: none.
STREAM_DAYS = env.int("STREAM_DAYS", 5)
# How many days rows are kept for that no books, order or decision is made of (alphapanda/retention/rules.py).
EVALUATION_DAYS = env.int("EVALUATION_DAYS", 30)
CANDLE_DAYS = env.int("CANDLE_DAYS", 30)
SNAPSHOT_DAYS = env.int("SNAPSHOT_DAYS", 90)
BAND_DAYS = env.int("BAND_DAYS", 30)
RECORDING_DAYS = env.int("RECORDING_DAYS", 7)
if min(EVALUATION_DAYS, CANDLE_DAYS, SNAPSHOT_DAYS, BAND_DAYS, RECORDING_DAYS) < 1:
    raise ImproperlyConfigured('A number of days that rows are kept is below 1 (docs/settings.md, "Keeping").')
LAB_CANDLES = env.str("LAB_CANDLES", default=str(STATE_DIR / "candles"))
STRATEGY_PACKAGES = env.list("STRATEGY_PACKAGES", default=[])
# What one callback of a strategy may use of the CPU before it counts as no answer, and the how-manieth such of a day
# pauses its run.
STRATEGY_CALLBACK_LIMIT = timedelta(milliseconds=env.int("STRATEGY_CALLBACK_MS", 500))
STRATEGY_STRIKES = env.int("STRATEGY_STRIKES", 3)
# An order's way to the exchange, in market time: what a paper order waits before it may meet the book.
PAPER_LATENCY = timedelta(milliseconds=env.int("PAPER_LATENCY_MS", 400))

# How long a signal may wait for the gate and for sending, in market time; an exit waits as long as it must.
SIGNAL_LIFE = timedelta(seconds=env.int("SIGNAL_LIFE_SECONDS", 10))
# When the broker begins to leave intraday positions by itself, IST: a minute before, ours is taken back. Zerodha's
# table is older than the closing auction, so whoever trades there looks whether it still holds.
try:
    SQUARE_OFF_SHARES = time.fromisoformat(env.str("SQUARE_OFF_SHARES", "15:20"))
    SQUARE_OFF_DERIVATIVES = time.fromisoformat(env.str("SQUARE_OFF_DERIVATIVES", "15:25"))
except ValueError as error:
    raise ImproperlyConfigured(f"SQUARE_OFF_SHARES and SQUARE_OFF_DERIVATIVES are times like 15:20: {error}") from None

# Whether a feed takes the next frame only when all the last one caused is settled, and an account's stages are
# drained one after the other, in the engine's order: what a replay needs to come out alike each time.
LOCKSTEP = env.bool("LOCKSTEP", False)

LANGUAGE_CODE = "en-in"
TIME_ZONE = "Asia/Kolkata"
USE_TZ = True
USE_I18N = False
FORMAT_MODULE_PATH = ["alphapanda.formats"]

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS: list[Path | tuple[str, Path]] = [BASE_DIR / "static"]
CHARTS_DIST = BASE_DIR / "node_modules" / "lightweight-charts" / "dist"
if CHARTS_DIST.is_dir():
    STATICFILES_DIRS.append(("npm/lightweight-charts", CHARTS_DIST))
WHITENOISE_USE_FINDERS = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if env.bool("STATIC_MANIFEST", False)
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/sign-in/"
# The first knows nobody: it counts, whichever way a password comes.
AUTHENTICATION_BACKENDS = ["alphapanda.core.guesses.CountGuesses", "django.contrib.auth.backends.ModelBackend"]
# People by name and password, and a second factor (alphapanda/doors.py). Guesses are counted by the backend above and
# by the forms here, since the library's limits would keep a halt out while Valkey is dead.
ACCOUNT_ADAPTER = "alphapanda.doors.Doors"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_RATE_LIMITS = MFA_RATE_LIMITS = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
MFA_ADAPTER = "alphapanda.doors.SecondFactors"
MFA_FORMS = {"authenticate": "alphapanda.doors.CodeForm", "reauthenticate": "alphapanda.doors.CodeAgainForm"}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_ISSUER = "Alpha Panda"
# Phones' clocks differ by more than the library's default allows; a code is taken once.
MFA_TOTP_TOLERANCE = 1
# How many proxies of one's own stand in front: what they say of a client's address is believed, and nobody else.
NUM_PROXIES = env.int("NUM_PROXIES", 0)
PASSWORD_HASHERS = [
    "alphapanda.core.guesses.BoundedArgon2",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "UserAttributeSimilarityValidator")
]
HTTPS = env.bool("HTTPS", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SESSION_COOKIE_AGE = 60 * 60 * 16
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
    }
}
# Whom to tell when nobody looks (alphapanda/alerts); addresses hold secrets and are shown nowhere.
ALERT_URLS = env.list("ALERT_URLS", default=[])
ALERT_PING_URL = env.str("ALERT_PING_URL", "")
ALERT_NAME = env.str("ALERT_NAME", "Alpha Panda")
METRICS_TOKEN = env.str("METRICS_TOKEN", "")

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "trading.api.access.LivingTokens",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["trading.api.access.MayAct"],
    "DEFAULT_RENDERER_CLASSES": ["trading.api.rendering.ExactJsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["trading.api.parsing.StrictJsonParser"],
    "DEFAULT_SCHEMA_CLASS": "trading.api.described.Described",
    "EXCEPTION_HANDLER": "drf_standardized_errors.handler.exception_handler",
    "DEFAULT_PAGINATION_CLASS": "alphapanda.core.pages.NewestFirst",
    "DEFAULT_FILTER_BACKENDS": [
        "trading.api.access.OwnAccounts",
        "django_filters.rest_framework.DjangoFilterBackend",
    ],
    "COERCE_DECIMAL_TO_STRING": True,
    # Times are told in TIME_ZONE, whose offset never changes; PostgreSQL writes them alike in long lists.
    "DATETIME_FORMAT": "%Y-%m-%dT%H:%M:%S.%f+05:30",
    "DEFAULT_THROTTLE_CLASSES": ["trading.api.access.PerUser"],
    "DEFAULT_THROTTLE_RATES": {"user": "1200/min"},
    "NUM_PROXIES": NUM_PROXIES,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
DRF_STANDARDIZED_ERRORS = {
    "EXCEPTION_HANDLER_CLASS": "trading.api.problems.Problems",
    "ENABLE_IN_DEBUG_FOR_UNHANDLED_EXCEPTIONS": True,
    "ALLOWED_ERROR_STATUS_CODES": ["400", "401", "403", "404", "409", "413", "422", "429"],
    "ERROR_SCHEMAS": {
        "400": "trading.api.problems.WrongSchema",
        "409": "trading.api.problems.ConflictSchema",
        "413": "trading.api.problems.TooLargeSchema",
        "422": "trading.api.problems.ReusedKeySchema",
    },
}
KNOX_TOKEN_MODEL = "knox.AuthToken"  # noqa: S105 (a model's name)
REST_KNOX = {"TOKEN_TTL": timedelta(days=90), "TOKEN_LIMIT_PER_USER": 20}
SPECTACULAR_SETTINGS = {
    "TITLE": "Alpha Panda",
    "DESCRIPTION": "Everything a script may read, and the few things it may do. Money and order ids are strings.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["trading.api.access.MayAct"],
    "POSTPROCESSING_HOOKS": [
        "drf_standardized_errors.openapi_hooks.postprocess_schema_enums",
    ],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "OrderStateEnum": "trading.api.order_shapes.ORDER_STATES",
        "BacktestStateEnum": "trading.models.backtests.Backtest.State",
        "ProductEnum": "trading.api.order_shapes.PRODUCTS",
        "ClientErrorEnum": "drf_standardized_errors.openapi_serializers.ClientErrorEnum",
        "ValidationErrorEnum": "drf_standardized_errors.openapi_serializers.ValidationErrorEnum",
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}
UNFOLD = {
    "SITE_TITLE": "Alpha Panda",
    "SITE_HEADER": "Alpha Panda",
    "SITE_URL": "/",
    "SHOW_VIEW_ON_SITE": False,
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: f"/{STATIC_URL}dashboard/panda.svg"}
    ],
}

LOG_LEVEL = env.str("LOG_LEVEL", "INFO")
LOGGING_CONFIG = None
configure_logging(LOG_LEVEL, json=env.bool("LOG_JSON", True))
DJANGO_STRUCTLOG_CELERY_ENABLED = False
SILENCED_SYSTEM_CHECKS: list[str] = []
