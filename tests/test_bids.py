import itertools

import pytest

from acadiff.bids import Name, parse, subject_label
from acadiff.errors import CohortError
from acadiff.modality import Modality

EVERY = [
    Name("001", modality, session, space, resolution, desc)
    for modality, session, space, resolution, desc in itertools.product(
        Modality, (None, "M12"), (None, "MNI152NLin2009aSym"), (None, "4mm"), (None, "synth")
    )
]


@pytest.mark.parametrize("name", EVERY, ids=lambda n: n.stem)
def test_a_name_survives_its_path(name):
    assert parse(str(name.path())) == name
    assert parse(name.stem + ".json") == name


def test_a_plus_is_part_of_a_label():
    name = Name("A+B", Modality.FDG, "M12+1", "MNI152NLin2009aSym", None, "preproc")
    assert parse(str(name.path())) == name
    assert subject_label("sub-A+B") == "A+B"


def test_entities_stand_in_the_order_of_bids():
    name = Name("ADNI1", Modality.FDG, "M00", "MNI152NLin2009aSym", "4mm", "synth")
    assert str(name.path()) == (
        "sub-ADNI1/ses-M00/pet/"
        "sub-ADNI1_ses-M00_trc-18FFDG_space-MNI152NLin2009aSym_res-4mm_desc-synth_pet.nii.gz"
    )
    assert str(Name("1", Modality.MRI).path(".json")) == "sub-1/anat/sub-1_T1w.json"


@pytest.mark.parametrize(
    "hostile",
    [
        "../x",
        "/etc",
        "a b",
        "",
        "a-b",
        "x\n",
        "é",
        "\u0661",
        "a/b",
        "a_b",
        ".",
        "x\0",
        "+1",
        "x" * 65,
    ],
)
def test_a_label_is_letters_digits_and_plus_only(hostile):
    with pytest.raises(CohortError, match="BIDS label") as caught:
        subject_label(hostile)
    assert caught.value.code == "E_ID"
    with pytest.raises(CohortError, match="BIDS label"):
        Name(hostile, Modality.MRI)
    with pytest.raises(CohortError, match="BIDS label"):
        Name("1", Modality.MRI, session=hostile)


def test_the_prefix_of_a_participant_is_optional():
    assert subject_label("sub-007") == subject_label("007") == "007"


@pytest.mark.parametrize(
    "foreign",
    [
        "README.md",
        "sub-1_bold.nii.gz",
        "sub-1_trc-11CPIB_pet.nii.gz",
        "sub-1_pet.nii.gz",
        "sub-1_run-2_T1w.nii.gz",
        "T1w.nii.gz",
        "ses-1_T1w.nii.gz",
        "sub-1_trc-18FFDG_T1w.nii.gz",
        "sub-1_extra_T1w.nii.gz",
    ],
)
def test_what_is_not_a_scan_of_ours_is_none(foreign):
    assert parse(foreign) is None
