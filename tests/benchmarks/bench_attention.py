"""Attention of rows that write one token each: row by row over their own caches, or as one batch.

    python tests/benchmarks/bench_attention.py

The shape of SmolLM2-135M: 9 query heads over 3 of keys, 64 wide. Half of the rows are as long as
`columns`, half of them half as long. Microseconds of processor time a layer, on one thread:

by_rows   a call a row, query heads as more queries of their group (`trainers/generation`)
gqa       a call a row with torch's `enable_gqa`
repeated  a call a row with keys and values repeated for every query head, as transformers does
batch     one call, all rows in a table of `columns`, with a mask
"""

import json
import time
from collections.abc import Callable

import torch
from torch.nn.functional import scaled_dot_product_attention as attention

HEADS, GROUPS, WIDTH = 9, 3, 64
REPEATS = 30


def microseconds(run: Callable[[], object]) -> float:
    run()
    began = time.thread_time()
    for _ in range(REPEATS):
        run()
    return round(1e6 * (time.thread_time() - began) / REPEATS)


@torch.inference_mode()
def measured(dtype: torch.dtype, rows: int, columns: int) -> dict[str, object]:
    lengths = [columns if row % 2 else columns // 2 for row in range(rows)]
    table = torch.randn(2, rows, GROUPS, columns, WIDTH).to(dtype)
    queries = torch.randn(rows, HEADS, 1, WIDTH).to(dtype)
    caches = [table[:, row : row + 1, :, :length] for row, length in enumerate(lengths)]
    grouped = queries.view(rows, GROUPS, HEADS // GROUPS, WIDTH)
    mask = torch.arange(columns) < torch.tensor(lengths).view(rows, 1, 1, 1)
    each = range(rows)

    def repeated(row: int) -> torch.Tensor:
        keys, values = caches[row].repeat_interleave(HEADS // GROUPS, 2)
        return attention(queries[row : row + 1], keys, values)

    ways: dict[str, Callable[[], object]] = {
        "by_rows": lambda: [attention(grouped[row : row + 1], *caches[row]) for row in each],
        "gqa": lambda: [
            attention(queries[row : row + 1], *caches[row], enable_gqa=True) for row in each
        ],
        "repeated": lambda: [repeated(row) for row in each],
        "batch": lambda: attention(grouped, *table, attn_mask=mask),
    }
    found = {name: microseconds(run) for name, run in ways.items()}
    return {"dtype": str(dtype), "rows": rows, "columns": columns} | found


def main() -> None:
    torch.set_num_threads(1)
    for dtype in (torch.bfloat16, torch.float32):
        for rows in (2, 8, 16):
            for columns in (128, 512, 2048):
                print(json.dumps(measured(dtype, rows, columns)), flush=True)


if __name__ == "__main__":
    main()
