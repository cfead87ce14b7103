"""What a method costs: time and memory of this machine, and counts that any machine would give."""

import json
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from acadiff.benchmark.generation.plan import Entry, Task
from acadiff.cohort.table import Subject
from acadiff.commit import write_json
from acadiff.imputer import Imputer
from acadiff.modality import Modality
from acadiff.recipe.methods import plan

OnStep = Callable[[str], None]
Cost = dict[str, Any]

_NETWORK = 0.05
"""Share of the parameters that makes a part of a generator a network, and not a small map."""

_TIMES = 3
_TOLD = {"dsgan": "diagnosis", "dsgan_pan2019": "nothing", "pasta": "scores"}
"""Of methods that read scores by numbers, those that are told less than ACADiff-emb."""

_LEVELS = {"none": "nothing", "scores": "scores", "full": "diagnosis, scores"}


class Training:
    """An `on_step` that keeps how long a training has taken, in all the runs that it took.

    The time lies beside the weights, `training.json`, and grows with every checkpoint.
    """

    def __init__(self, folder: Path, on_step: OnStep) -> None:
        """Go on from what is known of the training in `folder`."""
        self.path, self.on_step = folder / "training.json", on_step
        self.known = read_training(folder)
        self.begun = time.perf_counter()
        reset_peak()

    def __call__(self, text: str) -> None:
        """Keep the time up to now, and hand the text on."""
        seconds = self.known.get("seconds", 0.0) + time.perf_counter() - self.begun
        peak = max(self.known.get("peak_mb", 0.0), peak_mb())
        write_json(self.path, {"seconds": round(seconds, 2), "peak_mb": round(peak, 1)})
        self.on_step(text)


def read_training(folder: Path) -> Cost:
    """What is known of a training's time; nothing, of weights that came from elsewhere."""
    with suppress(OSError, ValueError):
        found = json.loads((folder / "training.json").read_bytes())
        return found if isinstance(found, dict) else {}
    return {}


def training_cost(entry: Entry, folder: Path) -> Cost:
    """Steps and people seen, as the recipe has them; time, as far as it is known."""
    numbers = entry.recipe if entry.weights == entry.name else entry.base
    phases = plan(numbers, entry.method).phases
    steps = sum(phase.steps for phase in phases)
    known = read_training(folder)
    seconds = known.get("seconds")
    return {
        "training_seconds": seconds,
        "steps": steps,
        "people_seen": sum(phase.steps * phase.batch for phase in phases),
        "seconds_a_step": seconds / steps if seconds is not None and steps else None,
        "training_peak_mb": known.get("peak_mb"),
    }


def imputing_cost(imputer: Imputer, subject: Subject, task: Task, draws: int) -> Cost:
    """Have one scan made a few times over: first counting, then with a clock.

    Args:
        imputer: the model.
        subject: somebody who has the sources.
        task: what is made.
        draws: of a method whose draws differ.
    """
    shown = subject.without(*(m for m in Modality if m not in task.sources))
    found = imputer.generators[task.target].generator

    def once() -> float:
        start = time.perf_counter()
        imputer.impute(shown, task.target, draws)
        return time.perf_counter() - start

    reset_peak()
    with evaluations(found) as rows, FlopCounterMode(display=False) as flops:
        once()
    return {
        "seconds_a_volume": median(once() for _ in range(_TIMES)),
        "imputing_peak_mb": peak_mb(),
        "parameters": sum(p.numel() for p in found.parameters()),
        "evaluations": sum(rows.values()),
        "gflop_a_volume": flops.get_total_flops() / 1e9,
        "draws": draws,
    }


def clinical_seen(entry: Entry, record: Mapping[str, Any]) -> str:
    """What a method is told of a patient when it imputes."""
    if not record["encoder"]:
        return "nothing"
    level = _LEVELS[entry.recipe.conditioning.detail]
    return _TOLD.get(entry.method, level) if level != "nothing" else level


@contextmanager
def evaluations(module: nn.Module) -> Iterator[dict[str, int]]:
    """Count how many samples go through each of a generator's networks: name → rows."""
    rows: dict[str, int] = {}
    total = sum(p.numel() for p in module.parameters())

    def counter(name: str) -> Callable[..., None]:
        def count(_: nn.Module, given: tuple[Any, ...], __: Any) -> None:
            first = next((x for x in given if isinstance(x, Tensor)), None)
            rows[name] = rows.get(name, 0) + (1 if first is None else len(first))

        return count

    networks = {
        name: _within(child)
        for name, child in module.named_children()
        if total and sum(p.numel() for p in child.parameters()) >= _NETWORK * total
    }
    hooks = [child.register_forward_hook(counter(name)) for name, child in networks.items()]
    try:
        yield rows
    finally:
        for hook in hooks:
            hook.remove()


def _within(module: nn.Module) -> nn.Module:
    """What answers inside a wrapper that has nothing to learn of its own."""
    inner = [child for child in module.children() if any(True for _ in child.parameters())]
    own = any(True for _ in module.parameters(recurse=False))
    return _within(inner[0]) if len(inner) == 1 and not own else module


def reset_peak() -> None:
    """Let the peak of memory begin anew, where the system can."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak_mb() -> float:
    """Most memory that this process held since, in MB; on a GPU, that of the GPU."""
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return torch.cuda.max_memory_allocated() / 1e6
    with suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/self/status").read_text().splitlines()
        return float(next(x for x in lines if x.startswith("VmHWM")).split()[1]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
