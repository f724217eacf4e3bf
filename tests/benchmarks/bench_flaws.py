"""How often real answers are caught, of what, and how many of them recover.

`python tests/benchmarks/bench_flaws.py DATA`, where DATA holds the public files of answers.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

from feedback.text.flaws import Inspection
from feedback.text.repetition import repeated_part

FILES = {
    "llmfao_responses": ("prompt", ["response"]),
    "mmlu_pro_responses_sample": (None, ["response"]),
    "human_pairs": ("prompt", ["response_a", "response_b"]),
    "pandalm_pairs": ("instruction", ["response1", "response2"]),
}
PIECE = 4  # characters, as a token has


def answers(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Yield file, prompt and answer, each answer of a file once."""
    for name, (prompt, columns) in FILES.items():
        table = pq.read_table(folder / f"{name}.parquet")
        prompts = table[prompt].to_pylist() if prompt else [""] * len(table)
        pairs: set[tuple[str, str]] = set()
        for column in columns:
            pairs |= set(zip(prompts, table[column].to_pylist(), strict=True))
        yield from ((name, asked or "", text) for asked, text in sorted(pairs, key=str) if text)


def main() -> None:
    """Print a row a file, and what it costs."""
    read: Counter[str] = Counter()
    caught: Counter[tuple[str, str]] = Counter()
    recovered = characters = 0
    started = time.process_time()
    for name, asked, text in answers(Path(sys.argv[1])):
        read[name] += 1
        inspection = Inspection(asked)
        starts = range(0, len(text), PIECE)
        pieces = (inspection.feed(text[start : start + PIECE]) for start in starts)
        flaw = next(filter(None, pieces), None) or inspection.close(is_cut=False)
        characters += len(text)
        if flaw:
            caught[name, flaw.value] += 1
            recovered += "repet" in flaw.value and not repeated_part(text, least=150, times=2)
    seconds = time.process_time() - started
    for name, n in read.items():
        print(name, n, {flaw: count for (file, flaw), count in caught.items() if file == name})
    print(f"{recovered} that repeated themselves ended otherwise")
    print(f"{characters / seconds:,.0f} characters a second")


if __name__ == "__main__":
    main()
