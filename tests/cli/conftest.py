"""Copies of the small trained river that a command may spoil, and what a refusal looks like."""

import shutil

import pytest

from acadiff.cli import main
from acadiff.cohort.dataset import read_cohort


@pytest.fixture
def cohort(river, tmp_path):
    """Twelve phantoms, half of whom lack scans."""
    return shutil.copytree(river / "cohort", tmp_path / "cohort")


@pytest.fixture
def work(river, tmp_path):
    """Codecs, latents and all generators of both methods."""
    return shutil.copytree(river / "work", tmp_path / "work")


@pytest.fixture
def lacking(river):
    """Those who lack a scan, by id."""
    return [s for s in read_cohort(river / "cohort").subjects if len(s.scans) < 3]


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
