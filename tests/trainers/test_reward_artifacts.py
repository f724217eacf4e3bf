"""Reward artifacts of every frozen kind, their cards, and input that cannot be used."""

import io
import json
import resource
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.trainers.command_line import run
from tests.trainers.configs import changed
from tests.trainers.pools import BAD, GOOD, careful_answers_win, judgment, pair_record, snapshot_of
from trainers.artifacts import Artifact, artifact_digest, open_artifact
from trainers.data.snapshot import Snapshot, split_of
from trainers.encoding.encoder import Encoder, encoder_folder
from trainers.errors import InputError
from trainers.progress import Progress
from trainers.reward.aspects import read_aspects
from trainers.reward.config import REWARD
from trainers.reward.data import read_pairs
from trainers.reward.evaluate import evaluate
from trainers.reward.model import Answer
from trainers.reward.model_card import calibration_svg
from trainers.reward.modes import load_model
from trainers.reward.train import train

pytestmark = pytest.mark.training
CONFIG = REWARD.read(
    {
        "optim.num_train_epochs": 6,
        "features.hidden_size": 16,
        "head.ensemble_size": 2,
        "head.architecture": "linear",
        "train_baseline": False,
        "device": "cpu",
    }
)
KINDS = {
    "gpm": {"head.kind": "gpm"},
    "attributes": {"head.kind": "attributes"},
    "every layer, ties, style": {
        "features.layers": "all",
        "loss.ties": "davidson",
        "loss.control": "style",
    },
    "margins, length, filter": {"loss.margin": 0.5, "loss.control": "length", "noise": 0.15},
}


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAINERS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """Raters say of the careful answer that it is clearer too; every seventh pair is a tie."""
    records = []
    for number, record in enumerate(careful_answers_win(140)):
        told = tuple(
            replace(one, choice="tie" if number % 7 == 0 else one.choice, aspects={"clear": side})
            for one in record.judgments
            for side in ["a" if GOOD[:12] in str(record.response_a) else "b"]
        )
        records.append(replace(record, judgments=told))
    return snapshot_of(tmp_path_factory.mktemp("pool") / "snapshot", records)


@pytest.fixture(scope="module", params=KINDS)
def trained(
    request: pytest.FixtureRequest, pool: Snapshot, tmp_path_factory: pytest.TempPathFactory
) -> Artifact:
    config = changed(CONFIG, KINDS[request.param])
    return train(pool, tmp_path_factory.mktemp("out") / "reward", config, quiet())


def quiet() -> Progress:
    return Progress(io.StringIO())


def answer(text: str) -> Answer:
    return Answer([{"role": "user", "content": "Explain lighthouses"}], text)


def test_every_kind_is_one_thing_to_its_users(trained: Artifact, pool: Snapshot) -> None:
    assert evaluate(open_artifact(trained.path), pool) == trained.card["metrics"]
    model = load_model(open_artifact(trained.path))
    good, bad = answer(GOOD.format("lighthouses")), answer(BAD.format("lighthouses"))
    chances = model.compare([(good, bad), (bad, good), (good, good)])
    assert chances.sum(1) == pytest.approx(np.ones(3))
    assert chances[0, 0] > chances[0, 1]
    assert chances[0, [1, 0, 2]] == pytest.approx(chances[1], abs=1e-6)
    assert chances[2, 0] == pytest.approx(chances[2, 1], abs=1e-6)
    assert (chances[:, 2] > 0).all()  # people tie
    scores = model.score([good, bad])
    assert scores[0] > scores[1]
    unsure = model.uncertainty([(good, bad), (good, good)])
    assert unsure[0] > 0.0
    assert unsure[1] == pytest.approx(0.0, abs=1e-9)
    assert model.score([]).shape == (0,)
    assert model.compare([]).shape == (0, 3)


def test_the_card_says_how_sure_and_how_biased_it_is(trained: Artifact) -> None:
    card = trained.card
    bins = card["metrics"]["calibration"]
    assert sum(row["n"] for row in bins) == card["metrics"]["n"]
    error = sum(row["n"] * abs(row["accuracy"] - row["confidence"]) for row in bins)
    assert error / card["metrics"]["n"] == pytest.approx(card["metrics"]["ece"])
    assert card["bias"]["position"]["swap_difference"] < 1e-9
    assert set(card["bias"]["length"]) >= {"longer_wins_by_model", "correlation"}
    histogram = card["training"]["tau"]
    assert len(histogram["edges"]) == len(histogram["counts"]) + 1
    text = (trained.path / "README.md").read_text()
    for word in ("## Data", "## Held-out results", "## Calibration", "## Bias", "## Limits"):
        assert word in text
    assert f"{card['metrics']['accuracy']:.3f}" in text
    plot = ElementTree.parse(trained.path / "calibration.svg")
    assert len(plot.findall(".//{http://www.w3.org/2000/svg}circle")) == len(bins)
    assert {"README.md", "calibration.svg"} < set(card["files"])


def test_what_was_quarantined_is_listed_and_not_trained_on(pool: Snapshot, tmp_path: Path) -> None:
    config = changed(CONFIG, {"noise": 0.2})
    artifact = train(pool, tmp_path / "out", config, quiet())
    listed = [json.loads(row) for row in (artifact.path / "quarantine.jsonl").open()]
    known = set(pool.table("consensus")["comparison_id"].to_pylist())
    assert {row["comparison_id"] for row in listed} <= known
    counts, whole = artifact.card["training"]["comparisons"], read_pairs(pool).counts
    gone = sum(whole[part] - counts[part] for part in ("train", "validation"))
    assert gone == len(listed) == artifact.card["training"]["quarantined"]
    assert counts["test"] == whole["test"]


def test_aspects_come_from_the_pool_in_the_order_of_the_comparison(pool: Snapshot) -> None:
    pairs = read_pairs(pool)
    assert list(pairs.aspects) == ["clear"]
    clear = pairs.aspects["clear"]
    careful = [GOOD[:12] in pairs.answers[row].text for row in pairs.first]
    assert clear.label.tolist() == [float(side) for side in careful]
    assert (clear.raters == 3).all()


def test_a_snapshot_from_before_aspects_has_none(pool: Snapshot, tmp_path: Path) -> None:
    shutil.copytree(pool.path, tmp_path / "old")
    path = tmp_path / "old" / "preferences.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["aspects"]), path)
    assert read_aspects(Snapshot(tmp_path / "old", {}), ["c"]) == {}


def test_the_plot_stands_for_nothing_held_out_too() -> None:
    assert ElementTree.fromstring(calibration_svg([])).tag.endswith("svg")
    row = {"n": 3.0, "confidence": 0.8, "accuracy": 0.7, "low": 0.3, "high": 0.9}
    assert "3 comparisons" in calibration_svg([row])


def test_equal_answers_are_left_out_and_counted(tmp_path: Path) -> None:
    records = list(careful_answers_win(120))
    vote = records[0].judgments
    records += [pair_record(f"q{n}", ("same", "same"), judgments=vote) for n in range(5)]
    counts = read_pairs(snapshot_of(tmp_path / "pool", records)).counts
    assert counts["identical"] == 5
    assert counts["train"] + counts["validation"] + counts["test"] == 120


def test_a_pool_of_equal_answers_is_refused(tmp_path: Path) -> None:
    vote = (judgment("r", "a"),)
    records = [pair_record(f"q{n}", ("same", "same"), judgments=vote) for n in range(30)]
    with pytest.raises(InputError, match="two equal texts"):
        read_pairs(snapshot_of(tmp_path / "pool", records))


def test_a_training_split_of_ties_alone_is_refused(tmp_path: Path) -> None:
    records = [
        replace(record, judgments=tuple(replace(one, choice="tie") for one in record.judgments))
        for record in careful_answers_win(120)
    ]
    decided = list(careful_answers_win(120, seed=1))
    mixed = [
        won if split_of(str(won.messages[0]["content"])) == "test" else tied
        for won, tied in zip(decided, records, strict=True)
    ]
    with pytest.raises(InputError, match="is a tie"):
        read_pairs(snapshot_of(tmp_path / "pool", mixed))


def test_an_answer_may_win_here_and_lose_there(tmp_path: Path) -> None:
    records = []
    for number in range(80):
        for texts in (("best", "good"), ("good", "bad")):
            vote = (judgment("r", "a"),)
            records.append(pair_record(f"question {number}", texts, judgments=vote))
    pool = snapshot_of(tmp_path / "pool", records)
    artifact = train(
        pool, tmp_path / "out", changed(CONFIG, {"optim.num_train_epochs": 10}), quiet()
    )
    model = load_model(artifact)
    best, good, bad = model.score([answer(text) for text in ("best", "good", "bad")])
    assert best > good > bad  # and a pool in which a always wins is no obstacle


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scaling.rho0": 0.6931472}, "rho0"),
        ({"scaling.tau0": 2.0, "scaling.tau_max": 1.0}, "tau_max"),
        ({"head.dimension": 3}, "dimension"),
        ({"noise": 0.5}, "noise"),
        ({"head.ensemble_size": 0}, "ensemble_size"),
        ({"head.kind": "oracle"}, "kind"),
        ({"loss.margin": 0.5, "loss.ties": "davidson"}, "margin"),
    ],
)
def test_meaningless_settings_are_refused_by_name(
    settings: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        REWARD.read(settings)


def test_a_disk_that_is_full_leaves_no_half_of_an_artifact(pool: Snapshot, tmp_path: Path) -> None:
    def limit() -> None:
        """The weights are the one file larger than this."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (5_000_000, 5_000_000))

    settings = (
        "--set",
        "optim.num_train_epochs=1",
        "head.architecture=mlp",
        "features.hidden_size=512",
        "head.ensemble_size=5",
        "device=cpu",
    )
    out = tmp_path / "out" / "reward"
    command = [sys.executable, "-m", "trainers", "reward", "--snapshot", str(pool.path)]
    found = subprocess.run(
        [*command, "--out", str(out), *settings],
        capture_output=True,
        text=True,
        timeout=300,
        preexec_fn=limit,
        check=False,
    )
    assert found.returncode == 1
    assert "File too large" in found.stderr
    assert "Traceback" not in found.stderr
    assert not out.exists()
    assert list(out.parent.iterdir()) == []


def test_a_broken_encoder_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "encoder"
    shutil.copytree(encoder_folder("all-MiniLM-L6-v2"), folder)
    (folder / "model.safetensors").write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00{broken")
    with pytest.raises(InputError, match="cannot be loaded"):
        Encoder(str(folder), cached=False).encode(["text"])


def test_a_damaged_artifact_is_refused_with_status_2(trained: Artifact, tmp_path: Path) -> None:
    shutil.copytree(trained.path, tmp_path / "copy")
    with (tmp_path / "copy" / "reward.safetensors").open("r+b") as file:
        file.seek(-4, 2)
        file.write(b"\x00\x00\x80\x7f")
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"prompt": "Why?", "response": "Because."}\n')
    found = run("score", "--artifact", tmp_path / "copy", "--input", rows)
    assert found.returncode == 2
    assert "reward.safetensors" in found.stderr


def test_an_artifact_whose_card_has_old_names_of_settings_scores_as_ever(
    pool: Snapshot, tmp_path: Path
) -> None:
    config = changed(CONFIG, {"features.layers": "all", "features.max_length": 48})
    artifact = train(pool, tmp_path / "out", config, quiet())
    old = {"mode": "frozen", "encoder": "all-MiniLM-L6-v2", "max_tokens": 48, "layers": "all"}
    old |= {"kind": "scalar", "members": 2, "batch": 256, "backbone": "x", "lora_rank": 16}
    card = dict(artifact.card) | {"config": old}
    card["digest"] = artifact_digest("reward", old, card["files"])
    (artifact.path / "card.json").write_text(json.dumps(card))
    answers = [answer(GOOD.format("lighthouses")), answer(BAD.format("lighthouses"))]
    again = load_model(open_artifact(artifact.path))
    assert again.score(answers).tolist() == load_model(artifact).score(answers).tolist()
