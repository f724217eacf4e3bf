"""`POST /score`: rewards of answers under a served reward model."""

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from trainers.data.rows import row_messages
from trainers.errors import InputError
from trainers.reward.model import Answer
from trainers.reward.score import Scorer
from trainers.serve.batcher import Batcher
from trainers.serve.errors import ApiError
from trainers.serve.model_store import ModelStore, Served
from trainers.serve.request_bodies import read_object

MOST_ITEMS = 1024
BATCH_ITEMS = 16

Scored = tuple[Scorer, Answer]


class Scores:
    """The reward models in a thread of their own."""

    def __init__(self, shelf: ModelStore) -> None:
        self._shelf = shelf
        self._worker: Batcher[Scored, float] = Batcher("scorer", score_batch, size=BATCH_ITEMS)

    def start(self) -> None:
        """Begin to take calls."""
        self._worker.start()

    def stop(self) -> None:
        """Leave what is queued undone."""
        self._worker.stop()

    async def answer(self, request: Request) -> JSONResponse:
        """`{"model"?, "items": [{"prompt" | "messages", "response"}]}` to `{"scores": [...]}`."""
        body = await read_object(request)
        served = self._chosen(body.get("model"))
        assert served.scorer is not None
        rows = [(served.scorer, item) for item in _items(body)]
        scores = await self._worker.run(rows)
        return JSONResponse(
            {"model": served.name, "digest": served.artifact.digest, "scores": scores}
        )

    def _chosen(self, name: object) -> Served:
        """The reward model of a name; without one, the only one, or the one called `reward`."""
        models = {key: item for key, item in self._shelf.served.items() if item.scorer}
        if name is None:
            name = next(iter(models)) if len(models) == 1 else "reward"
        if not isinstance(name, str) or name not in models:
            known = ", ".join(models) or "none"
            raise ApiError(
                404, f"no reward model {name!r} is served; served: {known}", code="model_not_found"
            )
        return models[name]


def score_batch(batch: list[Scored]) -> Sequence[float]:
    """The rewards of a batch, in its order; each model scores its rows together."""
    found = [0.0] * len(batch)
    for scorer in {id(scorer): scorer for scorer, _ in batch}.values():
        places = [place for place, (owner, _) in enumerate(batch) if owner is scorer]
        for place, score in zip(
            places, scorer.scores([batch[place][1] for place in places]), strict=True
        ):
            found[place] = score
    return found


def _items(body: dict[str, Any]) -> list[Answer]:
    items = body.get("items")
    if not isinstance(items, list) or not 1 <= len(items) <= MOST_ITEMS:
        raise ApiError(400, f"items must be a list of 1 to {MOST_ITEMS} objects", param="items")
    return [_item(number, item) for number, item in enumerate(items)]


def _item(number: int, item: object) -> Answer:
    place = f"items[{number}]"
    if not isinstance(item, dict) or not isinstance(item.get("response"), str):
        raise ApiError(400, f"{place} needs a text `response`", param=place)
    try:
        return Answer(row_messages(number, item), item["response"])
    except InputError as error:
        message = f"{place} needs a text `prompt`, or `messages` of role and content"
        raise ApiError(400, message, param=place) from error
