"""`python -m trainers serve`: load, listen, answer, and leave quickly when told to."""

import logging
import os
import signal
import socket
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

import torch
import uvicorn

from trainers.encoding.encoder import Encoder
from trainers.pretrained.checkpoints import PACKAGED
from trainers.serve.app import Api, build_app
from trainers.serve.model_store import ModelStore
from trainers.serve.preparation import Preparation

GRACE_SECONDS = 1  # that open connections are given when the server is told to end


class Server(uvicorn.Server):
    """uvicorn's server, which ends answers under way at once, with exit status 0."""

    def __init__(self, config: uvicorn.Config, api: Api) -> None:
        super().__init__(config)
        self._api = api

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle the two signals; uvicorn would raise them once more at the end."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.handle_exit)
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End the answers under way: uvicorn would wait for them."""
        self._api.store.stop()
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Print where the server listens, which with port 0 only the system knows."""
        await super().startup(sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            sys.stderr.write(f"serving http://{host}:{port}\n")
            sys.stderr.flush()


def main(arguments: Sequence[str]) -> NoReturn:
    """Serve the artifacts of a directory until SIGTERM or Ctrl-C."""
    parsed = parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # The web process and the database want their share of a small machine; a short text gains
    # nothing from more threads.
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))
    preparation = Preparation(parsed.pretrained) if parsed.pretrained else None
    store, encoder = ModelStore(parsed.artifacts, preparation), Encoder(cached=False)
    # Loads the model now, not at the first request.
    encoder.encode(["warm"])
    store.start()
    api = Api(store, encoder)
    config = uvicorn.Config(
        build_app(api),
        host=parsed.host,
        port=parsed.port,
        log_level="warning",
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    Server(config, api).run()
    logging.shutdown()
    # Nothing is left to save. Taking torch down module by module costs seconds on a busy machine,
    # and a thread that is still inside a kernel could not be waited for.
    os._exit(0)


def parser() -> ArgumentParser:
    """Return the parser of `serve`."""
    serve = ArgumentParser(prog="python -m trainers serve")
    serve.add_argument("--artifacts", type=Path, required=True, help="watched for artifacts")
    serve.add_argument(
        "--pretrained",
        choices=sorted(PACKAGED),
        help="serve this packaged model and the adapters that ship with it, too",
    )
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8010)
    return serve
