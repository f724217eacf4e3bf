"""Forms that a service has the last word about."""

from collections.abc import Mapping

from django import forms

from feedback.errors import ApplicationError


def add_problems(
    form: forms.Form, error: ApplicationError, names: Mapping[str, str] | None = None
) -> None:
    """Put what a service refused beside the fields that it names, or else above the form.

    names: of the form's fields where they differ from those of the service.
    """
    if not error.fields:
        form.add_error(None, error.message)
    for name, text in (error.fields or {}).items():
        form.add_error((names or {}).get(name, name), text)
