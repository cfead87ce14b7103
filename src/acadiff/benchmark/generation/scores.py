"""What a job's scans came to, in two tables: metrics of people, and regions of every image."""

from collections.abc import Iterable, Sequence

import pandas as pd

from acadiff.stages.score import Judged
from acadiff.volume.regions import NAMES

METRICS = ("psnr", "ssim", "nmi", "mae", "sharpness", "suvr_error")
"""Of one person; the distance of distributions is of all people and not among them."""

KEYS = ("method", "target", "sources", "subject", "image", "metric")
MEAN, DRAW, ACQUIRED = "mean", "draw", "acquired"
"""Which image: the mean of all draws, single draws, and the scan that was made."""

_PLACE = ["sources", "subject", "session", "image", "draw"]


def scores_of(method: str, judged: Sequence[Judged], regions: pd.DataFrame) -> pd.DataFrame:
    """Tidy metrics, `KEYS` and value; a person's draws and sessions are averaged.

    Args:
        method: the line of the tables that they are of.
        judged: what each imputation came to.
        regions: what `regions_of` made of the same.
    """
    rows = pd.DataFrame([row for each in judged for row in each.rows])
    rows = rows.rename(columns={"kind": "image"}).assign(method=method)
    by = list(KEYS[:-1])
    metrics = [metric for metric in METRICS if metric in rows]
    wide = rows.groupby(by)[metrics].mean()
    parts = [wide.reset_index().melt(by, metrics, "metric", "value")]
    if not regions.empty:
        target = str(rows["target"].iloc[0])
        error = _errors(regions).assign(method=method, target=target, metric="suvr_error")
        parts.append(error[[*KEYS, "value"]])
    return pd.DataFrame(pd.concat(parts)).sort_values(list(KEYS), ignore_index=True)


def _errors(regions: pd.DataFrame) -> pd.DataFrame:
    """Mean over regions of the absolute error in SUVR, by person and image."""
    place = ["sources", "subject", "session"]
    truth = regions[regions["image"] == ACQUIRED].set_index(place)[list(NAMES)]
    made = regions[regions["image"] != ACQUIRED].set_index(place)
    error = (made[list(NAMES)] - truth.loc[made.index]).abs().mean(axis=1)
    found = made[["image"]].assign(value=error.to_numpy()).reset_index()
    return found.groupby(["sources", "subject", "image"])["value"].mean().reset_index()


def regions_of(judged: Iterable[Judged]) -> pd.DataFrame:
    """A row for each image, acquired, mean and draws, and a column for each region in SUVR.

    Empty for a modality that is not PET.
    """
    rows = [row for each in judged for row in each.readings if row["unit"] == "SUVR"]
    if not rows:
        return pd.DataFrame(columns=[*_PLACE, *NAMES])
    made = pd.DataFrame(rows)
    made = made[made["region"].isin(NAMES)].rename(columns={"kind": "image"})
    made = made.assign(value=made["imputed"])
    truth = made[made["image"] == MEAN].assign(image=ACQUIRED, value=lambda t: t["acquired"])
    both = pd.concat([truth, made])
    both = both.assign(session=both["session"].fillna(""), draw=both["draw"].fillna(-1))
    wide = both.pivot(index=_PLACE, columns="region", values="value")[list(NAMES)].reset_index()
    wide.columns.name = None
    draw = wide["draw"].map(lambda d: "" if d < 0 else str(int(d)))
    return wide.assign(draw=draw)
