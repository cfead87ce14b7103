"""The stage is the verb in memory, and the same between a load and a save."""

import numpy as np

from acadiff.modality import Modality
from acadiff.phantom import Simulation
from acadiff.stages.simulate import run, simulate
from acadiff.volume.image import read_scan


def test_what_is_written_is_what_was_simulated(tmp_path):
    person, scans = simulate(seed=11, index=1, voxel=8)
    told = []
    cohort = run(tmp_path / "cohort", Simulation(1, 8, 11), on_step=told.append)
    (subject,) = cohort.subjects
    assert told == [subject.id] == [person.id]
    for modality in Modality:
        data = read_scan(subject.scans[modality], modality).data
        np.testing.assert_array_equal(data, scans[modality].data)
