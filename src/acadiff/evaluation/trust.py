"""What is known of how far a generator errs, as one file beside its weights.

`trust.json` belongs to the weights whose SHA-256 it names, and holds its own: a change of one
digit would be a promise that nobody made.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from acadiff.commit import write_json
from acadiff.errors import CheckpointError
from acadiff.evaluation.intervals import Scale
from acadiff.volume.regions import NAMES

FILE = "trust.json"
FORMAT = 1
_POPULATION = 0.9
_AGAIN = "run `acadiff calibrate` again"


@dataclass(frozen=True)
class Calibration:
    """Intervals for one set of sources and one detail of the prompts.

    Args:
        subjects: validation subjects behind them.
        voxels: of single voxels, by label.
        regions: of the regions' means.
    """

    subjects: int
    voxels: Scale
    regions: Scale


@dataclass(frozen=True)
class Spread:
    """A region in training: the mean over people, and the distance from it that 90 % keep."""

    mean: float
    half: float


@dataclass(frozen=True)
class Trust:
    """All that was calibrated of one generator.

    Args:
        draws: how many the SD was over.
        trials: by sources and detail, `MRI+FDG-full`.
        population: the regions of the target in training.
        conditions: least and greatest of each score in training.
    """

    draws: int
    trials: Mapping[str, Calibration]
    population: Mapping[str, Spread]
    conditions: Mapping[str, tuple[float, float]]

    def to_json(self) -> dict[str, Any]:
        """Plain data, which `from_json` reads."""
        return {
            "Draws": self.draws,
            "Trials": {
                name: {
                    "Subjects": found.subjects,
                    "Voxels": found.voxels.to_json(),
                    "Regions": found.regions.to_json(),
                }
                for name, found in self.trials.items()
            },
            "Population": {name: [s.mean, s.half] for name, s in self.population.items()},
            "Conditions": {name: list(ends) for name, ends in self.conditions.items()},
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "Trust":
        """Rebuild from what `to_json` gave."""
        trials = {
            name: Calibration(
                int(found["Subjects"]),
                Scale.from_json(found["Voxels"]),
                Scale.from_json(found["Regions"]),
            )
            for name, found in plain["Trials"].items()
        }
        population = {name: Spread(*ends) for name, ends in plain["Population"].items()}
        conditions = {name: (ends[0], ends[1]) for name, ends in plain["Conditions"].items()}
        return cls(int(plain["Draws"]), trials, population, conditions)


def population(means: Float[np.ndarray, "n r"]) -> dict[str, Spread]:
    """Where training people lie in each region; regions without voxels are left out."""
    centre = means.mean(axis=0)
    half = np.quantile(np.abs(means - centre), _POPULATION, axis=0)
    both = zip(NAMES, centre, half, strict=True)
    return {name: Spread(float(c), float(h)) for name, c, h in both if np.isfinite(c)}


def conditions(people: Sequence[Mapping[str, float | None]]) -> dict[str, tuple[float, float]]:
    """Least and greatest of each score, where anybody has it."""
    found = {}
    for name in people[0] if people else ():
        known = [value for person in people if (value := person[name]) is not None]
        if known:
            found[name] = (float(min(known)), float(max(known)))
    return found


def save_trust(folder: Path, trust: Trust, generator: str) -> None:
    """Write `trust.json`.

    Args:
        folder: of the generator.
        trust: what to write; numbers are rounded to seven digits.
        generator: SHA-256 of its weights.
    """
    content = _rounded({**trust.to_json(), "Format": FORMAT, "Generator": generator})
    write_json(folder / FILE, {**content, "SHA256": _digest(content)})


def load_trust(folder: Path, generator: str) -> Trust | None:
    """Read it back; None if nothing was calibrated.

    Raises:
        CheckpointError: it is damaged, or belongs to other weights.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_bytes())
        told = content.pop("SHA256")
        whole = content["Format"] == FORMAT and told == _digest(content)
        trust = Trust.from_json(content) if whole else None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise CheckpointError(f"{path}: is damaged; {_AGAIN}") from error
    if trust is None:
        raise CheckpointError(f"{path}: was changed, or is of another version; {_AGAIN}")
    if content["Generator"] != generator:
        raise CheckpointError(f"{path}: belongs to other weights; {_AGAIN}")
    return trust


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(f"{value:.7g}") if isinstance(value, float) else value
