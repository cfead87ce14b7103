import pytest
from trees import codes, grow, keys

from acadiff.cohort.files.caps import read_caps
from acadiff.modality import Modality

SPACE = "space-MNI152NLin2009cSym_desc-Crop_res-1x1x1"
VISIT = "subjects/sub-ADNI000S0295/ses-M000"
T1, PET = (
    f"{VISIT}/t1_linear/sub-ADNI000S0295_ses-M000",
    f"{VISIT}/pet_linear/sub-ADNI000S0295_ses-M000",
)
OLD = "subjects/sub-ADNI000S0295/ses-M00/{}/sub-ADNI000S0295_ses-M00"
NOW = [
    f"{T1}_{SPACE}_T1w.nii.gz",
    f"{PET}_trc-18FFDG_rec-coregavg_{SPACE}_suvr-pons2_pet.nii.gz",
    f"{PET}_trc-18FAV45_{SPACE}_suvr-cerebellumPons2_pet.nii.gz",
]
BEFORE = [
    f"{T1}_T1w_{SPACE}_T1w.nii.gz",
    f"{PET}_trc-18FFDG_rec-coregavg_pet_{SPACE}_suvr-pons2_pet.nii.gz",
    f"{PET}_trc-18FAV45_pet_{SPACE}_suvr-cerebellumPons2_pet.nii.gz",
]
FIRST = [
    f"{OLD.format('t1_linear')}_T1w_{SPACE}_T1w.nii.gz",
    f"{OLD.format('pet_linear')}_task-rest_acq-fdg_pet_{SPACE}_suvr-pons_pet.nii.gz",
    f"{OLD.format('pet_linear')}_task-rest_acq-av45_pet_{SPACE}_suvr-cerebellumPons_pet.nii.gz",
]


@pytest.mark.parametrize("names", [NOW, BEFORE, FIRST], ids=["now", "before", "first"])
def test_three_generations_of_names_tell_the_same(tmp_path, names):
    found = read_caps(grow(tmp_path, *names))
    assert keys(found) == [("ADNI000S0295", "M000", m.name) for m in Modality]
    assert (found.layout, found.problems, found.others) == ("caps", (), 0)
    assert {c.space for c in found.candidates} == {"MNI152NLin2009cSym"}
    assert {c.desc for c in found.candidates} == {"Crop"}
    assert {c.resolution for c in found.candidates} == {"1x1x1"}
    mri, fdg, av45 = found.candidates
    assert mri.suvr is None
    assert fdg.suvr.startswith("pons")
    assert av45.suvr.startswith("cerebellumPons")


def test_cropped_and_whole_are_two_files_of_one_scan(tmp_path):
    names = [*NOW, *(name.replace("_desc-Crop", "") for name in NOW)]
    found = read_caps(grow(tmp_path, *names))
    assert sorted(c.desc or "" for c in found.candidates) == ["", "", "", "Crop", "Crop", "Crop"]
    assert len({c.key for c in found.candidates}) == 3


@pytest.mark.parametrize(
    ("label", "told"),
    [("acsta", "acstat"), ("nacsta", "nacstat"), ("acstat", "acstat"), ("nacstat", "nacstat"),
     ("acdyn", "acdyn"), ("acstaX", "acstaX"), ("xacsta", "xacsta"), ("coregiso", "coregiso")],
)  # fmt: skip
def test_the_letter_that_clinica_loses_is_given_back(tmp_path, label, told):
    name = f"{PET}_trc-18FFDG_rec-{label}_{SPACE}_suvr-pons_pet.nii.gz"
    (candidate,) = read_caps(grow(tmp_path, name)).candidates
    assert candidate.reconstruction == told


def test_what_lies_beside_is_passed_over(tmp_path):
    grow(
        tmp_path,
        *(NOW[0], f"{T1}_{SPACE}_affine.mat", f"{PET}_trc-18FFDG_space-T1w_pet.nii.gz"),
        f"{PET}_trc-11CPIB_{SPACE}_suvr-pons_pet.nii.gz",
        f"{VISIT}/t1/spm/segmentation/normalized_space/x_T1w.nii.gz",
        *("groups/group-A/t1/x.nii.gz", "sub-9/ses-1/anat/sub-9_ses-1_T1w.nii.gz"),
    )
    found = read_caps(grow(tmp_path, "subjects/README", "dataset_description.json"))
    assert keys(found) == [("ADNI000S0295", "M000", "MRI")]
    assert (found.problems, found.others) == ((), 2)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        (f"{PET}_{SPACE}_T1w.nii.gz", "E_FOLDER"),
        (f"{T1}1_{SPACE}_T1w.nii.gz", "E_FOLDER"),
        (
            f"{T1.replace('sub-ADNI000S0295_', 'sub-ADNI000S02951_')}_{SPACE}_T1w.nii.gz",
            "E_FOLDER",
        ),
        (f"{PET}_{SPACE}_suvr-pons_pet.nii.gz", "E_TRACER"),
        (f"{PET}_trc-X_{SPACE}_suvr-pons_pet.nii.gz", "E_TRACER"),
        (f"{VISIT}/t1_linear/brain.nii.gz", "E_NAME"),
        (f"{PET}_trc-18FFDG_{SPACE.replace('Crop', 'synth')}_pet.nii.gz", "E_SYNTHETIC_INPUT"),
    ],
)
def test_what_cannot_be_used_is_told(tmp_path, name, code):
    found = read_caps(grow(tmp_path, name))
    assert codes(found) == [(code, name)]
    assert found.candidates == ()
