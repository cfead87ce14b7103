"""The cohort on disk: BIDS, simulated in every word, and finished by running it again."""

import csv
import json
import os
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from acadiff import phantom
from acadiff.cohort.dataset import hidden_truth, read_cohort
from acadiff.errors import AcadiffError, OutputError, UsageError
from acadiff.modality import Modality
from acadiff.phantom import Parameters, Simulation
from acadiff.phantom.causes import Causes
from acadiff.phantom.parameters import Disease
from acadiff.volume.grid import Grid, grid_of
from acadiff.volume.image import read_scan
from acadiff.workers import work


def content(root):
    """Every file below `root` and its bytes."""
    return {
        str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()
    }


def make(root, subjects=5, **changes):
    return phantom.cohort(
        root, **{"subjects": subjects, "voxel": 8, "seed": 11, "missing": 0.4} | changes
    )


def test_what_comes_back_is_what_lies_on_disk(dataset):
    root, cohort, told = dataset
    assert cohort == read_cohort(root)
    assert cohort.simulated
    assert cohort.ids == tuple(told) == tuple(f"SIM000{i}" for i in range(1, 6))


def test_the_table_tells_the_simulated_scores(dataset):
    _, cohort, _ = dataset
    for subject, person in zip(cohort.subjects, Simulation(5, 8, 11).people, strict=True):
        causes = person.causes
        assert (subject.diagnosis, subject.apoe4) == (causes.diagnosis, causes.e4)
        assert subject.sex == ("F" if causes.female else "M")
        assert subject.scores.mmse == causes.mmse
        assert subject.scores.adas13 == pytest.approx(causes.adas13, abs=0.005)
        assert subject.scores.cdrsb == causes.cdrsb
        assert subject.age == pytest.approx(causes.age, abs=0.05)


def test_scans_are_the_rendered_ones(dataset):
    _, cohort, _ = dataset
    subject = cohort.subjects[0]
    rendered = phantom.render(Simulation(5, 8, 11).person(1), 8)
    for modality, path in subject.scans.items():
        volume = read_scan(path, modality)
        assert grid_of(volume) == Grid(8)
        np.testing.assert_array_equal(volume.data, rendered[modality].data)


def test_exactly_the_asked_share_loses_scans_to_the_hidden_tree(dataset):
    root, cohort, _ = dataset
    hidden = hidden_truth(cohort)
    assert len({subject for subject, _ in hidden}) == 2
    for subject in cohort.subjects:
        lost = {m for s, m in hidden if s == subject.key}
        assert lost | set(subject.scans) == set(Modality)
        assert not lost & set(subject.scans)
        assert len(lost) <= 2
    for (_, modality), path in hidden.items():
        assert read_scan(path, modality).data.max() > 0
        assert path.with_name(path.name.replace(".nii.gz", ".json")).exists()


def test_causes_are_kept_to_the_last_digit(dataset):
    root, _, _ = dataset
    with (root / "sourcedata" / "causes.tsv").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    for row, person in zip(rows, Simulation(5, 8, 11).people, strict=True):
        assert row["participant_id"] == f"sub-{person.id}"
        for field in fields(Causes):
            value = getattr(person.causes, field.name)
            if field.name == "diagnosis":
                assert row["diagnosis"] == value.name
            else:
                assert float(row[field.name]) == value


def test_everything_says_simulated(dataset):
    root, _, _ = dataset
    for name, text in content(root).items():
        if name.endswith(".nii.gz"):
            header = nib.load(root / name).header
            assert header["descrip"].item().startswith(b"SIMULATED")
        elif name.endswith(".json") and "participants" not in name:
            assert {k.lower(): v for k, v in json.loads(text).items()}["simulated"] is True
        elif "participants" not in name and not name.endswith(".tsv"):
            assert b"SIMULATED" in text
    assert "SIMULATED" in (root / "participants.json").read_text()
    assert all("SIM" in line for line in (root / "participants.tsv").read_text().split()[8::8])


def test_the_dataset_is_bids(dataset):
    root, _, _ = dataset
    here = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    validator = shutil.which("bids-validator-deno", path=here)
    if validator is None:
        pytest.skip("bids-validator-deno is not installed")
    done = subprocess.run(
        [validator, str(root), "--json"], capture_output=True, text=True, check=False
    )
    issues = json.loads(done.stdout)["issues"]["issues"]
    assert [i for i in issues if i.get("severity") == "error"] == []


def test_an_interrupted_run_is_finished_by_the_same_call(dataset, tmp_path):
    root, _, _ = dataset
    seen = []

    def stop(subject):
        seen.append(subject)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "cohort", on_step=stop)
    assert not (tmp_path / "cohort" / "participants.tsv").exists()
    (tmp_path / "cohort" / "sourcedata" / "subjects" / "sub-SIM0001.json").unlink()
    scan = next((tmp_path / "cohort").rglob("sub-SIM0002_T1w.nii.gz"))
    scan.write_bytes(scan.read_bytes()[:100])
    make(tmp_path / "cohort")
    assert content(tmp_path / "cohort") == content(root)


def test_a_finished_cohort_is_not_simulated_again(dataset):
    root, _, _ = dataset
    before = {p: p.stat().st_mtime_ns for p in root.rglob("*.nii.gz")}
    make(root)
    assert before == {p: p.stat().st_mtime_ns for p in root.rglob("*.nii.gz")}


def test_processes_and_cohort_size_change_no_scan(dataset, tmp_path):
    root, _, _ = dataset
    make(tmp_path / "cohort", subjects=2, jobs=2, missing=0.0)
    expected = content(root)
    for name, text in content(tmp_path / "cohort").items():
        if name.endswith(".nii.gz"):
            assert text == expected.get(name, expected.get(f"sourcedata/hidden/{name}"))


@pytest.mark.parametrize("change", [{"seed": 12}, {"voxel": 4}, {"missing": 0.0}])
def test_a_folder_of_another_simulation_is_refused(dataset, change):
    root, _, _ = dataset
    before = content(root)
    with pytest.raises(OutputError, match=f"this cohort has {next(iter(change))}"):
        make(root, **change)
    assert content(root) == before


def test_other_parameters_are_named(dataset):
    root, _, _ = dataset
    other = Parameters(disease=Disease(e4=0.3))
    with pytest.raises(
        OutputError, match=r"has parameters\.disease\.e4 0\.195, asked for is 0\.3"
    ):
        phantom.write_cohort(root, Simulation(5, 8, 11, 0.4, other), 1, None)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "cohort").write_text("precious")
    with pytest.raises(OutputError):
        make(tmp_path / "cohort")


def test_a_folder_with_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(OutputError, match="is not empty"):
        make(tmp_path)
    assert content(tmp_path) == {"thesis.txt": b"precious"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"subjects": 0}, "subjects is 0"),
        ({"voxel": 3}, "voxel is 3 mm; the phantom comes in 1, 2, 4, 8 mm"),
        ({"seed": -1}, "seed is -1"),
        ({"missing": 1.5}, "missing rate is 1.5"),
        ({"jobs": 0}, "jobs is 0"),
    ],
)
def test_impossible_values_are_refused(tmp_path, change, words):
    with pytest.raises(UsageError, match=words):
        make(tmp_path / "cohort", **change)
    assert not (tmp_path / "cohort" / "participants.tsv").exists()


def test_a_dead_process_is_an_error_with_a_way_on():
    with pytest.raises(AcadiffError, match="run the same command again"):
        list(work(_die, [1, 2], 2))


def _die(index):
    os._exit(index)
