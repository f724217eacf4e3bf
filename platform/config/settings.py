"""Settings: they need no environment on loopback, and refuse what is unsafe beyond it."""

from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from environ import Env

from config.environment import (
    database_config,
    embedded_servers,
    read_bool,
    read_choice,
    read_count,
    read_list,
    read_seconds,
    read_text,
)
from config.sign_in import providers

BASE_DIR = Path(__file__).resolve().parents[2]
DATA_DIR = Path(read_text("DATA_DIR", str(BASE_DIR / "var"))).resolve()
_servers = embedded_servers(DATA_DIR)

_provider_apps, _provider_settings, _provider_origins = providers()

# --- safety -------------------------------------------------------------------------------------
LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}
DEFAULT_SECRET = "only-for-loopback-" + "0" * 40
DEBUG = read_bool("DEBUG", default=False)
ALLOWED_HOSTS = read_list("ALLOWED_HOSTS", sorted(LOOPBACK))
CSRF_TRUSTED_ORIGINS = read_list("CSRF_TRUSTED_ORIGINS", [])
SECRET_KEY = read_text("SECRET_KEY", _servers.get("SECRET_KEY", DEFAULT_SECRET))
if SECRET_KEY == DEFAULT_SECRET and not set(ALLOWED_HOSTS) <= LOOPBACK:
    raise ImproperlyConfigured("ALLOWED_HOSTS names a public host: set SECRET_KEY, too.")

TRUSTED_PROXIES = read_count("TRUSTED_PROXIES", 0)  # that append to X-Forwarded-For
SECURE = not set(ALLOWED_HOSTS) <= LOOPBACK  # a public host is served through HTTPS
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = True
SESSION_ENGINE = "feedback.people.sessions"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 180  # an anonymous contributor is this browser
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_HSTS_SECONDS = int(read_seconds("HSTS", 30 * 86400)) if SECURE else 0
# Whether other hosts of the domain may go without TLS is not ours to say (W005, W021), and the
# proxy that ends TLS also redirects to it (W008).
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W008", "security.W021"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "font-src": [SELF],
        "form-action": [SELF, *_provider_origins],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# --- application --------------------------------------------------------------------------------
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
AUTH_USER_MODEL = "feedback.Contributor"
INSTALLED_APPS = [
    "config.apps.PlatformConfig",
    "feedback.apps.FeedbackConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",  # indexes with an operator class
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.mfa",
    *_provider_apps,
    "django_htmx",
    "template_partials",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "django_celery_beat",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "feedback.web.compression.CompressionMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "feedback.people.sign_in.accounts.VisitorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "feedback.web.middleware.PageErrorMiddleware",
]
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
            ],
        },
    }
]
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]  # those that the pages are translated into
LOCALE_PATHS = [
    BASE_DIR / "feedback" / "locale",  # the texts of the templates lie there too
    BASE_DIR / "feedback" / "people" / "sign_in" / "texts",  # the sign-in library's, in our words
]
TIME_ZONE = "UTC"
USE_TZ = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
STATIC_URL = "/static/"
STATIC_ROOT = Path(read_text("STATIC_ROOT", str(DATA_DIR / "static")))
WHITENOISE_USE_FINDERS = True  # where nothing was collected, as in a clone under test
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "config.static_files.HashedStaticFiles"},
}

# --- people -------------------------------------------------------------------------------------
SIGN_UP = read_choice("SIGN_UP", ("open", "invited"))
OPERATORS_NEED_SECOND_FACTOR = read_bool("OPERATORS_NEED_SECOND_FACTOR", default=False)
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "feedback.people.sign_in.adapters.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_USER_MODEL_EMAIL_FIELD = None  # an address lies in a table apart from the pseudonym
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1"]  # without a password one signs in by code
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if SECURE else "http"
ACCOUNT_EMAIL_SUBJECT_PREFIX = "Feedback Commons: "
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 15 * 60
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT = 15 * 60
SOCIALACCOUNT_ADAPTER = "feedback.people.sign_in.adapters.SocialAdapter"
SOCIALACCOUNT_PROVIDERS = _provider_settings
MFA_SUPPORTED_TYPES = ["recovery_codes", "totp", "webauthn"]
MFA_FORMS = {"add_webauthn": "feedback.people.sign_in.forms.PasskeyForm"}
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_PASSKEY_SIGNUP_ENABLED = True
MFA_TOTP_ISSUER = "Feedback Commons"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not SECURE  # loopback is a secure context without TLS
vars().update(Env.email_url_config(read_text("EMAIL_URL", "consolemail://")))
DEFAULT_FROM_EMAIL = read_text("EMAIL_FROM", "Feedback Commons <commons@localhost>")
CACHES = {"default": {"BACKEND": "feedback.people.cache.SharedCache"}}

# --- database -----------------------------------------------------------------------------------
DATABASE_URL = read_text("DATABASE_URL", _servers.get("DATABASE_URL", ""))
DATABASES = {"default": database_config(DATABASE_URL)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- background work ----------------------------------------------------------------------------
CELERY_BROKER_URL = read_text("CELERY_BROKER_URL", _servers.get("CELERY_BROKER_URL", ""))
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "cpu"
CELERY_TASK_ROUTES = {"training.run_next": {"queue": "gpu"}}  # what needs a device
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1  # what a killed worker held is late by an hour
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"

# --- models and inference -----------------------------------------------------------------------
INFERENCE_URL = read_text("INFERENCE_URL", _servers.get("INFERENCE_URL", "http://127.0.0.1:8010"))
EMBEDDINGS_URL = read_text("EMBEDDINGS_URL", INFERENCE_URL)
CHAT_URL = read_text("CHAT_URL", INFERENCE_URL)
SCORE_URL = read_text("SCORE_URL", INFERENCE_URL)
MODELS = read_choice("MODELS", ("smollm2", "none"))  # what our inference server answers with
JUDGE_MODEL = read_text("JUDGE_MODEL")  # slug of the model that compares a policy with its base
ROUTING_DEADLINE_SECONDS = read_seconds("ROUTING_DEADLINE", 0.15)
ROUTING_MOMENT_SECONDS = read_seconds("ROUTING_MOMENT", 1)

# --- the pool -----------------------------------------------------------------------------------
PUBLICATION_DELAY_SECONDS = read_seconds("PUBLICATION_DELAY", 24 * 3600)
LEASE_SECONDS = read_seconds("LEASE", 15 * 60)
RUN_LEASE_SECONDS = read_seconds("RUN_LEASE", 60)

# --- API ----------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "feedback.people.authentication.ApiKeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "URL_FORMAT_OVERRIDE": None,  # `?format=` is a parameter of the export
    "DEFAULT_THROTTLE_CLASSES": ["feedback.people.rate_limits.throttling.WriteThrottle"],
    "EXCEPTION_HANDLER": "feedback.errors.api_exception_handler",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Feedback Commons",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
}

# --- logging ------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": read_text("LOG_LEVEL", "INFO")},
    "loggers": {"httpx": {"level": "WARNING"}},
}
