"""A GGUF file as a `transformers` checkpoint in bfloat16: weights, tokenizer, chat template.

`python -m trainers.pretrained.gguf FILE FOLDER`
"""

import os
import sys
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

from trainers.process import die_with_parent

PATIENT = 10  # niceness: whoever is served meanwhile comes first


def write_checkpoint(source: Path, folder: Path) -> None:
    """Write the model in a GGUF file as safetensors, with its tokenizer and chat template.

    In bfloat16, whose rounding (2^-9) is a tenth of that of four bits (2^-5 of a block's range), at
    half the disk and the memory of float32.
    """
    place, file = source.parent, source.name
    tokenizer: Any = AutoTokenizer.from_pretrained(place, gguf_file=file)
    model: Any = AutoModelForCausalLM.from_pretrained(
        place,
        gguf_file=file,
        dtype=torch.bfloat16,
        quantization_config=GgufConfig(dequantize=True),
    )
    # Nothing is quantised any more, or `save_pretrained` would refuse.
    model.hf_quantizer = None
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    die_with_parent()
    os.nice(PATIENT)
    write_checkpoint(Path(sys.argv[1]), Path(sys.argv[2]))
