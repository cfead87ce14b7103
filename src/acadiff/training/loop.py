"""The one training loop: objectives in, steps out; killed, it resumes to the same bits.

All randomness of a step is a function of (seed, step), inside the batches that are handed in, and
the state between steps is checkpointed whole: parameters, optimiser, averages.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from acadiff.commit import write_text
from acadiff.errors import AcadiffError
from acadiff.training.checkpoint import load_checkpoint, save_checkpoint
from acadiff.training.ema import EMA

B = TypeVar("B")
_PATIENCE = 3


@dataclass(frozen=True)
class Settings:
    """Numbers of one training run.

    Args:
        steps: optimiser steps.
        rate: peak learning rate; linear warm-up, then cosine to zero.
        warmup: steps of warm-up.
        weight_decay: of AdamW, on matrices and kernels only.
        clip: largest gradient norm.
        ema: decay of the averaged weights.
        every: steps between checkpoints.
    """

    steps: int
    rate: float
    warmup: int
    weight_decay: float
    clip: float
    ema: float
    every: int

    def rate_at(self, step: int, constant: float | None = None) -> float:
        """Learning rate of a step.

        Args:
            step: from 0.
            constant: share of the steps in which the rate does not fall; it then falls linearly
                to zero. None is a cosine from the start.
        """
        up = min(1.0, (step + 1) / max(1, self.warmup))
        if constant is None:
            return self.rate * up * 0.5 * (1 + math.cos(math.pi * step / self.steps))
        left = (self.steps - step) / ((1 - constant) * self.steps)
        return self.rate * up * min(1.0, left)


@dataclass(frozen=True)
class Objective(Generic[B]):
    """What one optimiser minimises: the weighted sum of the losses of a batch.

    Args:
        parameters: what it may change, by name.
        losses: batch → named scalar losses.
        weights: weight of each loss.
        betas: of its Adam.
        constant: share of the steps before its rate falls, linearly then; None is a cosine.
    """

    parameters: Mapping[str, nn.Parameter]
    losses: Callable[[B], dict[str, Tensor]]
    weights: Mapping[str, float]
    betas: tuple[float, float] = (0.9, 0.99)
    constant: float | None = None


@dataclass(frozen=True)
class Step:
    """What is logged of one step."""

    index: int
    losses: dict[str, float] = field(default_factory=dict)
    lr: float = 0.0


class Run(Generic[B]):
    """A module being trained by its objectives, in a folder that can be resumed."""

    def __init__(
        self,
        module: nn.Module,
        objectives: Mapping[str, Objective[B]],
        settings: Settings,
        *,
        fabric: Fabric,
        folder: Path,
        belongs: Mapping[str, Any],
    ) -> None:
        """Set up, and go back to the last checkpoint in `folder` if there is one.

        Args:
            module: owns all parameters; already on the fabric's device.
            objectives: one per optimiser.
            settings: the numbers.
            fabric: device, precision and processes.
            folder: for `checkpoint/` and `steps.jsonl`.
            belongs: what the run is, for refusing to resume another one.

        Raises:
            CheckpointError: the folder's checkpoint is damaged or of another run.
        """
        self.module, self.objectives, self.settings = module, objectives, settings
        self.fabric, self.folder = fabric, folder
        self.belongs = {**belongs, **asdict(settings)}
        self.ema = EMA(module, decay=settings.ema)
        self.optimisers = {name: self._optimiser(o) for name, o in objectives.items()}
        self.log: list[str] = []
        self.done = self._resume()

    def steps(self, batches: Callable[[int], B]) -> Iterator[Step]:
        """Train from the first step not done; `batches(step)` must depend on `step` alone."""
        bad = 0
        for index in range(self.done, self.settings.steps):
            step = self._step(index, batches(index))
            bad = 0 if all(map(math.isfinite, step.losses.values())) else bad + 1
            if bad == _PATIENCE:
                raise AcadiffError(
                    f"{self.folder}: the loss was not finite for {bad} steps up to {index}; the "
                    "last checkpoint is good, start again in a new folder with a learning rate "
                    f"below {self.settings.rate:g}"
                )
            self.log.append(json.dumps({"step": index, "losses": step.losses, "lr": step.lr}))
            self.done = index + 1
            if self.done % self.settings.every == 0 or self.done == self.settings.steps:
                self._commit()
            yield step

    def _step(self, index: int, batch: B) -> Step:
        rate, logged = 0.0, {}
        for name, objective in self.objectives.items():
            rate = self.settings.rate_at(index, objective.constant)
            with self.fabric.autocast():
                losses = objective.losses(batch)
            total = sum((w * losses[k] for k, w in objective.weights.items()), torch.zeros(()))
            logged.update({k: float(v.detach()) for k, v in losses.items()})
            if not math.isfinite(float(total.detach())):
                continue
            optimiser = self.optimisers[name]
            optimiser.zero_grad(set_to_none=True)
            self.fabric.backward(total)
            self._average_gradients(objective)
            norm = nn.utils.clip_grad_norm_(
                list(objective.parameters.values()), self.settings.clip
            )
            if not torch.isfinite(norm):
                logged[f"{name} gradient"] = float(norm)
                continue
            for group in optimiser.param_groups:
                group["lr"] = rate
            optimiser.step()
        self.ema.update(self.module, index)
        return Step(index, logged, rate)

    def _average_gradients(self, objective: Objective[B]) -> None:
        """Across processes; by hand, so that an objective may use any part of the module."""
        if self.fabric.world_size > 1:
            for parameter in objective.parameters.values():
                if parameter.grad is not None:
                    parameter.grad.copy_(self.fabric.all_reduce(parameter.grad, reduce_op="mean"))

    def _optimiser(self, objective: Objective[B]) -> torch.optim.AdamW:
        matrices = [p for p in objective.parameters.values() if p.ndim > 1]
        vectors = [p for p in objective.parameters.values() if p.ndim <= 1]
        groups = [
            {"params": matrices, "weight_decay": self.settings.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups, lr=self.settings.rate, betas=objective.betas)

    def _commit(self) -> None:
        if self.fabric.global_rank != 0:
            return
        tensors = {f"module.{k}": v for k, v in self.module.state_dict().items()}
        tensors |= {f"ema.{k}": v for k, v in self.ema.state().items()}
        for name, objective in self.objectives.items():
            state = self.optimisers[name].state
            for key, parameter in objective.parameters.items():
                for slot, value in state[parameter].items():
                    tensors[f"optimiser.{name}.{slot}.{key}"] = value
        write_text(self.folder / "steps.jsonl", "\n".join([*self.log, ""]))
        save_checkpoint(self.folder / "checkpoint", self.done, tensors, self.belongs)

    @torch.no_grad()
    def _resume(self) -> int:
        found = load_checkpoint(self.folder / "checkpoint", self.belongs)
        if found is None:
            return 0
        step, tensors = found
        self.module.load_state_dict(_below(tensors, "module."))
        for name, value in _below(tensors, "ema.").items():
            self.ema.values[name].copy_(value)
        for name, objective in self.objectives.items():
            for key, parameter in objective.parameters.items():
                for slot in ("step", "exp_avg", "exp_avg_sq"):
                    moment = tensors.get(f"optimiser.{name}.{slot}.{key}")
                    if moment is not None:
                        device = parameter.device if slot != "step" else "cpu"
                        self.optimisers[name].state[parameter][slot] = moment.to(device)
        self.log = (self.folder / "steps.jsonl").read_text().splitlines()[:step]
        return step


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors under a prefix, without it."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
