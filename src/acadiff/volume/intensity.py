"""Between the units of a scan and the model's [-1, 1], with the numbers needed to come back."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32

from acadiff.errors import ScanError
from acadiff.volume.image import Volume

PERCENTILES = (0.5, 99.5)
"""Of the MRI inside the brain; they become −1 and 1 [ours: MRI units are arbitrary]."""

SUVR = (0.0, 2.5)
"""Window of both tracers [ours: fixed, so that an imputed PET is in SUVR]."""


class Scaling(ABC):
    """A linear map that sends `low` to −1 and `high` to 1.

    Raises:
        ScanError: the two ends coincide or are not numbers.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        """Refuse a map that cannot be inverted."""
        if not np.isfinite([self.low, self.high]).all() or self.low >= self.high:
            raise ScanError(f"intensities from {self.low:g} to {self.high:g} cannot be scaled")

    @abstractmethod
    def to_model(self, data: Float[np.ndarray, "*s"]) -> Float32[np.ndarray, "*s"]:
        """The scan's units → the model's scale."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The map as plain data, which `from_json` reads."""

    def to_unit(self, data: Float[np.ndarray, "*s"]) -> Float32[np.ndarray, "*s"]:
        """The scan's units → [0, 1], the scale on which scans are judged; clipped."""
        return np.asarray(np.clip((self.to_model(data) + 1) / 2, 0, 1), np.float32)

    def from_model(self, data: Float[np.ndarray, "*s"]) -> Float32[np.ndarray, "*s"]:
        """The model's scale → the scan's units."""
        scaled = (np.asarray(data, np.float64) + 1) / 2 * (self.high - self.low) + self.low
        return scaled.astype(np.float32)

    def _linear(self, data: Float[np.ndarray, "*s"]) -> Float32[np.ndarray, "*s"]:
        scaled = (np.asarray(data, np.float64) - self.low) / (self.high - self.low) * 2 - 1
        return scaled.astype(np.float32)


@dataclass(frozen=True)
class RobustScale(Scaling):
    """From percentiles of one volume; below is −1, above goes on beyond 1."""

    low: float
    high: float

    def to_model(self, data: Float[np.ndarray, "*s"]) -> Float32[np.ndarray, "*s"]:
        """The scan's units → [-1, …); background becomes −1 exactly."""
        return np.asarray(np.maximum(self._linear(data), -1), np.float32)

    def to_json(self) -> dict[str, Any]:
        """The map as plain data, which `from_json` reads."""
        return {"kind": "robust", **asdict(self)}


@dataclass(frozen=True)
class Window(Scaling):
    """A fixed window of a physical unit; values outside take its ends."""

    low: float = SUVR[0]
    high: float = SUVR[1]

    def to_model(self, data: Float[np.ndarray, "*s"]) -> Float32[np.ndarray, "*s"]:
        """The scan's units → [-1, 1]."""
        return np.asarray(np.clip(self._linear(data), -1, 1), np.float32)

    def to_json(self) -> dict[str, Any]:
        """The map as plain data, which `from_json` reads."""
        return {"kind": "window", **asdict(self)}


def robust_scale(data: Float[np.ndarray, "*s"], mask: Bool[np.ndarray, "i j k"]) -> RobustScale:
    """The robust map of one volume, `(i j k)` or `(1 i j k)`, from its brain.

    Raises:
        ScanError: the brain is empty or of one value.
    """
    inside = data.reshape(mask.shape)[mask]
    if inside.size == 0:
        raise ScanError("the brain mask is empty; check the MRI")
    low, high = np.percentile(inside, PERCENTILES)
    return RobustScale(float(low), float(high))


def scaling_of(volume: Volume, mask: Bool[np.ndarray, "i j k"]) -> Scaling:
    """The map for a scan: its own robust one for MRI, the fixed SUVR window for PET."""
    return Window() if volume.modality.is_pet else robust_scale(volume.data, mask)


def from_json(plain: Mapping[str, Any]) -> Scaling:
    """Rebuild a map from what `to_json` gave.

    Raises:
        ScanError: it is no such data.
    """
    kinds: dict[str, type[RobustScale] | type[Window]] = {"robust": RobustScale, "window": Window}
    try:
        return kinds[plain["kind"]](float(plain["low"]), float(plain["high"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ScanError(f"{dict(plain)} is no intensity transform ({error!r})") from error
