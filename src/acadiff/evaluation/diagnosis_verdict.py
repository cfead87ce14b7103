"""What a table of diagnoses shows, in plain sentences, and which bars it meets."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from acadiff.evaluation.ranking import Estimate
from acadiff.evaluation.row_titles import DROP, MEAN, ORACLE, OURS, ZERO, place_of, title_of

EASY = (0.90, 0.97)
"""Between these an Oracle's AUC leaves room for methods to differ."""

KEPT = 0.95
"""Share of the Oracle's AUC that is to remain at the highest rate."""

_SIMPLE = (ORACLE, DROP, ZERO, MEAN)
_BETTER, _WORSE, _OPEN = "better than", "worse than", "not told apart from"


class Bar(NamedTuple):
    """Something that was to be reached: what was found, and whether it was; None is not known."""

    text: str
    found: str
    met: bool | None


class Findings:
    """AUCs of one classifier and one pattern of gaps, and their differences."""

    def __init__(self, table: pd.DataFrame, gaps: pd.DataFrame) -> None:
        """Take the lines of AUC.

        Args:
            table: lines of the summary, of one scenario, classifier and mask seed.
            gaps: likewise of the differences.
        """
        own = table[table["metric"] == "AUC"].to_dict("records")
        self._found = {(int(r["rate"]), str(r["method"])): _estimate(r, "mean") for r in own}
        pairs = gaps[gaps["metric"] == "AUC"].to_dict("records")
        self._gaps = {
            (int(r["rate"]), str(r["method"]), str(r["against"])): _estimate(r, "difference")
            for r in pairs
        }

    @property
    def rates(self) -> list[int]:
        """Missing rates, rising, without the Oracle's 0."""
        return sorted({rate for rate, _ in self._found if rate})

    @property
    def methods(self) -> list[str]:
        """Rows that impute by a model."""
        names = {method for _, method in self._found} - set(_SIMPLE)
        return sorted(names, key=place_of)

    def of(self, rate: int, method: str) -> Estimate | None:
        """AUC of a row."""
        return self._found.get((0 if method == ORACLE else rate, method))

    def gap(self, rate: int, method: str, against: str) -> Estimate | None:
        """AUC of a row less that of another."""
        return self._gaps.get((rate, method, against))


def verdicts(found: Findings) -> list[str]:
    """The Oracle first, then a sentence a method at the highest rate."""
    said = list(_oracle(found))
    return said + [s for method in found.methods for s in _method(found, method)]


def _oracle(found: Findings) -> Iterator[str]:
    real = found.of(0, ORACLE)
    if real is None:
        yield "The Oracle was not run, so nothing can be said of what imputation keeps."
        return
    room = "leaves room for methods to differ"
    if real.value > EASY[1]:
        room = "is so much that little is left to lose: differences between rows are small"
    if real.value < EASY[0]:
        room = "is little: the scans of these people do not tell the diagnoses well apart"
    yield f"Acquired scans tell AD from CN with an AUC of {_number(real)}, which {room}."


def _method(found: Findings, method: str) -> Iterator[str]:
    if not found.rates:
        return
    rate = found.rates[-1]
    own = found.of(rate, method)
    if own is None:
        yield f"{title_of(method)} was not run at {rate} %."
        return
    said = [f"{title_of(method)}, {rate} % missing: AUC {_number(own)}"]
    for against in (DROP, MEAN, "ldm"):
        gap = found.gap(rate, method, against)
        if gap is not None:
            said.append(f"{_word(gap)} {title_of(against)} ({_signed(gap)})")
    yield "; ".join([*said, *_kept(found, method, rate)]) + "."


def _kept(found: Findings, method: str, rate: int) -> Iterator[str]:
    """How much of the gain over Drop and Mean is left when less is told."""
    plain, _, detail = method.partition(":")
    if not detail:
        return
    rivals = [a for a in (found.of(rate, name) for name in (DROP, MEAN)) if a is not None]
    told, left = found.of(rate, plain), found.of(rate, method)
    if told is None or left is None or not rivals:
        return
    best = max(rival.value for rival in rivals)
    gain = told.value - best
    if gain <= 0:
        yield "told everything it gains nothing over Drop and Mean that could remain"
    else:
        share = f"{100 * (left.value - best) / gain:.0f} %".replace("-", "−")
        yield f"of its gain over the better of Drop and Mean ({gain:+.3f}), {share} remains"


def over_patterns(table: pd.DataFrame) -> list[str]:
    """What ACADiff gains over simpler ways and LDM, averaged over patterns of gaps.

    Args:
        table: lines of `diagnosis_table.over_patterns`, of one scenario and classifier.
    """
    said = []
    own = table[table["method"].isin([OURS, f"{OURS}:none"]) & (table["against"] != ORACLE)]
    for (method, rate), rows in own.groupby(["method", "rate"]):
        records = rows.to_dict("records")
        gaps = [(str(row["against"]), _estimate(row, "difference")) for row in records]
        told = "; ".join(f"{_word(gap)} {title_of(rival)} ({_signed(gap)})" for rival, gap in gaps)
        seeds = int(rows["patterns"].min())
        said.append(f"{title_of(str(method))}, {rate} % missing, over {seeds} patterns: {told}.")
    return said


def bars(found: Findings) -> list[Bar]:
    """Everything that was to be reached."""
    return [_easy(found), *_beats(found), *_others(found), _remains(found)]


def _easy(found: Findings) -> Bar:
    text = f"Oracle's AUC between {EASY[0]:.2f} and {EASY[1]:.2f}"
    real = found.of(0, ORACLE)
    if real is None:
        return Bar(text, "not run", None)
    return Bar(text, _number(real), EASY[0] <= real.value <= EASY[1])


def _beats(found: Findings) -> Iterator[Bar]:
    for against in (DROP, MEAN):
        rates = [rate for rate in found.rates if rate >= 40]
        gaps = {rate: found.gap(rate, OURS, against) for rate in rates}
        known = {rate: gap for rate, gap in gaps.items() if gap is not None}
        told = "; ".join(f"{r} %: {_spanned(gap)}" for r, gap in known.items()) or "not run"
        met = all(g.value >= 0 for g in known.values()) if known and rates else None
        title = f"ACADiff's AUC at least that of {title_of(against)} at every rate from 40 % on"
        yield Bar(title, told, met)
        if known and max(known) >= 80:
            last = known[max(known)]
            text = f"… and above it at {max(known)} % with an interval without zero"
            yield Bar(text, _spanned(last), last.lower > 0)


def _others(found: Findings) -> Iterator[Bar]:
    for rate in (r for r in found.rates if r >= 60):
        rows = {m: found.of(rate, m) for m in found.methods if m.partition(":")[0] != OURS}
        known = {m: value for m, value in rows.items() if value is not None}
        own = found.of(rate, OURS)
        text = f"ACADiff's AUC at least that of every other method at {rate} %"
        if own is None or not known:
            yield Bar(text, "not run", None)
            continue
        above = [m for m, value in known.items() if value.value > own.value]
        best = max(known, key=lambda m: known[m].value)
        told = f"{own.value:.3f}; {title_of(best)} {known[best].value:.3f}"
        yield Bar(text, told, not above)


def _remains(found: Findings) -> Bar:
    rate = found.rates[-1] if found.rates else 80
    text = f"ACADiff keeps {100 * KEPT:.0f} % of the Oracle's AUC at {rate} %"
    own, real = found.of(rate, OURS), found.of(0, ORACLE)
    if own is None or real is None:
        return Bar(text, "not run", None)
    share = own.value / real.value
    return Bar(text, f"{100 * share:.1f} %", share >= KEPT)


def worth(gaps: Mapping[str, Estimate], what: str) -> str:
    """Whether imputing is worth it, from what it gains over each simpler way.

    Args:
        gaps: AUC of imputing less that of another way, by that way's title.
        what: is imputed.
    """
    if not gaps or any(not np.isfinite(gap.lower) for gap in gaps.values()):
        return f"Whether imputing {what} is worth it cannot be told: there are too few people."
    told = ", ".join(f"{_spanned(gap)} against {title}" for title, gap in gaps.items())
    if all(gap.lower > 0 for gap in gaps.values()):
        return f"Imputing {what} is worth it in this cohort: AUC {told}."
    worse = [title for title, gap in gaps.items() if gap.upper < 0]
    if worse:
        return f"Imputing {what} is not worth it in this cohort, it harms: AUC {told}."
    return (
        f"Imputing {what} is not shown to be worth it in this cohort: AUC {told}, and an interval "
        "that holds zero leaves open which is better."
    )


def _word(gap: Estimate) -> str:
    if gap.lower > 0:
        return _BETTER
    return _WORSE if gap.upper < 0 else _OPEN


def _estimate(row: Mapping[Hashable, Any], value: str) -> Estimate:
    return Estimate(float(row[value]), float(row["low"]), float(row["high"]))


def _number(found: Estimate) -> str:
    if not np.isfinite(found.lower):
        return f"{found.value:.3f}"
    return f"{found.value:.3f} (95 % interval {found.lower:.3f} to {found.upper:.3f})"


def _signed(found: Estimate) -> str:
    text = f"{found.value:+.3f}"
    if np.isfinite(found.lower):
        text += f", {found.lower:+.3f} to {found.upper:+.3f}"
    return text.replace("-", "−")


def _spanned(found: Estimate) -> str:
    value, _, ends = _signed(found).partition(", ")
    return f"{value} ({ends})" if ends else value


def lines(table: pd.DataFrame, cell: Sequence[tuple[str, object]]) -> pd.DataFrame:
    """The lines of a table that belong to one scenario, classifier or mask seed."""
    kept = table
    for column, value in cell:
        kept = kept[kept[column] == value]
    return kept
