"""Krippendorff's alpha against his own definition in loops, and against two peers."""

import evalica
import krippendorff
import numpy as np
import pandas as pd
import pytest

from trainers.statistics.agreement import Alpha, Level, krippendorff_alpha

# Krippendorff (2011), section C: four observers, twelve units, missing ratings.
PAPER = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]


def alpha(table: list[list[int | None]], *, values: int, level: Level = "nominal") -> Alpha:
    """Of a row a rater and a column a unit; equal units are told once."""
    units = np.array(
        [[unit.count(v + 1) for v in range(values)] for unit in zip(*table, strict=True)]
    )
    return krippendorff_alpha(*np.unique(units, axis=0, return_counts=True), level)


def simulated(seed: int, *, units: int = 60, values: int = 4) -> list[list[int | None]]:
    rng = np.random.default_rng(seed)
    truth = rng.integers(1, values + 1, units)
    rows = []
    for _ in range(5):
        said = np.where(rng.random(units) < 0.6, truth, rng.integers(1, values + 1, units))
        rows.append([int(v) if rng.random() < 0.7 else None for v in said])
    return rows


def reference(table: list[list[int | None]], level: Level) -> float:
    """Every pair of ratings of one unit, and every pair of all ratings."""
    units = [[row[u] for row in table if row[u] is not None] for u in range(len(table[0]))]
    units = [unit for unit in units if len(unit) >= 2]
    pool = [v for unit in units for v in unit]
    n = len(pool)

    def distance(c: int, k: int) -> float:
        if level == "nominal":
            return float(c != k)
        if level == "interval":
            return float((c - k) ** 2)
        low, high = min(c, k), max(c, k)
        between = sum(low <= v <= high for v in pool)
        return (between - (pool.count(c) + pool.count(k)) / 2) ** 2

    observed = sum(
        distance(unit[i], unit[j]) / (len(unit) - 1)
        for unit in units
        for i in range(len(unit))
        for j in range(len(unit))
        if i != j
    )
    expected = sum(distance(pool[i], pool[j]) for i in range(n) for j in range(n) if i != j)
    return 1 - (observed / n) / (expected / (n * (n - 1)))


@pytest.mark.parametrize(
    ("level", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_the_papers_example(level: Level, published: float) -> None:
    found = alpha(PAPER, values=5, level=level)
    assert found.alpha == pytest.approx(published, abs=5e-4)
    assert (found.units, found.ratings) == (11, 40)


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
@pytest.mark.parametrize("seed", range(3))
def test_the_definition_and_the_peers_give_the_same(level: Level, seed: int) -> None:
    table = simulated(seed)
    found = alpha(table, values=4, level=level).alpha
    assert found == pytest.approx(reference(table, level), abs=1e-12)
    as_floats = np.array([[np.nan if v is None else v for v in row] for row in table])
    peer = krippendorff.alpha(reliability_data=as_floats, level_of_measurement=level)
    assert found == pytest.approx(peer, abs=1e-9)
    second = evalica.alpha(pd.DataFrame(as_floats), distance=level).alpha
    assert found == pytest.approx(second, abs=1e-9)


def test_the_interval_is_that_of_evalicas_bootstrap() -> None:
    table = simulated(7, units=200)
    found = alpha(table, values=4)
    as_floats = pd.DataFrame([[np.nan if v is None else v for v in row] for row in table])
    peer = evalica.alpha_bootstrap(as_floats, distance="nominal", n_resamples=2000, random_state=0)
    assert found.low < found.alpha < found.high
    width = found.high - found.low
    assert found.low == pytest.approx(peer.low, abs=0.25 * width)
    assert found.high == pytest.approx(peer.high, abs=0.25 * width)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """Raters who keep the truth with chance s, else answer evenly, have alpha = s² for nominal."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(100):
        truth = rng.integers(0, 4, 150)
        keep = rng.random((3, 150)) < 0.7
        said = np.where(keep, truth, rng.integers(0, 4, (3, 150)))
        found = alpha((said + 1).tolist(), values=4)
        held += found.low <= 0.49 <= found.high
    assert held >= 88


def test_nothing_to_compare_is_not_a_number() -> None:
    assert np.isnan(krippendorff_alpha(np.empty((0, 4)), []).alpha)
    assert alpha([[1, 1, 2]], values=4).units == 0
    assert np.isnan(alpha([[1], [1]], values=4).alpha)
