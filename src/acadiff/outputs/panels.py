"""Counterfactual panels: read from the folder of an audit, drawn for its page and the report."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from jaxtyping import Float
from markupsafe import Markup

from acadiff.errors import CohortError
from acadiff.modality import Modality
from acadiff.outputs.audit_charts import Band, band_chart
from acadiff.outputs.figures import Look, colour_bar, picture
from acadiff.outputs.page import base64_of, environment, resource
from acadiff.volume.image import LABEL, Volume, read_synthetic
from acadiff.volume.intensity import SUVR

FOLDER = "counterfactual"
FILE = "counterfactual.json"
_REACH = 99.8  # percentile of |difference| that ends the colours
_LEAST = 0.02  # SUVR; below, differences are drawn as nothing


@dataclass(frozen=True)
class Point:
    """One imputation: the MMSE told, all that was told, the region's SUVR, its SD, an image."""

    mmse: int
    told: str
    value: float
    sd: float
    image: str | None


@dataclass(frozen=True)
class Panel:
    """One subject along one course of decline."""

    key: str
    diagnosis: str | None
    row: str
    target: Modality
    region: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Drawn:
    """A panel with its pictures (caption, window, base64 PNG) and its curve (SVG)."""

    panel: Panel
    pictures: tuple[tuple[str, Look, str], ...]
    curve: str

    @property
    def change(self) -> float:
        """Of the region's SUVR from the first point to the last."""
        return self.panel.points[-1].value - self.panel.points[0].value


@dataclass(frozen=True)
class Counterfactuals:
    """All panels of an audit, the least MMSE of its cohort, and whether that is simulated."""

    drawn: Sequence[Drawn]
    lowest: float | None
    simulated: bool

    @property
    def subjects(self) -> dict[str, list[Drawn]]:
        """The panels of each subject."""
        found: dict[str, list[Drawn]] = {}
        for one in self.drawn:
            found.setdefault(one.panel.key, []).append(one)
        return found


def record(panel: Panel) -> dict[str, Any]:
    """A panel as plain values."""
    return {**asdict(panel), "target": panel.target.name}


def counterfactuals(folder: Path) -> Counterfactuals | None:
    """Read and draw the panels of an audit; None if it has none.

    Args:
        folder: that `acadiff audit` wrote.

    Raises:
        CohortError: the record is damaged.
        MissingInputError: an image is gone.
        ScanError: an image is damaged or not labelled synthetic.
    """
    path = folder / FOLDER / FILE
    if not path.is_file():
        return None
    try:
        held = json.loads(path.read_bytes())
        panels = [_panel(one) for one in held["panels"]]
        simulated, lowest = bool(held["simulated"]), held["lowest_mmse"]
    except (ValueError, KeyError, TypeError) as error:
        raise CohortError(
            f"{path}: is damaged; delete it and run `acadiff audit` again"
        ) from error
    if not panels:
        return None
    return Counterfactuals([_drawn(p, path.parent, simulated) for p in panels], lowest, simulated)


def panels_html(found: Counterfactuals) -> Markup:
    """The panels as a piece of a page whose style holds `report.css` and `audit.css`."""
    return Markup(_template().render(found=found))


def number(value: object, form: str = ".2f") -> str:
    """A number as text with a true minus; a dash where there is none."""
    if not isinstance(value, (int, float)) or math.isnan(value):
        return "–"
    return f"{value:{form}}".replace("-", "−")


def _panel(held: Mapping[str, Any]) -> Panel:
    points = tuple(Point(**point) for point in held["points"])
    return Panel(**{**held, "target": Modality[held["target"]], "points": points})


def _drawn(panel: Panel, folder: Path, simulated: bool) -> Drawn:
    shown = [p for p in (panel.points[0], panel.points[-1]) if p.image]
    scans = [read_synthetic(folder / str(p.image), panel.target) for p in shown]
    word = f"{LABEL} · SIMULATED" if simulated else LABEL
    look = Look("inferno", *SUVR, panel.target.unit)
    pictures = [
        (f"told MMSE {p.mmse}", look, _png(scan.data[0], scan, look, word))
        for p, scan in zip(shown, scans, strict=True)
    ]
    difference = scans[1].data[0] - scans[0].data[0]
    apart = _apart(difference, panel.target.unit)
    title = f"difference, {shown[1].mmse} − {shown[0].mmse}"
    pictures.append((title, apart, _png(difference, scans[0], apart, word)))
    points = panel.points
    band = Band(
        panel.row, [p.mmse for p in points], [p.value for p in points], [p.sd for p in points]
    )
    name = panel.region.replace("_", " ").replace("fdg meta roi", "FDG meta-ROI")
    return Drawn(panel, tuple(pictures), band_chart([band], "MMSE told", f"{name}, SUVR"))


def _png(values: Float[np.ndarray, "i j k"], like: Volume, look: Look, word: str) -> str:
    return base64_of(picture(np.asarray(values, np.float32), like.affine, look, word))


def _apart(difference: Float[np.ndarray, "i j k"], unit: str) -> Look:
    reach = max(float(f"{np.percentile(np.abs(difference), _REACH):.2g}"), _LEAST)
    return Look("error", -reach, reach, unit)


@cache
def _template() -> jinja2.Template:
    made = environment()
    made.filters["number"] = number
    made.filters["bar"] = lambda colours: base64_of(colour_bar(colours))
    return made.from_string(resource("panels.html.j2"))
