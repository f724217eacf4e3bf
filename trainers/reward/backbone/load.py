"""Loading a lora or full artifact, and scoring with it.

By hand, a full artifact is `AutoModelForSequenceClassification.from_pretrained(path)`; an adapter
is `PeftModel.from_pretrained(base, path)` on a base of that class with `num_labels=1`, whose
`config.pad_token_id` is the tokenizer's. The one logit is the score.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from peft import PeftModel

from trainers.artifacts import Artifact
from trainers.encoding.encoder import encoder_folder
from trainers.reward.answers import Answer
from trainers.reward.backbone.forward import Backbone, in_parts
from trainers.reward.backbone.model import Tuned, load_checkpoint, scale_head
from trainers.reward.backbone.reading import Tokens
from trainers.reward.config import REWARD, TransformerConfig
from trainers.reward.judge import Floats, RewardJudge
from trainers.tuning.devices import pick_device
from trainers.tuning.processes import Processes

TWIN = "bradley_terry"  # the folder of an artifact that holds the twin
SCORED_TOKENS = 16384  # a forward without gradients


class BackboneJudge(RewardJudge):
    """A tuned transformer; processes launched together share what is to be read."""

    def __init__(self, tuned: Tuned, processes: Processes) -> None:
        self.tuned = tuned
        self._processes = processes

    def outputs(self, answers: Sequence[Answer]) -> Floats:
        scores = score_tokens(self.tuned, self.tuned.reader.read(answers), self._processes)
        return scores[:, None, None]

    def rescale(self, temperature: float) -> None:
        scale_head(self.tuned.model, 1.0 / temperature)


@torch.inference_mode()
def score_tokens(tuned: Tuned, sequences: Sequence[Tokens], processes: Processes) -> Floats:
    """Rewards of sequences, (n,), each process computing a share of them."""
    tuned.model.eval()
    rewards = torch.zeros(len(sequences), device=tuned.backbone.device)
    parts = list(in_parts(sequences, SCORED_TOKENS))
    for rows in parts[processes.rank :: processes.count]:
        found = tuned.backbone.rewards([sequences[row] for row in rows])
        rewards[torch.from_numpy(rows).to(rewards.device)] = found
    processes.add_up([rewards])
    scores: Floats = rewards.double().cpu().numpy().astype(np.float64)
    return scores


def load(artifact: Artifact) -> RewardJudge:
    """The trained model of an artifact."""
    return _judge(artifact, artifact.path)


def load_twin(artifact: Artifact) -> RewardJudge | None:
    """Its Bradley–Terry twin, where one was trained."""
    folder = artifact.path / TWIN
    return _judge(artifact, folder) if folder.is_dir() else None


def _judge(artifact: Artifact, folder: Path) -> RewardJudge:
    config = REWARD.stored(artifact.card["config"])
    assert isinstance(config, TransformerConfig)
    device = pick_device("auto")
    full = config.mode == "full"
    base = folder if full else encoder_folder(config.model_name_or_path)
    exact = (torch.float32, torch.float32)
    tuned = load_checkpoint(base, config, device, exact, tokenizer=folder)
    if not full:
        model = PeftModel.from_pretrained(tuned.model, folder).to(device).eval()
        tuned = Tuned(Backbone(model, tuned.backbone.pad, torch.float32), tuned.reader)
    return BackboneJudge(tuned, Processes(0, 1, device))
