"""`acadiff prompts` prints what would be read, and asks nobody."""

import json

import pytest

from acadiff.cli import main

OPENAI = ["--set=conditioning.encoder=openai", "--set=conditioning.model=some-model"]


@pytest.fixture
def said(tmp_path, capsys):
    """Run it on a simulated cohort; returns lines and the remark on stderr."""
    cohort = str(tmp_path / "people")
    assert main(["simulate", cohort, "--subjects", "2", "--voxel", "8"]) == 0
    capsys.readouterr()

    def run(*arguments):
        assert main(["prompts", cohort, *arguments]) == 0
        done = capsys.readouterr()
        return done.out.splitlines(), done.err

    return run


def test_one_sentence_a_line(said):
    lines, remark = said("--target", "fdg")
    assert lines == sorted(set(lines))
    assert all(line.startswith("Generate FDG-PET from ") for line in lines)
    assert f"{len(lines)} sentences on 2 people" in remark
    assert "none would leave this machine" in remark


def test_the_bodies_hold_the_sentences(said):
    lines, remark = said(*OPENAI)
    bodies, _ = said(*OPENAI, "--bodies")
    sent = [sentence for body in bodies for sentence in json.loads(body)["input"]]
    assert sorted(sent[1:]) == lines
    assert f"would go to api.openai.com in {len(bodies)} requests. Nothing was sent" in remark
