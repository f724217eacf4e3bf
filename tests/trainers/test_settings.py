"""Settings: what is declared once is what is read, refused, listed, and found in old cards."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trainers.commands.main import main
from trainers.commands.settings import help_text, read_settings
from trainers.errors import InputError
from trainers.kinds import KINDS, check_settings, settings_of
from trainers.policy.config import POLICY, PolicyConfig, SmolLM2PolicyConfig, TinyPolicyConfig
from trainers.reward.config import (
    REWARD,
    FrozenConfig,
    FullRewardConfig,
    LoraRewardConfig,
    RewardConfig,
)
from trainers.settings.config import SettingError, as_json, flat
from trainers.tuning.config import OptimConfig


def test_the_mode_decides_which_settings_there_are() -> None:
    assert isinstance(REWARD.read({}), FrozenConfig)
    assert isinstance(REWARD.read({"mode": "lora", "lora.rank": 4}), LoraRewardConfig)
    full = REWARD.read({"mode": "full", "trainable_layers": "2"})
    assert isinstance(full, FullRewardConfig)
    assert full.trainable_layers == 2
    assert isinstance(POLICY.read({}), SmolLM2PolicyConfig)
    assert isinstance(POLICY.read({"model_name_or_path": "tiny"}), TinyPolicyConfig)
    assert type(POLICY.read({"model_name_or_path": "some/checkpoint"})) is PolicyConfig


def test_a_group_keeps_the_defaults_of_its_mode() -> None:
    config = REWARD.read({"mode": "lora", "optim.num_train_epochs": 5})
    assert config.optim == replace(LoraRewardConfig().optim, num_train_epochs=5)


def test_text_and_typed_values_are_read_alike() -> None:
    typed = {"optim.learning_rate": 3e-4, "train_baseline": False, "head.kind": "gpm"}
    text = {"optim.learning_rate": "3e-4", "train_baseline": "false", "head.kind": "gpm"}
    assert check_settings("reward", text) == check_settings("reward", typed) == typed
    assert check_settings("reward", {"mode": "full", "max_length": "none"})["max_length"] is None
    assert check_settings("reward", {"noise": 0})["noise"] == 0.0


@pytest.mark.parametrize(
    ("kind", "given", "name", "why"),
    [
        ("reward", {"optim.learning_rate": -1}, "optim.learning_rate", "-1 is not above 0"),
        ("reward", {"noise": "0.5"}, "noise", "'0.5' is not at least 0, below 0.5"),
        ("reward", {"head.dimension": 3}, "head.dimension", "a multiple of 2"),
        ("reward", {"optim.num_train_epochs": 1.5}, "optim.num_train_epochs", "not an integer"),
        ("reward", {"train_baseline": "yes"}, "train_baseline", "not true or false"),
        ("reward", {"train_baseline": 1}, "train_baseline", "1 is not true or false"),
        ("reward", {"seed": None}, "seed", "none is not an integer"),
        ("reward", {"seed": True}, "seed", "true is not an integer"),
        ("reward", {"scaling.rho0": "nan"}, "scaling.rho0", "'nan' is not above 0"),
        ("reward", {"scaling.tau0": 5}, "scaling.tau_max", "not at least tau0 = 5"),
        ("reward", {"loss.type": "hinge"}, "loss.type", "one of auto, adaptive, bradley_terry"),
        ("reward", {"mode": "half"}, "mode", "'half' is not one of frozen, lora, full"),
        ("reward", {"mode": 3}, "mode", "3 is not one of frozen, lora, full"),
        ("reward", {"optim.learning_rat": 1}, "optim.learning_rat", "did you mean optim.learning"),
        ("reward", {"learning_rate": 1}, "learning_rate", "called optim.learning_rate now"),
        ("reward", {"learnin_rate": 1}, "learnin_rate", "did you mean optim.learning_rate"),
        ("reward", {"loss": "adaptive"}, "loss", "called loss.type now"),
        ("reward", {"xyz": 1}, "xyz", "unknown setting"),
        ("reward", {"mode": "lora", "head.kind": "gpm"}, "head.kind", "of frozen, not of lora"),
        ("policy", {"model_name_or_path": "a/b", "tiny.max_steps": 3}, "tiny.max_steps", "of tiny"),
        ("embedding", {"device": ["cpu"]}, "device", "['cpu'] is not a text"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(
    kind: str, given: dict[str, Any], name: str, why: str
) -> None:
    with pytest.raises(SettingError) as refused:
        check_settings(kind, given)
    assert why in refused.value.problems[name]
    assert name in str(refused.value)


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(SettingError) as refused:
        check_settings("reward", {"noise": 2, "optim.learning_rate": 0, "sead": 1, "dropout": 0.1})
    assert list(refused.value.problems) == ["noise", "optim.learning_rate", "sead"]


def test_bounds_hold_however_a_config_is_made() -> None:
    with pytest.raises(InputError, match="learning_rate"):
        OptimConfig(learning_rate=0.0, num_train_epochs=1, train_batch_size=1)
    with pytest.raises(InputError, match="dropout"):
        replace(FrozenConfig(), dropout=1.0)


def test_a_file_has_tables_and_the_command_line_wins(tmp_path: Path) -> None:
    file = tmp_path / "reward.toml"
    file.write_text('mode = "lora"\n[optim]\nlearning_rate = 1e-3\nnum_train_epochs = 4\n')
    config = read_settings(REWARD, file, ["optim.num_train_epochs=7"])
    assert isinstance(config, LoraRewardConfig)
    assert (config.optim.learning_rate, config.optim.num_train_epochs) == (1e-3, 7)
    file.write_text("[optim]\nlearning_rate = 0\n")
    with pytest.raises(InputError, match=r"reward\.toml optim\.learning_rate: 0 is not above 0"):
        read_settings(REWARD, file, [])


@pytest.mark.parametrize("kind", KINDS)
def test_help_lists_every_setting_with_its_default_bounds_and_meaning(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([kind, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    settings = settings_of(kind)
    assert len({setting.name for setting in settings}) == len(settings)
    for setting in settings:
        assert setting.meaning, setting.name
        assert f"\n  {setting.name}  [" in shown
        assert setting.bounds in shown
    assert help_text(KINDS[kind]) in shown


def test_defaults_are_given_by_variant() -> None:
    rate = next(each for each in settings_of("reward") if each.name == "optim.learning_rate")
    assert rate.defaults == {"frozen": 3e-3, "lora": 2e-4, "full": 2e-5}
    assert rate.default == 3e-3
    assert (rate.type, rate.bounds) == ("number", "above 0")
    mode = next(each for each in settings_of("reward") if each.name == "mode")
    assert (mode.type, mode.choices) == ("choice", ("frozen", "lora", "full"))


@pytest.mark.parametrize("kind", KINDS)
def test_every_default_is_a_value_that_is_taken(kind: str) -> None:
    for name, variant in KINDS[kind].variants.items():
        if name != "checkpoint":  # which must be given a checkpoint
            config = variant()
            assert KINDS[kind].read(flat(as_json(config))) == config


@pytest.mark.parametrize("kind", KINDS)
def test_old_names_lead_to_settings_of_today(kind: str) -> None:
    known = {setting.name for setting in settings_of(kind)}
    assert set(KINDS[kind].renamed.values()) <= known
    assert not set(KINDS[kind].renamed) & known  # else an old name could mean two things


# What cards held before settings were grouped: every setting of every mode.
OLD_REWARD = {
    "mode": "frozen",
    "backbone": "all-MiniLM-L6-v2",
    "loss": "auto",
    "rho0": 0.2,
    "tau0": 0.1,
    "tau_max": 4.0,
    "variant": "linear",
    "ties": "half",
    "margin": 0.0,
    "control": "none",
    "decorrelate": 0.0,
    "noise": 0.0,
    "twin": True,
    "encoder": "all-MiniLM-L6-v2",
    "max_tokens": 128,
    "layers": "all",
    "kind": "gpm",
    "combination": "learned",
    "dimension": 6,
    "members": 3,
    "prior": 0.1,
    "head": "mlp",
    "hidden": 16,
    "dropout": 0.2,
    "learning_rate": 0.003,
    "weight_decay": 0.1,
    "batch": 256,
    "epochs": 60,
    "patience": 8,
    "seed": 4,
    "device": "auto",
    "max_length": None,
    "lora_rank": 16,
    "lora_alpha": 32,
    "trainable_layers": None,
    "precision": "auto",
    "meet": 8,
    "step_tokens": 8192,
    "gradient_checkpointing": False,
    "warmup_fraction": 0.1,
    "checkpoint_seconds": 120.0,
}
OLD_POLICY = {
    "base": "tiny",
    "seed": 0,
    "beta": 0.1,
    "rho0": 0.1,
    "tau0": 0.1,
    "tau_max": 4.0,
    "lora_rank": 4,
    "lora_alpha": 8,
    "learning_rate": 0.002,
    "warmup_fraction": 0.1,
    "batch": 32,
    "micro_batch": 16,
    "epochs": 1,
    "max_length": 128,
    "max_train_pairs": 800,
    "max_test_pairs": 400,
    "max_steps": 40,
    "base_width": 96,
    "base_layers": 2,
    "base_vocabulary": 2048,
    "base_steps": 100,
    "base_learning_rate": 0.003,
    "sample_prompts": 32,
    "sample_tokens": 48,
    "reward": None,
    "device": "auto",
}


def test_cards_of_before_are_read() -> None:
    frozen = REWARD.stored(OLD_REWARD)
    assert isinstance(frozen, FrozenConfig)
    assert (frozen.head.kind, frozen.head.ensemble_size, frozen.seed) == ("gpm", 3, 4)
    assert (frozen.features.layers, frozen.features.max_length) == ("all", 128)
    assert frozen.scaling.rho0 == 0.2
    lora = REWARD.stored(OLD_REWARD | {"mode": "lora", "kind": "scalar", "lora_rank": 8})
    assert isinstance(lora, LoraRewardConfig)
    assert (lora.lora.rank, lora.pairs_per_group) == (8, 8)
    tiny = POLICY.stored(OLD_POLICY)
    assert isinstance(tiny, TinyPolicyConfig)
    assert (tiny.tiny.hidden_size, tiny.optim.per_device_train_batch_size) == (96, 16)
    checkpoint = POLICY.stored(OLD_POLICY | {"base": "some/checkpoint", "max_steps": 100_000})
    assert type(checkpoint) is PolicyConfig
    assert checkpoint.optim.max_steps == 100_000


def test_what_no_version_ever_knew_is_refused_in_a_card() -> None:
    with pytest.raises(InputError, match="wings"):
        REWARD.stored(OLD_REWARD | {"wings": 2})


def test_a_card_of_today_is_read_as_it_was_written() -> None:
    config: RewardConfig = REWARD.read(
        {"mode": "full", "scaling.variant": "quadratic", "scaling.tau_max": "inf", "seed": 9}
    )
    assert REWARD.stored(as_json(config)) == config


def test_settings_need_no_torch() -> None:
    program = (
        "import sys; from trainers.kinds import KINDS, settings_of; "
        "[settings_of(kind) for kind in KINDS]; "
        "sys.exit(sorted({'torch', 'transformers', 'peft'} & set(sys.modules)) or 0)"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
