"""What the report shows of each subject: layers, each one static picture and one viewer volume."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from acadiff.cohort.table import Subject
from acadiff.modality import Modality
from acadiff.outputs.evidence import Evidence, Imputed
from acadiff.outputs.figures import Look, picture
from acadiff.outputs.viewer import pack
from acadiff.volume.image import LABEL, Volume, read_scan, read_synthetic
from acadiff.volume.intensity import Window, from_json

SIMULATED = "SIMULATED"

_TOP_PERCENTILE = 99.5
_COLOURS = {Modality.MRI: "gray", Modality.FDG: "inferno", Modality.AV45: "inferno"}


@dataclass(frozen=True)
class Layer:
    """One picture, and the volumes that the viewer subtracts or shows for it.

    `kind` is acquired, mean, sd, truth or error; `volumes` are keys of the shelf, of which the
    second, if any, is subtracted from the first.
    """

    kind: str
    title: str
    look: Look
    png: str
    volumes: tuple[str, ...]
    word: str


@dataclass(frozen=True)
class Panel:
    """One imputed scan beside its sources and, where known, its truth."""

    imputed: Imputed
    layers: tuple[Layer, ...]
    remark: str


@dataclass(frozen=True)
class Exhibit:
    """One subject: the panels of all scans imputed for it."""

    subject: Subject
    panels: tuple[Panel, ...]


@dataclass
class Shelf:
    """Volumes for the viewer, each once, up to a total size; key → base64 of a gzipped NIfTI.

    Args:
        room: characters that may still be put on it.
    """

    room: int
    packed: dict[str, str] = field(default_factory=dict)
    _known: dict[Path, str] = field(default_factory=dict)

    def put(self, path: Path, volume: Volume) -> str | None:
        """Return the key of the volume read from `path`, or None if there is no room for it."""
        if path not in self._known:
            text = pack(volume.data[0], volume.affine)
            if len(text) > self.room:
                return None
            self.room -= len(text)
            key = f"volume-{len(self.packed)}"
            self._known[path], self.packed[key] = key, text
        return self._known[path]


def exhibits(evidence: Evidence, shelf: Shelf, most: int) -> Iterator[Exhibit]:
    """Draw the subjects for whom something was imputed, `most` of them, volumes onto `shelf`.

    Raises:
        ScanError: an acquired scan is damaged.
    """
    shown = [s for s in evidence.cohort.subjects if evidence.of(s)]
    for subject in shown[:most]:
        artist = _Artist(subject, shelf, simulated=evidence.cohort.simulated)
        yield Exhibit(subject, tuple(artist.panel(i) for i in evidence.of(subject)))


class _Artist:
    """Draws the panels of one subject; a scan that serves twice is read and drawn once."""

    def __init__(self, subject: Subject, shelf: Shelf, *, simulated: bool) -> None:
        self._subject = subject
        self._shelf = shelf
        self._acquired_word = SIMULATED if simulated else ""
        self._imputed_word = f"{LABEL} · {SIMULATED}" if simulated else LABEL
        self._sources: dict[Modality, Layer] = {}

    def panel(self, imputed: Imputed) -> Panel:
        """Draw sources, mean, SD and, where known, truth and error of one imputation."""
        target = imputed.target
        mean_path, sd_path = imputed.images
        mean, sd = read_synthetic(mean_path, target), read_synthetic(sd_path, target)
        truth = read_scan(imputed.truth, target) if imputed.truth else None
        if truth is not None and not _same_grid(mean, truth):
            truth, remark = None, "The true scan lies on another grid; score it after resampling."
        else:
            remark = "" if truth else "This scan was never acquired, so its error is unknown."
        look = _look(truth or mean, imputed.record.sidecar)
        layers = [self._source(m) for m in imputed.sources if m in self._subject.scans]
        layers.append(self._layer("mean", "Imputed mean", {mean_path: mean}, look))
        layers.append(self._layer("sd", "SD of draws", {sd_path: sd}, _sd_look(sd)))
        if truth is not None and imputed.truth is not None:
            both = {mean_path: mean, imputed.truth: truth}
            title = f"True {target.title}"
            layers.append(self._layer("truth", title, {imputed.truth: truth}, look))
            layers.append(self._layer("error", "Imputed − true", both, _error_look(mean, truth)))
        return Panel(imputed, tuple(layers), remark)

    def _source(self, modality: Modality) -> Layer:
        """Draw an acquired scan."""
        if modality not in self._sources:
            path = self._subject.scans[modality]
            scan = read_scan(path, modality)
            title = f"Acquired {modality.title}"
            layer = self._layer("acquired", title, {path: scan}, _look(scan, {}))
            self._sources[modality] = layer
        return self._sources[modality]

    def _layer(self, kind: str, title: str, volumes: Mapping[Path, Volume], look: Look) -> Layer:
        """Draw one volume, or the first minus the second."""
        first, *rest = volumes.values()
        values = first.data[0] - (rest[0].data[0] if rest else 0)
        word = self._imputed_word if kind in ("mean", "sd", "error") else self._acquired_word
        png = base64.b64encode(picture(values, first.affine, look, word)).decode()
        keys = [self._shelf.put(path, volume) for path, volume in volumes.items()]
        known = tuple(key for key in keys if key is not None)
        return Layer(kind, title, look, png, known if len(known) == len(keys) else (), word)


def _same_grid(first: Volume, second: Volume) -> bool:
    """Tell whether two volumes share shape and affine (to a thousandth of a millimetre)."""
    same_shape = first.data.shape == second.data.shape
    return same_shape and np.allclose(first.affine, second.affine, atol=1e-3)


def _look(volume: Volume, sidecar: Mapping[str, Any]) -> Look:
    """Return the window of a scan: SUVR as its record has it, else from 0 to its own top."""
    modality = volume.modality
    if not modality.is_pet:
        return Look(_COLOURS[modality], 0.0, _top(volume.data), modality.unit)
    window = from_json(sidecar.get("IntensityTransform") or Window().to_json())
    return Look(_COLOURS[modality], window.low, window.high, modality.unit)


def _sd_look(sd: Volume) -> Look:
    return Look("sd", 0.0, _top(sd.data), sd.unit)


def _error_look(mean: Volume, truth: Volume) -> Look:
    reach = _top(np.abs(mean.data - truth.data))
    return Look("error", -reach, reach, mean.unit)


def _top(values: Float[np.ndarray, "..."]) -> float:
    """Return a high percentile of what is above the background, to two digits; never zero."""
    above = values[values > values.min()]
    top = float(np.percentile(above, _TOP_PERCENTILE)) if above.size else 1.0
    return max(float(f"{top:.2g}"), 1e-6)
