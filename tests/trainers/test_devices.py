"""Where a model is computed, and in which type."""

import pytest
import torch

from trainers.tuning.devices import pick_dtype


@pytest.mark.parametrize(
    ("able", "wanted"),
    [
        ({"avx2": True, "avx512_f": True}, torch.float32),
        ({"avx512_bf16": True}, torch.bfloat16),
        ({"avx512_bf16": False, "amx_bf16": True}, torch.bfloat16),
        ({"architecture": "aarch64", "bf16": True}, torch.float32),
    ],
)
def test_a_cpu_computes_in_bfloat16_where_it_multiplies_it(monkeypatch, able, wanted):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert pick_dtype(torch.device("cpu")) == wanted


def test_what_this_cpu_can_do_is_known():
    """The names are torch's own: one that it renamed would silently mean float32."""
    able = torch.cpu.get_capabilities()
    if able["architecture"] not in ("x86_64", "AMD64"):
        pytest.skip("the names are those of x86")
    assert {"avx512_bf16", "amx_bf16"} <= set(able)


def test_a_gpu_computes_in_bfloat16():
    assert pick_dtype(torch.device("cuda")) == torch.bfloat16
