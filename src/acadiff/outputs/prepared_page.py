"""What the quality page tells of prepared visits: from their records, and their files on disk."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from acadiff.errors import Problem
from acadiff.modality import Modality
from acadiff.outputs.mosaic import QCEntry, Seen, write_qc
from acadiff.outputs.prepared import RECORDS, read_record
from acadiff.outputs.prepared_tables import PAGE
from acadiff.volume.image import read_scan
from acadiff.volume.nifti import read_nifti
from acadiff.volume.verdict import broken


def entry(
    key: str,
    record: Mapping[str, Any],
    problems: Iterable[Problem],
    far: Iterable[tuple[Modality, str]],
) -> QCEntry:
    """One visit.

    Args:
        key: `sub-X` or `sub-X_ses-Y`.
        record: of the visit; empty if nothing of it can be used.
        problems: what is wrong or odd.
        far: measures in which a scan is far from the cohort.
    """
    told = record.get("Measures", {})
    measures = {m: dict(told[m.name]) for m in Modality if m.name in told}
    odd = {(m, name) for m, own in measures.items() for name in broken(own)}
    where, how = record.get("Space"), record.get("BrainExtraction")
    remark = f"from {where}; brain by {how}" if record else "nothing of it can be used"
    return QCEntry(key, measures, tuple(dict.fromkeys(problems)), frozenset({*odd, *far}), remark)


def write_page(root: Path, entries: Sequence[QCEntry], title: str, *, simulated: bool) -> None:
    """Draw the page of a prepared dataset.

    Raises:
        OutputError: it cannot be written.
    """

    def show(one: QCEntry) -> Seen | None:
        return _read(root, one)

    write_qc(root / PAGE, entries, title, simulated=simulated, show=show)


def _read(root: Path, one: QCEntry) -> Seen | None:
    """The scans of a visit, and the brain."""
    record = read_record(root / RECORDS / f"{one.key}.json")
    if record is None or not one.measures:
        return None
    volumes = {Modality[n]: read_scan(root / p, Modality[n]) for n, p in record["Scans"].items()}
    mask = next(path for path in record["SHA256"] if path.endswith("desc-brain_mask.nii.gz"))
    return Seen(volumes, read_nifti(root / mask).data > 0)
