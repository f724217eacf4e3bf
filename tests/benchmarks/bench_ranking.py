"""A million votes over a hundred models: rating them, plain and with style held equal; by hand.

    python tests/benchmarks/bench_ranking.py [--votes N] [--models M] [--leagues L]
        [--arena-rank PYTHON]

Prints one JSON object: seconds (the best of three runs) and seconds of processor time of

* counting and rating the votes, beside evalica on the same votes in the same process;
* rating from the tally alone, which is what a page does, and the checks beside a ranking;
* counting and rating with style held equal, and from the tally of styles alone;

the coefficient that is found of a true one of 0.25, how far summing up by cells moved ratings and
coefficients from those of the votes one by one, in shares of half an interval; and how often the
95 % intervals of ratings, of differences and of coefficients held the truth in simulated leagues.

With `--arena-rank`, the Python of an environment that has arena-rank (`pip install arena-rank`), it
rates the same votes there; a twentieth of them with style, since it keeps every vote.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import evalica
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.trainers.leagues import CHOICES, League, outcomes, styled_league
from trainers.ranking import PairCounts, fit
from trainers.ranking.bradley_terry import SCALE, hessian, inverse, pseudo_ties, strengths
from trainers.ranking.checks import checks
from trainers.ranking.style_control import StyledRanking, fit_styled

TRUE = (0.25, 0.03, 0.02, 0.02)
WINNERS = np.array([evalica.Winner.X, evalica.Winner.Y, evalica.Winner.Draw])
GAMES = 60
SHARE_WITH_STYLE = 20  # one vote in so many goes to arena-rank with its style

ARENA_RANK = """
import json, sys, time
import numpy as np, pandas as pd
from arena_rank.models.bradley_terry import BradleyTerry
from arena_rank.models.contextual_bradley_terry import ContextualBradleyTerry
from arena_rank.utils.data_utils import ContextualPairDataset, PairDataset
votes, styled = (pd.read_parquet(path) for path in sys.argv[1:3])
def timed(work):
    best = None
    for _ in range(3):
        started, used = time.perf_counter(), time.process_time()
        value = work()
        spent = time.perf_counter() - started, time.process_time() - used
        best = min(best, spent) if best else spent
    return value, [round(each, 3) for each in best]
def plain():
    data = PairDataset.from_pandas(votes)
    model = BradleyTerry(n_competitors=len(data.competitors))
    return model.compute_ratings_and_cis(data, significance_level=0.05)
names = ["length", "headers", "bold", "lists"]
def contextual(**options):
    data = ContextualPairDataset.from_pandas(styled, feature_cols=names, reweighted=False)
    model = ContextualBradleyTerry(len(data.competitors), len(names), **options)
    return model.compute_ratings_and_cis(data, significance_level=0.05)
found, spent = timed(plain)
out = {"seconds": spent[0], "cpu_seconds": spent[1],
       "ratings": dict(zip(found["competitors"], np.asarray(found["ratings"]).tolist()))}
for key, options in (("style_default", {}), ("style_reg_of_1_over_n", {"reg": 1 / len(styled)})):
    found, spent = timed(lambda: contextual(**options))
    out[key] = {"votes": len(styled), "seconds": spent[0], "cpu_seconds": spent[1]}
    out[key]["coefficients"] = np.asarray(found["coeffs"]).ravel().round(4).tolist()
print(json.dumps(out))
"""


def main() -> None:
    asked = arguments()
    rng = np.random.default_rng(0)
    league = styled_league(rng, models=asked.models, votes=asked.votes, c=TRUE)
    found: dict[str, Any] = {"votes": asked.votes, "models": asked.models}
    found |= plain(league) | styled(league)
    found["coverage"] = coverage(rng, asked.leagues) | {"leagues": asked.leagues}
    if asked.arena_rank:
        found["arena_rank"] = arena_rank(league, asked.arena_rank)
    sys.stdout.write(json.dumps(found) + "\n")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--votes", type=int, default=1_000_000)
    parser.add_argument("--models", type=int, default=100)
    parser.add_argument("--leagues", type=int, default=300)
    parser.add_argument("--arena-rank")
    return parser.parse_args()


def plain(league: League) -> dict[str, Any]:
    """Rating without style, beside evalica."""
    table = votes_table(league)
    left, right = table["model_a"].to_pylist(), table["model_b"].to_pylist()
    winners = WINNERS[league.outcome].tolist()
    ours = best_of_three(lambda: fit(counted(table)))
    theirs = best_of_three(lambda: evalica.bradley_terry(left, right, winners))
    counts = counted(table)
    ratings = fit(counts)
    return {
        "from_votes": ours,
        "evalica": theirs,
        "ratio": round(ours["seconds"] / theirs["seconds"], 3),
        "from_the_tally": best_of_three(lambda: fit(counts)) | {"rows": len(counts.n)},
        "checks": best_of_three(lambda: checks(counts, ratings, 0)),
    }


def styled(league: League) -> dict[str, Any]:
    """Rating with style, and the error of summing up."""
    summed, exact = league.summed(), fit_styled(league.one_by_one())
    found = fit_styled(summed)
    return {
        "styled_from_votes": best_of_three(lambda: fit_styled(league.summed())),
        "styled_from_the_tally": best_of_three(lambda: fit_styled(summed))
        | {"rows": len(summed.counts.n)},
        "style": [
            {"true": true, "found": round(effect.coefficient or 0.0, 5)}
            for effect, true in zip(found.effects, TRUE, strict=True)
        ],
        "error_of_cells_in_half_intervals": error_of_cells(found, exact),
    }


def error_of_cells(found: StyledRanking, exact: StyledRanking) -> dict[str, float]:
    """The largest over coefficients, and over ratings."""
    coefficients = [
        abs(ours.coefficient - one.coefficient) / (one.ci_high - one.coefficient)  # type: ignore[operator]
        for ours, one in zip(found.effects, exact.effects, strict=True)
    ]
    ratings = {rating.model: rating.rating for rating in found.ratings}
    moved = [
        abs(ratings[one.model] - one.rating) / (one.ci_high - one.rating) for one in exact.ratings
    ]
    return {"coefficients": round(max(coefficients), 4), "ratings": round(max(moved), 4)}


def votes_table(league: League) -> pa.Table:
    names = np.array(league.names)
    return pa.table(
        {
            "model_a": names[league.first],
            "model_b": names[league.second],
            "winner": np.array(["model_a", "model_b", "tie"])[league.outcome],
            "choice": CHOICES[league.outcome],
        }
    )


def counted(table: pa.Table) -> PairCounts:
    """What `python -m trainers ranking` does with a snapshot's judgments."""
    keys = ["model_a", "model_b", "choice"]
    counts = table.group_by(keys).aggregate([([], "count_all")]).to_pydict()
    return PairCounts.from_rows(zip(*counts.values(), strict=True))


def coverage(rng: np.random.Generator, leagues: int) -> dict[str, float]:
    """The share of 95 % intervals, over leagues of ten models, that hold the truth."""
    truth = np.linspace(-1, 1, 10)
    ratings: list[bool] = []
    differences: list[bool] = []
    with_style: list[bool] = []
    coefficients: list[bool] = []
    for _ in range(leagues):
        counts = round_robin(rng, truth)
        ratings += held({one.model: one for one in fit(counts)}, truth)
        differences += differences_held(counts, truth)
        league = styled_league(rng, models=10, votes=45 * GAMES, c=TRUE)
        found = fit_styled(league.summed())
        with_style += held({one.model: one for one in found.ratings}, truth)
        coefficients += [
            effect.ci_low <= true <= effect.ci_high  # type: ignore[operator]
            for effect, true in zip(found.effects, TRUE, strict=True)
        ]
    shares = {
        "ratings": ratings,
        "differences": differences,
        "ratings_with_style": with_style,
        "coefficients": coefficients,
    }
    return {name: round(float(np.mean(each)), 4) for name, each in shares.items()}


def round_robin(rng: np.random.Generator, truth: np.ndarray) -> PairCounts:
    pairs = np.array([(i, j) for i in range(10) for j in range(i)]).repeat(GAMES, axis=0)
    result = outcomes(rng, 1 / (1 + np.exp(truth[pairs[:, 1]] - truth[pairs[:, 0]])))
    rows = (
        (f"m{i:03d}", f"m{j:03d}", CHOICES[k], 1.0) for (i, j), k in zip(pairs, result, strict=True)
    )
    return PairCounts.from_rows(rows)


def held(found: dict[str, Any], truth: np.ndarray) -> list[bool]:
    """Whether each model's interval holds its true rating."""
    return [
        bool(found[f"m{i:03d}"].ci_low <= 1000 + SCALE * r <= found[f"m{i:03d}"].ci_high)
        for i, r in enumerate(truth)
    ]


def differences_held(counts: PairCounts, truth: np.ndarray) -> list[bool]:
    """Whether the interval of each two models' difference holds the true one."""
    r = strengths(counts).r
    p = 1 / (1 + np.exp(r[counts.second] - r[counts.first]))
    bread = inverse(hessian(counts, r, pseudo_ties(counts)))
    v = bread @ counts.laplacian(counts.square * (counts.score - p) ** 2) @ bread
    error = np.sqrt(np.diag(v)[:, None] + np.diag(v) - 2 * v)
    off = np.abs((r[:, None] - r) - (truth[:, None] - truth))
    return [bool(x) for x in (off <= 1.959964 * error)[np.triu_indices(len(r), 1)]]


def arena_rank(league: League, python: str) -> dict[str, Any]:
    """arena-rank on the same votes, in its own environment; beside it ours of the same style."""
    table = votes_table(league)
    some = slice(0, max(1, len(table) // SHARE_WITH_STYLE))
    part = League(league.truth, *(each[some] for each in (league.first, league.second)),
                  league.outcome[some], league.f[some])  # fmt: skip
    features = dict(zip(("length", "headers", "bold", "lists"), league.f.T, strict=True))
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("votes.parquet", "styled.parquet")]
        pq.write_table(table, paths[0])
        styled = table.slice(0, some.stop)
        for name, column in features.items():
            styled = styled.append_column(name, pa.array(column[some]))
        pq.write_table(styled, paths[1])
        done = subprocess.run(
            [python, "-c", ARENA_RANK, *map(str, paths)],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1]}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    ours = {rating.model: rating.rating for rating in fit(counted(table))}
    gaps = [abs(ours[model] - rating) for model, rating in found.pop("ratings").items()]
    found["largest_gap_to_ours"] = round(max(gaps), 3)
    same = fit_styled(part.summed()).effects
    found["ours_of_the_same_votes"] = [round(effect.coefficient or 0.0, 4) for effect in same]
    return found


def best_of_three(work: Callable[[], object]) -> dict[str, float]:
    runs = []
    for _ in range(3):
        started, used = time.perf_counter(), time.process_time()
        work()
        runs.append((time.perf_counter() - started, time.process_time() - used))
    seconds, cpu = min(runs)
    return {"seconds": round(seconds, 4), "cpu_seconds": round(cpu, 4)}


if __name__ == "__main__":
    main()
