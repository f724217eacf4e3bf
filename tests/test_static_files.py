"""Static files: plain names from a clone, and after `collectstatic` names that carry a digest."""

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from django.templatetags.static import static
from django.test import Client
from whitenoise.middleware import WhiteNoiseMiddleware

from config.static_files import HashedStaticFiles

HASHED = r"\.[0-9a-f]{12}\."


def test_a_clone_needs_no_build_step() -> None:
    assert static("feedback/ui.css") == "/static/feedback/ui.css"
    answer = Client().get("/static/feedback/ui.css")
    assert answer.status_code == 200
    assert "immutable" not in answer.headers["Cache-Control"]


@pytest.fixture
def collected(settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The static files as `make run` gathers them, and a storage that knows their names."""
    settings.STATIC_ROOT = tmp_path / "static"
    with monkeypatch.context() as patch:
        patch.setattr(staticfiles_storage, "_wrapped", HashedStaticFiles())
        call_command("collectstatic", interactive=False, verbosity=0)
        yield settings.STATIC_ROOT


def test_names_of_styles_and_scripts_follow_their_content(collected: Path) -> None:
    assert re.fullmatch(rf"/static/feedback/ui{HASHED}css", static("feedback/ui.css"))
    script = static("feedback/arena.js").removeprefix("/static/")
    imports = re.findall(r'from "\./([^"]+)"', (collected / script).read_text())
    assert imports
    for name in imports:
        assert re.search(HASHED, name)
        assert (collected / "feedback" / name).exists()


def test_a_browser_keeps_what_has_a_digest_for_good_and_gets_it_compressed(collected: Path) -> None:
    served = WhiteNoiseMiddleware(lambda _request: None)
    css = served.files[static("feedback/ui.css")]
    answer = css.get_response("GET", {"HTTP_ACCEPT_ENCODING": "gzip"})
    headers = dict(answer.headers)
    assert "immutable" in headers["Cache-Control"]
    assert headers["Content-Encoding"] == "gzip"
