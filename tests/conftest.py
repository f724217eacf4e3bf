"""What every test may use: the real database, the real data, a real browser.

Without DATABASE_URL a throw-away PostgreSQL is started for the first test that needs one; it ends
with the tests, even if they are killed. The folder DATA_DIR is a temporary one, so that tests
never touch what `make run` keeps in `var/`.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings
from kombu import pools

from config.celery import app as celery_app
from config.environment import database_config
from config.supervisor.broker import EmbeddedBroker
from config.supervisor.postgres import EmbeddedPostgres

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.web_server import WebServer

ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_configure(config: pytest.Config) -> None:
    """Point the settings away from `var/` and from the servers of a running `make run`."""
    data_dir = make_data_dir()
    config.add_cleanup(lambda: shutil.rmtree(data_dir, ignore_errors=True))
    os.environ["DATA_DIR"] = str(data_dir)
    settings.DATA_DIR = data_dir
    settings.STATIC_ROOT = data_dir / "static"
    settings.ROUTING_MOMENT_SECONDS = 0.0  # no row of one test is remembered in the next
    if "DATABASE_URL" not in os.environ:
        settings.DATABASE_URL = ""
    if "CELERY_BROKER_URL" not in os.environ:
        settings.CELERY_BROKER_URL = "memory://"  # takes messages, delivers them to nobody


def make_data_dir() -> Path:
    """A temporary folder that an unprivileged PostgreSQL may pass through."""
    folder = Path(tempfile.mkdtemp(prefix="feedback-tests-"))
    folder.chmod(0o711)
    return folder


# --- the database -------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    """The address of a PostgreSQL: DATABASE_URL, or a server that lives as long as the tests."""
    if "DATABASE_URL" in os.environ:
        yield os.environ["DATABASE_URL"]
        return
    server = EmbeddedPostgres(Path(os.environ["DATA_DIR"]), durable=False)
    server.start()
    os.environ["DATABASE_URL"] = settings.DATABASE_URL = server.url
    try:
        yield server.url
    finally:
        server.stop()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(database_url: str) -> None:
    """Tell Django where the database is, before pytest-django creates the one of the tests."""
    settings.DATABASES["default"].update(database_config(database_url))


@pytest.fixture(scope="session")
def broker_url() -> Iterator[str]:
    """The address of a broker that carries messages from the tests to real workers."""
    if "CELERY_BROKER_URL" in os.environ:
        yield os.environ["CELERY_BROKER_URL"]
        return
    broker = EmbeddedBroker(Path(os.environ["DATA_DIR"]))
    process = subprocess.Popen(broker.command, stdout=subprocess.DEVNULL, start_new_session=True)
    while not broker.is_ready():
        assert process.poll() is None, "the broker did not start"
        time.sleep(0.02)
    send_through(broker.url)
    yield broker.url
    send_through(settings.CELERY_BROKER_URL)
    process.terminate()
    process.wait()


def send_through(url: str) -> None:
    """Make this process enqueue at another broker."""
    celery_app.conf.broker_url = url
    pools.reset()
    celery_app._pool = celery_app.amqp._producer_pool = None


@pytest.fixture
def process_environment(django_db_setup: None, broker_url: str) -> dict[str, str]:
    """Environment for a real process that works on the database and the broker of the tests.

    Rows are visible to it once committed: use it with `transactional_db`.
    """
    address = urlsplit(os.environ["DATABASE_URL"])
    database = urlunsplit(address._replace(path=f"/{settings.DATABASES['default']['NAME']}"))
    return os.environ | {
        "DATABASE_URL": database,
        "CELERY_BROKER_URL": broker_url,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)]),
    }


@pytest.fixture
def web_server(process_environment: dict[str, str]) -> Iterator["WebServer"]:
    """The site in a process of its own. Use it with `transaction=True`, or it sees no rows."""
    from tests.web_server import WebServer

    server = WebServer(process_environment)
    server.start()
    yield server
    server.stop()


# --- the data -----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real public data that lies beside the checkout of a developer."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the public data files in {SHARED_DATA.relative_to(ROOT.parent)}")
    return SHARED_DATA


# --- the browser --------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a system Chromium or Chrome."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("needs Chromium or Chrome: apt-get install chromium")
    return found


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator["Browser"]:
    """A headless browser, shared by all tests; each takes its own `page`."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=30_000)
    # Playwright's synchronous API runs an event loop, in which Django refuses the ORM of tests.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=BROWSER_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: "Browser") -> Iterator["Page"]:
    """A page of a fresh visitor, with his own cookies; the test fails on an error in its script."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(30_000)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert not errors, f"the page's script failed: {errors}"
