"""The export read by the libraries that people use it with: datasets, TRL and evalica."""

from pathlib import Path
from typing import Any

import evalica
import pandas as pd
import pytest
from django.core.management import call_command
from pytest_django import Settings

from feedback.people.selectors import rater_of
from feedback.pool.models import Outcome
from feedback.pool.reactions import reaction_record
from feedback.publication.shapes import SHAPES
from feedback.ranking.selectors import leaderboard
from tests.feedback.builders import judge, make_comparison, make_contributor, make_version
from trainers.ranking import PairCounts, fit

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of 16 dimensions and a byte-level tokenizer, made on the spot."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny")
    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator([], vocab_size=260, special_tokens=["<pad>", "<s>", "</s>"])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=trained._tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>"
    )
    tokenizer.chat_template = (
        "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}</s>{% endfor %}"
    )
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        pad_token_id=tokenizer.pad_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def pool(settings: Settings) -> None:
    """Thirty-six judgments of twelve comparisons with their consensus, a score and a thumb."""
    from feedback.quality.services import consensus_refresh

    settings.PUBLICATION_DELAY_SECONDS = 0
    models = [make_version(name) for name in ("One", "Two", "Three")]
    people = [make_contributor() for _ in range(3)]
    for number in range(12):
        pair = make_comparison(None, models[number % 3], models[(number + 1) % 3])
        for place, person in enumerate(people):
            judge(pair, person, "tie" if number == place else "ab"[(number * place) % 5 == 4])
    Outcome.objects.create(turn=pair.turn, version=pair.version_a, score=0.5, source="s")
    reaction_record(response=pair.response_a, rater=rater_of(people[0]), kind="thumb", value="up")
    consensus_refresh()


def written(folder: Path, shape: str, file_format: str) -> Path:
    """An export by the command."""
    path = folder / f"{shape}.{file_format}"
    call_command("export_data", path, shape=shape, format=file_format)
    return path


@pytest.mark.parametrize("shape", SHAPES)
def test_datasets_loads_both_formats_to_the_same_rows(
    pool: None, tmp_path: Path, shape: str
) -> None:
    from datasets import load_dataset

    def loaded(builder: str, file_format: str) -> Any:
        file = str(written(tmp_path, shape, file_format))
        cache = str(tmp_path / "cache")
        return load_dataset(builder, data_files=file, split="train", cache_dir=cache)

    lines, parquet = loaded("json", "jsonl"), loaded("parquet", "parquet")
    assert len(lines) == len(parquet) > 0
    assert lines.column_names == parquet.column_names
    same = [
        name for name in lines.column_names if name != "created_at"
    ]  # text in one, a time in the other
    assert lines.select_columns(same).to_list() == parquet.select_columns(same).to_list()


def test_trl_trains_a_reward_model_on_the_file_as_it_is(
    pool: None, tmp_path: Path, tiny_checkpoint: Path
) -> None:
    from datasets import load_dataset
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    from trl import RewardConfig, RewardTrainer

    file = str(written(tmp_path, "trl", "jsonl"))
    rows = load_dataset("json", data_files=file, split="train", cache_dir=str(tmp_path))
    trainer = RewardTrainer(
        model=AutoModelForSequenceClassification.from_pretrained(tiny_checkpoint, num_labels=1),
        args=RewardConfig(**_one_step(tmp_path)),
        train_dataset=rows,
        processing_class=AutoTokenizer.from_pretrained(tiny_checkpoint),
    )
    assert trainer.train().global_step == 1


def test_trl_trains_a_policy_on_the_file_as_it_is(
    pool: None, tmp_path: Path, tiny_checkpoint: Path
) -> None:
    from datasets import load_dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig, DPOTrainer

    file = str(written(tmp_path, "trl", "parquet"))
    rows = load_dataset("parquet", data_files=file, split="train", cache_dir=str(tmp_path))
    trainer = DPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(tiny_checkpoint),
        args=DPOConfig(**_one_step(tmp_path)),
        train_dataset=rows,
        processing_class=AutoTokenizer.from_pretrained(tiny_checkpoint),
    )
    assert trainer.train().global_step == 1


def _one_step(folder: Path) -> dict[str, Any]:
    return {
        "output_dir": str(folder / "trainer"),
        "max_steps": 1,
        "per_device_train_batch_size": 2,
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "report_to": [],
    }


def test_evalica_ranks_the_votes_as_the_leaderboard_does(pool: None, tmp_path: Path) -> None:
    votes = pd.read_json(written(tmp_path, "votes", "jsonl"), lines=True)
    named = {
        "model_a": evalica.Winner.X,
        "model_b": evalica.Winner.Y,
        "tie": evalica.Winner.Draw,
        "both_bad": evalica.Winner.Draw,
    }
    peer = evalica.bradley_terry(
        votes["model_a"],
        votes["model_b"],
        votes["winner"].map(named),
        tolerance=1e-12,
        limit=10_000,
    ).scores
    ours = {row.model: 10 ** ((row.rating - 1000) / 400) for row in leaderboard().rows}
    assert set(ours) == set(peer.index)
    for model, strength in ours.items():
        assert strength / ours["One"] == pytest.approx(peer[model] / peer["One"], rel=1e-6)


def test_arena_rank_takes_the_votes_as_they_are(pool: None, tmp_path: Path) -> None:
    reason = "arena-rank brings JAX: tried where somebody has installed it"
    data_utils = pytest.importorskip("arena_rank.utils.data_utils", reason=reason)
    bradley_terry = pytest.importorskip("arena_rank.models.bradley_terry", reason=reason)
    votes = pd.read_parquet(written(tmp_path, "votes", "parquet"))
    data = data_utils.PairDataset.from_pandas(votes)
    peer = bradley_terry.BradleyTerry(n_competitors=len(data.competitors))
    found = peer.compute_ratings_and_cis(data, significance_level=0.05)
    theirs = dict(zip(found["competitors"], found["ratings"].tolist(), strict=True))
    for row in fit(PairCounts.from_rows(_counted(votes))):
        assert theirs[row.model] == pytest.approx(row.rating, abs=0.01)


def _counted(votes: pd.DataFrame) -> list[tuple[str, str, str, float]]:
    """Every vote alike: arena-rank knows of no weights."""
    choice = {"model_a": "a", "model_b": "b"}
    return [
        (a, b, choice.get(winner, winner), 1.0)
        for a, b, winner in votes[["model_a", "model_b", "winner"]].itertuples(index=False)
    ]
