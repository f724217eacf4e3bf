"""A model's page: size, speed as measured here, what it is told, and what it was made from."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from gguf import GGUFReader
from safetensors import safe_open

from feedback.catalogue.facts import lineage_rated, version_size, version_speed
from feedback.people.models import Contributor
from feedback.pool.models import ResponseState
from feedback.registry.house_models import house_models_ensure, is_served, shipped_versions
from feedback.registry.models import ModelVersion
from feedback.registry.services import CallSettings, version_change
from tests.feedback.builders import judge, make_comparison, make_response, make_turn, make_version
from tests.markup import tight
from trainers.pretrained.adapters import specialities
from trainers.pretrained.packages import MINILM, SMOLLM2, Package

pytestmark = pytest.mark.django_db
BARE, BRIEF = "smollm2-135m", "smollm2-135m-brief"


@pytest.fixture
def house(settings) -> None:
    """The house models are registered."""
    settings.MODELS = "smollm2"
    if not is_served():
        pytest.skip("needs the model packages: make install")
    house_models_ensure()


def named(remote_name: str) -> ModelVersion:
    return ModelVersion.objects.select_related("base").get(remote_name=remote_name)


def weights_of(package: Package) -> Path:
    if package.folder is None:
        pytest.skip("needs the model packages: make install")
    return package.folder / package.file


def test_the_parameters_are_those_in_the_files() -> None:
    tensors = GGUFReader(weights_of(SMOLLM2)).tensors
    assert sum(int(tensor.n_elements) for tensor in tensors) == SMOLLM2.parameters
    with safe_open(weights_of(MINILM), "np") as file:
        shapes = [file.get_slice(name).get_shape() for name in file.keys()]  # noqa: SIM118
    assert sum(math.prod(shape) for shape in shapes) == MINILM.parameters


def test_the_size_is_that_of_the_package(house: None) -> None:
    size = version_size(named(BARE))
    assert size is not None
    assert size.parameters == SMOLLM2.parameters
    assert size.megabytes == weights_of(SMOLLM2).stat().st_size / 1e6
    assert size.adapter_megabytes is None
    assert version_size(make_version("Elsewhere")) is None


def test_the_size_of_what_was_tuned_here_is_its_base_and_its_adapter(
    house: None, tmp_path: Path
) -> None:
    from feedback.training.models import Checkpoint, TrainingRun

    tuned = make_version("Tuned")
    tuned.base, tuned.remote_name = named(BARE), "policy-v1"
    tuned.save()
    (tmp_path / "adapter_model.safetensors").write_bytes(b"0" * 2_500_000)
    (tmp_path / "samples.json").write_bytes(b"0" * 1_000_000)
    run = TrainingRun.objects.create(kind="policy", config_digest="c")
    Checkpoint.objects.create(
        run=run,
        kind="policy",
        version=1,
        path=str(tmp_path),
        digest="d",
        files={},
        model_version=tuned,
    )
    size = version_size(ModelVersion.objects.get(pk=tuned.pk))
    assert size is not None
    assert (size.parameters, size.adapter_megabytes) == (SMOLLM2.parameters, 2.5)


def test_the_speed_is_the_median_of_answers_that_were_timed(client: Client) -> None:
    version = make_version("Quick")
    assert version_speed(version) is None
    for letters, milliseconds, first in ((100, 1000, 500), (400, 2000, 700), (900, 3000, None)):
        response = make_response(make_turn(), version, "x" * letters)
        response.latency_ms, response.first_text_ms = milliseconds, first
        response.save()
    make_response(make_turn(), version)  # recorded: nobody timed it
    stopped = make_response(make_turn(), version, "x" * 9000)
    stopped.state, stopped.latency_ms = ResponseState.STOPPED, 1
    stopped.save()
    speed = version_speed(version)
    assert speed is not None
    assert (speed.characters_per_second, speed.first_text_seconds, speed.answers) == (200, 0.6, 3)
    page = tight(client.get("/models/quick/").content.decode())
    assert "200 characters a second, first words after 0.6 s" in page
    assert "medians of its newest 3 answers" in page


def test_what_comes_with_the_site_is_told_to_all_and_an_operators_own_words_to_operators(
    house: None, client: Client, olivia: Contributor, client_of: Callable[[Contributor], Client]
) -> None:
    shipped = specialities()[BRIEF]
    page = tight(client.get(f"/models/{BRIEF}/").content.decode())
    assert shipped.system_prompt in page
    assert f"max_tokens={shipped.sampling['max_tokens']}" in page
    assert "Licence of its answers: Apache-2.0." in page
    assert "134.5 million parameters, 98 MB" in page
    german = client.get(f"/models/{BRIEF}/", headers={"Accept-Language": "de"}).content.decode()
    assert f"top_p={shipped.sampling['top_p']}" in german, "a setting is no number of a text"
    brief = shipped_versions().get(remote_name=BRIEF)
    own = CallSettings(
        provider=brief.provider, remote_name=BRIEF, system_prompt="Secret words.", sampling={}
    )
    version_change(version=brief, call_settings=own, actor=olivia)
    address = f"/models/{BRIEF}/"
    assert "Secret words." not in client.get(address).content.decode()
    assert "Secret words." in client_of(olivia).get(address).content.decode()


def test_the_parent_stands_beside_it_with_both_ratings(
    house: None, client: Client, alice: Contributor
) -> None:
    brief, bare = named(BRIEF), named(BARE)
    tuned = make_version("Tuned")
    tuned.base = brief
    tuned.save()
    for _ in range(3):
        judge(make_comparison(None, tuned, bare), alice, "a")
    chain = lineage_rated(tuned)
    assert [one.label for one, _row in chain] == [bare.label, brief.label, tuned.label]
    ratings = [row.rating if row else None for _one, row in chain]
    assert ratings[1] is None, "nobody judged it"
    assert ratings[0] is not None
    assert ratings[2] is not None
    assert ratings[2] > ratings[0]
    page = tight(client.get("/models/tuned/").content.decode())
    part = page.split("It and what it was made from")[1].split("</table>")[0]
    assert f'href="/models/{BARE}/"' in part
    assert f"{ratings[0]:.0f}" in part
    assert f"{ratings[2]:.0f}" in part
    assert lineage_rated(bare) == []
    assert "It and what" not in client.get(f"/models/{BARE}/").content.decode()
