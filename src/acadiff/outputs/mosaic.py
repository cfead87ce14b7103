"""One offline page to leaf through prepared scans: pictures with contours, numbers, what is odd.

What was refused or is odd comes first. Of a large cohort the page shows the pictures of as many
visits as it has room for, and says how many it leaves out; its table lists every visit.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple

import jinja2
import numpy as np
from jaxtyping import Bool, Float
from markupsafe import Markup

from acadiff import __version__
from acadiff.commit import write_text
from acadiff.errors import AcadiffError, Problem
from acadiff.modality import Modality
from acadiff.outputs.charts import spread_chart
from acadiff.outputs.figures import Look, outlined
from acadiff.outputs.headline import Fact
from acadiff.outputs.page import base64_of, environment, policy, resource
from acadiff.volume.image import Volume
from acadiff.volume.intensity import SUVR

MOST = 200
"""Visits with pictures: about 5 MB. More can be asked for."""

_BRIGHT = 99.5  # percentile of the MRI's brain that is drawn white


class Measure(NamedTuple):
    """How a measure is called and printed, and what it means."""

    title: str
    form: str
    meaning: str


MEASURES: Mapping[str, Measure] = {
    "fov": Measure("Field of view", ".1%", "share of the template’s brain that the scan covers"),
    "dice": Measure("Dice", ".3f", "overlap of its brain with where it should be: 0 to 1"),
    "brain_ml": Measure("Brain, mL", ".0f", "volume of the brain mask in template space"),
    "nmi_template": Measure("NMI, template", ".3f", "information shared with the template’s T1"),
    "nmi_mri": Measure("NMI, MRI", ".3f", "information shared with the MRI of the visit"),
    "agreement": Measure(
        "Agreement", ".2f", "how far the PET follows what is individual in this MRI: 0 to 1"
    ),
    "mirrored": Measure("Mirrored", ".2f", "the agreement of the PET’s mirror image"),
    "moved_mm": Measure(
        "Displaced, mm", ".0f", "how far a PET must be moved to fit its MRI, an MRI the template"
    ),
    "hindbrain": Measure("Pons : cerebellum", ".2f", "below 1 in FDG, above 1.25 in AV45"),
    "texture": Measure("Texture", ".2f", "share of fine detail: about .45 in MRI, .3 in PET"),
    "reference": Measure("Reference SUVR", ".3f", "mean of the reference region; should be 1"),
    "outside": Measure("Beyond window", ".1%", f"share of the brain above {SUVR[1]:g} SUVR"),
}
"""Names that `qc.tsv` uses; a measure that is not listed is shown by its name."""


@dataclass(frozen=True)
class QCEntry:
    """One visit.

    Args:
        key: `sub-X` or `sub-X_ses-Y`.
        measures: of each scan that was prepared.
        problems: of this visit, refusals and warnings.
        odd: (scan, measure) that break a rule or are far from the cohort's.
        remark: how it was prepared.
    """

    key: str
    measures: Mapping[Modality, Mapping[str, float]]
    problems: Sequence[Problem] = ()
    odd: frozenset[tuple[Modality, str]] = frozenset()
    remark: str = ""

    @property
    def refused(self) -> bool:
        """Whether something of it cannot be used."""
        return any(problem.code.startswith("E_") for problem in self.problems)

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of its problems, each once, refusals first."""
        return tuple(sorted({problem.code for problem in self.problems}))


@dataclass(frozen=True, eq=False)
class Seen:
    """The scans of one visit on one grid, and the brain there."""

    volumes: Mapping[Modality, Volume]
    mask: Bool[np.ndarray, "i j k"]


Show = Callable[[QCEntry], Seen | None]
"""Reads the scans of a visit; None if none was prepared."""


@dataclass(frozen=True)
class _Panel:
    """A visit with its pictures, base64 WebP."""

    entry: QCEntry
    pictures: Mapping[Modality, str] = field(default_factory=dict)
    failure: str = ""


def qc_page(
    rows: Sequence[QCEntry], title: str, *, simulated: bool, show: Show, most: int = MOST
) -> str:
    """Return the page's HTML; the same scans give the same bytes.

    Args:
        rows: every visit.
        title: name of the dataset.
        simulated: whether no person was scanned.
        show: asked for the scans of each visit that is shown, one after the other.
        most: visits with pictures.
    """
    ordered = sorted(rows, key=lambda e: (not e.refused, not e.problems, -len(e.codes), e.key))
    number = {entry.key: n for n, entry in enumerate(ordered)}
    word = "SIMULATED" if simulated else ""
    style = resource("report.css") + resource("qc.css")
    return _template().render(
        title=title,
        simulated=simulated,
        facts=_facts(ordered),
        panels=[_panel(entry, show, word) for entry in ordered[:most]],
        rows=ordered,
        hidden=ordered[most:],
        columns=_columns(ordered),
        charts=_charts(ordered),
        modalities=list(Modality),
        measures=MEASURES,
        called=called,
        ordered=_in_order,
        printed=printed,
        number=number,
        version=__version__,
        style=Markup(style),
        policy=policy(style),
    )


def write_qc(
    path: Path,
    rows: Sequence[QCEntry],
    title: str,
    *,
    simulated: bool,
    show: Show,
    most: int = MOST,
) -> None:
    """Write the page, whole or not at all; arguments as for `qc_page`.

    Raises:
        OutputError: it cannot be written.
    """
    write_text(path, qc_page(rows, title, simulated=simulated, show=show, most=most))


def called(name: str) -> str:
    """What a measure is called on the page."""
    return MEASURES[name].title if name in MEASURES else name


def printed(name: str, value: float | None) -> str:
    """A value of a measure as text; an en dash if it is not known."""
    if value is None or not np.isfinite(value):
        return "–"
    form = MEASURES[name].form if name in MEASURES else ".3g"
    return format(value, form).replace("-", "−")


def _facts(rows: Sequence[QCEntry]) -> list[Fact]:
    refusals = [p for e in rows for p in e.problems if p.code.startswith("E_")]
    odd = sum(bool(e.problems) and not e.refused for e in rows)
    return [
        Fact(str(len(rows)), "visits"),
        Fact(str(sum(len(e.measures) for e in rows)), "scans prepared"),
        Fact(str(len(refusals)), "refusals"),
        Fact(str(odd), "visits to look at, nothing refused"),
        Fact(str(sum(not e.problems for e in rows)), "visits without remark"),
    ]


def _panel(entry: QCEntry, show: Show, word: str) -> _Panel:
    """Draw a visit; that its files cannot be read is said in place of the pictures."""
    try:
        seen = show(entry)
    except AcadiffError as error:
        return _Panel(entry, failure=str(error))
    if seen is None:
        return _Panel(entry)
    return _Panel(
        entry,
        {
            m: base64_of(outlined(v.data[0], seen.mask, v.affine, _look(v, seen.mask), word))
            for m, v in seen.volumes.items()
        },
    )


def _look(volume: Volume, mask: Bool[np.ndarray, "i j k"]) -> Look:
    """PET in its fixed window, so that a wrong unit shows; an MRI up to its bright tissue."""
    if volume.modality.is_pet:
        return Look("inferno", *SUVR, volume.unit)
    inside = volume.data[0][mask]
    bright = float(np.percentile(inside, _BRIGHT)) if inside.size else 0.0
    return Look("gray", 0.0, bright if bright > 0 else 1.0, volume.unit)


def _in_order(names: Iterable[str]) -> list[str]:
    """Known measures in our order, then the others."""
    held = set(names)
    return [name for name in MEASURES if name in held] + sorted(held - MEASURES.keys())


def _columns(rows: Sequence[QCEntry]) -> list[tuple[Modality, list[str]]]:
    """The measures that any visit has, by modality."""
    columns = []
    for modality in Modality:
        held = {name for e in rows for name in e.measures.get(modality, {})}
        if held:
            columns.append((modality, _in_order(held)))
    return columns


def _charts(rows: Sequence[QCEntry]) -> list[tuple[str, str]]:
    """(title, SVG) of how each measure spreads over the cohort, a row a modality."""
    columns = _columns(rows)
    names = list(dict.fromkeys(name for _, held in columns for name in held))
    charts = []
    for name in sorted(names, key=[*MEASURES, *names].index):
        values = {m.title: _values(rows, m, name) for m, held in columns if name in held}
        odd = {
            m.title: _values([e for e in rows if (m, name) in e.odd], m, name) for m, _ in columns
        }
        if any(np.isfinite(v).any() for v in values.values()):
            charts.append((called(name), spread_chart(called(name), values, odd)))
    return charts


def _values(rows: Sequence[QCEntry], modality: Modality, name: str) -> Float[np.ndarray, " n"]:
    found = (entry.measures.get(modality, {}).get(name, np.nan) for entry in rows)
    return np.array(list(found), np.float64)


@cache
def _template() -> jinja2.Template:
    return environment().from_string(resource("qc.html.j2"))
