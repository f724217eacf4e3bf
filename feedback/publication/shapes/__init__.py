"""The shapes of the export. A new one is a module here, and its name in this list."""

from feedback.publication.shapes.base import Shape
from feedback.publication.shapes.consensus import CONSENSUS, TRL
from feedback.publication.shapes.judgments import PREFERENCES, VOTES
from feedback.publication.shapes.outcomes import OUTCOMES
from feedback.publication.shapes.reactions import UNPAIRED

SHAPES: dict[str, Shape] = {
    shape.name: shape for shape in (PREFERENCES, CONSENSUS, TRL, UNPAIRED, VOTES, OUTCOMES)
}
