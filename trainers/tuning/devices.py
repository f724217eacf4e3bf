"""Where tensors live, and what makes a run give the same numbers twice."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from trainers.errors import InputError


def pick_device(name: str = "auto") -> torch.device:
    """Return the device called `name`; "auto" is a GPU where there is one, else the CPU.

    Raises InputError where torch does not know it or sees no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(f"device: {name} is not one that torch knows") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise InputError(f"device: {name} was asked for, and torch sees no GPU")
    return device


def pick_dtype(device: torch.device) -> torch.dtype:
    """Return the type that weights are best computed in on a device.

    bfloat16 on a GPU and on a CPU that multiplies it natively (AVX512-BF16, AMX), which halves time
    and memory; float32 on any other CPU, where bfloat16 is emulated and slower.
    """
    if device.type == "cpu":
        able = torch.cpu.get_capabilities()
        native = able.get("avx512_bf16", False) or able.get("amx_bf16", False)
        return torch.bfloat16 if native else torch.float32
    return torch.bfloat16


def make_deterministic(seed: int) -> None:
    """Seed torch and forbid kernels whose sums depend on scheduling."""
    # Without a workspace of fixed size cuBLAS picks algorithms as streams happen to run.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.manual_seed(seed)
    # An operation that has no deterministic kernel now raises, where it would differ in silence.
    torch.use_deterministic_algorithms(True)


@contextmanager
def one_thread() -> Iterator[None]:
    """Fit small heads on one CPU thread.

    Their matrices are too small to share out: more threads are slower where others use the cores,
    and round sums differently on machines with another number of them.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
