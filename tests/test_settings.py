"""What the settings read from the environment, and what they refuse."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.environment import (
    database_config,
    read_bool,
    read_choice,
    read_count,
    read_list,
    read_seconds,
    read_text,
)
from config.sign_in import providers
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0), ("90", 90), ("1.5m", 90), ("24h", 86400), ("2d", 172800)]
)
def test_a_duration_has_a_unit_or_is_in_seconds(
    monkeypatch: pytest.MonkeyPatch, text: str, seconds: float
) -> None:
    monkeypatch.setenv("PUBLICATION_DELAY", text)
    assert read_seconds("PUBLICATION_DELAY", 1) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1", "h", "nan", "inf"])
def test_what_is_no_duration_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("PUBLICATION_DELAY", text)
    with pytest.raises(ImproperlyConfigured, match="PUBLICATION_DELAY"):
        read_seconds("PUBLICATION_DELAY", 1)


def test_a_secret_may_lie_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from a file\n")
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "secret"))
    assert read_text("SECRET_KEY") == "from a file"
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "missing"))
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY_FILE"):
        read_text("SECRET_KEY")


def test_a_yes_or_no_is_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEBUG", "yes")
    assert read_bool("DEBUG", default=False) is True
    monkeypatch.setenv("DEBUG", "maybe")
    with pytest.raises(ImproperlyConfigured, match="DEBUG"):
        read_bool("DEBUG", default=False)


def test_a_list_is_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", "a.example, b.example,")
    assert read_list("ALLOWED_HOSTS", []) == ["a.example", "b.example"]


def test_a_word_is_one_of_those_that_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_choice("SIGN_UP", ("open", "invited")) == "open"
    monkeypatch.setenv("SIGN_UP", "invited")
    assert read_choice("SIGN_UP", ("open", "invited")) == "invited"
    monkeypatch.setenv("SIGN_UP", "closed")
    with pytest.raises(ImproperlyConfigured, match="SIGN_UP"):
        read_choice("SIGN_UP", ("open", "invited"))


def test_a_count_is_a_whole_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", "2")
    assert read_count("TRUSTED_PROXIES", 0) == 2
    monkeypatch.setenv("TRUSTED_PROXIES", "-1")
    with pytest.raises(ImproperlyConfigured, match="TRUSTED_PROXIES"):
        read_count("TRUSTED_PROXIES", 0)


def test_accounts_elsewhere_are_those_that_the_environment_configures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert providers() == ([], {}, [])
    monkeypatch.setenv("GITHUB_CLIENT_ID", "commons")
    with pytest.raises(ImproperlyConfigured, match="GITHUB_CLIENT_SECRET"):
        providers()
    monkeypatch.setenv("GITHUB_CLIENT_SECRET", "secret")
    monkeypatch.setenv("OIDC_CLIENT_ID", "commons")
    monkeypatch.setenv("OIDC_CLIENT_SECRET", "secret")
    with pytest.raises(ImproperlyConfigured, match="OIDC_URL"):
        providers()
    monkeypatch.setenv("OIDC_URL", "https://id.example/realms/one")
    apps, settings, origins = providers()
    assert [app.rsplit(".", 1)[-1] for app in apps] == ["github", "openid_connect"]
    assert settings["github"]["APPS"][0]["secret"] == "secret"
    assert origins == ["https://github.com", "https://id.example"]


def test_options_of_the_database_address_are_kept() -> None:
    config = database_config("postgresql://user:p%40ss@db.example:5433/pool?sslmode=require")
    assert (config["HOST"], config["PORT"], config["PASSWORD"]) == ("db.example", 5433, "p@ss")
    assert config["OPTIONS"]["sslmode"] == "require"
    assert config["OPTIONS"]["pool"]


def test_without_a_database_nobody_waits_for_one() -> None:
    assert database_config("")["OPTIONS"]["pool"] is None


def check(statement: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k not in {"SECRET_KEY", "ALLOWED_HOSTS"}}
    paths = os.pathsep.join([str(ROOT / "platform"), str(ROOT)])
    return subprocess.run(
        [sys.executable, "-c", f"import config.settings\n{statement}"],
        env=environment | {"PYTHONPATH": paths} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_default_secret_is_refused_on_a_public_host(tmp_path: Path) -> None:
    nowhere = {"DATA_DIR": str(tmp_path)}
    assert check(**nowhere).returncode == 0
    refused = check(**nowhere, ALLOWED_HOSTS="commons.example")
    assert refused.returncode != 0
    assert "set SECRET_KEY" in refused.stderr
    assert check(**nowhere, ALLOWED_HOSTS="commons.example", SECRET_KEY="x" * 50).returncode == 0


def test_a_public_host_asks_browsers_to_come_by_tls_and_loopback_does_not(tmp_path: Path) -> None:
    public = {"ALLOWED_HOSTS": "commons.example", "SECRET_KEY": "x" * 50}
    seconds = "SECURE_HSTS_SECONDS"
    assert setting(seconds, DATA_DIR=str(tmp_path)) == "0"
    assert setting(seconds, DATA_DIR=str(tmp_path), **public) == str(30 * 86400)
    assert setting(seconds, DATA_DIR=str(tmp_path), HSTS="365d", **public) == str(365 * 86400)
    assert setting(seconds, DATA_DIR=str(tmp_path), HSTS="0", **public) == "0"


def setting(name: str, **variables: str) -> str:
    """The value of a setting under this environment."""
    done = check(f"print(config.settings.{name})", **variables)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
