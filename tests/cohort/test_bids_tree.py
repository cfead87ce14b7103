import os

import pytest
from trees import ANAT, AV45, FDG, PET, T1W, codes, grow, keys, people, tell

from acadiff.cohort.files.bids_tree import read_bids
from acadiff.modality import Modality

MRI = "sub-1/anat/sub-1_T1w.nii.gz"


def modality(root, name, tracers=None):
    """What a PET scan of this name is taken for: a modality, nothing, or why it is refused."""
    found = read_bids(grow(root, name), tracers or {})
    if found.problems:
        return found.problems[0].code
    return found.candidates[0].modality if found.candidates else None


@pytest.mark.parametrize("visit", ["", "ses-M000/"])
def test_datasets_with_and_without_sessions(tmp_path, visit):
    token = visit.replace("/", "_")
    grow(
        tmp_path,
        f"sub-1/{visit}anat/sub-1_{token}T1w.nii.gz",
        f"sub-1/{visit}pet/sub-1_{token}trc-18FFDG_pet.nii",
        f"sub-1/{visit}pet/sub-1_{token}trc-18FAV45_pet.nii.gz",
    )
    found = read_bids(tmp_path)
    session = "M000" if visit else None
    assert keys(found) == [("1", session, m.name) for m in Modality]
    assert (found.layout, found.problems, found.others) == ("bids", (), 0)


def test_every_found_path_holds_exactly_its_own_entities(tmp_path):
    ids = ("1", "11", "111", "ADNI000S0295", "ADNI000S02951")
    found = read_bids(people(tmp_path, *ids))
    assert len(found.candidates) == 15
    for candidate in found.candidates:
        assert candidate.path.name.startswith(f"sub-{candidate.subject}_")
        assert candidate.path.relative_to(tmp_path).parts[0] == f"sub-{candidate.subject}"


def test_a_session_that_begins_like_another_is_another(tmp_path):
    names = [f"sub-1/ses-{s}/anat/sub-1_ses-{s}_T1w.nii.gz" for s in ("M012", "M0121", "1", "11")]
    found = read_bids(grow(tmp_path, *names))
    assert sorted(c.session for c in found.candidates) == ["1", "11", "M012", "M0121"]
    assert all(f"_ses-{c.session}_" in c.path.name for c in found.candidates)


def test_months_have_three_digits_and_adni_ids_one_spelling(tmp_path):
    grow(tmp_path, "sub-adni000s0295/ses-M00/anat/sub-adni000s0295_ses-M00_T1w.nii.gz")
    assert keys(read_bids(tmp_path)) == [("ADNI000S0295", "M000", "MRI")]


def test_entities_of_a_derivative_are_told(tmp_path):
    grow(
        tmp_path,
        f"{ANAT}run-2_space-MNI152NLin2009cAsym_res-2_desc-preproc_T1w.nii.gz",
        f"{PET}task-rest_acq-ce1_ce-x_trc-18FFDG_rec-acdyn_dir-AP_run-1_echo-1_part-mag_den-1_pet.nii.gz",
        f"{PET}trc-18FAV45_space-T1w_label-x_desc-preproc_pet.nii.gz",
    )
    mri, fdg, av45 = read_bids(tmp_path).candidates
    assert (mri.run, mri.space, mri.resolution, mri.desc) == (
        *("2", "MNI152NLin2009cAsym", "2", "preproc"),
    )
    assert (fdg.reconstruction, fdg.run, fdg.space, fdg.suvr) == ("acdyn", "1", None, None)
    assert (av45.space, av45.desc) == ("T1w", "preproc")


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        *((label, Modality.FDG) for label in ("fdg", "FDG", "18FFDG", "18ffdg", "18FDG")),
        *((label, Modality.AV45) for label in ("av45", "AV45", "florbetapir", "FBP", "18FAV45")),
        *((label, None) for label in ("11CPIB", "18FFBB", "18FFMM", "18FAV1451", "pib")),
        *((label, "E_TRACER") for label in ("fd", "FDGX", "AV4", "AV451", "av45x", "FBPx", "x")),
    ],
)
def test_tracers_by_many_names_but_no_others(tmp_path, label, expected):
    assert modality(tmp_path, f"{PET}trc-{label}_pet.nii.gz") == expected


@pytest.mark.parametrize(
    ("middle", "expected"),
    [("task-rest_acq-fdg", Modality.FDG), ("acq-AV45", Modality.AV45), ("acq-6mm", "E_TRACER"),
     ("acq-av1451", None), ("acq-av45_trc-18FFDG", Modality.FDG)],
)  # fmt: skip
def test_old_names_tell_the_tracer_as_acquisition(tmp_path, middle, expected):
    assert modality(tmp_path, f"{PET}{middle}_pet.nii.gz") == expected


@pytest.mark.parametrize(
    ("tracer", "expected"),
    [("FDG", Modality.FDG), ("[18F]FDG", Modality.FDG), ("F-18 fluorodeoxyglucose", Modality.FDG),
     ("Florbetapir (18F)", Modality.AV45), ("18F-AV-45", Modality.AV45), ("18F-AV-1451", None),
     ("n/a", "E_TRACER"), (["FDG"], "E_TRACER"), ("something else", "E_TRACER")],
)  # fmt: skip
def test_a_sidecar_tells_the_tracer_where_the_name_does_not(tmp_path, tracer, expected):
    tell(tmp_path, f"{PET}run-1_pet.json", {"TracerName": tracer})
    assert modality(tmp_path, f"{PET}run-1_pet.nii.gz") == expected


def test_the_nearest_of_several_sidecars_counts(tmp_path):
    tell(tmp_path, "pet.json", {"TracerName": "FDG"})
    tell(tmp_path, "run-2_pet.json", {"TracerName": "AV45"})
    tell(tmp_path, "sub-1/sub-1_run-3_pet.json", {"TracerName": "AV45"})
    tell(tmp_path, "sub-2/sub-2_pet.json", {"TracerName": "AV1451"})
    grow(tmp_path, *(f"sub-1/pet/sub-1_run-{run}_pet.nii.gz" for run in (1, 2, 3)))
    found = read_bids(grow(tmp_path, "sub-2/pet/sub-2_run-2_pet.nii.gz"))
    assert {c.run: c.modality.name for c in found.candidates} == {
        "1": "FDG", "2": "AV45", "3": "AV45",
    }  # fmt: skip
    assert found.others == 1


def test_name_and_sidecar_that_contradict_each_other_are_refused(tmp_path):
    tell(tmp_path, f"{PET}trc-18FFDG_pet.json", {"TracerName": "florbetapir"})
    found = read_bids(grow(tmp_path, f"{PET}trc-18FFDG_pet.nii.gz"))
    assert codes(found) == [("E_TRACER", f"{PET}trc-18FFDG_pet.nii.gz")]
    assert "florbetapir" in found.problems[0].text
    trusted = read_bids(tmp_path, {"18ffdg": Modality.FDG})
    assert keys(trusted) == [("1", "M000", "FDG")]


def test_the_users_map_names_what_is_unknown(tmp_path):
    assert (
        modality(tmp_path / "a", f"{PET}trc-XY1_pet.nii.gz", {"xy1": Modality.AV45})
        == Modality.AV45
    )
    assert modality(tmp_path / "b", f"{PET}pet.nii.gz", {"none": Modality.FDG}) == Modality.FDG
    assert modality(tmp_path / "c", f"{PET}pet.nii.gz") == "E_TRACER"
    tell(tmp_path, f"{PET}pet.json", {"TracerName": "Compound B"})
    assert modality(tmp_path, f"{PET}pet.nii.gz", {"compound b": Modality.FDG}) == Modality.FDG


def test_a_refused_tracer_says_what_to_do(tmp_path):
    (problem,) = read_bids(grow(tmp_path, f"{PET}trc-XY1_pet.nii.gz")).problems
    assert problem.text == (
        f"{PET}trc-XY1_pet.nii.gz: its tracer 'XY1' is not known; "
        "say what it is with --tracer-map XY1=FDG (or AV45)"
    )


@pytest.mark.parametrize(
    ("name", "fields"),
    [(f"{PET}trc-18FFDG_desc-{desc}_pet", None) for desc in ("synth", "synthstd", "synthdraws")]
    + [(f"{PET}trc-18FFDG_pet", {"Synthetic": True}), (f"{ANAT}T1w", {"Synthetic": "true"})],
)
def test_imputed_scans_are_no_input(tmp_path, name, fields):
    if fields:
        tell(tmp_path, f"{name}.json", fields)
    found = read_bids(grow(tmp_path, f"{name}.nii.gz"))
    assert codes(found) == [("E_SYNTHETIC_INPUT", f"{name}.nii.gz")]
    assert found.candidates == ()


def test_a_skull_strip_called_synth_is_no_imputation(tmp_path):
    tell(tmp_path, f"{ANAT}desc-synthstrip_T1w.json", {"Synthetic": False})
    assert len(read_bids(grow(tmp_path, f"{ANAT}desc-synthstrip_T1w.nii.gz")).candidates) == 1


@pytest.mark.parametrize(
    ("fields", "suvr"),
    [({"SUVRReferenceRegion": "pons"}, "pons"), ({"Units": "SUVR"}, "unknown"),
     ({"VoxelQuantity": "SUVR", "SUVRReferenceRegion": "whole cerebellum"}, "whole cerebellum"),
     ({"Units": "SUVR", "SUVRReferenceRegion": "\x1b[31m" * 99}, "unknown"),
     ({"Units": "Bq/mL", "SUVRReferenceRegion": "pons"}, None), ({"Units": "Bq/mL"}, None)],
)  # fmt: skip
def test_a_sidecar_tells_that_voxels_are_suvr(tmp_path, fields, suvr):
    tell(tmp_path, f"{PET}trc-18FFDG_pet.json", fields)
    (candidate,) = read_bids(grow(tmp_path, f"{PET}trc-18FFDG_pet.nii.gz")).candidates
    assert candidate.suvr == suvr


def test_other_images_are_counted_and_no_problem(tmp_path):
    grow(
        tmp_path,
        *(MRI, "sub-1/anat/sub-1_T2w.nii.gz", "sub-1/func/sub-1_task-rest_bold.nii.gz"),
        *("sub-1/anat/sub-1_desc-brain_mask.nii.gz", "sub-1/anat/sub-1_part-phase_T1w.nii.gz"),
        *("sub-1/anat/sub-1_T1w.json.txt", "sub-1/anat/._sub-1_T1w.nii.gz", "atlas.nii.gz"),
    )
    found = read_bids(grow(tmp_path, "sub-1/pet/sub-1_recording-manual_blood.tsv"))
    assert keys(found) == [("1", None, "MRI")]
    assert (found.problems, found.others) == ((), 5)


@pytest.mark.parametrize("folder", ["derivatives/x", "sourcedata", ".git", "code", ".hidden"])
def test_what_is_not_raw_is_not_entered(tmp_path, folder):
    grow(tmp_path, MRI, f"{folder}/{MRI}", "sub-1/.cache/sub-1_T1w.nii.gz")
    assert [c.path for c in read_bids(tmp_path).candidates] == [tmp_path / MRI]


@pytest.mark.parametrize(
    "name",
    [
        *("sub-2/anat/sub-1_T1w.nii.gz", "sub-1/anat/sub-11_T1w.nii.gz", "sub-1/sub-1_T1w.nii.gz"),
        *("sub-1/pet/sub-1_T1w.nii.gz", "sub-1/anat/sub-1_trc-18FFDG_pet.nii.gz"),
        *("sub-1/ses-1/anat/sub-1_T1w.nii.gz", "sub-1/anat/sub-1_ses-1_T1w.nii.gz"),
        *("sub-1/ses-1/anat/sub-1_ses-11_T1w.nii.gz", "sub-1/anat/old/sub-1_T1w.nii.gz"),
        "sub-1/anat/sub-01_T1w.nii.gz",
    ],
)
def test_a_scan_in_a_folder_that_its_name_contradicts_is_refused(tmp_path, name):
    found = read_bids(grow(tmp_path, name))
    assert codes(found) == [("E_FOLDER", name)]
    assert found.candidates == ()


@pytest.mark.parametrize(
    ("name", "code"),
    [
        *((n, "E_NAME") for n in ("T1w.nii.gz", "sub-1_t1w.nii.gz", "sub-1_T1w_brain.nii.gz")),
        *((n, "E_NAME") for n in ("sub-1_sub-1_T1w.nii.gz", "T1.nii", "sub-1_acq-a.b_T1w.nii.gz")),
        *((n, "E_NAME") for n in ("ses-1_T1w.nii.gz", "sub-é_T1w.nii.gz", "sub-1__T1w.nii.gz")),
        *((n, "E_FORMAT") for n in ("sub-1_T1w.mgz", "sub-1_T1w.NII.GZ", "sub-1_T1w.nii.xz")),
        *((n, "E_FORMAT") for n in ("sub-1_T1w.img", "sub-1_T1w.nrrd")),
    ],
)
def test_a_scan_that_is_not_found_is_not_found_for_a_reason(tmp_path, name, code):
    found = read_bids(grow(tmp_path, f"sub-1/anat/{name}", "sub-2/anat/sub-2_T1w.nii.gz"))
    assert codes(found) == [(code, f"sub-1/anat/{name}")]
    assert keys(found) == [("2", None, "MRI")]


@pytest.mark.parametrize(
    "label", ["é", "a_b", "a b", "x" * 65, "+1", "1\n", "\u202e1", "..", "1;rm", "=1"]
)
def test_a_person_whose_id_is_no_label_is_refused_once(tmp_path, label):
    grow(tmp_path, T1W.format(label), FDG.format(label), T1W.format("1"))
    found = read_bids(tmp_path)
    assert keys(found) == [("1", None, "MRI")]
    assert [problem.code for problem in found.problems] == ["E_ID"]
    assert found.problems[0].text.isprintable()


def test_names_that_are_not_utf8_are_told_in_plain_signs(tmp_path):
    strange = [os.fsdecode(name) for name in (b"sub-1_acq-\xe9t\xe9_T1w.nii.gz", b"sub-\xff")]
    (tmp_path / strange[1]).mkdir()
    found = read_bids(grow(tmp_path, MRI, f"sub-1/anat/{strange[0]}"))
    assert keys(found) == [("1", None, "MRI")]
    assert sorted(problem.code for problem in found.problems) == ["E_ID", "E_NAME"]
    assert any(r"sub-1_acq-\xe9t\xe9_T1w" in problem.where for problem in found.problems)
    for problem in found.problems:
        (problem.text + problem.where + problem.value).encode("utf-8")


def test_ids_that_file_systems_take_for_one_another_are_refused(tmp_path):
    found = read_bids(people(tmp_path, "s1", "S1", "x2"))
    assert {c.subject for c in found.candidates} == {"x2"}
    assert codes(found) == [("E_ID_CLASH", "sub-S1 and sub-s1")]


def test_an_entity_nobody_knows_is_a_warning(tmp_path):
    found = read_bids(grow(tmp_path, f"{ANAT}foo-1_T1w.nii.gz"))
    assert keys(found) == [("1", "M000", "MRI")]
    assert codes(found) == [("W_ENTITY", f"{ANAT}foo-1_T1w.nii.gz")]


def test_a_damaged_sidecar_matters_only_where_it_is_needed(tmp_path):
    tell(tmp_path, "pet.json", b"{")
    grow(tmp_path, T1W.format(1), FDG.format(1), AV45.format(1), "sub-2/pet/sub-2_pet.nii.gz")
    found = read_bids(tmp_path)
    assert keys(found) == [("1", None, m.name) for m in Modality]
    assert sorted(codes(found)) == [
        ("E_SIDECAR", "sub-2/pet/sub-2_pet.nii.gz"), ("W_SIDECAR", "pet.json"),
    ]  # fmt: skip
