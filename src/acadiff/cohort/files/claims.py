"""What one image file says it is, by its name and its sidecar. The image itself stays closed."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from acadiff.cohort.candidate import Candidate, Inventory, inventory_of, refusal
from acadiff.cohort.files.entities import KNOWN, Entities, is_image
from acadiff.cohort.files.sidecar import NOTHING, Fields, Sidecars
from acadiff.cohort.files.tracers import Tracers, named_tracer, tracer_of
from acadiff.cohort.files.walk import Folder, Parts
from acadiff.cohort.identity import canonical_session, canonical_subject
from acadiff.cohort.text.textfile import shown
from acadiff.errors import CohortError, Problem
from acadiff.modality import Modality

_SYNTHETIC = frozenset({"synth", "synthstd", "synthdraws"})
_REGION = re.compile(r"[0-9A-Za-z][0-9A-Za-z +,.()_-]{0,63}")
Found = Iterator[Candidate | Problem]


@dataclass(frozen=True)
class Claims:
    """How the files of one tree are read.

    Args:
        root: the tree.
        sidecars: its JSON files.
        tracers: the user's own names of tracers.
    """

    root: Path
    sidecars: Sidecars
    tracers: Tracers

    def of(self, place: Parts, entities: Entities) -> Found:
        """The candidate that an image is, after warnings; nothing if it shows something else.

        Raises:
            CohortError: it is synthetic, its tracer is not told, or its ids are no labels.
        """
        warnings: list[Problem] = []
        sidecar = self._sidecar(place, entities, warnings)
        refuse_synthetic(entities, sidecar)
        modality = self._modality(entities, sidecar)
        if modality is None:
            return
        yield from warnings
        strange = [key for key in entities.values if key not in KNOWN]
        if strange:
            yield _warning(place, strange[0])
        session = entities.get("ses")
        yield Candidate(
            path=self.root.joinpath(*place),
            subject=canonical_subject(entities.values["sub"]),
            session=None if session is None else canonical_session(session),
            modality=modality,
            reconstruction=entities.get("rec"),
            run=entities.get("run"),
            space=entities.get("space"),
            resolution=entities.get("res"),
            desc=entities.get("desc"),
            suvr=suvr_of(entities, sidecar) if modality.is_pet else None,
        )

    def _sidecar(self, place: Parts, entities: Entities, warnings: list[Problem]) -> Fields:
        """Fields of the sidecar; a damaged one is told, and fatal only where it is needed."""
        try:
            return self.sidecars.of(place[:-1], entities)
        except CohortError as error:
            if entities.suffix == "pet" and not named_tracer(entities, self.tracers):
                raise
            text = f"{error}; its scans are used without it"
            warnings.append(Problem(error.value, "W_SIDECAR", error.value, error.hint, text))
            return NOTHING

    def _modality(self, entities: Entities, sidecar: Fields) -> Modality | None:
        for modality in Modality:
            if modality.suffix == entities.suffix and not modality.is_pet:
                return modality
        return tracer_of(entities, sidecar, self.tracers)


def gather(
    root: Path,
    layout: str,
    folders: Iterable[Folder],
    problems: Iterable[Problem],
    read: Callable[[Parts, str], Found],
) -> Inventory:
    """Ask `read` about every image file of a tree.

    Args:
        root: the tree.
        layout: what it is called.
        folders: what it holds.
        problems: what is wrong with it already.
        read: (folder, file name) → what that image is; it may raise `CohortError`.
    """
    found: list[Candidate | Problem] = list(problems)
    others = 0
    for folder in folders:
        for name in folder.files:
            if not is_image(name):
                continue
            try:
                claims = list(read(folder.parts, name))
            except CohortError as error:
                claims = [refusal(shown("/".join((*folder.parts, name))), error)]
            found += claims
            others += not claims
    return inventory_of(root, layout, found, others)


def check_place(parts: Parts, told: Parts) -> None:
    """Refuse an image in a folder that its name does not tell.

    Raises:
        CohortError: person, session or kind of scan differ between folder and name.
    """
    if parts != told:
        raise CohortError(
            f"its name says {'/'.join(told)}", code="E_FOLDER", value=shown("/".join(parts)),
            hint="find out which is true, and move or rename it",
        )  # fmt: skip


def visit_folders(entities: Entities) -> Parts:
    """The folders of the visit that a name tells."""
    return tuple(f"{key}-{entities.values[key]}" for key in ("sub", "ses") if entities.get(key))


def refuse_synthetic(entities: Entities, sidecar: Fields) -> None:
    """Let no imputed scan be taken for an acquired one.

    Raises:
        CohortError: the name or the sidecar says that it is synthetic.
    """
    if entities.get("desc") in _SYNTHETIC or sidecar.get("Synthetic") not in (None, False):
        raise CohortError(
            "it is a synthetic scan, which is no input", code="E_SYNTHETIC_INPUT",
            value=entities.get("desc") or "Synthetic", hint="give the acquired scans",
        )  # fmt: skip


def suvr_of(entities: Entities, sidecar: Fields) -> str | None:
    """The reference region if the voxels are SUVR already."""
    units = [str(sidecar.get(key, "")).casefold() for key in ("Units", "VoxelQuantity")]
    region = sidecar.get("SUVRReferenceRegion")
    if entities.get("suvr"):
        return entities.get("suvr")
    if any("bq" in unit for unit in units) or not (region or "suvr" in units):
        return None
    return region if isinstance(region, str) and _REGION.fullmatch(region) else "unknown"


def _warning(place: Parts, key: str) -> Problem:
    where, hint = shown("/".join(place)), "rename the file if that matters"
    text = f"{where}: BIDS has no entity {key}-, and the scan is used as if it were not there"
    return Problem(where, "W_ENTITY", key, hint, f"{text}; {hint}")
