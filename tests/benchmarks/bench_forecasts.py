"""Accuracies on a benchmark that was not run, or hardly, with their intervals; run by hand.

    python tests/benchmarks/bench_forecasts.py SNAPSHOT [--subjects 14]

SNAPSHOT as mmlu_pro.py says; each subject of MMLU-Pro is a benchmark. Prints one JSON object; of
each way the mean absolute error of the accuracy and, where it has one, the coverage and the mean
width of its 95 % interval, over models and subjects:

forecast    a third of the models was not run on the subject, when the embedding was trained either:
            what the product says, beside what the embedding expects on the questions and the mean
            of the other models; Kendall's tau of the ranking
narrow      the same of models that were run on three other subjects only
strange     the same of models that were run on seven subjects, on the other seven taken as a source
            of their own, of which they have met nothing
<n>         the same models were run on n questions: their mean, gp-IRT, and with the forecast
<n> cells   n cells of the table were run, at random; the embedding without the subject: the mean
            of each model's own, and PromptEval's table
"""

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks import mmlu_pro
from trainers.embedding.config import EmbeddingConfig
from trainers.forecast.assess import NEARLY_ALL, accuracies
from trainers.forecast.benchmarks import Benchmark
from trainers.forecast.leave_out import LeaveOutVectors
from trainers.forecast.partial_runs import KnownItems
from trainers.forecast.rasch import row_scores
from trainers.model_vectors.evidence import Evidence, Outcomes
from trainers.model_vectors.scorer import Scorer
from trainers.statistics.intervals import wilson

ITEMS = (10, 20, 50, 100)
CELLS = (200, 400, 800, 1600)
NARROW = 2  # trainings in which a third of the models was run on few subjects only

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Found = defaultdict[str, list[list[float]]]


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("snapshot", type=Path)
    options.add_argument("--subjects", type=int, default=14)
    wanted = options.parse_args()
    data = mmlu_pro.read(wanted.snapshot, EmbeddingConfig(device="cpu"))
    found: Found = defaultdict(list)
    taus: list[float] = []
    subjects = np.unique(data.subjects)
    for number in range(NARROW):
        rng = np.random.default_rng(100 + number)
        some = rng.permutation(subjects)
        narrow(data, subjects, some[:3], rng, found["narrow"], of_one_source=True)
        narrow(data, subjects, some[:7], rng, found["strange"], of_one_source=False)
    for number, subject in enumerate(subjects[: wanted.subjects]):
        rng = np.random.default_rng(number)
        new = rng.permutation(len(data.models))[: len(data.models) // 3]
        ran = ~np.isnan(data.scores)
        ran[np.ix_(data.subjects == subject, new)] = False
        taus.append(of_subject(data, subject, ran, new, found))
        sparse(data, data.subjects == subject, rng, found)
        sys.stderr.write(f"{subject}: {summary(found)}\n")
    sys.stdout.write(json.dumps({"tau": round(float(np.mean(taus)), 3)} | summary(found)) + "\n")


def summary(found: Found) -> dict[str, dict[str, float]]:
    """The means of every way's rows."""
    names = ("error", "coverage", "width")
    means = {way: np.mean(rows, 0).round(4).tolist() for way, rows in found.items()}
    return {way: dict(zip(names, mean, strict=False)) for way, mean in means.items()}


def of_subject(
    data: mmlu_pro.MmluPro, subject: str, ran: NDArray[np.bool_], new: Ints, found: Found
) -> float:
    """Forecasts and estimates of the models that were not run; the ranking's tau."""
    rng = np.random.default_rng(0)
    inside, kin = np.flatnonzero(data.subjects == subject), np.arange(len(data.texts))
    sights, scorer = trained(data, ran, seed=len(found["forecast"]))
    complete = np.isnan(data.scores[inside]).mean(0) < 1.0 - NEARLY_ALL
    asked = [model for model in new if complete[model]]
    truth = np.nanmean(data.scores[inside], 0)
    told = np.where(ran, data.scores, np.nan)[inside].T
    guessed = dict(
        accuracies(
            Benchmark(source="MMLU-Pro", topic=subject, questions=inside, kin=kin, scores=told),
            sights,
        )
    )
    others_mean = truth[~np.isnan(told).all(1)].mean()
    expected = scorer.probabilities(data.vectors[inside]).mean(0)
    for model in asked:
        one = guessed[int(model)]
        note(found["forecast"], truth[model], one.accuracy, one.low, one.high)
        found["forecast: embedding alone"].append([abs(expected[model] - truth[model])])
        found["forecast: others' mean"].append([abs(others_mean - truth[model])])
    others = KnownItems(told[np.isnan(told).mean(1) < 1.0 - NEARLY_ALL])
    for count in ITEMS:
        few = told.copy()
        for model in asked:
            known = np.flatnonzero(~np.isnan(data.scores[inside, model]))
            seen = rng.choice(known, count, replace=False)
            few[model, seen] = data.scores[inside[seen], model]
        both = dict(
            accuracies(
                Benchmark(source="MMLU-Pro", topic=subject, questions=inside, kin=kin, scores=few),
                sights,
            )
        )
        for model in asked:
            mean = float(np.nanmean(few[model]))
            low, high = wilson(mean, count)
            items, one = others.estimate(few[model]), both[int(model)]
            note(found[f"{count}: mean"], truth[model], mean, float(low), float(high))
            ends = items.value - items.half_width, items.value + items.half_width
            note(found[f"{count}: gp-IRT"], truth[model], items.value, *ends)
            note(found[f"{count}: as shown"], truth[model], one.accuracy, one.low, one.high)
    return float(kendalltau([guessed[int(m)].accuracy for m in asked], truth[asked]).statistic)


def narrow(
    data: mmlu_pro.MmluPro,
    subjects: NDArray[np.str_],
    known: NDArray[np.str_],
    rng: np.random.Generator,
    rows: list[list[float]],
    *,
    of_one_source: bool,
) -> None:
    """Forecasts of models that were run on the `known` subjects, on all the others.

    These belong to the same source as those that are known, or are one of their own.
    """
    new = rng.permutation(len(data.models))[: len(data.models) // 3]
    ran = ~np.isnan(data.scores)
    ran[np.ix_(~np.isin(data.subjects, known), new)] = False
    sights, _ = trained(data, ran, seed=int(new[0]))
    kin = np.flatnonzero(of_one_source | ~np.isin(data.subjects, known))
    for subject in np.setdiff1d(subjects, known):
        inside = np.flatnonzero(data.subjects == subject)
        told = np.where(ran, data.scores, np.nan)[inside].T
        guessed = dict(
            accuracies(
                Benchmark(source="MMLU-Pro", topic=subject, questions=inside, kin=kin, scores=told),
                sights,
            )
        )
        for model in new:
            if not np.isnan(data.scores[inside, model]).any():
                one, truth = guessed[int(model)], float(data.scores[inside, model].mean())
                note(rows, truth, one.accuracy, one.low, one.high)


def sparse(
    data: mmlu_pro.MmluPro, inside: NDArray[np.bool_], rng: np.random.Generator, found: Found
) -> None:
    """Estimates from few cells of the models x questions table."""
    ran = ~np.isnan(data.scores)
    whole = np.flatnonzero(inside & ran.all(1))
    ran[inside] = False
    sights, _ = trained(data, ran, seed=int(whole[0]))
    scores = data.scores[whole].T
    truth = scores.mean(1)
    for budget in CELLS:
        seen = np.zeros(scores.size, bool)
        seen[rng.choice(scores.size, budget, replace=False)] = True
        told = np.where(seen.reshape(scores.shape), scores, np.nan)
        table = row_scores(np.nan_to_num(told), ~np.isnan(told), sights.features)
        for model, value in enumerate(table.tolist()):
            if (count := int((~np.isnan(told[model])).sum())) == 0:
                continue
            mean = float(np.nanmean(told[model]))
            low, high = wilson(mean, count)
            note(found[f"{budget} cells: mean"], truth[model], mean, float(low), float(high))
            low, high = wilson(value, count)
            note(found[f"{budget} cells: table"], truth[model], value, float(low), float(high))


def trained(
    data: mmlu_pro.MmluPro, ran: NDArray[np.bool_], seed: int
) -> tuple[LeaveOutVectors, Scorer]:
    """The embedding of the cells (questions, models) that were run, and what it was taught by."""
    holdout = mmlu_pro.divided(len(data.texts), seed)
    scorer = data.fitted(ran, holdout, EmbeddingConfig(device="cpu"))
    prompt, model = np.nonzero(ran)
    evidence = Evidence(
        prompts=[str(number) for number in range(len(data.texts))],
        texts=data.texts,
        models=data.models,
        outcomes=Outcomes(prompt=prompt, model=model, score=data.scores[prompt, model]),
        comparisons=mmlu_pro.NO_COMPARISONS,
        holdout=holdout,
    )
    return LeaveOutVectors(
        evidence, scorer.features(data.vectors).astype(np.float64), scorer
    ), scorer


def note(rows: list[list[float]], truth: float, value: float, low: float, high: float) -> None:
    """Error, whether the interval covers, and its width."""
    rows.append([abs(value - truth), float(low <= truth <= high), high - low])


if __name__ == "__main__":
    main()
