"""Scans as a voxel-space method sees them: read when first asked for, then mapped from disk."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from acadiff.cohort.table import Subject
from acadiff.latent.scan import read_model_scan
from acadiff.modality import Modality
from acadiff.volume.grid import Grid


class Volumes(Mapping[str, Tensor]):
    """Visit → `(1 i j k)` in [-1, 1], for one modality.

    They lie in a file mapped into memory, in half precision, so that a cohort at 1 mm (10 MB a
    scan) need not fit; the file has no name any more, so that nothing is left of it, however the
    process ends.
    """

    def __init__(
        self, subjects: Sequence[Subject], modality: Modality, grid: Grid, folder: Path
    ) -> None:
        """Make room for everybody who has this scan; read nothing yet.

        Args:
            subjects: whose.
            modality: which scan.
            grid: the model's.
            folder: on the disk that has the room.
        """
        self._modality, self._grid = modality, grid
        self._paths = {s.key: s.scans[modality] for s in subjects if modality in s.scans}
        self._rows = {key: row for row, key in enumerate(self._paths)}
        self._read = [False] * len(self._paths)
        with tempfile.TemporaryFile(dir=folder) as file:
            shape = (max(1, len(self._paths)), 1, *grid.shape)
            self._images = np.memmap(file, np.float16, "w+", shape=shape)

    def __getitem__(self, key: str) -> Tensor:
        """The scan of a visit.

        Raises:
            KeyError: it was not made.
            ScanError: it cannot be used.
        """
        row = self._rows[key]
        if not self._read[row]:
            image = read_model_scan(self._paths[key], self._modality, self._grid).image
            self._images[row] = image.numpy()
            self._read[row] = True
        return torch.from_numpy(np.array(self._images[row])).float()

    def __iter__(self) -> Iterator[str]:
        """The visits that have this scan."""
        return iter(self._rows)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._rows)
