"""Eight phantoms at 8 mm with all their scans, and tiny weights: what comparisons are made of."""

import shutil

import pytest
from brook import CHANGES, cpu

from acadiff import phantom
from acadiff.modality import Modality
from acadiff.recipe import load_recipe, save_recipe
from acadiff.stages import compress, train

SPLIT = ("split.train=4", "split.validation=1", "split.test=3")


@pytest.fixture(scope="session")
def brook_of_all(tmp_path_factory):
    """`cohort`, `work` and `tiny.toml`; one target is trained for ACADiff and for Mean."""
    root = tmp_path_factory.mktemp("brook")
    recipe = load_recipe("phantom-4mm", [*CHANGES, *SPLIT])
    save_recipe(recipe, root / "tiny.toml")
    phantom.cohort(root / "cohort", subjects=8, voxel=8, seed=5)
    compress.run(root / "cohort", root / "work", recipe, cpu(), print)
    for method in ("acadiff", "mean"):
        args = (root / "cohort", root / "work", recipe, method, (Modality.AV45,), cpu(), print)
        train.run(*args)
    return root


@pytest.fixture
def place(brook_of_all, tmp_path):
    """A copy that a test may spoil."""
    return shutil.copytree(brook_of_all, tmp_path / "place")
