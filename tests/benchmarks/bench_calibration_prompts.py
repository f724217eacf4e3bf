"""Measure what answers to calibration prompts say of a model that nobody has judged; run by hand.

    python tests/benchmarks/bench_calibration_prompts.py SNAPSHOT [--models 33]

SNAPSHOT as mmlu_pro.py says; the answers are those of mmlu_pro_responses_sample. Each model is left
out in turn: the embedding is trained on the others, and the model's vector comes from what the row
names. Prints one JSON object: means over models, on test questions, of the log-loss and AUC of the
model's outcomes, of the routed score with the model among the others, of the correlation of its
expected with its true accuracy over the 14 subjects, and of the error of its accuracy on the whole.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks import mmlu_pro
from trainers.calibration_prompts.anchors import Anchors, choose_anchors
from trainers.calibration_prompts.answer_map import fit_answer_map
from trainers.embedding.config import EmbeddingConfig
from trainers.encoding.encoder import Encoder
from trainers.model_vectors.posterior import Prior, fit_new_model
from trainers.model_vectors.scorer import Scorer
from trainers.statistics.logistic import sigmoid
from trainers.statistics.measures import auc, row_log_loss

PROMPTS = 40

Floats = NDArray[np.float64]
Row = dict[str, float]


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("snapshot", type=Path)
    options.add_argument("--models", type=int, default=33)
    wanted = options.parse_args()
    config = EmbeddingConfig(device="cpu")
    data = mmlu_pro.read(wanted.snapshot, config)
    rows, said = mmlu_pro.answers(data)
    anchors = choose_anchors(data.vectors[rows].astype(np.float64), PROMPTS)
    texts = [text for number in anchors.items for text in said[number]]
    encoder = Encoder(config.model_name_or_path, max_tokens=config.max_length)
    answers = encoder.encode(texts).reshape(PROMPTS, len(data.models), -1).swapaxes(0, 1)
    found: dict[str, list[Row]] = {}
    explained = []
    for model in np.random.default_rng(0).permutation(len(data.models))[: wanted.models]:
        one = LeftOut(data, int(model), rows, anchors, answers.astype(np.float64), config)
        for name, row in one.measured().items():
            found.setdefault(name, []).append(row)
        explained.append(one.map.explained)
    table = {
        name: {key: round(float(np.mean([row[key] for row in many])), 4) for key in many[0]}
        for name, many in found.items()
    }
    said_of = {"models": len(explained), "prompts": PROMPTS, "explained": float(np.mean(explained))}
    sys.stdout.write(json.dumps(said_of | {"means": table}) + "\n")


class LeftOut:
    """One model, and the embedding of all the others."""

    def __init__(
        self,
        data: mmlu_pro.MmluPro,
        model: int,
        rows: mmlu_pro.Rows,
        anchors: Anchors,
        answers: Floats,
        config: EmbeddingConfig,
    ) -> None:
        self.data, self.model, self.anchors = data, model, anchors
        self.rows, self.asked = rows, rows[anchors.items]
        self.others = np.delete(np.arange(len(data.models)), model)
        known = data.only(self.others)
        self.holdout = mmlu_pro.divided(len(data.texts), 0)
        self.scorer: Scorer = known.fitted(np.ones(known.scores.shape, bool), self.holdout, config)
        self.map = fit_answer_map(answers[self.others], self.scorer.vectors, anchors.weights)
        self.said = self.map.prior_of(answers[model])
        test = np.setdiff1d(self.holdout.test, self.asked)
        self.test = test[~np.isnan(data.scores[test]).any(1)]

    def measured(self) -> dict[str, Row]:
        """Every way to a vector, measured."""
        few = self._random(20)
        plain, said = self.scorer.prior, self.said
        vectors = {
            "prior": plain.mean,
            "answers": said.mean,
            "20 outcomes": self._joined(few, plain),
            "answers, 20 outcomes": self._joined(few, said),
            f"prompts scored ({PROMPTS})": self._joined(self.asked, plain),
            f"answers, prompts scored ({PROMPTS})": self._joined(self.asked, said),
            f"{PROMPTS} random outcomes": self._joined(self._random(PROMPTS), plain),
            "500 outcomes": self._joined(self._random(500), plain),
        }
        for name, items in self._choices().items():
            rows = self.rows[choose_anchors(items, PROMPTS).items]
            vectors[f"anchors by {name} ({PROMPTS})"] = self._joined(rows, plain)
        return {name: self._row(vector) for name, vector in vectors.items()}

    def _choices(self) -> dict[str, Floats]:
        """What anchors can be chosen by; each of the others' columns stands for an item's."""
        z = self.scorer.features(self.data.vectors[self.rows])
        columns = self.data.scores[np.ix_(self.rows, self.others)]
        return {
            "expected scores": sigmoid(z @ self.scorer.vectors.T + self.scorer.offset),
            "outcomes": np.nan_to_num(columns, nan=0.5),
        }

    def _random(self, size: int) -> mmlu_pro.Rows:
        train = self.holdout.train
        ran = train[~np.isnan(self.data.scores[train, self.model])]
        return np.random.default_rng(self.model).permutation(ran)[:size]

    def _joined(self, rows: mmlu_pro.Rows, prior: Prior) -> Floats:
        ran = rows[~np.isnan(self.data.scores[rows, self.model])]
        scores = self.data.scores[ran, self.model]
        return fit_new_model(
            self.scorer.outcome_observations(self.data.vectors[ran], scores), prior
        )[0]

    def _row(self, vector: Floats) -> Row:
        z = self.scorer.features(self.data.vectors[self.test])
        logits = z @ np.vstack([self.scorer.vectors, vector]).T + self.scorer.offset
        own, label = logits[:, -1], self.data.scores[self.test, self.model]
        scores = self.data.scores[np.ix_(self.test, [*self.others, self.model])]
        expected, subjects = sigmoid(own), self.data.subjects[self.test]
        means = np.array(
            [
                (expected[subjects == one].mean(), label[subjects == one].mean())
                for one in np.unique(subjects)
            ]
        )
        return {
            "log_loss": float(row_log_loss(own, label).mean()),
            "auc": auc(own, label)(np.ones(len(own))),
            "routed": float(scores[np.arange(len(own)), logits.argmax(1)].mean()),
            "subjects_r": float(np.corrcoef(means.T)[0, 1]),
            "accuracy_error": abs(float(expected.mean() - label.mean())),
        }


if __name__ == "__main__":
    main()
