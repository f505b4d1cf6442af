"""Feeboard's settings: one file, safe by default. What differs between machines comes from the environment."""

from datetime import timedelta
from typing import Any

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config import env
from config.env import BASE_DIR

DEBUG = env.switch("DEBUG", default=False)
SECRET_KEY = env.secret_key()
# Newest first; where none is given, partners/secrets.py derives one from SECRET_KEY.
FIELD_ENCRYPTION_KEYS = env.words("FIELD_ENCRYPTION_KEYS")
HTTPS = env.switch("HTTPS", default=True)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", default="localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    # Before Django's own, whose command changepassword it adds to.
    "accounts",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "axes",
    # Without "allauth" itself, which brings nothing but pages of its own look.
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.usersessions",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "partners",
    "revenue",
    "walls",
    "sandbox",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "config.requests.closed_to_others",
    "config.requests.bounded_body",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.signing_in.sessions.note_session",
    "accounts.middleware.TimeZoneMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # Last, as axes wants it: it answers in place of the sign-in page.
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

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
                "accounts.context.desks",
            ],
        },
    },
]

# --- Data -------------------------------------------------------------------------------------------

VAR_DIR = BASE_DIR / "var"
DATABASES: dict[str, dict[str, Any]] = {
    "default": env.env.db_url("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'feeboard.sqlite3'}"),
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        # A writer waits for another one this many seconds; readers never wait (write-ahead log).
        "timeout": 60,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

REDIS_URL = env.env.str("REDIS_URL", default="")

_IN_MEMORY = "django.core.cache.backends.locmem.LocMemCache"
CACHES: dict[str, dict[str, Any]] = {
    # How often codes and links were asked for, and which sessions were noted: room enough that nobody can push others out.
    "default": {"BACKEND": _IN_MEMORY, "OPTIONS": {"MAX_ENTRIES": 10_000}},
    # Pages that have not changed (revenue/views/unchanged.py), in each process: they are personal and short-lived, and a
    # request to another machine would cost as much as the rest of the answer.
    "pages": {"BACKEND": _IN_MEMORY, "LOCATION": "pages", "OPTIONS": {"MAX_ENTRIES": 100}},
    # What screens show (walls/picture.py), likewise: as many as there are kinds of screens, not screens.
    "walls": {"BACKEND": _IN_MEMORY, "LOCATION": "walls", "OPTIONS": {"MAX_ENTRIES": 300}},
    # How often each API token has asked (accounts/tokens/rate.py).
    "rates": {"BACKEND": _IN_MEMORY, "LOCATION": "rates", "OPTIONS": {"MAX_ENTRIES": 10_000}},
}
if REDIS_URL:
    CACHES["rates"] = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "feeboard",
        # Seconds: an answer is not to wait for a count.
        "OPTIONS": {"socket_connect_timeout": 0.5, "socket_timeout": 0.5},
    }

# --- People -----------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "sign_in"
AUTHENTICATION_BACKENDS = ["accounts.signing_in.throttle.Throttle", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = [
    "accounts.signing_in.hashers.PasswordHasher",
    # Passwords that were kept before; each is hashed anew when its owner signs in.
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "name")},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "accounts.signing_in.passwords.OwnWordsValidator"},
]
# Seconds in which the link of a forgotten password works.
PASSWORD_RESET_TIMEOUT = 3600
# After so many seconds, who asks for something grave proves once more who they are (accounts/signing_in/reauthentication.py).
REAUTHENTICATE_AFTER_SECONDS = env.seconds("REAUTHENTICATE_AFTER_SECONDS", default=900, least=60)
# django-allauth: what it asks of us is in accounts/signing_in/allauth_adapters.py, and nobody signs up by themselves.
ACCOUNT_ADAPTER = "accounts.signing_in.allauth_adapters.People"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
# Of each process of the site: whatever begins a sign-in, and mails with links (accounts/signing_in/throttle.py).
ACCOUNT_RATE_LIMITS = {"login": "60/m/ip", "reset_password": "20/m/ip,5/h/key"}
MFA_ADAPTER = "accounts.signing_in.allauth_adapters.SecondFactors"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
# Each device looks at its owner, also where a password came before: whoever finds a key lying there is not them.
MFA_WEBAUTHN_USER_VERIFICATION = "required"
MFA_TOTP_ISSUER = "Feeboard"
# Codes of 30 seconds, one before and one after: clocks differ, and people type slowly.
MFA_TOTP_TOLERANCE = 1
MFA_RECOVERY_CODES_SHOW_ONCE = True
SOCIALACCOUNT_ADAPTER = "accounts.signing_in.single_sign_on.Rules"
SOCIALACCOUNT_STORE_TOKENS = False
# Single sign-on by OpenID Connect; off where no server is named (accounts/signing_in/single_sign_on.py).
OIDC_SERVER_URL = env.secure_address("OIDC_SERVER_URL")
OIDC_CLIENT_ID = env.env.str("OIDC_CLIENT_ID", default="")
if OIDC_SERVER_URL and not OIDC_CLIENT_ID:
    raise ImproperlyConfigured("OIDC_SERVER_URL is set, OIDC_CLIENT_ID is not: write both, or neither.")
OIDC_CLIENT_SECRET = env.env.str("OIDC_CLIENT_SECRET", default="")
# What the button says: "Sign in with …".
OIDC_NAME = env.env.str("OIDC_NAME", default="single sign-on")
# After so many wrong passwords for one e-mail address from one network address, nobody there may try it for a while
# (accounts/signing_in/throttle.py). What is tried meanwhile makes the wait no longer.
AXES_HANDLER = "accounts.signing_in.throttle.Attempts"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_LOCKOUT_CALLABLE = "accounts.signing_in.throttle.too_many"
AXES_USERNAME_CALLABLE = "accounts.signing_in.throttle.name_tried"
AXES_CLIENT_IP_CALLABLE = "accounts.signing_in.throttle.client_address"
AXES_USERNAME_FORM_FIELD = "username"
# What axes writes down of a form that holds a wrong password or code, without these.
AXES_SENSITIVE_PARAMETERS = [
    *("username", "ip_address", "csrfmiddlewaretoken"),
    *("code", "credential", "old_password", "new_password1", "new_password2"),
]
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
# Only a proxy that writes the client's address at the end of this header may be trusted with it.
TRUST_X_FORWARDED_FOR = env.switch("TRUST_X_FORWARDED_FOR", default=False)
DEFAULT_USER_TIME_ZONE = env.time_zone("DEFAULT_TIME_ZONE", default="UTC")

# --- Time, language, mail ---------------------------------------------------------------------------

TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
vars().update(env.env.email_url("EMAIL_URL", default="consolemail://"))
# Who mail comes from.
DEFAULT_FROM_EMAIL = env.env.str("MAIL_FROM", default="feeboard@localhost")
# Seconds that a mail server may take.
EMAIL_TIMEOUT = 20

# --- Static files -----------------------------------------------------------------------------------

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = VAR_DIR / "static"
# WhiteNoise warns of a folder that is missing, as it is before the first `collectstatic`.
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
WHITENOISE_USE_FINDERS = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "config.static.HashedOnceCollected"},
}

# --- Security ---------------------------------------------------------------------------------------

# Whether an API key may be sent to machines that are not on the public Internet (partners/debitura/destination.py).
ALLOW_PRIVATE_UPSTREAM = env.switch("ALLOW_PRIVATE_UPSTREAM", default=False)
SECURE_SSL_REDIRECT = HTTPS
# Probes come over plain HTTP from inside the deployment.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
# A browser takes a cookie of this name from this very host over TLS only: no neighbour under the same domain can set one.
if HTTPS:
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
SESSION_COOKIE_AGE = 14 * 24 * 3600
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
# Only a proxy that sets this header itself and removes it from what clients send may be trusted with it.
if env.switch("TRUST_X_FORWARDED_PROTO", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "manifest-src": [SELF],
    },
}

# --- Pulls ------------------------------------------------------------------------------------------

PULL_EVERY_SECONDS = env.seconds("PULL_EVERY_SECONDS", default=300, least=5)
# A pull that takes longer than this is stopped by its worker; what it staged stays, and the next one goes on from there.
PULL_TIME_LIMIT_SECONDS = env.seconds("PULL_TIME_LIMIT_SECONDS", default=1800, least=30)
# Once a night from this time on (DEFAULT_TIME_ZONE) everything is read; each account has its own moment in the hours after.
FULL_SWEEP_AT = env.time_of_day("FULL_SWEEP_AT", default="02:00")
# The most requests with one API key; the default is half of what Debitura allows (revenue/pull/budget.py says why).
REQUESTS_PER_MINUTE = env.number("REQUESTS_PER_MINUTE", default=1_000, least=100)
REQUESTS_PER_HOUR = env.number("REQUESTS_PER_HOUR", default=10_000, least=100)
REQUESTS_PER_DAY = env.number("REQUESTS_PER_DAY", default=50_000, least=100)

CELERY_BROKER_URL = REDIS_URL or None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SOFT_TIME_LIMIT = PULL_TIME_LIMIT_SECONDS
CELERY_TASK_TIME_LIMIT = PULL_TIME_LIMIT_SECONDS + 60
# A message whose worker died comes back after this time: it must outlast the longest pull.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": PULL_TIME_LIMIT_SECONDS + 120,
    # A person waits for "Pull now"; a machine that is gone must not keep them for the kernel's two minutes.
    "socket_connect_timeout": 5,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {
    "pull every account": {
        "task": "revenue.tasks.pull_every_account",
        "schedule": PULL_EVERY_SECONDS,
        # A round that could not be served is overtaken by the next one; rounds must not pile up.
        "options": {"expires": PULL_EVERY_SECONDS},
    },
}
# What else is to be done now and then: functions without arguments, which Celery's beat has done by a worker and
# `manage.py schedule` after each round of pulls.
CHORES = {"walls.tasks.tell_of_dark_screens": timedelta(minutes=1)}
CELERY_BEAT_SCHEDULE |= {
    path: {"task": path, "schedule": every, "options": {"expires": every.total_seconds()}}
    for path, every in CHORES.items()
}
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat-schedule")

# --- Screens ----------------------------------------------------------------------------------------

# Seconds from one refresh of a screen to the next.
WALL_REFRESH_SECONDS = 30
# The build that screens are told; empty: a digest of the files that make their pages (walls/build.py).
WALL_BUILD = ""

# --- API --------------------------------------------------------------------------------------------

# The most requests with one token.
API_REQUESTS_PER_MINUTE = env.number("API_REQUESTS_PER_MINUTE", default=600, least=1)
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.tokens.authentication.BearerTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated", "accounts.tokens.scopes.TokenScope"],
    "DEFAULT_THROTTLE_CLASSES": ["accounts.tokens.rate.TokenRate"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["revenue.api.bodies.ExactJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "revenue.api.schema.ScopedSchema",
    "EXCEPTION_HANDLER": "revenue.api.errors.error_response",
    # The description would put any other `version` that is asked for into a header, also one that is no text for it.
    "ALLOWED_VERSIONS": ["1"],
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Feeboard API",
    "DESCRIPTION": "Referral fees as Feeboard holds them: the figures and filters of the pages. Money is a decimal string.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    # What is sent with PATCH is what the view says, too: its keys are not optional.
    "COMPONENT_SPLIT_PATCH": False,
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "revenue.api.schema.as_it_is_read"],
}

# --- Logging ----------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "axes": {"level": "WARNING"},
        "fido2": {"level": "WARNING"},
        "urllib3": {"level": "INFO"},
    },
}
