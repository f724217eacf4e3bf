"""`POST /v1/embeddings`: sentence vectors, as floats or as base64 of little-endian float32."""

import base64
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from trainers.arrays import Floats32
from trainers.encoding.encoder import MAX_TOKENS, Encoder
from trainers.serve.batcher import Batcher
from trainers.serve.errors import ApiError
from trainers.serve.request_bodies import read_object, texts

ENCODER = "encoder"
MAX_TEXTS = 2048
# No batch takes longer than one text that fills the encoder's window.
BATCH_TOKENS = MAX_TOKENS
CHARACTERS_PER_TOKEN = 4

Embedded = tuple[Floats32, int]  # a vector, and how many tokens it was read from


class Embeddings:
    """The encoder in two threads: one for what people wait for, one for calls of many texts.

    A forward pass cannot be interrupted, so a prompt behind another call's texts would wait for a
    whole one. Texts of several small requests share a batch.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._fingerprint = encoder.fingerprint  # read now: it digests every file
        self._small, self._large = (
            Batcher[str, Embedded](name, self._embed, size=BATCH_TOKENS, cost=_tokens)
            for name in ("encoder", "encoder-bulk")
        )

    def start(self) -> None:
        """Begin to take calls."""
        self._small.start()
        self._large.start()

    def stop(self) -> None:
        """Leave what is queued undone."""
        self._small.stop()
        self._large.stop()

    async def answer(self, request: Request) -> JSONResponse:
        """Answer OpenAI's embeddings call.

        A text beyond the encoder's window counts by its beginning.

        `system_fingerprint` is the encoder's, its window included: vectors of another one are not
        to be compared.
        """
        body = await read_object(request)
        model = body.get("model") or ENCODER
        if model != ENCODER:
            raise ApiError(404, f"the model {model!r} does not embed", code="model_not_found")
        serialize = _serializer(body)
        asked = _inputs(body)
        is_small = sum(map(_tokens, asked)) <= BATCH_TOKENS
        found = await (self._small if is_small else self._large).run(asked)
        tokens = sum(count for _, count in found)
        data = [
            {"object": "embedding", "index": index, "embedding": serialize(vector)}
            for index, (vector, _) in enumerate(found)
        ]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        about = {"model": model, "usage": usage, "system_fingerprint": self._fingerprint}
        return JSONResponse({"object": "list", "data": data, **about})

    def _embed(self, batch: list[str]) -> Sequence[Embedded]:
        """Return the vectors of texts with their numbers of tokens."""
        vectors, counts = self._encoder.encode(batch), self._encoder.count_tokens(batch)
        return list(zip(vectors, counts, strict=True))


def _tokens(text: str) -> int:
    """Estimate how many tokens of a text are read: ordinary text has 4 to 6 letters a token."""
    return min(len(text) // CHARACTERS_PER_TOKEN + 1, MAX_TOKENS)


def _inputs(body: dict[str, Any]) -> list[str]:
    """Return the texts to embed. Raises ApiError 400."""
    value = body.get("input")
    if isinstance(value, list) and value and isinstance(value[0], int | list):
        raise ApiError(400, "lists of token ids are not accepted: send texts", param="input")
    found = texts(value, "input")
    if not 1 <= len(found) <= MAX_TEXTS:
        raise ApiError(400, f"input must hold 1 to {MAX_TEXTS} texts", param="input")
    return found


def _serializer(body: dict[str, Any]) -> Any:
    """Return the function that writes a vector in the asked encoding. Raises ApiError 400."""
    encoding = body.get("encoding_format") or "float"
    if encoding == "float":
        return lambda vector: vector.tolist()
    if encoding == "base64":
        # Little-endian on any machine, as clients decode it.
        return lambda vector: base64.b64encode(vector.astype("<f4").tobytes()).decode()
    raise ApiError(400, "encoding_format must be float or base64", param="encoding_format")
