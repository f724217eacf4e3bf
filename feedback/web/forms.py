"""Problems of forms as errors of services, and the other way round."""

from collections.abc import Mapping
from typing import Any

from django import forms

from feedback.errors import ApplicationError, InvalidError


def cleaned(form: forms.Form, *, in_message: bool = False) -> dict[str, Any]:
    """Return the cleaned data of a form; raises InvalidError that names each wrong field.

    `in_message` puts the problems into the error's message, too, for pages that show only that.
    """
    if form.is_valid():
        return form.cleaned_data
    problems = {name: " ".join(map(str, texts)) for name, texts in form.errors.items()}
    raise InvalidError(problems, " ".join(problems.values()) if in_message else "")


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
