"""A few simulated people, drawn once for all tests."""

import pytest

from acadiff import phantom
from acadiff.phantom import Parameters, Simulation


@pytest.fixture(scope="session")
def people():
    """The causes of a whole cohort of the paper's size."""
    return Simulation(subjects=1028, voxel=4, seed=2024).people


@pytest.fixture(scope="session")
def person():
    """Somebody with a good deal of everything."""
    return phantom.enrol(7, 3, Parameters())


@pytest.fixture(scope="session")
def scans(person):
    """That person's scans at 2 mm."""
    return phantom.render(person, 2)


@pytest.fixture(scope="session")
def dataset(tmp_path_factory):
    """Five people on disk, two of whom lost scans: `(root, cohort, steps told)`."""
    root = tmp_path_factory.mktemp("simulated") / "cohort"
    told = []
    cohort = phantom.cohort(root, subjects=5, voxel=8, seed=11, missing=0.4, on_step=told.append)
    return root, cohort, told
