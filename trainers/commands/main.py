"""The command line: arguments in, one line of JSON out, an exit status that says what happened."""

import json
import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from trainers.commands import actions
from trainers.commands.settings import help_text
from trainers.data.formats import FORMATS, format_table
from trainers.errors import InputError
from trainers.kinds import KINDS

UNUSABLE_INPUT, FAILED = 2, 1


def main(arguments: Sequence[str]) -> int:
    """Run one command; 0 when it worked, 2 when its input is unusable, 1 for anything else."""
    try:
        if arguments[:1] == ["serve"]:
            return int(import_module("trainers.serve.__main__").main(arguments[1:]) or 0)
        parsed = parser().parse_args(arguments)
        result = parsed.run(parsed)
        # One by one: rows of a generator are printed while the next ones are computed.
        for row in [result] if isinstance(result, dict) else result:
            _print(row)
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return UNUSABLE_INPUT
    except OSError as error:  # a full disk, a file that may not be written
        sys.stderr.write(f"{error}\n")
        return FAILED
    return 0


def parser() -> ArgumentParser:
    """Return the parser of all commands but `serve`, which has one of its own."""
    whole = ArgumentParser(prog="python -m trainers", epilog="serve: see `serve --help`")
    commands = whole.add_subparsers(dest="command", required=True)

    build = commands.add_parser(
        "snapshot",
        help="make a snapshot from a public file",
        formatter_class=RawDescriptionHelpFormatter,
    )
    build.add_argument(
        "--list-formats",
        # Prints and exits before argparse asks for the required arguments.
        action="version",
        version=format_table(),
        help="print what a row of each format is",
    )
    build.add_argument("--from", dest="source", type=Path, required=True)
    build.add_argument("--format", choices=FORMATS, required=True)
    build.add_argument("--profile", type=Path)
    build.add_argument("--out", type=Path, required=True)
    build.set_defaults(run=actions.snapshot)

    for name, kind in KINDS.items():
        train = commands.add_parser(
            name,
            help=f"train: {name}",
            epilog=help_text(kind).replace("%", "%%"),  # argparse takes % for a format
            formatter_class=RawDescriptionHelpFormatter,
        )
        train.add_argument("--snapshot", type=Path, required=True)
        train.add_argument("--out", type=Path, required=True)
        train.add_argument("--config", type=Path, help="a TOML file of settings")
        train.add_argument("--set", action="extend", nargs="+", default=[], metavar="name=value")
        train.set_defaults(run=actions.train)

    evaluate = commands.add_parser("evaluate", help="measure an artifact on a snapshot")
    evaluate.add_argument("--artifact", type=Path, required=True)
    evaluate.add_argument("--snapshot", type=Path, required=True)
    evaluate.add_argument(
        "--per-prompt", type=Path, metavar="FILE.parquet", help="also write every prompt's score"
    )
    evaluate.add_argument(
        "--per-decision",
        type=Path,
        metavar="FILE.parquet",
        help="of an embedding: also write what every logged decision says of it as a router",
    )
    evaluate.set_defaults(run=actions.evaluate)

    rows: Iterable[tuple[str, str, Any]] = (
        ("score", "rewards of {prompt, response} rows", actions.score),
        ("predict", "scores of every model on {prompt} rows", actions.predict),
    )
    for name, text, run in rows:
        command = commands.add_parser(name, help=text)
        command.add_argument("--artifact", type=Path, required=True)
        command.add_argument("--input", type=Path, required=True)
        command.set_defaults(run=run)
    return whole


def _print(row: dict[str, Any]) -> None:
    """Print a row as JSON; of processes launched together, one prints."""
    if int(os.environ.get("RANK", "0")):
        return
    sys.stdout.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
    sys.stdout.flush()  # who reads a pipe sees each row at once
