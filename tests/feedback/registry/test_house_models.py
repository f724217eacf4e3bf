"""The live models that come with the site: made once, paused and resumed with what serves them."""

import pytest

from feedback.operations.preparation import site_prepare
from feedback.operations.starter import starter_load
from feedback.operations.starter_removal import starter_remove
from feedback.people.models import AuditEvent, Contributor
from feedback.registry import house_models
from feedback.registry.house_models import house_models_ensure, shipped_versions
from feedback.registry.models import LanguageModel, ModelVersion, VersionState
from feedback.registry.services import CallSettings, state_set, version_change
from tests.feedback.builders import make_response, make_turn
from trainers.pretrained.adapters import specialities
from trainers.pretrained.packages import Package

pytestmark = pytest.mark.django_db
BARE, BRIEF = "smollm2-135m", "smollm2-135m-brief"
ABSENT = Package(
    distribution="no-such-package", module="no_such_package", file="x", digest="", parameters=0
)


@pytest.fixture(autouse=True)
def wanted(settings) -> None:
    """A site that wants them, with the package installed."""
    settings.MODELS = "smollm2"
    if not house_models.is_served():
        pytest.skip("needs the model packages: make install")


def states() -> dict[str, str]:
    return dict(shipped_versions().values_list("remote_name", "state"))


def test_they_are_made_at_the_first_start_and_only_once() -> None:
    assert site_prepare().house_models == len(specialities()) >= 5
    versions = {version.remote_name: version for version in shipped_versions()}
    assert set(versions) == set(specialities())
    brief = versions[BRIEF]
    assert (brief.label, brief.model.slug) == ("SmolLM2 135M, brief", BRIEF)
    assert (brief.base, versions[BARE].base) == (versions[BARE], None)
    assert brief.system_prompt == specialities()[BRIEF].system_prompt
    assert brief.sampling == specialities()[BRIEF].sampling
    assert brief.output_licence == "Apache-2.0"
    assert brief.provider.kind == "inference"
    medicine = LanguageModel.objects.get(slug="smollm2-135m-health").topics.values_list("slug")
    assert list(medicine) == [("medicine",)]

    rows = list(ModelVersion.objects.order_by("id").values())
    events = AuditEvent.objects.count()
    assert house_models_ensure() == len(specialities())
    assert list(ModelVersion.objects.order_by("id").values()) == rows
    assert AuditEvent.objects.count() == events


def test_what_an_operator_changed_stays(olivia: Contributor) -> None:
    house_models_ensure()
    brief = shipped_versions().get(remote_name=BRIEF)
    make_response(make_turn(), brief)
    own = CallSettings(provider=brief.provider, remote_name=BRIEF, system_prompt="Be terse.")
    changed = version_change(version=brief, call_settings=own, actor=olivia)
    assert changed.base == brief.base, "a changed version is still made from the same base"
    state_set(of=shipped_versions().get(remote_name=BARE), state="paused", actor=olivia)
    before = list(ModelVersion.objects.order_by("id").values())
    house_models_ensure()
    assert list(ModelVersion.objects.order_by("id").values()) == before


def test_they_rest_while_the_site_serves_none_and_never_against_an_operator(
    settings, olivia: Contributor
) -> None:
    house_models_ensure()
    state_set(of=shipped_versions().get(remote_name=BRIEF), state="paused", actor=olivia)
    settings.MODELS = "none"
    assert house_models_ensure() == 0
    assert set(states().values()) == {VersionState.PAUSED}

    settings.MODELS = "smollm2"
    assert house_models_ensure() == len(specialities()) - 1
    assert states()[BRIEF] == VersionState.PAUSED, "an operator paused it"

    settings.MODELS = "none"
    house_models_ensure()
    state_set(of=shipped_versions().get(remote_name=BARE), state="retired", actor=olivia)
    settings.MODELS = "smollm2"
    house_models_ensure()
    assert states()[BARE] == VersionState.RETIRED


def test_without_the_package_none_are_made_and_those_there_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(house_models.PACKAGES, "smollm2", ABSENT)
        assert house_models_ensure() == 0
        assert not ModelVersion.objects.exists()
    house_models_ensure()
    monkeypatch.setitem(house_models.PACKAGES, "smollm2", ABSENT)
    assert house_models_ensure() == 0
    assert set(states().values()) == {VersionState.PAUSED}


def test_a_name_that_somebody_took_is_left_to_them() -> None:
    LanguageModel.objects.create(slug="mine", name=specialities()[BRIEF].title)
    assert house_models_ensure() == len(specialities()) - 1
    assert LanguageModel.objects.get(slug="mine").versions.count() == 0


def test_the_starter_pool_comes_and_goes_without_them() -> None:
    house_models_ensure()
    before = states()
    starter_load()
    starter_remove()
    assert states() == before
    assert LanguageModel.objects.get(slug="smollm2-135m-health").topics.count() == 1
