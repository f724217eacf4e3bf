"""The model map: what the promoted embedding says about who is near whom, as people see it."""

from pathlib import Path

import numpy as np
import pytest
from django.test import Client

from feedback.catalogue.coordinates import models_like
from feedback.catalogue.model_map import FEW, SHAPES, model_map
from feedback.people.models import Contributor
from feedback.registry.models import LanguageModel, ModelVersion, Topic, VersionState
from feedback.routing.new_models.models import ModelPosterior, PosteriorSource
from feedback.routing.new_models.posteriors import posteriors_forget
from feedback.routing.new_models.refresh import posterior_write
from feedback.training.models import Checkpoint
from feedback.training.promotion.services import checkpoint_roll_back
from tests.feedback.builders import make_contributor, make_version
from tests.feedback.routing.artifacts import promoted
from tests.markup import tight
from trainers.model_vectors.posterior import Prior

pytestmark = pytest.mark.django_db

FOUR = {"Law": [0.0, 0.0], "Tax": [0.1, 0.0], "Code": [3.0, 0.0], "Maths": [3.0, 1.0]}


@pytest.fixture
def actor() -> Contributor:
    return make_contributor("olivia")


def versions(*names: str) -> dict[str, ModelVersion]:
    return {name: make_version(name) for name in names}


def specialise(name: str, topic: str) -> None:
    row, _ = Topic.objects.get_or_create(slug=topic, defaults={"name": topic})
    LanguageModel.objects.get(name=name).topics.add(row)


def body(client: Client, url: str, **headers: str) -> str:
    answer = client.get(url, headers=headers)
    assert answer.status_code == 200
    return tight(answer.content.decode())


def test_before_the_first_training_the_list_is_there(client: Client) -> None:
    versions("Law")
    page = body(client, "/models/")
    assert "The map needs a first training. Here is the list." in page
    assert 'class="map' not in page
    assert ">Law</a>" in page
    assert "The map needs" in body(client, "/models/?view=map")
    assert model_map() is None


def test_no_models_at_all(client: Client) -> None:
    assert "No models yet." in body(client, "/models/")


def test_near_is_what_the_vectors_say_in_all_dimensions(
    client: Client, tmp_path: Path, actor: Contributor
) -> None:
    known = versions(*FOUR)
    promoted(tmp_path, actor, FOUR)
    like = models_like(known["Law"], 3)
    assert [one.version.label for one in like] == ["Tax", "Code", "Maths"]
    assert [one.difference for one in like] == pytest.approx([0.1, 3.0, 10**0.5], abs=1e-5)
    shown = model_map()
    assert shown is not None
    mark = shown.mark_of("law")
    assert mark is not None
    assert [one.version.label for one in mark.nearest] == ["Tax", "Code", "Maths"]
    assert [one.difference for one in mark.nearest] == pytest.approx(
        [one.difference for one in like], abs=1e-5
    )
    assert shown.share == pytest.approx(1.0)
    page = body(client, "/models/")
    assert "4 models. Near means: does well on the same prompts." in " ".join(page.split())
    assert page.count("<svg x=") == 4
    assert " style=" not in page


def test_a_mark_names_its_nearest_with_and_without_script(
    client: Client, tmp_path: Path, actor: Contributor
) -> None:
    versions(*FOUR)
    promoted(tmp_path, actor, FOUR)
    whole = body(client, "/models/?view=map&near=law")
    assert 'aria-current="true"><circle' in whole
    part = body(client, "/models/?view=map&near=law", **{"HX-Request": "true", "HX-Target": "near"})
    assert part.strip().startswith("<p>Nearest to")
    assert part.strip() in whole
    assert part.index("Tax") < part.index("Code") < part.index("Maths")
    assert "10 points apart" in part
    assert "Choose a mark" in body(client, "/models/?near=nobody")


def test_the_list_and_the_map_are_filtered_together(
    client: Client, tmp_path: Path, actor: Contributor
) -> None:
    versions(*FOUR)
    specialise("Law", "law")
    specialise("Tax", "law")
    promoted(tmp_path, actor, FOUR)
    page = body(client, "/models/?topic=law", **{"HX-Request": "true", "HX-Target": "models"})
    assert page.count("<svg x=") == 2
    assert ">Law</a></th>" in page
    assert ">Code</a></th>" not in page
    assert "<h1" not in page
    found = body(client, "/models/?named=MATH")
    assert ">Maths</a>" in found
    assert ">Law</a></th>" not in found
    for nothing in ("/models/?named=zzz", "/models/?topic=none", "/models/?named=a%00b"):
        assert "No model fits." in body(client, nothing)


def test_what_training_has_not_seen_is_not_on_the_map_yet(
    client: Client, tmp_path: Path, actor: Contributor
) -> None:
    versions(*FOUR, "Newcomer", "Gone")
    ModelVersion.objects.filter(label="Gone").update(state=VersionState.RETIRED)
    promoted(tmp_path, actor, FOUR, seen=[40, 29, 500, 0])
    shown = model_map()
    assert shown is not None
    assert {mark.version.label: mark.few for mark in shown.marks} == {
        "Law": False,
        "Tax": True,
        "Code": False,
    }
    page = " ".join(body(client, "/models/?view=map").split())
    assert "2 are not on the map yet" in page
    told = page[page.index("2 are not on the map yet") :][:600]
    assert "Maths" in told
    assert "Newcomer" in told
    assert "Gone" not in told
    assert page.count('class="ring"') == 2  # the mark and the key
    assert "Not on the map yet" in body(client, "/models/newcomer/")


class TestJoined:
    """Versions that came after the training, of which something is known since."""

    @pytest.fixture
    def live(self, tmp_path: Path, actor: Contributor) -> Checkpoint:
        versions(*FOUR)
        posteriors_forget()
        return promoted(tmp_path, actor, FOUR)

    def learned(self, live: Checkpoint, name: str, vector: list[float], seen: int = 3) -> None:
        posterior_write(
            checkpoint=live,
            version_id=ModelVersion.objects.get(label=name).pk,
            source=PosteriorSource.EVIDENCE,
            posterior=Prior(np.array(vector), np.eye(2)),
            observations=seen,
            evidence=str(vector),
        )

    def spots(self) -> dict[str, tuple[str, str]]:
        shown = model_map()
        assert shown is not None
        return {mark.version.label: (mark.spot.x, mark.spot.y) for mark in shown.marks}

    def test_one_is_on_the_map_at_once_and_nobody_moves(
        self, client: Client, live: Checkpoint
    ) -> None:
        new, _unknown = versions("Newcomer", "Nobody").values()
        before = self.spots()
        assert "2 are not on the map yet" in body(client, "/models/?view=map")
        self.learned(live, "Newcomer", [1.0, 0.4])
        after = self.spots()
        assert {name: after[name] for name in before} == before
        shown = model_map()
        assert shown is not None
        mark = shown.mark_of("newcomer")
        assert mark is not None
        assert mark.few
        assert not any(one.few for one in shown.marks if one != mark)
        wanted = {name: np.hypot(x - 1.0, y - 0.4) for name, (x, y) in FOUR.items()}
        nearest = sorted(wanted, key=wanted.get)[:3]
        assert [one.version.label for one in mark.nearest] == nearest == ["Tax", "Law", "Code"]
        for near in (mark.nearest, models_like(new, 3)):
            assert [one.difference for one in near] == pytest.approx(
                [wanted[name] for name in nearest], abs=1e-5
            )
        assert "Newcomer" in [one.version.label for one in models_like(shown.marks[0].version)]
        page = " ".join(body(client, "/models/?view=map").split())
        told = page[page.index("One is not on the map yet") :][:300]
        assert "Nobody" in told
        assert "Newcomer" not in told
        assert page.count('class="ring"') == 2  # the mark and the key
        assert "Not on the map yet" not in body(client, "/models/newcomer/")

    def test_one_that_lies_beyond_the_edge_is_said_to(
        self, client: Client, live: Checkpoint
    ) -> None:
        versions("Newcomer")
        before = self.spots()
        self.learned(live, "Newcomer", [30.0, 0.4])
        assert {name: self.spots()[name] for name in before} == before
        page = body(client, "/models/?view=map&near=newcomer")
        assert "One model lies beyond the edge of the drawing." in page
        assert "2700 points apart" in page  # of Code and Maths, as true as ever

    def test_it_is_sure_of_its_place_with_more_and_gone_without(self, live: Checkpoint) -> None:
        versions("Newcomer")
        self.learned(live, "Newcomer", [1.0, 0.4], seen=FEW)
        shown = model_map()
        assert shown is not None
        assert not shown.has_few
        ModelPosterior.objects.all().delete()  # as where all of it was withdrawn
        posteriors_forget()
        assert set(self.spots()) == set(FOUR)

    def test_what_was_trained_stays_where_training_put_it(self, live: Checkpoint) -> None:
        before = self.spots()
        self.learned(live, "Law", [9.0, 9.0])
        assert self.spots() == before

    def test_the_next_training_takes_it_in(
        self, live: Checkpoint, tmp_path: Path, actor: Contributor
    ) -> None:
        versions("Newcomer")
        self.learned(live, "Newcomer", [1.0, 0.4])
        promoted(tmp_path, actor, FOUR | {"Newcomer": [2.0, 2.0]})
        shown = model_map()
        assert shown is not None
        assert not shown.has_few
        assert len(shown.marks) == 5

    def test_an_embedding_that_cannot_be_read_shows_what_was_stored(self, live: Checkpoint) -> None:
        versions("Newcomer")
        self.learned(live, "Newcomer", [1.0, 0.4])
        (Path(live.path) / "card.json").write_text("{}")
        assert set(self.spots()) == set(FOUR)


def test_what_is_retired_or_replaced_by_a_newer_version_is_not_shown(
    tmp_path: Path, actor: Contributor
) -> None:
    known = versions(*FOUR)
    newer = ModelVersion.objects.create(model=known["Law"].model, version="2", label="Law v2")
    promoted(tmp_path, actor, FOUR | {"Law v2": [1.0, 1.0]})
    ModelVersion.objects.filter(label="Tax").update(state=VersionState.RETIRED)
    shown = model_map()
    assert shown is not None
    assert [mark.version.label for mark in shown.marks] == ["Code", "Law v2", "Maths"]
    assert "Tax" not in [one.version.label for one in models_like(newer, 9)]


def test_the_next_map_is_turned_to_look_like_the_last_one(
    tmp_path: Path, actor: Contributor
) -> None:
    known = versions(*FOUR, "Fifth")
    first = promoted(tmp_path, actor, FOUR)
    before = dict(first.vectors.values_list("version__label", "vector"))
    turned = {name: [-y + 5.0, x] for name, (x, y) in FOUR.items()} | {"Fifth": [5.0, 1.0]}
    second = promoted(tmp_path, actor, turned)
    after = dict(second.vectors.values_list("version__label", "vector"))
    centre = np.mean([after[name] for name in FOUR], axis=0)
    for name in FOUR:
        np.testing.assert_allclose(after[name] - centre, before[name], atol=1e-4)
    checkpoint_roll_back(checkpoint=second, actor=actor)
    assert len(models_like(known["Law"], 9)) == 3  # as it was, without the fifth
    assert models_like(known["Fifth"], 9) == []


@pytest.mark.parametrize("names", [["One"], ["One", "Two"]])
def test_one_model_and_two(
    client: Client, tmp_path: Path, actor: Contributor, names: list[str]
) -> None:
    versions(*names)
    promoted(tmp_path, actor, {name: [float(n), 2.0 * n] for n, name in enumerate(names)})
    page = body(client, "/models/?view=map&near=one")
    assert page.count("<svg x=") == len(names)
    assert ("no other model is on the map" in page) == (names == ["One"])


def test_a_hundred_models_and_equal_ones(
    client: Client, tmp_path: Path, actor: Contributor
) -> None:
    names = [f"Model number {number}" for number in range(110)]
    versions(*names)
    rng = np.random.default_rng(1)
    places = {name: list(rng.normal(size=6)) for name in names[:-4]}
    promoted(tmp_path, actor, places | {name: [0.0] * 6 for name in names[-4:]})
    page = body(client, "/models/?view=map")
    assert page.count("<svg x=") == 110
    assert "names had no room beside their marks." in page
    shown = model_map()
    assert shown is not None
    equal = shown.mark_of("model-number-109")
    assert equal is not None
    assert [round(one.difference, 4) for one in equal.nearest] == [0.0, 0.0, 0.0]
    assert {one.version.label for one in equal.nearest} < set(names[-4:])


def test_six_shapes_are_enough_for_any_number_of_specialities(
    client: Client, tmp_path: Path, actor: Contributor
) -> None:
    names = [f"M{number}" for number in range(10)]
    versions(*names)
    for number, name in enumerate(names[:-1]):
        specialise(name, f"topic {min(number, 7)}")
    promoted(tmp_path, actor, {name: [float(n), 0.0] for n, name in enumerate(names)})
    shown = model_map()
    assert shown is not None
    assert {mark.shape for mark in shown.marks} == set(range(1, SHAPES + 1))
    assert shown.shapes[0] == (1, "topic 7")  # the one that most models have
    assert shown.shapes[-1] == (SHAPES, "")
    assert "another speciality or none" in body(client, "/models/?view=map")


def test_names_do_nothing(client: Client, tmp_path: Path, actor: Contributor) -> None:
    names = ["<script>alert(1)</script>", 'a" onload="b', "نموذج القانون", "x" * 190]
    for number, name in enumerate(names):
        slug = ["script", "onload", "نموذج-القانون", "x"][number]
        model = LanguageModel.objects.create(slug=slug, name=name)
        ModelVersion.objects.create(model=model, version="1", label=name)
    promoted(tmp_path, actor, {name: [float(n), 0.0] for n, name in enumerate(names)})
    page = body(client, "/models/?near=script")
    assert "<script>alert" not in page
    assert 'a" onload' not in page
    assert "نموذج القانون" in body(client, "/models/نموذج-القانون/")
    assert client.get("/api/v1/models/نموذج-القانون/").json()["embedding"]
    assert client.get("/models/%00/").status_code == 404
