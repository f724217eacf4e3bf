"""Outcomes of 33 models on MMLU-Pro as a table, from a snapshot of them.

    python -m trainers snapshot --from ../shared/data/mmlu_pro_correctness.parquet \
        --format outcomes --out SNAPSHOT \
        --profile trainers/data/formats/profiles/mmlu_pro_correctness.toml
"""

import json
import string
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from trainers.data.holdout import Holdout
from trainers.data.snapshot import Snapshot
from trainers.embedding.config import EmbeddingConfig
from trainers.embedding.fit import fit_embedding
from trainers.embedding.train import scorer_tensors
from trainers.encoding.encoder import Encoder
from trainers.model_vectors.evidence import Evidence, Outcomes, PairwiseComparisons, read_evidence
from trainers.model_vectors.scorer import Scorer
from trainers.tuning.devices import make_deterministic, one_thread

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

Table = NDArray[np.float64]
Rows = NDArray[np.int64]
NONE = np.empty(0, np.int64)
NO_COMPARISONS = PairwiseComparisons(
    prompt=NONE, first=NONE, second=NONE, label=np.empty(0), weight=np.empty(0)
)


@dataclass(frozen=True)
class MmluPro:
    """`scores` (questions, models): 1 right, 0 wrong, NaN not run; `vectors` (questions, d)."""

    texts: list[str]
    subjects: NDArray[np.str_]
    models: list[str]
    scores: Table
    vectors: NDArray[np.float32]

    def only(self, models: Rows) -> "MmluPro":
        """With some of the models."""
        names = [self.models[model] for model in models]
        return replace(self, models=names, scores=self.scores[:, models])

    def fitted(self, seen: NDArray[np.bool_], holdout: Holdout, config: EmbeddingConfig) -> Scorer:
        """An embedding trained on the cells (questions, models) that are `seen`."""
        prompt, model = np.nonzero(seen & ~np.isnan(self.scores))
        evidence = Evidence(
            prompts=[str(number) for number in range(len(self.texts))],
            texts=self.texts,
            models=self.models,
            outcomes=Outcomes(prompt=prompt, model=model, score=self.scores[prompt, model]),
            comparisons=NO_COMPARISONS,
            holdout=holdout,
        )
        make_deterministic(config.seed)
        with one_thread():
            model_, _ = fit_embedding(evidence, self.vectors, config, lambda *_: None)
        return Scorer.of(scorer_tensors(model_, evidence, self.vectors), self.models, "bench")


def read(snapshot: Path, config: EmbeddingConfig) -> MmluPro:
    """All questions; vectors come from the encoder's cache where they were made before."""
    opened = Snapshot.open(snapshot)
    evidence = read_evidence(opened)
    prompts = opened.table("prompts", ["prompt_id", "topics"]).to_pydict()
    topics = dict(zip(prompts["prompt_id"], prompts["topics"], strict=True))
    scores = np.full((len(evidence.prompts), len(evidence.models)), np.nan)
    ran = evidence.outcomes
    scores[ran.prompt, ran.model] = ran.score
    return MmluPro(
        texts=evidence.texts,
        subjects=np.array([topics[prompt][0] for prompt in evidence.prompts]),
        models=evidence.models,
        scores=scores,
        vectors=evidence.vectors(Encoder(config.model_name_or_path, max_tokens=config.max_length)),
    )


def answers(data: MmluPro) -> tuple[Rows, list[list[str]]]:
    """The questions (rows of the table) with every model's answer, and those, by question."""
    asked = pq.read_table(DATA / "mmlu_pro_questions.parquet").to_pydict()
    texts = {text: row for row, text in enumerate(data.texts)}
    row_of = {
        number: texts.get(f"{question}\n\n{_lettered(json.loads(options))}")
        for number, question, options in zip(
            asked["question_id"], asked["question"], asked["options"], strict=True
        )
    }
    sample = pq.read_table(DATA / "mmlu_pro_responses_sample.parquet").to_pydict()
    said: dict[int, dict[str, str]] = {}
    for number, model, text in zip(
        sample["question_id"], sample["model"], sample["response"], strict=True
    ):
        if (row := row_of.get(number)) is not None and text:
            said.setdefault(row, {})[model] = text
    full = sorted(row for row, by_model in said.items() if set(data.models) <= set(by_model))
    return np.array(full, np.int64), [[said[row][name] for name in data.models] for row in full]


def divided(questions: int, seed: int) -> Holdout:
    """80/10/10 over questions, at random."""
    order = np.random.default_rng(seed).permutation(questions)
    first, second = int(0.8 * questions), int(0.9 * questions)
    train, validation, test = (np.sort(part) for part in np.split(order, [first, second]))
    return Holdout(train=train, validation=validation, test=test)


def _lettered(options: list[str]) -> str:
    letters = string.ascii_uppercase
    return "\n".join(f"{letters[place]}. {option}" for place, option in enumerate(options))
