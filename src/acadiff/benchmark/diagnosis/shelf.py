"""Every volume that completes a person, made once: acquired, averaged or drawn.

A draw depends on the person, the target and the sources alone, so one file serves every missing
rate, every classifier and every run. Killed at any moment, the same command makes what is left.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from acadiff.benchmark.diagnosis.rows import Row
from acadiff.cohort.table import Subject
from acadiff.commit import sha256, sweep
from acadiff.errors import CohortError
from acadiff.imputer import Imputer
from acadiff.latent.kept import is_kept, kept_volume, write_kept
from acadiff.latent.scan import read_model_scan
from acadiff.modality import Modality
from acadiff.volume.grid import Grid, place
from acadiff.volume.image import Volume

BACKGROUND = -1.0
FOLDER = "completed"
"""Below a work folder: what completes people."""


@dataclass(frozen=True)
class Shelf:
    """Where the volumes of one study lie.

    Args:
        root: of this study, below a work folder.
        voxel: voxel size of the models, mm.
    """

    root: Path
    voxel: int

    @property
    def grid(self) -> Grid:
        """The models'."""
        return Grid(self.voxel)

    def acquired(self, subject: Subject, modality: Modality) -> Path:
        """The scan that was made."""
        return self.root / "acquired" / f"{subject.key}_{modality.name}.safetensors"

    def drawn(self, row: Row, subject: Subject, target: Modality) -> Path:
        """What a method makes from the scans that a subject has."""
        sources = "+".join(m.name for m in subject.available if m is not target)
        name = f"{subject.key}_{target.name}-from-{sources}.safetensors"
        return self.root / row.name.replace(":", "-") / name

    def background(self, modality: Modality) -> Path:
        """Nothing at all, for those who fill in zeros."""
        path = self.root / "simple" / f"background_{modality.name}.safetensors"
        if not is_kept(path, {}):
            empty = np.full((1, *self.grid.shape), BACKGROUND)
            write_kept(path, empty, modality, self.voxel, {})
        return path

    def template(self, modality: Modality, observed: Sequence[Subject]) -> Path:
        """The voxelwise mean of the scans that these people have; whose they are, it forgets.

        No diagnosis enters: the mean of a class would write the label into the scan.

        Raises:
            CohortError: there is nobody.
        """
        if not observed:
            raise CohortError(
                f"nobody has {modality.title} any more, so there is no mean",
                code="E_FEW_PEOPLE",
                value=0,
                hint="take a lower missing rate or more people",
            )
        told = {"mean of": [[s.key, sha256(s.scans[modality])] for s in observed]}
        name = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]
        path = self.root / "simple" / f"mean-{name}_{modality.name}.safetensors"
        if not is_kept(path, told):
            total = np.zeros(self.grid.shape)
            for subject in observed:
                total += kept_volume(self.acquired(subject, modality), 0)
            write_kept(path, (total / len(observed))[None], modality, self.voxel, told)
        return path


@dataclass(frozen=True)
class Acquire:
    """One acquired scan to put on the shelf."""

    shelf: Shelf
    subject: Subject
    modality: Modality

    def make(self) -> str:
        """Read it, unless it is there; returns whose it is."""
        path, source = self.shelf.acquired(self.subject, self.modality), self._source
        told = {"SourceSHA256": sha256(source)}
        if not is_kept(path, told):
            sweep(path.parent)
            scan = read_model_scan(source, self.modality, self.shelf.grid)
            write_kept(path, scan.image.numpy(), self.modality, self.shelf.voxel, told)
        return f"{self.subject.key}, {self.modality.title}"

    @property
    def _source(self) -> Path:
        return self.subject.scans[self.modality]


@dataclass(frozen=True)
class Sampling:
    """How scans are drawn.

    Args:
        draws: of each scan, if they differ.
        seed: of the draws.
        share: prompts may be given to a remote text encoder.
    """

    draws: int = 10
    seed: int = 0
    share: bool = False


@dataclass(frozen=True)
class Draw:
    """Draws of one missing scan to put on the shelf.

    Args:
        shelf: where.
        work: where the model is.
        row: which method, and what its prompt tells.
        subject: with the scans that are left.
        target: what is missing.
        how: it is drawn.
    """

    shelf: Shelf
    work: Path
    row: Row
    subject: Subject
    target: Modality
    how: Sampling

    def make(self) -> str:
        """Draw it, unless it is there; returns what and whose."""
        imputer = loaded(self.work, self.row.method, self.how.share)
        path = self.shelf.drawn(self.row, self.subject, self.target)
        told = self._told(imputer)
        if not is_kept(path, told):
            sweep(path.parent)
            write_kept(path, self._volumes(imputer), self.target, self.shelf.voxel, told)
        return f"{self.row.title}, {self.subject.key}, {self.target.title}"

    def _number(self, imputer: Imputer) -> int:
        stochastic = imputer.generators[self.target].generator.stochastic
        return self.how.draws if stochastic else 1

    def _told(self, imputer: Imputer) -> dict[str, Any]:
        number, detail = self._number(imputer), self.row.detail
        made = imputer.provenance(self.subject, self.target, number, self.how.seed, detail=detail)
        scans = {m.name: sha256(p) for m, p in self.subject.scans.items()}
        return {**made, "SourceSHA256": scans}

    def _volumes(self, imputer: Imputer) -> Any:
        made = imputer.impute(
            self.subject,
            self.target,
            self._number(imputer),
            self.how.seed,
            detail=self.row.detail,
        )
        assert made.kept is not None
        scaling, affine = imputer.codecs[self.target].scaling, made.mean.affine
        placed = (
            place(Volume(one[None], affine, self.target), self.shelf.grid).data[0]
            for one in made.kept
        )
        return np.stack([scaling.to_model(one) for one in placed])


@lru_cache(maxsize=1)
def loaded(work: Path, method: str, share: bool) -> Imputer:
    """The model, once a process."""
    return Imputer.load(work, method, share=share)


def draws_of(
    shelf: Shelf, work: Path, rows: Iterable[Row], lacking: Sequence[Subject], how: Sampling
) -> list[Draw]:
    """Every missing scan of people who lack some, once for each generator.

    Args:
        shelf: where they go.
        work: where the models are.
        rows: those that are generators are asked.
        lacking: people with the scans that are left.
        how: scans are drawn.
    """
    return [
        Draw(shelf, work, row, subject, target, how)
        for row in rows
        if row.method
        for subject in lacking
        for target in Modality
        if target not in subject.scans
    ]


def make(task: Acquire | Draw) -> str:
    """Make what is not there yet, in whichever process."""
    return task.make()
