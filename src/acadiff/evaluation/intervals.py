"""Calibrated intervals: `mean ± factor · max(sd, floor)`, by label; how they are fitted and told.

The SD of a few draws says where an imputed scan is uncertain; the factor says by how much, from
people whose scan was acquired. The floor keeps ten draws that happen to agree from looking sure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from acadiff.errors import CohortError
from acadiff.evaluation.conformal import sure_factor
from acadiff.volume.labels import LABELS, labels

LEVELS = (0.5, 0.8, 0.9, 0.95)
_FLOOR = 1.0
"""Of the median SD of a label [ours: chosen on validation subjects, docs/trust.md]."""


@dataclass(frozen=True)
class Scale:
    """How wide intervals are.

    Args:
        floor: least SD that counts, by label.
        factors: by level in percent (`90`), then by label; None where too few people were there.
    """

    floor: Mapping[str, float]
    factors: Mapping[str, Mapping[str, float | None]]

    def half(self, sd: float, label: str, level: float = 0.9) -> float:
        """Half the width of one interval; infinite where nothing can be said."""
        told = self.factors.get(percent(level), {}).get(label)
        return float("inf") if told is None else told * max(sd, self.floor[label])

    def to_json(self) -> dict[str, Any]:
        """Plain data, which `from_json` reads."""
        return {
            "Floor": dict(self.floor),
            "Factors": {level: dict(by) for level, by in self.factors.items()},
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "Scale":
        """Rebuild from what `to_json` gave."""
        return cls(plain["Floor"], plain["Factors"])


def percent(level: float) -> str:
    """`90` for 0.9, `97.5` for 0.975."""
    return f"{100 * level:g}"


def fit_scale(
    error: Float[np.ndarray, "n v"],
    sd: Float[np.ndarray, "n v"],
    inside: Bool[np.ndarray, "n v"],
    label: Int[np.ndarray, " v"],
    names: Sequence[str] = LABELS,
) -> Scale:
    """Floors and factors from people whose scan was acquired.

    Args:
        error: acquired less imputed, of each person at each place.
        sd: over draws, likewise.
        inside: which places count, likewise.
        label: index into `names` of each place.
        names: of the labels.
    """
    floor: dict[str, float] = {}
    factors: dict[str, dict[str, float | None]] = {percent(level): {} for level in LEVELS}
    for index, name in enumerate(names):
        here = label == index
        own, count, spread = np.abs(error[:, here]), inside[:, here], sd[:, here]
        floor[name] = _floor(own[count], spread[count])
        scores = own / np.maximum(spread, floor[name])
        people = [row[counted] for row, counted in zip(scores, count, strict=True)]
        for level in LEVELS:
            factors[percent(level)][name] = sure_factor(people, level)
    return Scale(floor, factors)


def _floor(error: Float[np.ndarray, " v"], sd: Float[np.ndarray, " v"]) -> float:
    """The usual SD; where draws never differ, the usual error."""
    if sd.size == 0:
        return 1.0
    usual = _FLOOR * float(np.median(sd)) or float(np.sqrt(np.square(error).mean()))
    return max(usual, 1e-6)


def half_widths(
    sd: Float[np.ndarray, "i j k"], scale: Scale, voxel: int, level: float = 0.9
) -> Float[np.ndarray, "i j k"]:
    """Half the width of the interval at every voxel of a scan on the grid of `voxel` mm.

    Zero where nobody's brain is; infinite where nothing can be said.
    """
    where, half = labels(voxel), np.zeros(sd.shape, np.float32)
    told = scale.factors[percent(level)]
    for index, name in enumerate(LABELS):
        here, q = where == index, told.get(name)
        half[here] = np.inf if q is None else q * np.maximum(sd[here], scale.floor[name])
    return half


def interval(
    mean: Float[np.ndarray, "i j k"],
    sd: Float[np.ndarray, "i j k"],
    sidecar: Mapping[str, Any],
    voxel: int,
) -> tuple[Float[np.ndarray, "i j k"], Float[np.ndarray, "i j k"]]:
    """Lower and upper end of the 90 % interval at every voxel, from what lies on disk.

    Args:
        mean: the image `desc-synth`, on the model's grid.
        sd: the image `desc-synthstd`.
        sidecar: of the imputed scan.
        voxel: voxel size in mm.

    Raises:
        CohortError: the sidecar tells of no calibrated intervals.
    """
    trust = sidecar.get("Trust", {})
    if not trust.get("Calibrated"):
        raise CohortError(
            f"no calibrated interval is told: {trust.get('Why', 'there is no Trust')}",
            code="E_UNCALIBRATED",
            hint="run `acadiff calibrate`, then impute again",
        )
    told = trust["VoxelIntervals90"]
    half = half_widths(sd, Scale(told["Floor"], {"90": told["Factor"]}), voxel)
    return np.maximum(mean - half, 0), mean + half
