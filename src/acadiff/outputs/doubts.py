"""Of imputed scans, how many are to be doubted and why, counted from their records."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acadiff.bids import Name
from acadiff.modality import Modality
from acadiff.outputs.derivative import Record, read_records

UNTRUSTED, UNUSUAL, BEYOND = "do not trust", "unusual", "beyond training"
"""A source is not to be trusted; a source is unusual; a score or age is like nobody's in training.

The first two are a source's `Verdict`; of one scan only the worse counts.
"""

_SHOWN = 6


@dataclass(frozen=True)
class Doubts:
    """Counts over imputed scans.

    Args:
        scans: how many there are.
        flags: how many of them are `UNTRUSTED`, `UNUSUAL` and `BEYOND`.
        flagged: how many have any of these.
        unjudged: how many come from a scan of which nobody knows whether it is usual.
        uncalibrated: how many have no intervals, and so cannot abstain.
        abstain: region → of how many scans it is better not read.
    """

    scans: int
    flags: Mapping[str, int]
    flagged: int
    unjudged: int
    uncalibrated: int
    abstain: Mapping[str, int]

    @property
    def regions(self) -> float:
        """How many regions are better not read, on average over calibrated scans."""
        calibrated = self.scans - self.uncalibrated
        return sum(self.abstain.values()) / calibrated if calibrated else 0.0

    @property
    def often(self) -> list[tuple[str, int]]:
        """The regions that are most often better not read, and of how many scans."""
        return list(self.abstain.items())[:_SHOWN]

    def plain(self) -> dict[str, Any]:
        """The counts as plain data."""
        return {
            "scans": self.scans,
            **self.flags,
            "not judged": self.unjudged,
            "not calibrated": self.uncalibrated,
            "abstain": dict(self.abstain),
        }


def doubts(records: Iterable[Record]) -> Doubts:
    """Count over the records of some scans; one that tells nothing of trust counts for nothing."""
    told = [r.sidecar["Trust"] for r in records if r.sidecar.get("Trust")]
    flags = [flags_of(trust) for trust in told]
    regions = Counter(name for trust in told for name in trust.get("Abstain", ()))
    return Doubts(
        len(told),
        {flag: sum(flag in own for own in flags) for flag in (UNTRUSTED, UNUSUAL, BEYOND)},
        sum(bool(own) for own in flags),
        sum("unknown" in _verdicts(trust) for trust in told),
        sum(not trust.get("Calibrated") for trust in told),
        dict(sorted(regions.items(), key=lambda item: (-item[1], item[0]))),
    )


def flags_of(trust: Mapping[str, Any]) -> tuple[str, ...]:
    """What of `UNTRUSTED`, `UNUSUAL` and `BEYOND` a record's `Trust` says."""
    worst = [flag for flag in (UNTRUSTED, UNUSUAL) if flag in _verdicts(trust)][:1]
    beyond = any(code == "W_COND_OOD" for code, _ in trust.get("Warnings", ()))
    return (*worst, BEYOND) if beyond else tuple(worst)


def _verdicts(trust: Mapping[str, Any]) -> set[str]:
    return {str(told.get("Verdict")) for told in trust.get("Inputs", {}).values()}


def by_target(records: Sequence[Record]) -> dict[Modality, Doubts]:
    """The counts of each modality that was imputed."""
    found = {m: [r for r in records if r.name.modality is m] for m in Modality}
    return {m: doubts(own) for m, own in found.items() if own}


def records_of(root: Path, names: Iterable[Name]) -> list[Record]:
    """The records below a derivative dataset of these scans.

    Raises:
        CohortError: a record is damaged.
    """
    wanted = {(name.key, name.modality) for name in names}
    return [r for r in read_records(root) if (r.name.key, r.name.modality) in wanted]


def tally(records: Sequence[Record]) -> dict[str, Any]:
    """All counts, and who is flagged, for `run.json`."""
    people: dict[str, dict[str, list[str]]] = {}
    for record in records:
        flags = flags_of(record.sidecar.get("Trust", {}))
        if flags:
            people.setdefault(record.name.key, {})[record.name.modality.name] = list(flags)
    return {
        "targets": {m.name: found.plain() for m, found in by_target(records).items()},
        "total": doubts(records).plain(),
        "people": people,
    }


def summary(total: Mapping[str, Any]) -> str:
    """Say the counts of a `tally` in one line."""
    scans = total["scans"]
    if not scans:
        return "nothing is known of how far the scans can be trusted"
    text = (
        f"of {scans} imputed scans {total[UNTRUSTED]} are from one that is not to be trusted, "
        f"{total[UNUSUAL]} from an unusual one, {total[BEYOND]} for scores beyond training"
    )
    if total["not judged"]:
        text += f", {total['not judged']} from one that nobody could judge"
    calibrated = scans - total["not calibrated"]
    if not calibrated:
        return f"{text}; none has intervals"
    regions = sum(total["abstain"].values()) / calibrated
    return f"{text}; {regions:.1f} regions a scan are better not read"
