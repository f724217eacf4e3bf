"""What a model's page says beside its rating: its size, how fast it answers here, what it is told.

The size is known of models that run on this machine: the packaged one, its adapters, and what was
tuned here. The speed is measured on this site's own answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from feedback.people.models import Contributor
from feedback.ranking.selectors import Row, leaderboard
from feedback.registry.models import ModelVersion
from feedback.training.models import Checkpoint
from trainers.pretrained.adapters import shipped_adapters, specialities
from trainers.pretrained.packages import PACKAGES

NEWEST = 50  # answers whose speed is measured
MEGABYTE = 1_000_000
DEEPEST = 8  # versions of a lineage; a circle of bases would have no end
SPEED = """
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY length(text) * 1000.0 / greatest(latency_ms, 1)),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY first_text_ms),
       count(*)
  FROM (SELECT text, latency_ms, first_text_ms FROM feedback_response
         WHERE version_id = %s AND latency_ms IS NOT NULL AND state = 'finished'
         ORDER BY id DESC LIMIT %s) newest
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large a model is: parameters of the checkpoint, and megabytes of files.

    `megabytes` are those of the checkpoint as it is downloaded, `adapter_megabytes` those of the
    adapter above it; None where there is none, or its files are not on this machine.
    """

    parameters: int
    megabytes: float | None
    adapter_megabytes: float | None

    @property
    def words(self) -> str:
        """Return the size as people read it."""
        millions = f"{self.parameters / 1e6:.1f}"
        words = [_("%(millions)s million parameters") % {"millions": millions}]
        if self.megabytes is not None:
            words.append(f"{self.megabytes:.0f} MB")
        if self.adapter_megabytes is not None:
            adapter = _("with an adapter of %(megabytes)s MB")
            words.append(adapter % {"megabytes": f"{self.adapter_megabytes:.1f}"})
        return ", ".join(words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """The medians over a version's newest answers on this site, `answers` of them.

    characters_per_second   of an answer, from the question to its end
    first_text_seconds      to its first words; None where that was not measured
    """

    characters_per_second: float
    first_text_seconds: float | None
    answers: int

    @property
    def words(self) -> str:
        """Return the speed as people read it."""
        rate = {"rate": f"{self.characters_per_second:.0f}"}
        words = [_("%(rate)s characters a second") % rate]
        if self.first_text_seconds is not None:
            first = {"seconds": f"{self.first_text_seconds:.1f}"}
            words.append(_("first words after %(seconds)s s") % first)
        return ", ".join(words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instructions:
    """What is sent with every message to a version."""

    system_prompt: str
    sampling: Mapping[str, Any]


def version_size(version: ModelVersion) -> Size | None:
    """Return the size of a version that runs here; None of one that a server elsewhere runs."""
    adapter: float | None = None
    name = version.remote_name
    if name not in specialities() and version.base is not None:
        name, adapter = version.base.remote_name, _tuned_megabytes(version)
    one = specialities().get(name)
    if one is None or one.base not in PACKAGES:
        return None
    package = PACKAGES[one.base]
    if one.adapter:
        adapter = _megabytes(shipped_adapters(one.base)[one.name])
    weights = package.folder / package.file if package.folder else None
    return Size(
        parameters=package.parameters,
        megabytes=_megabytes(weights) if weights else None,
        adapter_megabytes=adapter,
    )


def version_speed(version: ModelVersion) -> Speed | None:
    """Return how fast a version answers here; None where no answer of it was timed."""
    with connection.cursor() as cursor:
        cursor.execute(SPEED, [version.pk, NEWEST])
        rate, first, answers = cursor.fetchone()
    if not answers:
        return None
    return Speed(
        characters_per_second=rate,
        first_text_seconds=None if first is None else first / 1000,
        answers=answers,
    )


def version_instructions(version: ModelVersion, viewer: object) -> Instructions | None:
    """Return what a version is told, where the viewer may know.

    Those of the models that come with the site are public; others are their operators' own.
    """
    is_operator = isinstance(viewer, Contributor) and viewer.is_operator
    if not (is_operator or _is_as_shipped(version)):
        return None
    if not (version.system_prompt or version.sampling):
        return None
    return Instructions(system_prompt=version.system_prompt, sampling=version.sampling)


def lineage_rated(version: ModelVersion) -> list[tuple[ModelVersion, Row | None]]:
    """Return a version and what it was made from, the first base first, each with its rating.

    Empty where it was made from no other version.
    """
    chain = [version]
    while chain[-1].base is not None and len(chain) < DEEPEST:
        chain.append(chain[-1].base)
    if len(chain) == 1:
        return []
    rows = {row.model: row for row in leaderboard().rows}
    return [(one, rows.get(one.label)) for one in reversed(chain)]


def _is_as_shipped(version: ModelVersion) -> bool:
    """Say whether it is told what a model that comes with the site is told, as what is tuned is."""
    told = (version.system_prompt, version.sampling)
    return told in [(one.system_prompt, one.sampling) for one in specialities().values()]


def _tuned_megabytes(version: ModelVersion) -> float | None:
    checkpoint: Checkpoint | None = getattr(version, "checkpoint", None)
    return _megabytes(Path(checkpoint.path)) if checkpoint else None


def _megabytes(path: Path) -> float | None:
    """Return the size of a file, or of the weights in a folder; None where it is not there."""
    files = path.glob("*.safetensors") if path.is_dir() else [path]
    sizes = [file.stat().st_size for file in files if file.is_file()]
    return sum(sizes) / MEGABYTE if sizes else None
