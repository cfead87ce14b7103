"""The page of an audit, from files alone."""

import json

import numpy as np
import pandas as pd
import pytest

from acadiff.errors import CohortError, MissingInputError, ScanError
from acadiff.modality import Modality
from acadiff.outputs.audit_page import read_audit, render, write_page
from acadiff.outputs.panels import FILE, FOLDER, Panel, Point, counterfactuals, number, record
from acadiff.volume.grid import Grid
from acadiff.volume.image import LABEL, Volume, write_scan

TOLD = {
    "target": "AV45",
    "sources": ["MRI"],
    "region": "cortical_composite",
    "draws": 4,
    "seed": 0,
    "subjects": {"CN": 1, "MCI": 0, "AD": 1, "unknown": 0},
    "simulated": True,
    "assumption": "they are <b>new</b>",
    "model": {"name": "acadiff", "sha256": "0" * 64},
    "encoder": "MiniLM",
    "verdict": ["Of the difference, 40 % comes from the prompt & no more."],
}
COLUMNS = ("level", "subject", "diagnosis", "condition", "told", "told_mmse", "measure")


def rows():
    """Two people, own and shuffled, and the differences that were found."""
    for n, group in enumerate(("CN", "AD")):
        for m, condition in enumerate(("own", "shuffled", "withheld")):
            key = ("scan", f"sub-{n}", group, condition, "x", 29 - n - m)
            readings = (
                ("RMS change", "brain", m / 9),
                ("SD of draws", "brain", 0.1),
                ("SUVR", "cortical_composite", 1 + m),
            )
            for reading in readings:
                yield dict(zip((*COLUMNS, "region", "value"), (*key, *reading), strict=True))
    base = {"level": "cohort", "region": "cortical_composite", "value": 0.2, "n": 2}
    yield {**base, "measure": "AD − CN", "condition": "acquired", "low": 0.1, "high": 0.3}
    yield {**base, "measure": "AD − CN", "condition": "own"}


@pytest.fixture
def folder(tmp_path):
    """An audit with a panel of one person."""
    table = pd.DataFrame(list(rows()))
    table.to_csv(tmp_path / "audit.tsv", sep="\t", index=False, na_rep="n/a")
    (tmp_path / "audit.json").write_text(json.dumps(TOLD))
    grid = Grid(8)
    for mmse in (29, 15):
        data = np.full((1, *grid.shape), 1.0 + (29 - mmse) / 100, np.float32)
        data[:, :2] = 0
        path = tmp_path / FOLDER / f"sub-1_mmse-{mmse}.nii.gz"
        write_scan(path, Volume(data, grid.affine, Modality.AV45), f"{LABEL} acadiff", LABEL)
    points = tuple(
        Point(mmse, f"AD patient with MMSE={mmse}", value, 0.02, image)
        for mmse, value, image in (
            (29, 1.1, "sub-1_mmse-29.nii.gz"),
            (21, 1.2, None),
            (15, 1.05, "sub-1_mmse-15.nii.gz"),
        )
    )
    panel = Panel("sub-1", "AD", "MMSE alone", Modality.AV45, "cortical_composite", points)
    held = {"lowest_mmse": 19.0, "simulated": True, "panels": [record(panel)]}
    (tmp_path / FOLDER / FILE).write_text(json.dumps(held))
    return tmp_path


def test_the_page_leads_with_the_verdict_and_escapes_every_text(folder):
    page = write_page(folder).read_text()
    assert page.index("40 % comes from the prompt &amp; no more") < page.index('id="regions"')
    assert "&lt;b&gt;new&lt;/b&gt;" in page
    assert "<script" not in page
    assert page.count("SYNTHETIC") >= 4
    assert "1 CN, 1 AD" in page
    assert render(read_audit(folder)) == page


def test_a_panel_shows_both_ends_their_difference_and_the_course(folder):
    (drawn,) = counterfactuals(folder).drawn
    assert [title for title, _, _ in drawn.pictures] == [
        "told MMSE 29",
        "told MMSE 15",
        "difference, 15 − 29",
    ]
    look = drawn.pictures[2][1]
    assert look.low == -look.high
    assert drawn.change == pytest.approx(-0.05)
    page = render(read_audit(folder))
    assert "−0.050 SUVR" in page
    assert "Nobody of the cohort has an MMSE below 19" in page


def test_an_audit_without_panels_has_no_such_section(folder):
    (folder / FOLDER / FILE).unlink()
    assert 'id="counterfactual"' not in render(read_audit(folder))


def test_what_is_missing_or_damaged_is_one_sentence(folder, tmp_path):
    with pytest.raises(MissingInputError, match="run `acadiff audit` first"):
        read_audit(tmp_path / "nowhere")
    image = folder / FOLDER / "sub-1_mmse-15.nii.gz"
    whole = image.read_bytes()
    image.write_bytes(whole[:-40])
    with pytest.raises(ScanError):
        read_audit(folder)
    image.unlink()
    with pytest.raises(MissingInputError):
        read_audit(folder)
    image.write_bytes(whole)
    (folder / FOLDER / FILE).write_text("{}")
    with pytest.raises(CohortError, match="is damaged"):
        read_audit(folder)
    (folder / "audit.json").write_text("[]")
    with pytest.raises(CohortError, match="damaged audit"):
        read_audit(folder)


def test_an_unlabelled_image_is_not_shown(folder):
    grid = Grid(8)
    data = np.ones((1, *grid.shape), np.float32)
    path = folder / FOLDER / "sub-1_mmse-15.nii.gz"
    write_scan(path, Volume(data, grid.affine, Modality.AV45), "a scan")
    with pytest.raises(ScanError, match="lacks the label"):
        counterfactuals(folder)


def test_numbers_have_a_true_minus_and_a_dash_for_none():
    assert number(-0.123) == "−0.12"
    assert number(float("nan")) == number(None) == "–"
