"""The report: what it says, that it is safe and alone, and that its viewer shows the files."""

import os
import time
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from browser import browser, executable
from conftest import LOST, head, impute, make_study
from pydantic import BaseModel, Field

from acadiff.bids import Name
from acadiff.cohort.dataset import read_cohort
from acadiff.commit import write_text
from acadiff.errors import AcadiffError, MissingInputError, ScanError
from acadiff.evaluation.tables import write_table
from acadiff.modality import Modality
from acadiff.outputs.evidence import State, gather
from acadiff.outputs.figures import POINT_MM, voxel_at
from acadiff.outputs.findings import describe
from acadiff.stages import report, score
from acadiff.volume.image import read_scan, read_synthetic

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}</td>$x_"


class Parts(HTMLParser):
    """Every (tag, attribute) and every address of a page."""

    def __init__(self, html):
        super().__init__()
        self.kinds, self.addresses, self.policy = set(), [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.kinds |= {(tag, name) for name, _ in attrs} | {(tag, None)}
        self.addresses += [value for name, value in attrs if name in ("src", "href", "action")]
        if dict(attrs).get("http-equiv") == "Content-Security-Policy":
            self.policy = dict(attrs)["content"]


def written(study, **changes):
    """Run the stage on a study and return the page."""
    places = {
        "derivatives": [study.derivatives],
        "cohort": study.cohort,
        "results": study.results,
        "work": study.work,
        "out": study.cohort.parent,
    }
    return report.run(**places | changes)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A study that nobody changes, and its page."""
    study = make_study(tmp_path_factory.mktemp("whole"), subjects=4)
    return study, written(study)


def test_it_tells_what_was_missing_and_filled(whole):
    study, page = whole
    html = page.read_text()
    cohort = read_cohort(study.cohort)
    evidence = gather(cohort, [study.derivatives])
    for n, subject in enumerate(cohort.subjects):
        for modality in Modality:
            state = State.CHECKED if modality in LOST[n] else State.ACQUIRED
            assert evidence.state(subject, modality) is state
    for words in ("of 12 scans missing", "of them imputed, each the mean of 10 draws", "SIM0003"):
        assert words in html
    assert html.count("imputed, truth known</span></td>") == 4
    assert "Not listed: 1 of 4 subjects" in html
    assert "SIM0004" not in html


def test_doubts_are_counted_at_the_top_and_nothing_is_said_where_none_are_known(study, whole):
    assert "better not read" not in whole[1].read_text()
    trust = {
        "Inputs": {"MRI": {"Verdict": "do not trust"}},
        "Calibrated": True,
        "Abstain": {"insula": "± 1", "striatum": "± 1"},
    }
    truth = head(Modality.FDG, 0, 4)
    impute(study.derivatives, "SIM0001", truth, [Modality.MRI, Modality.AV45], Trust=trust)
    html = written(study).read_text()
    assert "<dt>of 1 imputed scans to be doubted: 1 do not trust</dt><dd>1</dd>" in html
    assert "better not read, a scan</dt><dd>2.0</dd>" in html
    assert "insula (1), striatum (1)" in html


def test_a_scan_without_truth_and_an_acquired_one_imputed_as_a_test(study):
    truth = head(Modality.FDG, 3, 4)
    impute(study.derivatives, "SIM0004", truth, [Modality.MRI])
    for path in (study.cohort / "sourcedata").rglob("sub-SIM0001*"):
        path.unlink() if path.is_file() else None
    evidence = gather(read_cohort(study.cohort), [study.derivatives])
    first, *_, last = evidence.cohort.subjects
    assert evidence.state(first, Modality.FDG) is State.IMPUTED
    assert evidence.state(last, Modality.FDG) is State.REPEATED
    html = written(study, results=None, work=None).read_text()
    assert "This scan was never acquired, so its error is unknown." in html
    assert "acquired scans imputed as a test" in html


def test_every_section_is_there_and_none_without_its_files(whole, tmp_path):
    study, page = whole
    html = page.read_text()
    for part in ("scores", "subjects", "codecs", "training", "recipe", "provenance", "caution"):
        assert f'<section id="{part}"' in html
    assert "<code>diffusion.steps</code></th><td><code>20</code></td>" in html
    assert "FDG-PET ← MRI + AV45-PET" in html
    bare = written(study, results=None, work=None, out=tmp_path).read_text()
    for part in ("scores", "codecs", "training", "recipe"):
        assert f'<section id="{part}"' not in bare


def test_every_setting_has_its_meaning_and_its_source(whole):
    class Diffusion(BaseModel):
        steps: int = Field(20, description="Denoising <steps> [paper §2]")
        prediction: str = Field("v", description=f"{HOSTILE} [ours: measured]")

    class Recipe(BaseModel):
        target: str = Field("FDG", description="What is imputed")
        diffusion: Diffusion = Diffusion()

    study, _ = whole
    evidence = gather(read_cohort(study.cohort), [study.derivatives])
    html = report.report(evidence, None, study.work, describe(Recipe))
    assert "<td>Denoising &lt;steps&gt;</td><td>paper §2</td>" in html
    assert "<td>What is imputed</td><td></td>" in html
    assert "&lt;script&gt;alert(1)" in html
    assert "<td>ours: measured</td>" in html


def test_regions_are_told_where_they_were_scored(study):
    before = written(study).read_text()
    assert 'id="regions"' not in before
    scores = score.score([study.derivatives], study.cohort)
    write_table(study.results / "regional.tsv", scores.regional)
    write_table(study.results / "agreement.tsv", scores.agreement)
    html = written(study).read_text()
    assert '<section id="regions"' in html
    assert '<a href="#regions">' in html
    for words in (
        "Bland-Altman plot, imputed minus acquired: FDG meta-ROI",
        "limits of agreement",
    ):
        assert words in html
    visit = html.split('<article id="sub-SIM0001"')[1].split("</article>")[0]
    assert "FDG meta-ROI, SUVR</span>" in visit
    assert written(study).read_text() == html
    (study.results / "agreement.tsv").unlink()
    with pytest.raises(MissingInputError, match="run acadiff score"):
        written(study)


def test_a_scan_in_native_space_is_named_and_not_drawn(study):
    truth = head(Modality.FDG, 0, 4)
    impute(study.derivatives, "SIM0001", truth, [Modality.MRI], space="T1w")
    with pytest.raises(ScanError, match="lies in T1w space, and only scans in the model's"):
        written(study, results=None, work=None)


def test_the_same_files_give_the_same_bytes(whole, tmp_path):
    study, page = whole
    assert written(study, out=tmp_path).read_bytes() == page.read_bytes()


def test_the_page_asks_for_nothing_and_forbids_asking(whole):
    parts = Parts(whole[1].read_text())
    assert parts.addresses
    assert all(a.startswith(("data:image/", "#")) for a in parts.addresses)
    assert parts.policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in parts.policy
    assert "http" not in parts.policy


def test_hostile_text_stays_text(study):
    clean = written(study)
    kinds = Parts(clean.read_text()).kinds
    truth = head(Modality.AV45, 0, 4)
    hostile = {"ModelName": HOSTILE, "RandomSeed": HOSTILE, "Sampler": HOSTILE}
    impute(study.derivatives, "SIM0002", truth, [Modality.MRI], **hostile)
    table = study.cohort / "participants.tsv"
    cell = '"' + HOSTILE.replace('"', '""') + '"'
    table.write_text(table.read_text().replace("\tF\t", f"\t{cell}\t"))
    scores = pd.read_csv(study.results / "generation.tsv", sep="\t", keep_default_na=False)
    scores["method"] = f"{HOSTILE} 脳"
    scores.to_csv(study.results / "generation.tsv", sep="\t", index=False)
    folder = study.work / "generators" / "acadiff-MRI"
    quoted = HOSTILE.replace('"', "")
    write_text(folder / "recipe.toml", f"[a]\n'{quoted.replace(chr(39), '')}' = '''{quoted}'''\n")
    write_text(folder / "steps.jsonl", '{"step": 1, "losses": {"</svg>$x_{": 0.5}, "lr": 1}\n')
    place = clean.parent / "<b>&amp;'"
    study.cohort.rename(place)
    moved = replace(study, cohort=place)
    html = written(moved, out=clean.parent).read_text()
    assert html.count("alert(1)") > 10
    assert "<script>alert" not in html
    assert "49</td>" not in html
    assert Parts(html).kinds == kinds


def test_a_lost_or_changed_image_is_told_and_counted(study):
    images = sorted(study.derivatives.rglob("*desc-synth_*.nii.gz"))
    images[0].unlink()
    images[1].write_bytes(images[2].read_bytes())
    with pytest.raises(ScanError, match="shows 2 of 4 imputed scans"):
        written(study, results=None, work=None)
    html = (study.cohort.parent / report.FILE).read_text()
    assert "2 of 4 imputed scans are shown" in html
    assert "is missing; impute it again" in html
    assert "differs from its record; impute it again" in html


def test_files_that_cannot_be_read_are_named(study):
    with pytest.raises(MissingInputError, match="acadiff impute"):
        written(study, derivatives=[study.cohort.parent / "nowhere"])
    log = study.work / "generators" / "acadiff-FDG" / "steps.jsonl"
    log.write_text('{"step": 1, "losses": {"noise": 1.0}}\n{"step": 2, "lo')
    written(study)
    log.write_text("no json\n")
    with pytest.raises(AcadiffError, match=r"steps\.jsonl: holds a line that is no JSON"):
        written(study)
    scores = study.results / "generation.tsv"
    scores.write_text(scores.read_text().replace("FDG", "CT"))
    with pytest.raises(AcadiffError, match="there is no modality 'CT'"):
        written(study, work=None)


def test_without_the_viewers_code_the_page_says_so(study, monkeypatch):
    monkeypatch.setattr(report, "engine", lambda: None)
    html = written(study, results=None, work=None).read_text()
    assert "The interactive viewer is left out" in html
    assert 'id="engine"' not in html


def test_a_page_that_grows_too_large_keeps_its_pictures(study, monkeypatch):
    monkeypatch.setattr(report, "VIEWER_CHARACTERS", 300_000)
    monkeypatch.setattr(report, "SUBJECTS", 2)
    html = written(study, results=None, work=None).read_text()
    assert "volumes were left out of the interactive viewer" in html
    assert "in the grid above: 1 of the subjects with imputed scans" in html
    assert 0 < html.count('id="volume-') < 8


def test_a_cohort_for_which_nothing_was_imputed(study):
    empty = study.cohort.parent / "empty"
    empty.mkdir()
    html = written(study, derivatives=[empty], results=None, work=None).read_text()
    assert html.count("wide missing") == 4
    assert "<dd>0</dd>" in html


@pytest.mark.slow
def test_eight_subjects_are_small_and_quick(tmp_path):
    study = make_study(tmp_path, subjects=8)
    start = time.process_time()
    page = written(study)
    assert time.process_time() - start < 15
    assert page.stat().st_size < 12e6


@pytest.fixture
def tab(tmp_path, request):
    if executable() is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is not installed, and CI must look at the page")
        pytest.skip("Chromium is not installed")
    with browser(tmp_path / "profile", *getattr(request, "param", ())) as opened:
        yield opened


@pytest.mark.slow
def test_chromium_shows_what_the_files_hold(whole, tab):
    study, page = whole
    tab.open(page)
    tab.evaluate("document.documentElement.style.scrollBehavior = 'auto'")
    assert tab.evaluate("document.documentElement.dataset.viewer ?? null") is None
    tab.evaluate("document.querySelectorAll('button.open')[2].click()")
    assert tab.wait_for("document.documentElement.dataset.viewer") == "drawn"
    tab.wait_for("[...document.querySelectorAll('output')].every(o => /\\d/.test(o.textContent))")
    shown = tab.evaluate("[...document.querySelectorAll('output')].map(o => o.textContent)")
    values = [float(text.replace("−", "-")) for text in shown]
    assert values == pytest.approx(_at_crosshair(study), abs=0.006)
    first = tab.screenshot()
    tab.evaluate("document.querySelectorAll('.choices input')[3].click()")
    time.sleep(0.5)
    assert tab.evaluate("document.documentElement.dataset.viewer") == "drawn"
    assert tab.screenshot() != first
    assert tab.evaluate("document.getElementById('word').textContent") == "SYNTHETIC · SIMULATED"
    assert tab.complaints() == []
    assert tab.evaluate("document.documentElement.dataset.errors ?? null") is None
    assert tab.requests() == [page.resolve().as_uri()]


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 820, 1280])
def test_nothing_sticks_out_of_the_window(whole, tab, width):
    tab.open(whole[1], width=width)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.slow
@pytest.mark.parametrize("tab", [("--disable-3d-apis",)], indirect=True)
def test_without_webgl_the_pictures_remain(whole, tab):
    tab.open(whole[1], fragment="#view=sub-SIM0001")
    assert tab.wait_for("document.documentElement.dataset.viewer") == "unavailable"
    assert "offers no WebGL 2" in tab.evaluate("document.getElementById('status').textContent")
    loaded = "[...document.images].every(i => i.complete && i.naturalWidth > 0)"
    assert tab.evaluate(loaded)


def _at_crosshair(study):
    """Values of MRI, AV45, mean, SD, truth and error of the first subject, from the files."""
    stem = Name("SIM0001", Modality.FDG).path()
    synthetic = sorted((study.derivatives / stem.parent).glob("*.nii.gz"))
    mean, sd = (read_synthetic(path, Modality.FDG) for path in synthetic)
    truth = read_scan(study.cohort / "sourcedata" / "hidden" / stem, Modality.FDG)
    others = [
        read_scan(study.cohort / Name("SIM0001", m).path(), m)
        for m in (Modality.MRI, Modality.AV45)
    ]
    i, j, k = voxel_at(truth.data.shape[1:], truth.affine, POINT_MM)
    values = [float(v.data[0, i, j, k]) for v in (*others, mean, sd, truth)]
    return np.array([*values, values[2] - values[4]])
