"""Two heads on frozen features that look for wrong labels together; used in every mode."""

import numpy as np
import torch

from trainers.reward.config import HeadConfig, RewardConfig
from trainers.reward.data import Pairs
from trainers.reward.frozen.features import Readers, answer_features
from trainers.reward.frozen.train import HeadStart, new_head
from trainers.reward.noise import Quarantine, Rows, batch_of, peer_margins, set_aside
from trainers.tuning.devices import one_thread


def find_noise(pairs: Pairs, config: RewardConfig) -> Quarantine:
    """The training and validation pairs whose labels two peers do not believe."""
    readers = Readers.of(config.features, cached=True)
    features = answer_features(readers, pairs.answers, mapped=True)
    peers = []
    for peer in (0, 1):
        start = HeadStart(head=HeadConfig(), layers=config.features.layers, seed=config.seed + peer)
        peers.append(new_head(pairs, features, config.features.hidden_size, start, 1).train())
    rows = np.concatenate([pairs.holdout.train, pairs.holdout.validation])
    cpu = torch.device("cpu")

    def gaps(peer: int, places: Rows) -> torch.Tensor:
        chosen = rows[places]
        ends = np.concatenate([pairs.first[chosen], pairs.second[chosen]])
        answers, where = np.unique(ends, return_inverse=True)
        rewards = peers[peer](*features.rows(answers, cpu))[:, 0, 0][torch.from_numpy(where)]
        found: torch.Tensor = rewards[: len(chosen)] - rewards[len(chosen) :]
        return found

    first, second = (
        torch.optim.AdamW(
            peer.parameters(), lr=config.optim.learning_rate, weight_decay=config.optim.weight_decay
        )
        for peer in peers
    )
    with one_thread():
        margins = peer_margins(
            pairs.comparisons.label[rows],
            config.noise,
            gaps,
            (first, second),
            batch=batch_of(config, len(rows)),
            seed=config.seed,
        )
    return set_aside(pairs, rows, margins, config.noise)
