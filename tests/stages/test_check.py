"""A check counts every gap right, gives every bad input its reason, and never stops at one."""

import csv
import gzip
import json
import os

import nibabel as nib
import numpy as np
import pytest
from gaps import (
    LAYOUTS,
    MNI,
    SCAN,
    clinical,
    encoded,
    grow,
    patched,
    place,
    placed,
    random_visits,
    voxels,
)

from acadiff.cohort.selection import Selection
from acadiff.errors import CohortError, MissingInputError, NothingSelectedError, OutputError
from acadiff.modality import Modality
from acadiff.outputs.availability import State, tally
from acadiff.outputs.check_files import column, missing_modalities
from acadiff.stages.check import run
from acadiff.volume.glance import Leave

ALL = tuple(Modality)
PEOPLE = {("1", None): ALL, ("2", None): ALL, ("3", None): ALL}
VICTIM = ("2", None, Modality.MRI)


def states(findings):
    """{(subject, session, modality): state}."""
    return {
        (scan.member.subject, scan.member.session, scan.modality): scan.state.value
        for scan in findings.scans
    }


def codes(findings):
    return sorted({problem.code for problem in findings.problems})


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("seed", range(3))
def test_every_gap_is_counted_right_in_every_layout(tmp_path, layout, seed):
    visits = random_visits(seed)
    out = tmp_path / "out"
    findings = run(grow(tmp_path / "in", layout, visits, placed(layout)), out=out)
    truth = {
        (*who, m): "found" if m in had else "not found" for who, had in visits.items() for m in ALL
    }
    assert states(findings) == truth
    for session in ("M000", "M012"):
        table = rows(out / f"missing_mods_ses-{session}.tsv")
        assert {r["participant_id"] for r in table} == {
            f"sub-{who}" for who, ses in visits if ses == session
        }
        for row in table:
            had = visits[row["participant_id"].removeprefix("sub-"), session]
            assert {m: row[column(m)] for m in ALL} == {m: str(int(m in had)) for m in ALL}
    told = json.loads((out / "check.json").read_text())
    assert told["requested"] == len(visits) * 3 == sum(told["counts"].values())
    for m in ALL:
        found = sum(m in had for had in visits.values())
        assert told["by_modality"][m.name] == {
            "found": found, "not found": len(visits) - found, "rejected": 0,
        }  # fmt: skip
    assert len(rows(out / "scans.tsv")) == told["requested"]


def test_a_modality_that_nobody_has_is_missing_for_all(tmp_path):
    visits = {(str(n), None): [m for m in ALL if m is not Modality.AV45] for n in range(4)}
    found = run(grow(tmp_path, "bids", visits))
    assert [tally(found.scans)[m][State.FOUND] for m in ALL] == [4, 4, 0]
    (table,) = missing_modalities(found.scans).values()
    header, *lines = table.splitlines()
    assert header == "participant_id\tT1w\tpet_trc-18FFDG\tpet_trc-18FAV45"
    assert lines == [f"sub-{n}\t1\t1\t0" for n in range(4)]


def test_the_summary_agrees_with_the_tables(tmp_path):
    visits = random_visits(7)
    root = grow(tmp_path / "in", "bids", visits, placed("bids"))
    ill = {who: ("CN", "AD")[n % 2] for n, who in enumerate(visits)}
    clinical(root / "sessions.tsv", [f"{s}\t{v}\t{ill[s, v]}\t27\t70" for s, v in visits])
    run(root, out=tmp_path / "out")
    for row in rows(tmp_path / "out" / "missing_mods_summary.tsv"):
        modality = next(m for m in ALL if column(m) == row["modality"])
        own = [
            had for who, had in visits.items()
            if row["by"] == "all" or row["group"] in (f"ses-{who[1]}", ill[who])
        ]  # fmt: skip
        found = sum(modality in had for had in own)
        assert (int(row["expected"]), int(row["found"])) == (len(own), found)
        assert float(row["percent_missing"]) == pytest.approx(
            100 * (1 - found / len(own)), abs=0.1
        )


def _flat(value):
    return gzip.compress(encoded(np.full((12, 12, 12), value, np.float32)))


def _with(where, value):
    data = voxels()
    data[where] = value
    return gzip.compress(encoded(data))


def _one_lit():
    data = np.zeros((12, 12, 12), np.float32)
    data[6, 6, 6] = 1
    return gzip.compress(encoded(data))


def _bit(number):
    spoilt = bytearray(SCAN)
    spoilt[number] ^= 16
    return bytes(spoilt)


def _forms():
    other = np.diag([4.0, 4.0, 4.0, 1.0])
    other[:3, 3] = 20
    image = nib.Nifti1Image(voxels(), other)
    image.set_sform(other, 1)
    image.set_qform(np.diag([4.0, 4.0, 4.0, 1.0]), 1)
    return gzip.compress(image.to_bytes())


def _labelled():
    return patched(148, "9s", b"SYNTHETIC")


IN_HEADER = {
    "cut to half": ("E_TRUNC", SCAN[: len(SCAN) // 2]),
    "cut at its end": ("E_TRUNC", SCAN[:-3]),
    "empty": ("E_TRUNC", b""),
    "a web page": ("E_MAGIC", b"<!doctype html><p>404"),
    "a slice": ("E_DIM", gzip.compress(encoded(voxels()[:, :, :1]))),
    "four frames": ("E_4D", gzip.compress(encoded(np.stack([voxels()] * 4, axis=3)))),
    "RGB": ("E_DTYPE", patched(70, "hh", 128, 24)),
    "complex": ("E_DTYPE", patched(70, "hh", 32, 64)),
    "voxels of no size": ("E_PIXDIM", patched(80, "f", 0.0)),
    "voxels of negative size": ("E_PIXDIM", patched(80, "f", -4.0)),
    "voxels too large": ("E_VOXSIZE", gzip.compress(encoded(affine=np.diag([4, 4, 7.0, 1])))),
    "two orientations": ("E_QSFORM", _forms()),
    "no orientation": ("E_NOFORM", patched(252, "hh", 0, 0)),
    "a flat affine": ("E_AFFINE", patched(280, "ffff", 0, 0, 0, 0, data=encoded())),
    "imputed": ("E_SYNTHETIC_INPUT", _labelled()),
}  # fmt: skip
IN_VOXELS = {
    "a flipped bit": ("E_CRC", _bit(len(SCAN) // 2)),
    "NaN": ("E_NONFINITE", _with((0, 0, 0), np.nan)),
    "infinite": ("E_NONFINITE", _with((6, 6, 6), np.inf)),
    "constant": ("E_CONSTANT", _flat(7)),
    "zero": ("E_CONSTANT", _flat(0)),
    "one lit voxel": ("E_EMPTY", _one_lit()),
}  # fmt: skip


def _spoilt(tmp_path, content, victim=VICTIM, scan=SCAN):
    root = grow(tmp_path / "in", "bids", PEOPLE, scan)
    path = root / place("bids", *victim)
    path.write_bytes(content)
    return root, path.relative_to(root).as_posix()


def _require_one_rejected(findings, where, code, victim=VICTIM):
    """The victim is rejected, with a whole sentence; everybody else is found."""
    found = states(findings)
    assert found.pop(victim) == "rejected"
    assert set(found.values()) == {"found"}
    (problem,) = [p for p in findings.problems if p.code == code]
    assert problem.where == where
    assert problem.text.startswith(f"{where}: ")
    assert problem.hint
    assert "/in/" not in problem.text
    (scan,) = [s for s in findings.scans if s.state is State.REJECTED]
    assert scan.problem == problem


@pytest.mark.parametrize("name", IN_HEADER)
@pytest.mark.parametrize("thorough", [False, True])
def test_a_bad_file_is_rejected_with_its_reason_and_the_others_go_on(tmp_path, name, thorough):
    code, content = IN_HEADER[name]
    root, where = _spoilt(tmp_path, content, scan=placed("bids"))
    _require_one_rejected(run(root, thorough=thorough), where, code)


@pytest.mark.parametrize("name", IN_VOXELS)
def test_bad_voxels_are_found_by_a_thorough_check(tmp_path, name):
    code, content = IN_VOXELS[name]
    root, where = _spoilt(tmp_path, content, scan=placed("bids"))
    assert code not in codes(run(root))
    _require_one_rejected(run(root, thorough=True), where, code)


def _oblique():
    c, s = np.cos(0.3), np.sin(0.3)
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:2, :2] = 4 * np.array([[c, -s], [s, c]])
    return affine


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(encoded(np.rint(voxels() * 1000), dtype=np.int16)),
        patched(112, "ff", 0.5, 3.0, data=encoded(np.rint(voxels() * 1000), dtype=np.int16)),
        gzip.compress(encoded(voxels().astype(np.float64), dtype=np.float64)),
        gzip.compress(nib.Nifti1Image.from_bytes(encoded()).as_reoriented(
            np.array([[2, -1], [0, 1], [1, -1]])).to_bytes()),
        gzip.compress(encoded(affine=_oblique())),
        gzip.compress(encoded(voxels()[::-1], np.diag([-4.0, 4, 4, 1]))),
        gzip.compress(encoded(header=nib.Nifti2Image)),
        gzip.compress(encoded(voxels()[..., None])),
    ],
    ids=["int16", "slope", "float64", "turned", "oblique", "flipped", "NIfTI-2", "one frame"],
)  # fmt: skip
def test_other_ways_to_store_a_scan_are_used(tmp_path, content):
    root, _ = _spoilt(tmp_path, content)
    found = run(root, thorough=True)
    assert set(states(found).values()) == {"found"}
    assert found.refusals == ()


def test_the_geometry_is_told_in_ras_order(tmp_path):
    affine = np.array([[0, 0, -2.0, 0], [3.0, 0, 0, 0], [0, 4.0, 0, 0], [0, 0, 0, 1]])
    root, where = _spoilt(tmp_path, gzip.compress(encoded(voxels()[:, :10, :8], affine)))
    (scan,) = [s for s in run(root).scans if s.path == where]
    assert scan.geometry.shape == (8, 12, 10)
    assert scan.geometry.voxel == pytest.approx((2, 3, 4))
    assert scan.geometry.space == "native"


def test_what_is_allowed_is_not_refused(tmp_path):
    for name, leave, code in (
        ("no orientation", Leave(orientation="RAS"), "W_NOFORM"),
        ("two orientations", Leave(form="sform"), "W_QSFORM"),
    ):
        root, where = _spoilt(tmp_path, IN_HEADER[name][1])
        for thorough in (False, True):
            found = run(root, leave=leave, thorough=thorough)
            assert [p.where for p in found.problems if p.code == code] == [where]
            assert found.refusals == ()
    root, _ = _spoilt(tmp_path, IN_VOXELS["NaN"][1])
    found = run(root, thorough=True, leave=Leave(nonfinite="zero"))
    assert "W_NONFINITE" in codes(found)
    assert set(states(found).values()) == {"found"}


def test_pet_of_several_frames_is_used_with_a_warning(tmp_path):
    frames = gzip.compress(encoded(np.stack([voxels(n) for n in range(4)], axis=3)))
    root, _ = _spoilt(tmp_path, frames, ("2", None, Modality.FDG))
    for thorough in (False, True):
        found = run(root, thorough=thorough)
        assert [p.value for p in found.problems if p.code == "W_FRAMES"] == ["4"]
        assert found.refusals == ()


def test_scans_of_one_visit_in_different_spaces_are_refused_together(tmp_path):
    root = grow(tmp_path, "bids", PEOPLE)
    path = root / place("bids", "2", None, Modality.AV45)
    path.rename(path.with_name(path.name.replace("_pet", f"_space-{MNI}_pet")))
    found = run(root)
    assert [m for (s, _, m), state in states(found).items() if state == "rejected"] == list(ALL)
    (problem,) = found.refusals
    assert (problem.code, problem.where) == ("E_MIXED_SPACE", "sub-2")
    assert f"AV45-PET in {MNI}" in problem.text


def test_a_scan_has_one_reason(tmp_path):
    root = grow(tmp_path, "bids", {("1", None): ALL, ("2", None): ALL[1:]})
    path = root / place("bids", "2", None, Modality.AV45)
    path.rename(path.with_name(path.name.replace("_pet", f"_space-{MNI}_pet")))
    assert [problem.code for problem in run(root).refusals] == ["E_MIXED_SPACE"]


def test_a_template_that_is_none_is_refused(tmp_path):
    root = grow(tmp_path, "bids", PEOPLE, placed("bids"))
    path = root / place("bids", *VICTIM)
    path.rename(path.with_name("sub-2_space-Mars_T1w.nii.gz"))
    found = run(root)
    assert [problem.code for problem in found.refusals] == ["E_SPACE"]


def test_grids_that_differ_on_one_template_are_pointed_out(tmp_path):
    root = grow(tmp_path, "caps", {("1", "M000"): ALL, ("2", "M000"): ALL})
    path = root / place("caps", "2", "M000", Modality.FDG)
    path.write_bytes(gzip.compress(encoded(voxels(side=10))))
    found = run(root)
    assert [(p.code, p.where) for p in found.problems if p.code == "W_GRID"] == [
        ("W_GRID", "sub-2_ses-M000")
    ]
    assert set(states(found).values()) == {"found"}
    nearly = np.diag([4.0, 4.0, 4.0, 1.0])
    nearly[0, 3] = 5e-4
    path.write_bytes(gzip.compress(encoded(affine=nearly)))
    assert "W_GRID" not in codes(run(root))


def test_pet_in_its_own_space_without_an_mri_is_refused(tmp_path):
    visits = {("1", None): ALL, ("2", None): ALL[1:], ("3", None): ALL}
    root = grow(tmp_path, "bids", visits)
    (root / place("bids", "3", None, Modality.MRI)).write_bytes(SCAN[:99])
    found = run(root)
    assert [p.where for p in found.refusals if p.code == "E_NO_MRI"] == ["sub-2", "sub-3"]
    told = [v for (who, _, _), v in states(found).items() if who != "1"]
    assert told == ["not found", "rejected", "rejected"] + ["rejected"] * 3
    alone = grow(tmp_path / "on grid", "bids", {("2", None): ALL[1:]}, placed("bids"))
    assert run(alone).refusals == ()


def test_values_that_are_no_suvr_and_an_mri_without_contrast_are_pointed_out(tmp_path):
    root = grow(tmp_path, "caps", {("1", "M000"): ALL, ("2", "M000"): ALL})
    counts = gzip.compress(encoded(voxels() * 5000))
    (root / place("caps", "2", "M000", Modality.FDG)).write_bytes(counts)
    mask = gzip.compress(encoded((voxels() > 0).astype(np.float32)))
    (root / place("caps", "1", "M000", Modality.MRI)).write_bytes(mask)
    found = {(p.code, p.where[9:14]) for p in run(root, thorough=True).problems}
    assert {("W_WINDOW", "sub-2"), ("W_CONTRAST", "sub-1")} <= found
    assert ("W_WINDOW", "sub-1") not in found
    assert ("W_CONTRAST", "sub-2") not in found


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("2\tM000\tDemntia\t27\t70", "E_LABEL"),
        ("2\tM000\tAD\t34\t70", "E_RANGE"),
        ("2\tM000\tAD\tmany\t70", "E_NUMBER"),
    ],
)
def test_a_bad_row_of_a_table_is_told_and_the_scans_are_used(tmp_path, line, code):
    visits = {(str(n), "M000"): ALL for n in range(1, 4)}
    root = grow(tmp_path, "bids", visits)
    good = [f"{n}\tM000\tCN\t29\t70" for n in (1, 3)]
    clinical(root / "sessions.tsv", [good[0], line, good[1]])
    found = run(root)
    assert code in codes(found)
    assert set(states(found).values()) == {"found"}
    assert [m.visit is not None and m.visit.diagnosis is not None for m in found.roster.members][
        ::2
    ] == [True, True]


def test_tables_without_scans_and_scans_without_rows_are_told(tmp_path):
    root = grow(tmp_path, "bids", {("1", "M000"): ALL, ("2", "M000"): ALL})
    assert "W_NO_TABLE" in codes(run(root))
    clinical(root / "sessions.tsv", ["1\tM000\tCN\t29\t70", "9\tM000\tAD\t20\t70"])
    found = {(p.code, p.where) for p in run(root).problems}
    assert {("W_NO_SCAN", "sub-9"), ("W_NO_VISIT", "sub-2_ses-M000")} <= found
    only = {(p.code, p.where) for p in run(root, Selection(participants=("1",))).problems}
    assert ("W_NO_SCAN", "sub-9") not in only


def test_days_far_apart_are_told(tmp_path):
    root = grow(tmp_path, "bids", {("1", None): ALL, ("2", None): ALL})
    for who, days in (("1", ("2010-01-01", "2010-03-01")), ("2", ("2010-01-01", "2012-01-01"))):
        lines = [f"{place('bids', who, None, m).relative_to(f'sub-{who}')}\t{day}"
                 for m, day in zip(ALL, days, strict=False)]  # fmt: skip
        table = root / f"sub-{who}" / f"sub-{who}_scans.tsv"
        table.write_text("\n".join(["filename\tacq_time", *lines, ""]))
    found = run(root)
    assert [(p.where, p.value) for p in found.problems if p.code == "W_SCAN_GAP"] == [
        ("sub-2 FDG", "730 days")
    ]
    assert set(states(found).values()) == {"found"}


def test_names_that_are_no_utf8_loops_and_folders_are_told(tmp_path):
    root = grow(tmp_path, "bids", PEOPLE)
    (root / "sub-1" / "again").symlink_to(root / "sub-1")
    strange = os.fsencode(root / "sub-3" / "anat") + b"/sub-3_T1w\xff.nii.gz"
    with open(strange, "wb") as file:  # noqa: PTH123 - a name that no text can be
        file.write(SCAN)
    folder = root / "sub-2" / "pet" / "sub-2_trc-18FAV45_run-2_pet.nii.gz"
    folder.mkdir()
    found = run(root, out=tmp_path / "derivatives" / "check")
    assert set(states(found).values()) == {"found"}
    assert {"E_LINK", "E_NAME", "E_FILE"} <= set(codes(found))
    for name in ("check.json", "check.html", "scans.tsv"):
        assert (tmp_path / "derivatives" / "check" / name).read_text(encoding="utf-8")


def test_files_that_claim_one_scan_are_both_listed(tmp_path):
    root = grow(tmp_path, "bids", PEOPLE)
    path = root / place("bids", "2", None, Modality.FDG)
    for made in ("coregavg", "coregiso"):
        path.with_name(path.name.replace("_pet", f"_rec-{made}_pet")).write_bytes(SCAN)
    path.unlink()
    found = run(root)
    _require_one_rejected(found, "sub-2 FDG", "E_AMBIGUOUS", ("2", None, Modality.FDG))
    chosen = run(root, Selection(reconstructions={Modality.FDG: "coregavg"}))
    assert states(chosen)["2", None, Modality.FDG] == "found"


def test_a_source_that_is_none_stops_at_once(tmp_path):
    with pytest.raises(MissingInputError):
        run(tmp_path / "gone")
    with pytest.raises(CohortError):
        run(tmp_path)
    root = grow(tmp_path / "in", "bids", PEOPLE)
    with pytest.raises(NothingSelectedError):
        run(root, Selection(participants=("99",)))
    with pytest.raises(MissingInputError):
        run(root, Selection(tables=(tmp_path / "gone.csv",)))


@pytest.mark.parametrize("inside", ["", "sub-1", "out"])
def test_nothing_is_written_among_the_scans(tmp_path, inside):
    root = grow(tmp_path, "bids", PEOPLE)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OutputError, match="derivatives"):
        run(root, out=root / inside)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_place_that_cannot_be_written_is_told_before_anything_is_read(tmp_path):
    (tmp_path / "file").write_text("")
    told = []
    with pytest.raises(OutputError):
        run(tmp_path / "gone", out=tmp_path / "file" / "out", on_step=told.append)
    assert told == []


def test_processes_change_nothing_and_every_scan_is_told(tmp_path):
    root, _ = _spoilt(tmp_path, IN_VOXELS["a flipped bit"][1])
    steps = []
    alone = run(root, thorough=True, out=tmp_path / "a", on_step=steps.append)
    together = run(root, thorough=True, jobs=2, out=tmp_path / "b")
    assert len(steps) == 9
    assert alone.problems == together.problems
    for name in os.listdir(tmp_path / "a"):  # noqa: PTH208
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_files_are_all_there_and_read_back(tmp_path):
    root, where = _spoilt(tmp_path, IN_HEADER["RGB"][1], scan=placed("bids"))
    found = run(root, out=tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "check.html", "check.json", "missing_mods.tsv", "missing_mods_summary.tsv",
        "missingness.tsv", "scans.tsv",
    ]  # fmt: skip
    told = json.loads((tmp_path / "out" / "check.json").read_text())
    assert [(p["path"], p["code"], p["value"]) for p in told["problems"]] == [
        (p.where, p.code, p.value) for p in found.problems
    ]
    assert all(set(p) == {"path", "code", "value", "hint", "text"} for p in told["problems"])
    rejected = [r for r in rows(tmp_path / "out" / "scans.tsv") if r["state"] == "rejected"]
    assert [(r["participant_id"], r["modality"], r["code"], r["path"]) for r in rejected] == [
        ("sub-2", "T1w", "E_DTYPE", where)
    ]


def test_clinical_values_of_a_person_are_in_no_file(tmp_path):
    root = grow(tmp_path / "in", "bids", {(str(n), "M000"): ALL for n in range(4)})
    clinical(root / "sessions.tsv", [f"{n}\tM000\tMCI\t2{n}.125\t7{n}.375" for n in range(4)])
    run(root, out=tmp_path / "out")
    for path in (tmp_path / "out").iterdir():
        text = path.read_text(encoding="utf-8")
        assert ".125" not in text.replace("0.125", "")
        assert ".375" not in text.replace("0.375", "")


def test_missing_scans_that_go_with_the_diagnosis_are_told_so(tmp_path):
    visits, lines = {}, []
    for n in range(90):
        ill = ("CN", "MCI", "AD")[n % 3]
        lacks = n % 10 < (7 if ill == "AD" else 1)
        visits[f"{n:02d}", "M000"] = ALL[:2] if lacks else ALL
        lines.append(f"{n:02d}\tM000\t{ill}\t25\t{60 + n % 30}")
    root = grow(tmp_path / "in", "bids", visits)
    clinical(root / "sessions.tsv", lines)
    found = run(root, out=tmp_path / "out")
    assert "people of diagnosis AD lack it more often" in found.verdicts[Modality.AV45]
    assert "nothing to compare" in found.verdicts[Modality.MRI]
    table = rows(tmp_path / "out" / "missingness.tsv")
    (row,) = [
        r for r in table if (r["modality"], r["variable"]) == ("pet_trc-18FAV45", "diagnosis")
    ]
    assert (row["n"], row["lacking"], row["method"]) == ("90", str(sum(
        len(had) < 3 for had in visits.values())), "chi-square")  # fmt: skip
    assert float(row["q"]) < 0.01


def test_each_person_counts_once_in_that_test(tmp_path):
    visits = {(f"{n:02d}", s): ALL[: 2 + (n % 2)] for n in range(12) for s in ("M000", "M012")}
    visits |= {(f"{n:02d}", "M012"): ALL for n in range(12)}
    root = grow(tmp_path, "bids", visits)
    lines = [f"{s}\t{v}\tCN\t25\t{60 + int(s)}" for s, v in visits]
    clinical(root / "sessions.tsv", lines)
    tests = [t for t in run(root).tests if (t["modality"], t["variable"]) == (ALL[2], "age")]
    assert [(t["n"], t["lacking"]) for t in tests] == [(12, 6)]
