"""Regional read-outs as rows ready to print and as Bland-Altman plots, from the score's tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from acadiff.errors import AcadiffError
from acadiff.outputs.charts import Agreement, agreement_chart
from acadiff.outputs.findings import task_order, task_text

_TASK = ["method", "target", "sources"]
_READ = [*_TASK, "region", "unit", "subject", "session", "diagnosis", "kind"]
_READ += ["acquired", "imputed"]
_JUDGED = [*_TASK, "region", "unit", "n", "bias", "lower", "upper", "rmse", "r_squared"]
_NONE = "–"
_Scan = tuple[str, str, str, str]


@dataclass(frozen=True)
class Quantity:
    """How one read-out is printed."""

    title: str
    unit: str
    decimals: int

    @property
    def text(self) -> str:
        """Name and unit."""
        return f"{self.title}, {self.unit}"


QUANTITIES: Mapping[tuple[str, str], Quantity] = {
    ("fdg_meta_roi", "SUVR"): Quantity("FDG meta-ROI", "SUVR", 3),
    ("cortical_composite", "SUVR"): Quantity("AV45 cortical composite", "SUVR", 3),
    ("cortical_composite", "CL"): Quantity("AV45 cortical composite", "Centiloid", 0),
    ("hippocampal_volume", "mL"): Quantity("Hippocampal volume (proxy)", "mL", 2),
}
"""What the page tells, by region and unit; all other regions stand in the tables."""


@dataclass(frozen=True)
class Line:
    """One line of the agreement table, as text; `status` is None where there is no such thing."""

    quantity: Quantity
    task: str
    method: str
    n: int
    bias: str
    limits: str
    rmse: str
    r_squared: str
    explained: str
    status: str | None
    kappa: str | None
    auc: str | None

    @property
    def in_other_unit(self) -> bool:
        """Whether another line tells the same in SUVR."""
        return self.quantity.unit == "Centiloid"


@dataclass(frozen=True)
class Plot:
    """One Bland-Altman plot, a panel a task."""

    title: str
    svg: str


@dataclass(frozen=True)
class Readout:
    """All that the page tells of regions.

    Args:
        lines: of the table, by quantity, task and method.
        plots: by quantity and method.
        by_scan: (visit, method, target, sources) → (imputed against acquired, quantity) of each.
    """

    lines: Sequence[Line] = ()
    plots: Sequence[Plot] = ()
    by_scan: Mapping[_Scan, Sequence[tuple[str, str]]] = field(default_factory=dict)


def readout(regional: pd.DataFrame, agreement: pd.DataFrame) -> Readout:
    """Arrange the tables `regional.tsv` and `agreement.tsv`.

    Raises:
        AcadiffError: one lacks a column or names a modality that does not exist.
    """
    _require(regional, _READ, "regional.tsv")
    _require(agreement, _JUDGED, "agreement.tsv")
    means = _known(regional[regional["kind"] == "mean"])
    judged = _known(agreement)
    return Readout(_lines(judged), _plots(means, judged), _by_scan(means))


def _require(table: pd.DataFrame, columns: Sequence[str], name: str) -> None:
    lacking = sorted(set(columns) - set(table.columns))
    if lacking:
        raise AcadiffError(f"{name}: lacks the column {lacking[0]}; score again")


def _known(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of `QUANTITIES`, sorted by quantity, task and method."""
    places = {key: n for n, key in enumerate(QUANTITIES)}
    rank = [places.get(key, -1) for key in zip(table["region"], table["unit"], strict=True)]
    order = [task_order(*task) for task in zip(table["target"], table["sources"], strict=True)]
    ranked = table.assign(rank=rank, order=order)
    return ranked[ranked["rank"] >= 0].sort_values(["rank", "order", "method"], kind="stable")


def _quantity(row: Mapping[str, object]) -> Quantity:
    return QUANTITIES[str(row["region"]), str(row["unit"])]


def _lines(judged: pd.DataFrame) -> list[Line]:
    return [_line({str(k): v for k, v in row.items()}) for row in judged.to_dict("records")]


def _line(row: Mapping[str, object]) -> Line:
    quantity = _quantity(row)
    digits = quantity.decimals
    has_status = np.isfinite(_number(row, "accuracy"))
    return Line(
        quantity,
        task_text(str(row["target"]), str(row["sources"])),
        str(row["method"]),
        int(_number(row, "n")),
        _with_interval(row, "bias", digits, sign="+"),
        f"{_text(row, 'lower', digits, '+')} to {_text(row, 'upper', digits, '+')}",
        _text(row, "rmse", digits),
        _text(row, "r_squared", 2),
        _text(row, "explained", 2),
        _text(row, "accuracy", 2) if has_status else None,
        _text(row, "kappa", 2) if has_status else None,
        _text(row, "auc", 2) if has_status else None,
    )


def _number(row: Mapping[str, object], column: str) -> float:
    return float(str(row.get(column, "nan")))


def _text(row: Mapping[str, object], column: str, digits: int, sign: str = "") -> str:
    return _shown(_number(row, column), digits, sign)


def _shown(value: float, digits: int, sign: str = "") -> str:
    if not np.isfinite(value):
        return _NONE
    rounded = round(value, digits) + 0.0  # so that no zero has a minus
    return f"{rounded:{sign}.{digits}f}".replace("-", "−")


def _with_interval(row: Mapping[str, object], column: str, digits: int, sign: str = "") -> str:
    """`+0.012 (−0.003 to +0.030)`."""
    ends = [_text(row, f"{column}{end}", digits, sign) for end in ("_low", "_high")]
    value = _text(row, column, digits, sign)
    return value if _NONE in ends else f"{value} ({ends[0]} to {ends[1]})"


def _plots(means: pd.DataFrame, judged: pd.DataFrame) -> list[Plot]:
    """Plots of every quantity but Centiloids, which would show the same dots."""
    several = means["method"].nunique() > 1
    known = judged.set_index([*_TASK, "region", "unit"])
    plots = []
    shown = means[means["unit"] != "CL"]
    for (_, method), group in shown.groupby(["rank", "method"], sort=True):
        panels = [
            _panel(part, known.loc[(*part[_TASK].iloc[0], *part[["region", "unit"]].iloc[0])])
            for _, part in group.groupby("order", sort=True)
        ]
        quantity = QUANTITIES[str(group["region"].iloc[0]), str(group["unit"].iloc[0])]
        title = f"{quantity.title}, {method}" if several else quantity.title
        plots.append(Plot(title, agreement_chart(panels, quantity.text)))
    return plots


def _panel(part: pd.DataFrame, judged: "pd.Series[float]") -> Agreement:
    return Agreement(
        task_text(*part[["target", "sources"]].iloc[0]),
        tuple(part["acquired"].astype(float)),
        tuple(part["imputed"].astype(float)),
        tuple(part["diagnosis"].fillna("unknown").astype(str)),
        float(judged["bias"]),
        (float(judged["lower"]), float(judged["upper"])),
    )


def _by_scan(means: pd.DataFrame) -> dict[_Scan, list[tuple[str, str]]]:
    found: dict[_Scan, list[tuple[str, str]]] = {}
    for raw in means.to_dict("records"):
        row = {str(key): value for key, value in raw.items()}
        session = "" if pd.isna(row["session"]) else f"_ses-{row['session']}"
        method, target, sources = (str(row[name]) for name in _TASK)
        key = (f"sub-{row['subject']}{session}", method, target, sources)
        quantity = _quantity(row)
        values = [_text(row, name, quantity.decimals) for name in ("imputed", "acquired")]
        found.setdefault(key, []).append((" against ".join(values), quantity.text))
    return found
