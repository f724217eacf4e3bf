"""Every model's accuracy on every benchmark, through snapshots, training and the artifact."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.trainers.pools import SUBJECTS, judgment, pair_record, snapshot_of
from tests.trainers.worlds import World, fitted, no_comparisons, outcomes_where, world
from trainers.data.formats import OutcomeRecord
from trainers.data.snapshot import Snapshot
from trainers.embedding.config import EMBEDDING
from trainers.embedding.train import train
from trainers.errors import InputError
from trainers.forecast.assess import accuracies
from trainers.forecast.benchmarks import Benchmark, read_benchmarks
from trainers.forecast.leave_out import LeaveOutVectors
from trainers.forecast.reports import Accuracy, BenchmarkReport, read_reports, write_reports
from trainers.model_vectors.evidence import Evidence, read_evidence
from trainers.progress import Progress
from trainers.statistics.intervals import wilson

pytestmark = pytest.mark.training
Array = np.ndarray

ASKED = np.arange(0, 2000, 5)  # the benchmark's questions, of both sides of the split


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAINERS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def outcome(prompt: str, model: str, score: float, **fields: object) -> OutcomeRecord:
    values: dict[str, object] = {"source": "exam", "topics": (), **fields}
    asked = ({"role": "user", "content": prompt},)
    return OutcomeRecord(
        row=1,
        external_id=None,
        messages=asked,
        question_id=None,
        model=model,
        score=score,
        licence="MIT",
        **values,  # type: ignore[arg-type]
    )


class TestReading:
    """What a benchmark is."""

    def test_a_source_and_each_of_its_common_topics(self, tmp_path: Path) -> None:
        records = [
            outcome(f"{topic} {number}", model, number / 100, topics=(topic,))
            for topic, count in (("law", 30), ("tax", 25), ("odd", 3))
            for number in range(count)
            for model in ("a", "b")
            if model == "a" or topic == "law"
        ]
        other = [outcome(f"x {number}", "a", 0.5, source="quiz") for number in range(30)]
        snapshot = snapshot_of(tmp_path / "s", [*records, *other])
        evidence = read_evidence(snapshot)
        found = {(one.source, one.topic): one for one in read_benchmarks(snapshot, evidence)}
        assert list(found) == [("exam", ""), ("exam", "law"), ("exam", "tax"), ("quiz", "")]
        assert [one.scores.shape for one in found.values()] == [(2, 58), (2, 30), (2, 25), (2, 30)]
        law = found["exam", "law"]
        told = [evidence.texts[question] for question in law.questions]
        expected = [int(text.split()[1]) / 100 for text in told]
        np.testing.assert_allclose(law.scores, [expected, expected])
        assert np.isnan(found["exam", "tax"].scores[1]).all()

    def test_one_topic_is_the_whole(self, tmp_path: Path) -> None:
        records = [
            outcome(f"law {number}", model, 1.0, topics=("law",))
            for number in range(40)
            for model in "ab"
        ]
        snapshot = snapshot_of(tmp_path / "s", records)
        assert [one.topic for one in read_benchmarks(snapshot, read_evidence(snapshot))] == [""]

    def test_a_snapshot_from_before_sources_has_none(self, tmp_path: Path) -> None:
        records = [outcome(f"q {number}", model, 1.0) for number in range(40) for model in "ab"]
        snapshot = snapshot_of(tmp_path / "s", records)
        evidence = read_evidence(snapshot)
        path = snapshot.path / "outcomes.parquet"
        pq.write_table(pq.read_table(path).drop_columns(["source"]), path)
        assert list(read_benchmarks(snapshot, evidence)) == []
        nameless = pq.read_table(path)
        nothing = pa.nulls(nameless.num_rows, pa.string())
        pq.write_table(nameless.append_column("source", nothing), path)
        assert list(read_benchmarks(snapshot, evidence)) == []


MADE = world(models=24, seed=3)


@pytest.fixture(scope="module")
def ran() -> Array:
    """Of the last six models three were not run on the benchmark, three on 15 questions."""
    ran = np.ones(MADE.logits.shape, bool)
    ran[np.ix_(ASKED, np.arange(18, 24))] = False
    ran[np.ix_(ASKED[:15], np.arange(21, 24))] = True
    ran[ASKED[:10], 0] = False  # nearly all
    return ran


@pytest.fixture(scope="module")
def found(ran: Array) -> dict[int, Accuracy]:
    return dict(accuracies(benchmark(MADE, ran), observed(MADE, ran)))


class TestAccuracies:
    """A model is told by how much of a benchmark it was run on."""

    def test_what_was_run_is_its_mean(self, found: dict[int, Accuracy]) -> None:
        for model in range(18):
            scores = MADE.outcomes[ASKED[10:] if model == 0 else ASKED, model]
            low, high = wilson(scores.mean(), len(scores))
            measured = Accuracy(
                how="measured",
                n=len(scores),
                accuracy=scores.mean(),
                low=float(low),
                high=float(high),
            )
            assert found[model] == measured

    def test_what_was_not_run_is_near_and_within_its_interval(
        self, found: dict[int, Accuracy]
    ) -> None:
        truth = MADE.outcomes[ASKED].mean(0)
        estimates = [found[model] for model in range(18, 24)]
        assert [(one.how, one.n) for one in estimates] == [("forecast", 0)] * 3 + [
            ("estimated", 15)
        ] * 3
        errors = np.abs([one.accuracy for one in estimates] - truth[18:])
        blind = np.abs(truth[:18].mean() - truth[18:])
        assert errors.mean() < 0.8 * blind.mean()
        inside = [one.low <= truth[18 + n] <= one.high for n, one in enumerate(estimates)]
        assert sum(inside) >= 5
        assert all(0.0 < one.high - one.low < 0.4 for one in estimates)

    def test_an_estimate_stays_within_what_its_scores_leave_possible(self) -> None:
        ran = np.ones(MADE.logits.shape, bool)
        ran[ASKED[200:], 5] = False
        found = dict(accuracies(benchmark(MADE, ran), observed(MADE, ran)))[5]
        won = MADE.outcomes[ASKED[:200], 5].sum()
        assert found.how == "estimated"
        assert won / 400 <= found.low <= found.accuracy <= found.high <= (won + 200) / 400

    def test_too_few_models_forecast_nobody_but_estimate_who_was_run(self) -> None:
        ran = np.ones(MADE.logits.shape, bool)
        ran[np.ix_(ASKED, np.arange(4, 24))] = False
        ran[np.ix_(ASKED[:30], np.arange(20, 24))] = True
        found = dict(accuracies(benchmark(MADE, ran), observed(MADE, ran)))
        assert sorted(found) == [0, 1, 2, 3, 20, 21, 22, 23]
        assert {found[model].how for model in (20, 21, 22, 23)} == {"estimated"}

    def test_a_topic_is_no_surer_than_its_source_of_a_model_that_met_none_of_it(self) -> None:
        """The models that were run on the source have met nothing else, so they tell nothing."""
        ran = np.zeros(MADE.logits.shape, bool)
        ran[np.ix_(ASKED, np.arange(18))] = True
        ran[np.ix_(np.delete(np.arange(2000), ASKED), np.arange(18, 24))] = True
        some = ASKED[:100]
        topic = Benchmark(
            source="exam", topic="law", questions=some, kin=ASKED, scores=table(MADE, ran)[some].T
        )
        found = dict(accuracies(topic, observed(MADE, ran)))
        known = MADE.outcomes[np.ix_(some, np.arange(18))].mean(0)
        for model in range(18, 24):
            assert found[model].accuracy == pytest.approx(known.mean())
            assert found[model].high - found[model].low > 3.5 * known.std()

    def test_a_benchmark_of_one_question(self) -> None:
        ran = np.ones(MADE.logits.shape, bool)
        ran[7, 10:] = False
        one = Benchmark(
            source="one",
            topic="",
            questions=np.array([7]),
            kin=np.array([7]),
            scores=table(MADE, ran)[[7]].T,
        )
        found = dict(accuracies(one, observed(MADE, ran)))
        assert len(found) == 24
        for model, known in found.items():
            assert known.how == ("measured" if model < 10 else "forecast")
            assert 0.0 <= known.low <= known.accuracy <= known.high <= 1.0
            assert known.high - known.low > 0.3


def table(made: World, ran: Array) -> Array:
    return np.where(ran, made.outcomes, np.nan)


def benchmark(made: World, ran: Array) -> Benchmark:
    return Benchmark(
        source="exam", topic="", questions=ASKED, kin=ASKED, scores=table(made, ran)[ASKED].T
    )


def observed(made: World, ran: Array) -> LeaveOutVectors:
    evidence: Evidence = made.evidence(outcomes_where(made, ran), no_comparisons())
    scorer = fitted(evidence, made.vectors)
    return LeaveOutVectors(evidence, scorer.features(made.vectors).astype(np.float64), scorer)


def exam(models: int, prompts: int = 200) -> Iterator[OutcomeRecord]:
    """Grades, not only 0 and 1; the last model was run on a quiz alone."""
    rng = np.random.default_rng(0)
    for number in range(prompts):
        prompt = f"Explain {SUBJECTS[number % 4]}, number {number}"
        for model in range(models):
            grade = float(np.clip(0.3 + 0.05 * model + 0.2 * rng.normal(), 0.0, 1.0))
            source = "quiz" if number % 2 else "exam"
            if source == "quiz" or model < models - 1:
                yield outcome(prompt, f"m{model}", grade, source=source)


class TestTraining:
    """The artifact holds what training found."""

    CONFIG = EMBEDDING.read({"dimension": 4, "optim.num_train_epochs": 3, "device": "cpu"})

    def trained(self, snapshot: Snapshot, out: Path) -> tuple[BenchmarkReport, ...]:
        return read_reports(train(snapshot, out, self.CONFIG, Progress(io.StringIO())).path)

    def test_grades_are_measured_and_forecast(self, tmp_path: Path) -> None:
        snapshot = snapshot_of(tmp_path / "s", exam(7))
        asked, quizzed = self.trained(snapshot, tmp_path / "e")
        assert (asked.source, asked.questions, quizzed.source) == ("exam", 100, "quiz")
        assert list(asked.models) == [f"m{number}" for number in range(7)]
        assert {known.how for known in quizzed.models.values()} == {"measured"}
        newest = asked.models["m6"]
        assert (newest.how, newest.n) == ("forecast", 0)
        assert newest.low < 0.6 < newest.high

    def test_comparisons_alone_tell_of_no_benchmark(self, tmp_path: Path) -> None:
        records = [
            pair_record(f"Explain {number}", ("yes", "no"), judgments=(judgment("r", "a"),))
            for number in range(80)
        ]
        assert self.trained(snapshot_of(tmp_path / "s", records), tmp_path / "e") == ()

    def test_two_models_are_measured_and_nobody_is_forecast(self, tmp_path: Path) -> None:
        snapshot = snapshot_of(tmp_path / "s", exam(2))
        asked, _ = self.trained(snapshot, tmp_path / "e")
        assert {name: known.how for name, known in asked.models.items()} == {"m0": "measured"}


class TestFile:
    """The reports beside the tensors."""

    def test_they_come_back_as_they_were(self, tmp_path: Path) -> None:
        known = Accuracy(how="forecast", n=0, accuracy=0.25, low=0.125, high=0.5)
        reports = (
            BenchmarkReport(source="Prüfung", topic="", questions=12, models={"mödel": known}),
        )
        write_reports(tmp_path, reports)
        assert read_reports(tmp_path) == reports

    def test_an_artifact_from_before_them_has_none(self, tmp_path: Path) -> None:
        assert read_reports(tmp_path) == ()

    def test_a_broken_file_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "benchmarks.json").write_text("{")
        with pytest.raises(InputError, match=r"benchmarks\.json"):
            read_reports(tmp_path)
