"""Regional read-outs of an acquired scan and of what was imputed for it, side by side."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from acadiff.evaluation.tables import KEYS
from acadiff.modality import Modality
from acadiff.volume.composites import (
    centiloid,
    cortical_composite,
    meta_roi,
    uptake,
)
from acadiff.volume.hippocampus import hippocampal_volume
from acadiff.volume.regions import NAMES

META_ROI = ("fdg_meta_roi", "SUVR")
COMPOSITE = ("cortical_composite", "SUVR")
CENTILOIDS = ("cortical_composite", "CL")
HIPPOCAMPI = ("hippocampal_volume", "mL")
SUMMARIES = (META_ROI, COMPOSITE, CENTILOIDS, HIPPOCAMPI)
"""What is asked for first, (region, unit); of single draws usually nothing else is listed."""

EVERYTHING = (*SUMMARIES, *((name, "SUVR") for name in NAMES))
"""All that can be read, (region, unit), in order."""

COLUMNS = (*KEYS, "region", "unit", "acquired", "imputed", "sd_over_draws")

Image = Float[np.ndarray, "i j k"]
Readings = Mapping[tuple[str, str], float]
Reader = Callable[[Image], Readings]


def reader(modality: Modality, brain: Bool[np.ndarray, "i j k"], voxel: int) -> Reader:
    """How scans of one person and kind are read, (region, unit) → value.

    Args:
        modality: what they show; PET in SUVR, read as it is and never scaled again.
        brain: the person's, on the grid of the scans.
        voxel: voxel size in mm.
    """

    def read_mri(data: Image) -> Readings:
        return {HIPPOCAMPI: hippocampal_volume(data, brain, voxel)}

    def read_pet(data: Image) -> Readings:
        found = uptake(data, brain, voxel)
        regions = {(name, modality.unit): found.mean(name) for name in NAMES}
        if modality is Modality.FDG:
            return {META_ROI: meta_roi(found), **regions}
        composite = cortical_composite(found)
        return {COMPOSITE: composite, CENTILOIDS: centiloid(composite), **regions}

    return read_pet if modality.is_pet else read_mri


def compare(
    read: Reader,
    acquired: Image,
    mean: Image,
    draws: Sequence[Image],
    of_draws: Collection[tuple[str, str]] = SUMMARIES,
) -> list[dict[str, object]]:
    """Rows of one imputation: its mean, with the SD over draws, then the summaries of its draws.

    Args:
        read: how the scans are read.
        acquired: the truth.
        mean: what was imputed.
        draws: the single draws, if they were kept; the SD of a region cannot be had from a map of
            voxelwise SDs, as neighbours err together.
        of_draws: which (region, unit) of single draws are listed.
    """
    truth, found = read(acquired), read(mean)
    single = [read(draw) for draw in draws]
    rows = []
    for key, value in found.items():
        spread = float(np.std([s[key] for s in single], ddof=1)) if len(single) > 1 else None
        rows.append(_row("mean", None, key, truth[key], value) | {"sd_over_draws": spread})
    for index, one in enumerate(single):
        listed = [key for key in one if key in of_draws]
        rows += [_row("draw", index, key, truth[key], one[key]) for key in listed]
    return rows


def table(rows: Iterable[Mapping[str, object]]) -> pd.DataFrame:
    """Tidy table of rows with `COLUMNS`; means before draws, regions in their fixed order."""
    made = pd.DataFrame(list(rows), columns=list(COLUMNS))
    made = made.astype(dict.fromkeys(COLUMNS[-3:], float))
    number = made["draw"].astype(float)
    places = {key: n for n, key in enumerate(EVERYTHING)}
    place = [places[key] for key in zip(made["region"], made["unit"], strict=True)]
    text = number.map(lambda d: None if pd.isna(d) else str(int(d))).astype(object)
    made = made.assign(draw=text, number=number.fillna(-1), place=place)
    order = ["method", "target", "sources", "subject", "session", "number", "place"]
    return made.sort_values(order, ignore_index=True).drop(columns=["number", "place"])


def _row(
    kind: str, draw: int | None, key: tuple[str, str], acquired: float, imputed: float
) -> dict[str, object]:
    region, unit = key
    return {
        "kind": kind,
        "draw": draw,
        "region": region,
        "unit": unit,
        "acquired": acquired,
        "imputed": imputed,
        "sd_over_draws": None,
    }
