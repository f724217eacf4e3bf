"""Pages and styles are compressed for who can read that; nothing else is."""

import gzip

import pytest

pytestmark = pytest.mark.django_db
READS = {"Accept-Encoding": "gzip"}


@pytest.mark.parametrize("path", ["/terms/", "/static/feedback/ui.css", "/static/feedback/keys.js"])
def test_what_a_browser_shows_is_compressed(stranger, path):
    plain, packed = stranger.get(path), stranger.get(path, headers=READS)
    assert packed.headers["Content-Encoding"] == "gzip"
    sent = b"".join(packed)
    whole = gzip.decompress(sent)
    assert len(whole) == len(b"".join(plain)) or path == "/terms/"  # a page masks its token anew
    assert len(sent) < len(whole) * 0.7
    assert "Accept-Encoding" in packed.headers["Vary"]


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/preferences/export/"])
def test_streams_and_the_api_are_left_alone(stranger, path):
    assert "Content-Encoding" not in stranger.get(path, headers=READS).headers
