"""Every language of the pages is complete, compiled, and true to the sources' placeholders."""

import gettext
import io
import re
from collections.abc import Iterator
from pathlib import Path

import allauth
import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.utils import translation
from django.utils.translation.template import templatize

from tests.conftest import ROOT
from tests.markup import tight

CALLS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
}
PLACEHOLDER = re.compile(r"%\(\w+\)[-.\d]*[a-z]|%[sd%]|\{\w+\}")
MARKED = re.compile(
    r"{% blocktranslate.*?{% endblocktranslate %}|{% block main_class %}.*?{% endblock %}|{#.*?#}",
    re.DOTALL,
)
TAG_OR_VALUE = re.compile(r"{%.*?%}|{{.*?}}", re.DOTALL)
SAME_EVERYWHERE = re.compile(
    r"<(code|kbd|pre|script)\b.*?</\1>|&\w+;|\b(Feedback Commons|UTC|ms|tau)\b", re.DOTALL
)
BARE = re.compile(
    r">[^<]*?[A-Za-z]{2,}[^<]*<|(placeholder|aria-label|title|alt)=\"[^\"]*[A-Za-z]{2,} [^\"]*\""
)
HANDED_ON = re.compile(r"{% include [^%]*?\w=([\"'])[A-Z].*?%}")
OTHERS = [code for code, _name in settings.LANGUAGES if code != settings.LANGUAGE_CODE]

Text = tuple[str | None, str, str | None]  # context, one, many


def texts_of(method: str, source: str) -> Iterator[Text]:
    for _line, found, _comments, context in extract(method, io.BytesIO(source.encode()), CALLS):
        one, many = (found[0], found[1]) if isinstance(found, tuple) else (found, None)
        yield context, one, many


def texts_in_sources() -> set[Text]:
    """What is to be translated. A template becomes calls that a lenient reader finds."""
    texts: set[Text] = set()
    for path in (ROOT / "feedback").rglob("*.py"):
        texts.update(texts_of("python", path.read_text()))
    for path in (ROOT / "templates").rglob("*.*"):
        texts.update(texts_of("javascript", templatize(path.read_text())))
    return texts


def folder_of(language: str) -> Path:
    return ROOT / "feedback" / "locale" / language / "LC_MESSAGES"


def catalogue_of(language: str) -> Catalog:
    with (folder_of(language) / "django.po").open("rb") as file:
        return read_po(file, locale=language)


def forms_of(message: Message) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The English forms and those of the translation."""
    ids, strings = message.id, message.string
    return (ids if isinstance(ids, tuple) else (ids,)), (
        strings if isinstance(strings, tuple) else (strings,)
    )


def bare_words(template: str) -> list[str]:
    """Words of a template that no translation reaches."""
    handed_on = [found.group() for found in HANDED_ON.finditer(template)]
    page = SAME_EVERYWHERE.sub("", TAG_OR_VALUE.sub("", MARKED.sub("", template)))
    return handed_on + [found.group() for found in BARE.finditer(page)]


def test_no_page_holds_words_that_cannot_be_translated():
    bare = {
        path.name: words
        for path in sorted((ROOT / "templates").rglob("*.html"))
        if (words := bare_words(path.read_text()))
    }
    assert bare == {}


def test_bare_words_are_found():
    assert bare_words('<p>Bare {{ value }}</p>{% include "a.html" with words="Bare" %}')
    assert len(bare_words('<i title="two words">{% translate "Fine" %}</i>')) == 1
    assert bare_words('<p>{% translate "Fine" %} <code>a b</code> {{ value }} ms</p>') == []


@pytest.fixture(params=OTHERS)
def language(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def messages(language: str) -> list[Message]:
    return [message for message in catalogue_of(language) if message.id]


def test_every_text_of_the_sources_is_in_the_catalogue_and_no_other(messages):
    texts: set[Text] = set()
    for message in messages:
        one, *many = forms_of(message)[0]
        texts.add((message.context, one, many[0] if many else None))
    assert texts_in_sources() == texts


def test_nothing_is_left_untranslated_or_guessed(messages):
    assert [message.id for message in messages if not all(forms_of(message)[1])] == []
    assert [message.id for message in messages if message.fuzzy] == []


def test_placeholders_are_those_of_the_english_text(messages):
    """A form of a plural may leave the number out; none may bring what English does not have."""
    for message in messages:
        english, other = forms_of(message)
        known = [set(PLACEHOLDER.findall(form)) for form in english]
        for form, text in enumerate(other):
            held = set(PLACEHOLDER.findall(text))
            assert held == known[form], (english, text)


def test_links_and_spaces_at_the_ends_are_kept(messages):
    for message in messages:
        for one, text in zip(*forms_of(message), strict=True):
            assert re.findall(r"<[^>]+>", one) == re.findall(r"<[^>]+>", text)
            assert (one[:1].isspace(), one[-1:].isspace()) == (
                text[:1].isspace(),
                text[-1:].isspace(),
            )


def test_the_compiled_catalogue_is_that_of_the_texts(language):
    compiled = io.BytesIO()
    write_mo(compiled, catalogue_of(language))
    compiled.seek(0)
    with (folder_of(language) / "django.mo").open("rb") as file:
        shipped = gettext.GNUTranslations(file)
    told, known = (vars(one)["_catalog"] for one in (shipped, gettext.GNUTranslations(compiled)))
    told.pop("", None), known.pop("", None)  # the head with its dates
    assert told == known


LIBRARY = ROOT / "feedback" / "people" / "sign_in" / "texts"
FAMILIAR = re.compile(r"\b(du|dich|dir|dein\w*)\b", re.IGNORECASE)


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_words_for_the_sign_in_library_are_compiled_and_used(language):
    folder = LIBRARY / language / "LC_MESSAGES"
    with (folder / "django.po").open("rb") as file:
        texts = {one.id: one.string for one in read_po(file, locale=language) if one.id}
    with (folder / "django.mo").open("rb") as file:
        shipped = gettext.GNUTranslations(file)
    with translation.override(language):
        for english, text in texts.items():
            assert shipped.gettext(english) == text
            assert set(PLACEHOLDER.findall(text)) <= set(PLACEHOLDER.findall(english))
            assert language == "en" or not FAMILIAR.search(text), text
        assert translation.gettext("Sign Out") == {"en": "Sign out", "de": "Abmelden"}[language]


@pytest.mark.parametrize("path", sorted(Path(allauth.__file__).parent.glob("locale/de/*/*.po")))
def test_german_of_the_sign_in_library_has_one_form_of_address(path):
    with path.open("rb") as file, translation.override("de"):
        known = [one for one in read_po(file, locale="de") if one.id and not one.fuzzy]
        for message in known:
            if any(
                re.match(r"account|mfa|socialaccount/(?!providers)", p)
                for p, _ in message.locations
            ):
                one, *_ = forms_of(message)[0]
                assert not FAMILIAR.search(translation.gettext(one)) or "Thank you" in one, one


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/leaderboard/", "/models/", "/data/", "/terms/"])
def test_a_page_speaks_the_language_that_the_browser_asks_for(client, language, path):
    page = client.get(path, headers={"accept-language": language}, follow=True).content.decode()
    assert f'<html lang="{language}"' in page
    with translation.override(language):
        assert translation.gettext("Skip to the content") in page
    assert "Skip to the content" not in page


@pytest.mark.django_db
def test_a_language_from_right_to_left_turns_the_page(client, settings):
    settings.LANGUAGES = [("en", "English"), ("he", "Hebrew")]
    for language, direction in (("he", ' dir="rtl"'), ("en", "")):
        page = tight(
            client.get("/leaderboard/", headers={"accept-language": language}).content.decode()
        )
        assert f'<html lang="{language}"{direction}>' in page


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    """A request leaves its language behind in the thread of the test."""
    yield
    translation.activate(settings.LANGUAGE_CODE)
