"""Exponential moving average of weights."""

import torch
from torch import Tensor, nn


class EMA:
    """A slow copy of a module's parameters, warmed up so that early averages forget the start."""

    def __init__(self, module: nn.Module, *, decay: float) -> None:
        """Start from the parameters as they are."""
        self.decay = decay
        self.values = {name: p.detach().clone() for name, p in module.named_parameters()}

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Move towards the parameters after optimiser step `step` (from 0)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        parameters = dict(module.named_parameters())
        torch._foreach_lerp_(  # noqa: SLF001
            list(self.values.values()), [parameters[name] for name in self.values], 1 - decay
        )

    @torch.no_grad()
    def copy_to(self, module: nn.Module) -> None:
        """Overwrite the parameters with their averages."""
        for name, parameter in module.named_parameters():
            parameter.copy_(self.values[name])

    def state(self) -> dict[str, Tensor]:
        """The averages by parameter name."""
        return self.values
