"""A cohort of ellipsoids on the 8 mm grid and a model trained on it for one step, once."""

import shutil

import pytest
from makers import write_cohort
from tiny import LACKING, ROWS, TINY

from acadiff.cli import main


@pytest.fixture(scope="session")
def _made(tmp_path_factory):
    root = tmp_path_factory.mktemp("made")
    cohort, work = str(write_cohort(root / "cohort", ROWS, LACKING)), str(root / "work")
    assert main(["compress", cohort, work, *TINY]) == 0
    assert main(["train", cohort, work, "--target", "fdg", *TINY]) == 0
    assert main(["train", cohort, work, "--method", "mean", *TINY]) == 0
    return root


@pytest.fixture
def cohort(_made, tmp_path):
    """Six people; 005 lacks an FDG-PET, 006 both PETs. A copy that a test may spoil."""
    return shutil.copytree(_made / "cohort", tmp_path / "cohort")


@pytest.fixture
def work(_made, tmp_path):
    """Codecs, latents, a generator of FDG-PET, and the means. A copy that a test may spoil."""
    return shutil.copytree(_made / "work", tmp_path / "work")


@pytest.fixture
def refused(capsys):
    """Run a command line that must fail; returns its one sentence."""

    def run(status, *arguments):
        capsys.readouterr()
        assert main([str(a) for a in arguments]) == status
        out, err = capsys.readouterr()
        *steps, sentence = err.splitlines()
        assert out == ""
        assert sentence.startswith("acadiff: ")
        assert "unexpected" not in sentence
        assert all(line.split()[0] in ("Compressing", "Training", "Imputing") for line in steps)
        return sentence.removeprefix("acadiff: ")

    return run
