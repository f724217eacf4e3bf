"""What may stand in a path: slugs in any script, and public identifiers.

A path that no converter takes is an unknown address, so a malformed identifier never reaches a
query.
"""

from django.urls import register_converter
from django.urls.converters import StringConverter

from feedback.identifiers import ALPHABET, PUBLIC_ID_LETTERS


class UnicodeSlugConverter(StringConverter):
    """Match a slug in any script, as models have it."""

    regex = r"[-\w]+"


class PublicIdConverter(StringConverter):
    """Match a public identifier as `identifiers.new_public_id` makes them."""

    regex = f"[{ALPHABET}]{{{PUBLIC_ID_LETTERS}}}"


def register_converters() -> None:
    """Make `<unicode_slug:…>` and `<public_id:…>` known to Django's paths."""
    register_converter(UnicodeSlugConverter, "unicode_slug")
    register_converter(PublicIdConverter, "public_id")
