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
from trainers.serve.model_store import ModelStore
from trainers.serve.request_bodies import read_object
from trainers.serve.served_model import ServedModel

MAX_ITEMS = 1024
BATCH_ITEMS = 16

Scored = tuple[Scorer, Answer]


class Scores:
    """The reward models, in one thread: a batch may hold rows of several."""

    def __init__(self, store: ModelStore) -> None:
        self._store = store
        self._worker: Batcher[Scored, float] = Batcher("scorer", score_batch, size=BATCH_ITEMS)

    def start(self) -> None:
        """Begin to take calls."""
        self._worker.start()

    def stop(self) -> None:
        """Leave what is queued undone."""
        self._worker.stop()

    async def answer(self, request: Request) -> JSONResponse:
        """Answer `{"model"?, "items": [{"prompt" | "messages", "response"}]}` with their scores."""
        body = await read_object(request)
        served = self._chosen(body.get("model"))
        # `_chosen` looks among artifacts with a scorer alone; the type does not say so.
        assert served.scorer is not None
        rows = [(served.scorer, item) for item in _items(body)]
        scores = await self._worker.run(rows)
        return JSONResponse({"model": served.name, "digest": served.digest, "scores": scores})

    def _chosen(self, name: object) -> ServedModel:
        """Return the reward model of a name; without a name, the only one or `reward`.

        Raises ApiError 404.
        """
        models = {key: item for key, item in self._store.models.items() if item.scorer}
        if name is None:
            name = next(iter(models)) if len(models) == 1 else "reward"
        if not isinstance(name, str) or name not in models:
            known = ", ".join(models) or "none"
            raise ApiError(
                404, f"no reward model {name!r} is served; served: {known}", code="model_not_found"
            )
        return models[name]


def score_batch(batch: list[Scored]) -> Sequence[float]:
    """Return the rewards of a batch, in its order; each model scores its rows together."""
    found = [0.0] * len(batch)
    # By identity: after a reload two scorers of one name may share a batch.
    for scorer in {id(scorer): scorer for scorer, _ in batch}.values():
        indices = [index for index, (owner, _) in enumerate(batch) if owner is scorer]
        for index, score in zip(
            indices, scorer.scores([batch[index][1] for index in indices]), strict=True
        ):
            found[index] = score
    return found


def _items(body: dict[str, Any]) -> list[Answer]:
    """Return the answers to score. Raises ApiError 400, naming the item."""
    items = body.get("items")
    if not isinstance(items, list) or not 1 <= len(items) <= MAX_ITEMS:
        raise ApiError(400, f"items must be a list of 1 to {MAX_ITEMS} objects", param="items")
    return [_item(number, item) for number, item in enumerate(items)]


def _item(number: int, item: object) -> Answer:
    """Return one answer to score. Raises ApiError 400."""
    index = f"items[{number}]"
    if not isinstance(item, dict) or not isinstance(item.get("response"), str):
        raise ApiError(400, f"{index} needs a text `response`", param=index)
    try:
        return Answer(row_messages(number, item), item["response"])
    except InputError as error:
        message = f"{index} needs a text `prompt`, or `messages` of role and content"
        raise ApiError(400, message, param=index) from error
