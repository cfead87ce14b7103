"""Half precision where the processor has it, single precision where it would have to act it.

A processor without bfloat16 computes the same numbers in software: a 3D convolution then takes
twenty to thirty times as long as in single precision (docs/benchmark.md).
"""

from functools import cache
from typing import Literal

import torch
from lightning_fabric import Fabric

Precision = Literal["32-true", "bf16-mixed"]
SINGLE: Precision = "32-true"
HALF: Precision = "bf16-mixed"
"""What a recipe may name, as Lightning Fabric calls it."""

_INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")


def fabric_on(device: str, precision: str, devices: int | str = 1) -> Fabric:
    """Lightning Fabric in the precision that a recipe names, or the nearest that is fast here.

    Args:
        device: auto, cpu, cuda or mps.
        precision: of the recipe.
        devices: how many.

    Raises:
        ValueError, RuntimeError, LookupError: there is no such device here.
    """
    fabric = Fabric(accelerator=device, devices=devices, precision=SINGLE)
    here = usable(precision, fabric.device.type)
    if here == SINGLE:
        return fabric
    return Fabric(accelerator=device, devices=devices, precision=here)


def usable(precision: str, device: str) -> Precision:
    """The precision itself, or single precision where a kind of device has no bfloat16."""
    return HALF if precision == HALF and has_bfloat16(device) else SINGLE


@cache
def has_bfloat16(device: str) -> bool:
    """Whether a kind of device computes with bfloat16 in hardware."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device == "cpu":
        found = torch.cpu.get_capabilities()
        return any(found.get(name, False) for name in _INSTRUCTIONS)
    return True
