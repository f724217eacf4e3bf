"""Read what the environment says: variables, secrets in files, the embedded servers.

The supervisor (`manage.py up`) writes the addresses of the servers it started into
`DATA_DIR/servers.json`, so that a management command in another terminal finds them too.
A variable that is set always wins.
"""

import json
import math
import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import environ
from django.core.exceptions import ImproperlyConfigured

from config.connections import PooledConnection

TRUE, FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off", ""}


def read_text(name: str, default: str = "") -> str:
    """Return the variable `NAME`, or the content of the file that `NAME_FILE` points to."""
    path = os.environ.get(f"{name}_FILE")
    if path:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE: cannot read {path}: {error}") from error
    return os.environ.get(name, default)


def read_bool(name: str, *, default: bool) -> bool:
    """Return a yes or no; anything else raises ImproperlyConfigured and is not silently false."""
    text = os.environ.get(name)
    if text is None:
        return default
    if text.lower() in TRUE:
        return True
    if text.lower() in FALSE:
        return False
    raise ImproperlyConfigured(f"{name} must be yes or no, not {text!r}.")


def read_count(name: str, default: int) -> int:
    """Return a whole number, not negative, or raise ImproperlyConfigured."""
    text = os.environ.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal()):
        raise ImproperlyConfigured(f"{name} must be a whole number, not {text!r}.")
    return int(text)


def read_choice(name: str, choices: tuple[str, ...]) -> str:
    """Return one of the words, the first where nothing is set, or raise ImproperlyConfigured."""
    text = os.environ.get(name, choices[0])
    if text not in choices:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}, not {text!r}.")
    return text


def read_list(name: str, default: list[str]) -> list[str]:
    """Return values separated by commas."""
    text = os.environ.get(name)
    return default if text is None else [part.strip() for part in text.split(",") if part.strip()]


def read_seconds(name: str, default: float) -> float:
    """Return a duration in seconds; it is given in seconds or with s, m, h or d."""
    text = os.environ.get(name)
    if text is None:
        return default
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    number, unit = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1)
    try:
        seconds = float(number) * unit
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < math.inf:
        raise ImproperlyConfigured(f"{name} must be a duration such as 90, 15m or 24h: {text!r}.")
    return seconds


def embedded_servers(data_dir: Path) -> dict[str, str]:
    """Return the addresses of the servers that `manage.py up` runs, as it wrote them down."""
    try:
        servers: dict[str, str] = json.loads((data_dir / "servers.json").read_text())
    except FileNotFoundError:
        return {}
    return servers


def database_config(url: str) -> dict[str, Any]:
    """Return Django's settings of the database at a URL; its host may be a folder (%2Ftmp)."""
    config: dict[str, Any] = environ.Env.db_url_config(
        url or "postgresql://127.0.0.1:1/not-running"
    )
    pool = {
        "min_size": 0,
        "max_size": 16,
        "timeout": 10,
        "connection_class": PooledConnection,
    }
    options = config.get("OPTIONS", {}) | {
        "pool": pool if url else None,  # with none, what no server runs for fails at once
        # For `feedback.database.prepared`, whose statements are planned once, whatever the values.
        "prepare_threshold": 5,
        "options": "-c plan_cache_mode=force_generic_plan",
    }
    return config | {
        "HOST": unquote(config["HOST"]),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }
