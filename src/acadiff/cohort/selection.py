"""What a person asks of a source, and the roster that comes of it: all reading happens here."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from acadiff.cohort.candidate import Inventory
from acadiff.cohort.clinical.columns import read_overrides, resolve
from acadiff.cohort.clinical.nearest import WINDOW_DAYS
from acadiff.cohort.clinical.visit import Clinical, read_clinical
from acadiff.cohort.files import bids_tree, manifest
from acadiff.cohort.files.scan_dates import scan_dates
from acadiff.cohort.files.sources import read_inventory
from acadiff.cohort.filters import filters
from acadiff.cohort.inventory import choose, select
from acadiff.cohort.roster import Roster, roster, without_scans
from acadiff.cohort.shared_mri import share_mri
from acadiff.cohort.text.delimited import read_table
from acadiff.errors import Problem
from acadiff.modality import Modality

_KEYS = frozenset({"participant_id", "session_id", "date"})


@dataclass(frozen=True)
class Selection:
    """Which scans of a source are meant, and which tables tell of the persons.

    Args:
        layout: `bids`, `caps` or `manifest`; None to tell by the files.
        tracers: names of tracers → what they show.
        reconstructions: the `rec-` label that scans of a modality must have.
        run: among several files of one scan, those of this run; `none` for those without.
        space: likewise, the template.
        resolution: likewise, the `res-` label.
        desc: likewise, the `desc-` label.
        participants: only these persons; None for all.
        sessions: only these sessions; None for all.
        pairs: a table of the persons and sessions that are wanted, or None.
        tables: clinical tables, beside those of a BIDS dataset.
        clinical_map: a file that says which of their columns are ours, or None.
        window_days: how far a visit may be from a scan.
    """

    layout: str | None = None
    tracers: Mapping[str, Modality] = field(default_factory=dict)
    reconstructions: Mapping[Modality, str] = field(default_factory=dict)
    run: str | None = None
    space: str | None = None
    resolution: str | None = None
    desc: str | None = None
    participants: tuple[str, ...] | None = None
    sessions: tuple[str, ...] | None = None
    pairs: Path | None = None
    tables: tuple[Path, ...] = ()
    clinical_map: Path | None = None
    window_days: int = WINDOW_DAYS

    @property
    def whole(self) -> bool:
        """Whether all persons and sessions are meant."""
        return self.participants is None and self.sessions is None and self.pairs is None


def read_roster(source: Path, selection: Selection) -> Roster:
    """Find the scans, choose one file each, read the tables and join them.

    Args:
        source: a BIDS dataset, a CAPS folder or a table of paths.
        selection: what is meant of it.

    Raises:
        MissingInputError: the source, or a table that was named, is not there.
        CohortError: the source is none of the three, or a table that was named cannot be read.
        UsageError: there is no such layout.
        NothingSelectedError: no scan is left.
    """
    found = read_inventory(source, layout=selection.layout, tracers=selection.tracers)
    inventory = share_mri(found)
    pairs = manifest.read_pairs(selection.pairs) if selection.pairs else None
    wanted = filters(selection.participants, selection.sessions, pairs)
    if inventory.candidates and not selection.whole:
        inventory = select(inventory, wanted)
    choice = choose(
        inventory,
        reconstructions=selection.reconstructions,
        run=selection.run,
        space=selection.space,
        resolution=selection.resolution,
        desc=selection.desc,
    )
    meant = partial(wanted.concern, root=inventory.root)
    clinical = _clinical(source, inventory, selection, meant)
    dates = scan_dates(inventory.root, meant) if inventory.layout == bids_tree.LAYOUT else None
    whole = roster(inventory, choice, clinical, dates, selection.window_days)
    absent = without_scans(clinical, whole.members) if selection.whole else ()
    return replace(whole, problems=(*whole.problems, *absent))


def _clinical(
    source: Path, inventory: Inventory, selection: Selection, meant: Callable[[Problem], bool]
) -> Clinical:
    overrides = read_overrides(selection.clinical_map) if selection.clinical_map else {}
    tables = list(selection.tables)
    if inventory.layout == manifest.LAYOUT and _is_clinical(source, overrides):
        tables.append(source)
    root = inventory.root if inventory.layout == bids_tree.LAYOUT else None
    scanned = dict.fromkeys(candidate.subject for candidate in inventory.candidates)
    return read_clinical(root, tables, overrides, scanned, meant)


def _is_clinical(table: Path, overrides: Mapping[str, str]) -> bool:
    """Whether a table of paths tells of the persons, too."""
    columns: Iterable[str] = resolve(read_table(table).columns, overrides, table.name)
    return bool(set(columns) - _KEYS)
