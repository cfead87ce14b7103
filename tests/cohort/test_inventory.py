import pytest
from test_identity import HOSTILE
from trees import ANAT, PET, T1W, codes, grow, keys, people

from acadiff.cohort.files.bids_tree import read_bids
from acadiff.cohort.files.caps import read_caps
from acadiff.cohort.filters import filters
from acadiff.cohort.inventory import choose
from acadiff.cohort.inventory import select as selected
from acadiff.errors import CohortError, NothingSelectedError
from acadiff.modality import Modality

AVERAGE, ISO = (
    f"{PET}trc-18FFDG_rec-coregavg_pet.nii.gz",
    f"{PET}trc-18FFDG_rec-coregiso_pet.nii.gz",
)
VISIT = "sub-{0}/ses-{1}/anat/sub-{0}_ses-{1}_T1w.nii.gz"


def select(inventory, **wanted):
    return selected(inventory, filters(**wanted))


@pytest.fixture
def visits(tmp_path):
    """Two persons at two visits each, and one whose scan is refused."""
    names = [VISIT.format(p, s) for p in ("1", "11") for s in ("M00", "M012")]
    return read_bids(grow(tmp_path, *names, "sub-2/ses-M000/sub-2_ses-M000_T1w.nii.gz"))


def test_one_file_a_scan_needs_no_choice(tmp_path):
    inventory = read_bids(people(tmp_path, "1", "11"))
    chosen = choose(inventory)
    assert chosen.scans == {c.key: c for c in inventory.candidates}
    assert chosen.problems == ()


def test_both_reconstructions_are_listed_and_none_is_picked(tmp_path):
    inventory = read_bids(grow(tmp_path, AVERAGE, ISO, f"{ANAT}T1w.nii.gz"))
    scans, (problem,) = choose(inventory)
    assert list(scans) == [("1", "M000", Modality.MRI)]
    assert problem.code == "E_AMBIGUOUS"
    assert problem.text == (
        f"sub-1_ses-M000 FDG: 2 files claim to be this scan: {AVERAGE}, {ISO}; "
        "choose with --reconstruction FDG=coregavg or --reconstruction FDG=coregiso"
    )


def test_a_reconstruction_is_chosen_for_its_modality_alone(tmp_path):
    av45 = f"{PET}trc-18FAV45_pet.nii.gz"
    inventory = read_bids(grow(tmp_path, AVERAGE, ISO, av45))
    for label, path in (("coregavg", AVERAGE), ("coregiso", ISO)):
        scans, problems = choose(inventory, reconstructions={Modality.FDG: label})
        assert [c.path for c in scans.values()] == [tmp_path / path, tmp_path / av45]
        assert problems == ()


def test_another_reconstruction_than_the_one_asked_for_is_refused(tmp_path):
    inventory = read_bids(grow(tmp_path, ISO))
    scans, (problem,) = choose(inventory, reconstructions={Modality.FDG: "coregavg"})
    assert scans == {}
    assert (problem.code, problem.value) == ("E_RECONSTRUCTION", "coregavg")
    assert ISO in problem.text


def test_a_label_that_begins_like_another_is_another(tmp_path):
    plain = f"{PET}trc-18FFDG_pet.nii.gz"
    inventory = read_bids(grow(tmp_path, AVERAGE, plain))
    assert choose(inventory, reconstructions={Modality.FDG: "coreg"}).scans == {}
    (chosen,) = choose(inventory, reconstructions={Modality.FDG: "none"}).scans.values()
    assert chosen.path == tmp_path / plain


def test_two_runs_need_a_run(tmp_path):
    names = [f"{PET}trc-18FFDG_run-{run}_pet.nii.gz" for run in ("01", "02", "12")]
    inventory = read_bids(grow(tmp_path, *names, f"{ANAT}T1w.nii.gz"))
    assert "--run 01 or --run 02" in choose(inventory).problems[0].text
    assert choose(inventory, run="3").problems[0].code == "E_AMBIGUOUS"
    scans, problems = choose(inventory, run="2")
    assert problems == ()
    paths = [tmp_path / f"{ANAT}T1w.nii.gz", tmp_path / names[1]]
    assert [c.path for c in scans.values()] == paths


@pytest.mark.parametrize(
    ("options", "desc", "space"),
    [({"space": "X", "desc": "b"}, "b", "X"), ({"space": "none", "desc": "a"}, "a", None),
     ({"space": "X", "resolution": "2"}, "b", "X")],
)  # fmt: skip
def test_preferences_narrow_one_after_the_other(tmp_path, options, desc, space):
    names = ("desc-a", "desc-b", "space-X_res-1_desc-a", "space-X_res-2_desc-b")
    inventory = read_bids(grow(tmp_path, *(f"{ANAT}{name}_T1w.nii.gz" for name in names)))
    (chosen,) = choose(inventory, **options).scans.values()
    assert (chosen.desc, chosen.space) == (desc, space)
    problem = choose(inventory, space="none").problems[0]
    assert problem.hint == "choose with --desc a or --desc b"


@pytest.mark.parametrize(
    "names",
    [
        (f"{ANAT}T1w.nii.gz", f"{ANAT}T1w.nii"),
        (f"{ANAT}acq-a_T1w.nii.gz", f"{ANAT}acq-b_T1w.nii.gz"),
        (VISIT.format("1", "M00"), VISIT.format("1", "M000")),
        (VISIT.format("ADNI000S0295", "1"), VISIT.format("adni000s0295", "1")),
    ],
)
def test_what_no_option_tells_apart_is_still_not_picked(tmp_path, names):
    scans, (problem,) = choose(read_bids(grow(tmp_path, *names)))
    assert scans == {}
    assert problem.code == "E_AMBIGUOUS"
    assert all(name in problem.text for name in names)
    assert "table of paths" in problem.hint


def test_cropped_or_whole_is_the_users_choice(tmp_path):
    stem = "subjects/sub-1/ses-1/t1_linear/sub-1_ses-1_space-MNI152NLin2009cSym"
    names = (f"{stem}_desc-Crop_res-1x1x1_T1w.nii.gz", f"{stem}_res-1x1x1_T1w.nii.gz")
    inventory = read_caps(grow(tmp_path, *names))
    assert choose(inventory).problems[0].hint == "choose with --desc Crop or --desc none"
    for desc, name in zip(("Crop", "none"), names, strict=True):
        (chosen,) = choose(inventory, desc=desc).scans.values()
        assert chosen.path == tmp_path / name


@pytest.mark.parametrize("label", ["1", "sub-1"])
@pytest.mark.parametrize("session", ["M00", "M000", "ses-M00", "ses-M000", "m0", "bl"])
def test_labels_with_and_without_their_prefix_and_zeros(visits, label, session):
    expected = [("1", "M000", "MRI")]
    assert keys(select(visits, participants=[label], sessions=[session])) == expected
    assert keys(select(visits, pairs=[(label, session)])) == expected


def test_filters_ask_for_whole_labels_and_all_of_them(visits):
    assert keys(select(visits)) == keys(visits)
    assert {k[0] for k in keys(select(visits, participants=["11"]))} == {"11"}
    assert keys(select(visits, sessions=["M12"])) == [("1", "M012", "MRI"), ("11", "M012", "MRI")]
    assert len(keys(select(visits, pairs=[("1", None), ("11", "M012")]))) == 3
    both = select(visits, participants=["1"], pairs=[("1", "M012"), ("11", "M012")])
    assert keys(both) == [("1", "M012", "MRI")]


def test_whoever_is_asked_for_and_has_no_scan_is_told(visits):
    found = select(visits, participants=["1", "2", "99"])
    assert codes(found) == [
        ("E_FOLDER", "sub-2/ses-M000/sub-2_ses-M000_T1w.nii.gz"),
        ("E_NOT_FOUND", "sub-2"),
        ("E_NOT_FOUND", "sub-99"),
    ]
    assert codes(select(visits, pairs=[("1", "M000"), ("1", "M024")])) == [
        ("E_NOT_FOUND", "sub-1_ses-M024")
    ]


def test_problems_of_others_are_not_told(visits):
    assert codes(select(visits, participants=["1"])) == []
    assert codes(select(visits, sessions=["M12"])) == []
    assert len(codes(select(visits, sessions=["M00"]))) == 1


@pytest.mark.parametrize(
    "wanted",
    [{"participants": ["99"]}, {"participants": []}, {"sessions": ["M0"], "participants": ["111"]},
     {"sessions": ["M024"]}, {"pairs": [("1", "M024")]}, {"pairs": []}],
)  # fmt: skip
def test_filters_that_leave_nothing_are_an_error_of_their_own(visits, wanted):
    with pytest.raises(NothingSelectedError, match="nothing is left of 4 scans") as caught:
        select(visits, **wanted)
    assert (caught.value.exit_code, caught.value.code) == (18, "E_NOTHING_SELECTED")
    assert "sub-1_ses-M000" in caught.value.hint


@pytest.mark.parametrize("label", HOSTILE, ids=ascii)
def test_hostile_labels_are_refused_by_every_filter(visits, label):
    for wanted in (
        {"participants": [label]},
        {"sessions": [label]},
        {"pairs": [(label, None)]},
        {"pairs": [("1", label)]},
    ):
        if label in ("ses-1", "") or (label.startswith("sub-") and "sessions" in wanted):
            continue
        with pytest.raises(CohortError, match="rename"):
            select(visits, **wanted)


def test_order_does_not_depend_on_the_file_system(tmp_path):
    forth = read_bids(people(tmp_path / "a", "3", "1", "2"))
    back = read_bids(people(tmp_path / "b", "2", "1", "3"))
    assert keys(forth) == keys(back) == sorted(keys(forth), key=lambda key: key[0])
    assert T1W.format("1") == forth.candidates[0].path.relative_to(tmp_path / "a").as_posix()
