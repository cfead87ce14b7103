"""Numbers from result files, as rows ready to print: scores, codecs, training curves, recipe."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from pydantic import BaseModel

from acadiff.errors import AcadiffError
from acadiff.modality import Modality
from acadiff.outputs.charts import Dots, curve_chart, score_chart

_KEYS = ("subject", "session", "target", "sources", "kind", "method")
_SOURCE = re.compile(r"^(.*?)\s*\[([^\]]+)\]\s*$", re.DOTALL)


@dataclass(frozen=True)
class Measure:
    """How one column of `generation.tsv` is printed, and whether more of it is better."""

    column: str
    title: str
    decimals: int
    more_is_better: bool


MEASURES = (
    Measure("psnr", "PSNR (dB)", 2, more_is_better=True),
    Measure("ssim", "SSIM", 3, more_is_better=True),
    Measure("mae", "MAE", 4, more_is_better=False),
    Measure("nmi", "NMI", 3, more_is_better=True),
    Measure("sd_error_rho", "ρ(SD, |error|)", 2, more_is_better=True),
)


@dataclass(frozen=True)
class Score:
    """Mean and SD of one measure over subjects, as text; `best` within its task and kind."""

    text: str
    best: bool


@dataclass(frozen=True)
class ScoreRow:
    """One line of the score table."""

    task: str
    method: str
    kind: str
    subjects: int
    scores: tuple[Score, ...]


def with_tasks(table: pd.DataFrame) -> pd.DataFrame:
    """Add `visit`, a key, `task`, as text, and `order`, by which tasks sort, to all rows.

    Raises:
        AcadiffError: it lacks a column or names a modality that does not exist.
    """
    needed = (*_KEYS, *(m.column for m in MEASURES))
    lacking = sorted(set(needed) - set(table.columns))
    if lacking:
        raise AcadiffError(f"generation.tsv: lacks the column {lacking[0]}; score again")
    pairs = list(zip(table["target"], table["sources"], strict=True))
    session = ("_ses-" + table["session"].astype("str")).where(table["session"].notna(), "")
    tasks, orders = [task_text(*p) for p in pairs], [task_order(*p) for p in pairs]
    return table.assign(visit="sub-" + table["subject"] + session, task=tasks, order=orders)


def per_subject(scores: pd.DataFrame) -> pd.DataFrame:
    """Average the draws of each subject, so that every subject counts once."""
    keys = ["order", "task", "method", "kind", "subject"]
    return scores.groupby(keys, sort=True)[[m.column for m in MEASURES]].mean().reset_index()


def score_rows(scores: pd.DataFrame) -> list[ScoreRow]:
    """Return the score table: mean ± SD over subjects for each task, kind and method."""
    rows = []
    for (_, task), group in per_subject(scores).groupby(["order", "task"], sort=True):
        for kind in ("mean", "draw"):
            methods = {str(n): g for n, g in group[group["kind"] == kind].groupby("method")}
            best = {m.column: _best(methods, m) for m in MEASURES}
            for method, lines in methods.items():
                cells = tuple(
                    Score(_mean_sd(lines[m.column], m.decimals), best[m.column] == method)
                    for m in MEASURES
                )
                rows.append(ScoreRow(str(task), method, _KINDS[kind], len(lines), cells))
    return rows


def score_dots(scores: pd.DataFrame) -> str:
    """Draw the PSNR of every task, method and kind."""
    table = per_subject(scores)
    many = table["method"].nunique() > 1
    dots = []
    groups = table.assign(single=table["kind"] == "draw")
    for (_, task, method, _, kind), lines in groups.groupby(
        ["order", "task", "method", "single", "kind"]
    ):
        name = f"{method}, {_KINDS[str(kind)]}" if many else _KINDS[str(kind)]
        dots.append(Dots(str(task), name, tuple(lines["psnr"].dropna().tolist())))
    return score_chart(dots, "PSNR inside the brain (dB); faint: subjects, bar: ± 1 SD")


@dataclass(frozen=True)
class Codec:
    """How well one autoencoder gives back what it is given."""

    modality: Modality
    numbers: Mapping[str, float]
    acquired: Float[np.ndarray, "i j k"]
    reconstructed: Float[np.ndarray, "i j k"]


def read_codecs(work: Path) -> Iterator[Codec]:
    """Yield each codec whose evaluation and panel lie in `work`."""
    for modality in Modality:
        folder = work / "codecs" / modality.name
        if (folder / "codec_eval.json").is_file() and (folder / "panel.npz").is_file():
            with np.load(folder / "panel.npz", allow_pickle=False) as panel:
                numbers = json.loads((folder / "codec_eval.json").read_text())
                yield Codec(modality, numbers, panel["acquired"][0], panel["reconstructed"][0])


@dataclass(frozen=True)
class Training:
    """One generator's training: charts as SVG, and how it ended."""

    name: str
    charts: tuple[str, ...]
    steps: int
    last: Mapping[str, float]


def read_training(work: Path) -> Iterator[Training]:
    """Yield the curves of each generator that logged its steps in `work`."""
    logs = [*work.glob("generators/*/steps.jsonl"), *work.glob("generators/*/*/steps.jsonl")]
    for log in sorted(logs, key=lambda log: _generator_order(_generator(work, log) / log.name)):
        lines = _log(log)
        curves = {group: _curves(lines, group) for group in ("losses", "validation")}
        if curves["losses"]:
            name = " ".join(log.parent.relative_to(work / "generators").parts)
            charts = [curve_chart(f"{name}: losses", curves["losses"], "loss", logarithmic=True)]
            if curves["validation"]:
                title = f"{name}: validation"
                charts.append(curve_chart(title, curves["validation"], "dB", logarithmic=False))
            last = {
                key: float(points[-1, 1]) for c in curves.values() for key, points in c.items()
            }
            yield Training(name, tuple(charts), int(lines[-1]["step"]), last)


@dataclass(frozen=True)
class Setting:
    """One field of the recipe: value, what it is, and where the value is from."""

    key: str
    value: str
    description: str
    source: str


def read_recipe(work: Path, descriptions: Mapping[str, str]) -> list[Setting]:
    """Read the recipes of all generators; where they differ, each value names its generators.

    Args:
        work: the folder with `generators/*/recipe.toml`.
        descriptions: dotted key → one line that may end in its source, `[paper §2]`.
    """
    values: dict[str, dict[str, list[str]]] = {}
    for path in sorted(work.glob("generators/*/recipe.toml"), key=_generator_order):
        for key, value in _flat(tomllib.loads(path.read_text(encoding="utf-8"))):
            values.setdefault(key, {}).setdefault(value, []).append(path.parent.name)
    settings = []
    for key, found in values.items():
        several = [f"{value} ({', '.join(names)})" for value, names in found.items()]
        text, source = split_source(descriptions.get(key, ""))
        settings.append(
            Setting(key, "; ".join(several if len(found) > 1 else found), text, source)
        )
    return settings


def describe(model: type[BaseModel], prefix: str = "") -> dict[str, str]:
    """Return {dotted key: description} of a recipe's fields, and of those of its parts."""
    found: dict[str, str] = {}
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found |= describe(field.annotation, f"{prefix}{name}.")
        else:
            found[prefix + name] = field.description or ""
    return found


def split_source(description: str) -> tuple[str, str]:
    """Split `"Number of steps [paper §2]"` into its text and its source."""
    match = _SOURCE.match(description)
    return (match[1], match[2]) if match else (description, "")


_KINDS = {"mean": "mean of draws", "draw": "one draw"}


def task_name(target: Modality, sources: Sequence[Modality]) -> str:
    """Return `FDG-PET ← MRI + AV45-PET`."""
    return f"{target.title} ← {' + '.join(m.title for m in sources) or 'nothing'}"


def _modalities(target: str, sources: str) -> tuple[Modality, list[Modality]]:
    """Read the two identifiers of a task back."""
    try:
        return Modality[target], [Modality[name] for name in sources.split("+") if name]
    except KeyError as error:
        raise AcadiffError(f"the scores: there is no modality {error}; score again") from error


def task_text(target: str, sources: str) -> str:
    """Return the same for the identifiers `FDG` and `MRI+AV45`."""
    return task_name(*_modalities(target, sources))


def task_order(target: str, sources: str) -> str:
    """Return a text that sorts two-source tasks first, then by target, then by source."""
    goal, given = _modalities(target, sources)
    return f"{3 - len(given)}{goal.index}" + "".join(str(m.index) for m in given)


def _mean_sd(values: "pd.Series[float]", decimals: int) -> str:
    if values.isna().all():
        return "–"
    mean = f"{values.mean():.{decimals}f}"
    return f"{mean} ± {values.std():.{decimals}f}" if values.count() > 1 else mean


def _best(methods: Mapping[str, pd.DataFrame], measure: Measure) -> str | None:
    """Return the method with the best mean, where there is a choice."""
    means = {name: lines[measure.column].mean() for name, lines in methods.items()}
    means = {name: mean for name, mean in means.items() if not np.isnan(mean)}
    if len(means) < 2:
        return None
    pick = max if measure.more_is_better else min
    return pick(means, key=lambda name: means[name])


def _log(path: Path) -> list[dict[str, Any]]:
    """Read a log of one JSON object a line; a killed run may have left a part of its last."""
    whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    try:
        return [json.loads(line) for line in whole.splitlines() if line.strip()]
    except ValueError as error:
        text = f"{path}: holds a line that is no JSON ({error}); train again"
        raise AcadiffError(text) from error


def _curves(lines: Sequence[Mapping[str, Any]], group: str) -> dict[str, Float[np.ndarray, "n 2"]]:
    """Collect {name: rows of (step, value)} from the log's lines."""
    curves: dict[str, list[tuple[float, float]]] = {}
    for line in lines:
        for name, value in (line.get(group) or {}).items():
            curves.setdefault(name, []).append((float(line["step"]), float(value)))
    return {name: np.array(points) for name, points in curves.items()}


def _generator(work: Path, log: Path) -> Path:
    """Folder of the generator a log belongs to; a phase of its training has a folder in it."""
    return work / "generators" / log.relative_to(work / "generators").parts[0]


def _generator_order(path: Path) -> tuple[int, str]:
    """Sort generators by target, as everything else is sorted."""
    name = path.parent.name
    return next((m.index for m in Modality if name.endswith(f"-{m.name}")), 99), name


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield (dotted key, value as text) of a nested table."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", json.dumps(value, ensure_ascii=False, default=str)


def by_scan(scores: pd.DataFrame) -> dict[tuple[str, str, str, str], dict[str, float]]:
    """Return the scores of each imputed mean, by (visit, method, target, sources)."""
    means = scores[scores["kind"] == "mean"]
    keys = zip(means["visit"], means["method"], means["target"], means["sources"], strict=True)
    values = means[[m.column for m in MEASURES]].astype(float).to_dict("records")
    return {
        key: {str(n): v for n, v in row.items()} for key, row in zip(keys, values, strict=True)
    }
