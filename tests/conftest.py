"""What every test may use: the real database, the real data, a real browser.

Without DATABASE_URL a throw-away PostgreSQL runs, from the first test that needs one or, where
workers share the tests, from before they start. It ends with the tests, even if they are killed.
Each worker has a database, a broker and a temporary folder DATA_DIR of its own, so that tests never
touch what another worker does, or what `make run` keeps in `var/`.
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
from django.test import TransactionTestCase
from kombu import pools
from xdist.remote import Producer

from config.celery import app as celery_app
from config.environment import database_config
from config.supervisor.broker import EmbeddedBroker
from config.supervisor.postgres import EmbeddedPostgres
from tests.costs import mark_by_cost
from tests.database import empty_tables, make_template, start_server
from tests.sharing import FileScheduling, put_longest_first
from trainers.pretrained.checkpoints import PACKAGED, checkpoint_folder

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
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # as many workers as cores: one core each
    # Outlives the tests, as their database does: making a checkpoint takes a quarter of a minute.
    assert config.cache is not None
    os.environ.setdefault("TRAINERS_MODELS", str(config.cache.mkdir("models")))
    settings.DATA_DIR = data_dir
    settings.STATIC_ROOT = data_dir / "static"
    settings.MODELS = os.environ.setdefault("MODELS", "none")  # who wants live models says so
    settings.ROUTING_MOMENT_SECONDS = 0.0  # no row of one test is remembered in the next
    if "DATABASE_URL" not in os.environ:
        settings.DATABASE_URL = ""
        if config.getoption("numprocesses", 0):  # this process only shares out the tests
            config.add_cleanup(start_database(config).stop)
    if "CELERY_BROKER_URL" not in os.environ:
        settings.CELERY_BROKER_URL = "memory://"  # takes messages, delivers them to nobody


def make_data_dir() -> Path:
    """A temporary folder that an unprivileged PostgreSQL may pass through."""
    folder = Path(tempfile.mkdtemp(prefix="feedback-tests-"))
    folder.chmod(0o711)
    return folder


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Let `-m` choose tests by what they cost; share out the dearest ones first."""
    for item in items:
        mark_by_cost(item)
    yield
    put_longest_first(items)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FileScheduling:
    """Share out the tests by file."""
    return FileScheduling(config, log)


# --- the database -------------------------------------------------------------------------------


def start_database(config: pytest.Config) -> EmbeddedPostgres:
    """Start a server and make its address known to this process and those that it starts."""
    assert config.cache is not None
    server = start_server(Path(os.environ["DATA_DIR"]), config.cache.mkdir("postgres"))
    os.environ["DATABASE_URL"] = settings.DATABASE_URL = server.url
    return server


@pytest.fixture(scope="session")
def database_url(pytestconfig: pytest.Config) -> Iterator[str]:
    """The address of a PostgreSQL: DATABASE_URL, or a server that lives as long as the tests."""
    if "DATABASE_URL" in os.environ:
        yield os.environ["DATABASE_URL"]
        return
    server = start_database(pytestconfig)
    try:
        yield server.url
    finally:
        server.stop()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(database_url: str, worker_id: str) -> None:
    """Tell Django where the database is, before pytest-django creates the one of the tests."""
    database = settings.DATABASES["default"]
    database.update(database_config(database_url))
    database["TEST"]["TEMPLATE"] = make_template(database_url)
    database["TEST"]["NAME"] = f"test_{database['NAME']}_{worker_id}"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """The database of the tests, where what a test committed is taken out again cheaply."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _: empty_tables())
        yield


@pytest.fixture(scope="session")
def broker_url() -> Iterator[str]:
    """The address of a broker of this worker, or of the one in CELERY_BROKER_URL.

    The workers may share that one: nobody takes a message from it, since tests with a Celery
    worker start a broker of their own.
    """
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


@pytest.fixture(scope="session")
def process_environment(django_db_setup: None, broker_url: str) -> dict[str, str]:
    """Environment for a real process that works on the database and the broker of the tests.

    Rows are visible to it once committed: use it with `transactional_db`.
    """
    address = urlsplit(os.environ["DATABASE_URL"])
    database = urlunsplit(address._replace(path=f"/{settings.DATABASES['default']['NAME']}"))
    return os.environ | {
        "DATABASE_URL": database,
        "CELERY_BROKER_URL": broker_url,
        "ROUTING_MOMENT": "0",
        "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)]),
    }


@pytest.fixture(scope="session")
def shared_web_server(process_environment: dict[str, str]) -> Iterator["WebServer"]:
    """The site in a process of its own, for all tests; no encoder answers it."""
    from tests.web_server import WebServer

    server = WebServer(process_environment | {"EMBEDDINGS_URL": "http://127.0.0.1:9"})
    yield server
    server.stop()


@pytest.fixture
def web_server(shared_web_server: "WebServer", transactional_db: None) -> "WebServer":
    """The site in a process of its own, which a test may kill: the next one starts it again."""
    shared_web_server.start()
    return shared_web_server


# --- the data -----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real public data that lies beside the checkout of a developer."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the public data files in {SHARED_DATA.relative_to(ROOT.parent)}")
    return SHARED_DATA


@pytest.fixture(scope="session")
def smollm2_folder() -> Path:
    """The packaged chat model as a checkpoint, in the folder that every process here looks in."""
    model = PACKAGED["smollm2"]
    if not model.package.is_installed:
        pytest.skip(f"needs the package {model.package.distribution}: make install")
    return checkpoint_folder(model)


# --- the browser --------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a system Chromium or Chrome."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("needs Chromium or Chrome: apt-get install chromium")
    return found


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator["Browser"]:
    """A headless browser, shared by the tests of a file; each takes its own `page`.

    Playwright's synchronous API runs an event loop in the thread of the tests, in which Django
    refuses its ORM and its asynchronous responses: it ends with the file.
    """
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=30_000)
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
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
