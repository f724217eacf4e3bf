"""How fast and how large an import is: rows a second, and memory by the size of the file.

    DATABASE_URL=postgresql://… PYTHONPATH=platform:. python tests/benchmarks/bench_import.py

Prints JSON. Works in a database of its own, `bench_import`, on the server of DATABASE_URL, made
anew for each import and dropped at the end. Each import is a process of its own, so that its
largest memory is its own.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psutil
import psycopg

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
DATABASE = "bench_import"
IMPORTS = (
    ("ukpconv_votes", "preferences", 10_000),
    ("ukpconv_votes", "preferences", None),
    ("llmfao_votes", "preferences", None),
    ("arena_human_ai_votes", "preferences", None),
    ("mmlu_pro_correctness", "outcomes", None),
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", help="one file's name")
    only = parser.parse_args().only
    rows = [measure(*one) for one in IMPORTS if only in (None, one[0])]
    print(json.dumps({"imports": rows, "load": os.getloadavg()[0], "cores": os.cpu_count()}))


def measure(name: str, form: str, limit: int | None) -> dict[str, object]:
    """Import one file into an empty database, then once more."""
    with fresh_database() as environment:
        first, memory = run(name, form, limit, environment)
        again, _ = run(name, form, limit, environment)
    assert again["created"] == {}
    return {
        "file": name,
        "rows": first["read"],
        "created": first["created"],
        "seconds": first["seconds"],
        "rows_per_second": round(first["read"] / first["seconds"]),
        "seconds_again": again["seconds"],
        "peak_mib": round(memory / 2**20),
    }


def run(
    name: str, form: str, limit: int | None, environment: dict[str, str]
) -> tuple[dict[str, object], int]:
    """What `import_data` prints, and the most memory that its process held."""
    command = [
        sys.executable,
        str(ROOT / "manage.py"),
        "import_data",
        str(DATA / f"{name}.parquet"),
    ]
    command += ["--format", form, "--profile", name]
    command += ["--limit", str(limit)] if limit else []
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    peak, watched = 0, psutil.Process(process.pid)
    while process.poll() is None:
        peak = max(peak, watched.memory_info().rss)  # 0 of one that has just ended
        time.sleep(0.05)
    assert process.returncode == 0
    assert process.stdout is not None
    return json.loads(process.stdout.read().splitlines()[-1]), peak


@contextmanager
def fresh_database() -> Iterator[dict[str, str]]:
    """The environment of processes that work on an empty, migrated database."""
    address = urlsplit(os.environ["DATABASE_URL"])
    maintenance = urlunsplit(address._replace(path="/postgres"))
    environment = os.environ | {"DATABASE_URL": urlunsplit(address._replace(path=f"/{DATABASE}"))}
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {DATABASE}")
        migrate = [sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity", "0"]
        subprocess.run(migrate, env=environment, check=True)
        try:
            yield environment
        finally:
            connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")


if __name__ == "__main__":
    main()
