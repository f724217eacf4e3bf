"""The drawing of the map: equal scales, names that cover nothing, few and many models."""

import numpy as np
import pytest

from feedback.catalogue.map_svg import LONGEST, MARK, WIDTH, Drawing, map_drawing

Box = tuple[float, float, float, float]


def pixels(drawing: Drawing) -> np.ndarray:
    """The middles of the marks, (n, 2)."""
    size = np.array([WIDTH, drawing.height]) / 100
    return np.array([[float(s.x[:-1]), float(s.y[:-1])] for s in drawing.spots]) * size


def name_boxes(drawing: Drawing) -> list[tuple[int, Box]]:
    """What the names cover, with 6 pixels a letter: the sans of the site is not wider at 13."""
    boxes = []
    for number, ((x, y), spot) in enumerate(zip(pixels(drawing), drawing.spots, strict=True)):
        if name := spot.name:
            width = 6.0 * len(name.text)
            left = x + name.dx - {"start": 0, "middle": width / 2, "end": width}[name.anchor]
            boxes.append((number, (left, y + name.dy - 10, left + width, y + name.dy + 3)))
    return boxes


def overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def drawn(places: np.ndarray, names: list[str] | None = None) -> Drawing:
    points = tuple((float(x), float(y)) for x, y in places)
    return map_drawing(points, tuple(names or [f"Model {n}" for n in range(len(points))]), points)


@pytest.mark.parametrize("count", [3, 40, 150])
def test_names_cover_neither_marks_nor_names_nor_the_edge(count: int) -> None:
    places = np.random.default_rng(count).normal(size=(count, 2)) * [1.0, 0.4]
    drawing = drawn(places, [f"Some-Model-{n}-Instruct" for n in range(count)])
    boxes = name_boxes(drawing)
    assert len(boxes) > min(count, 20) * 0.6
    for number, box in boxes:
        assert box[0] >= 0
        assert box[2] <= WIDTH
        assert box[1] >= 0
        assert box[3] <= drawing.height
        for other, (x, y) in enumerate(pixels(drawing)):
            mark = (x - MARK + 1, y - MARK + 1, x + MARK - 1, y + MARK - 1)
            assert other == number or not overlap(box, mark)
        assert not any(overlap(box, b) for n, b in boxes if n != number)


def test_one_length_means_the_same_in_both_directions() -> None:
    places = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 1.0]])
    spots = pixels(drawn(places))
    across, up = spots[1] - spots[0], spots[2] - spots[0]
    assert across[0] / 3 == pytest.approx(-up[1], rel=0.01)  # the second axis points upwards
    assert abs(across[1]) + abs(up[0]) < 0.1


@pytest.mark.parametrize(
    "places",
    [
        np.zeros((1, 2)),
        np.zeros((4, 2)),
        np.array([[0, 0], [1.0, 0]]),
        np.array([[0, 0], [0, 9.0]]),
    ],
    ids=["one", "equal", "across", "upwards"],
)
def test_few_and_equal_places_are_in_the_drawing(places: np.ndarray) -> None:
    drawing = drawn(places)
    spots = pixels(drawing)
    assert np.all((spots >= 0) & (spots <= [WIDTH, drawing.height]))
    assert drawing.spots[0].name is not None
    assert np.allclose(spots.mean(0), [WIDTH / 2, drawing.height / 2], atol=0.1)


def test_what_lies_outside_the_frame_stands_at_the_edge_and_moves_nobody() -> None:
    frame = ((0.0, 0.0), (3.0, 0.0), (1.0, 1.0))
    far = ((50.0, 0.5), (1.0, -90.0))
    alone = map_drawing(frame, ("A", "B", "C"), frame)
    together = map_drawing(frame + far, ("A", "B", "C", "D", "E"), frame)
    assert together.height == alone.height
    np.testing.assert_allclose(pixels(together)[:3], pixels(alone), atol=0.01)
    assert [spot.is_outside for spot in together.spots] == [False] * 3 + [True] * 2
    beside, below = pixels(together)[3:]
    assert WIDTH - 30 < beside[0] < WIDTH - MARK
    assert together.height - 30 < below[1] < together.height - MARK


def test_a_flat_map_is_a_low_one() -> None:
    flat = drawn(np.array([[0, 0], [1.0, 0], [0.5, 0.05]]))
    square = drawn(np.array([[0, 0], [1.0, 1.0]]))
    assert flat.height < square.height


def test_long_names_are_shortened_and_wide_letters_take_more_room() -> None:
    drawing = drawn(np.array([[0, 0], [1.0, 0]]), ["x" * 200, "模型" * 8])
    long, wide = (spot.name for spot in drawing.spots)
    assert long is not None
    assert len(long.text) == LONGEST
    assert long.text.endswith("…")
    assert wide is not None
    assert wide.text == "模型" * 8
