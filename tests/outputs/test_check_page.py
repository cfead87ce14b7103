"""The page of a check: whole, safe, alone, and the same numbers as the files."""

import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from browser import browser, executable
from gaps import SCAN, grow, place, random_visits

from acadiff.cohort.selection import Selection
from acadiff.modality import Modality
from acadiff.outputs.check_page import MOST_PROBLEMS, MOST_SCANS, render
from acadiff.stages.check import run

ALL = tuple(Modality)
PEOPLE = {("1", None): ALL, ("2", None): ALL, ("3", None): ALL}


class Tags(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.addresses, self.text = [], set(), [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses += [v for k, v in attrs if k in ("src", "href", "action")]

    def handle_data(self, data):
        self.text.append(data)


HOSTILE = "x\"'><script>alert(1)<img src=x onerror=alert(2)>{{7*7}}"


def test_the_page_escapes_every_name_and_asks_nobody(tmp_path):
    root = grow(tmp_path / "in", "bids", PEOPLE)
    (root / "sub-2" / "anat" / f"sub-2_{HOSTILE}_T1w.nii.gz").write_bytes(SCAN)
    header = f"participant_id\tsession_id\tdiagnosis\tMMSE\t{HOSTILE}"
    table = tmp_path / f"{HOSTILE}.tsv"
    table.write_text(f"{header}\n1\tM000\tCN\t{HOSTILE}\tx\n2\tn/a\t{HOSTILE}\t3\tx\n")
    run(root, Selection(tables=(table,)), out=tmp_path / "out")
    html = (tmp_path / "out" / "check.html").read_text(encoding="utf-8")
    page = Tags(html)
    assert "script" not in page.tags
    assert "<script>alert(1)<img src=x onerror=alert(2)>{{7*7}}" in "".join(page.text)
    assert all(a.startswith(("data:image/png;base64,", "#")) for a in page.addresses)
    assert not [name for name in page.attributes if name.startswith("on")]
    assert "default-src &#39;none&#39;" in html


@pytest.mark.skipif(executable() is None, reason="Chromium is not installed")
def test_the_page_shows_itself_without_complaint_and_without_a_request(tmp_path):
    visits = random_visits(3)
    root = grow(tmp_path / "in", "bids", visits)
    (root / place("bids", "P00", "M000", Modality.FDG)).write_bytes(SCAN[:100])
    run(root, out=tmp_path / "out")
    with browser(tmp_path / "profile") as tab:
        tab.open(tmp_path / "out" / "check.html")
        assert tab.requests() == [(tmp_path / "out" / "check.html").as_uri()]
        assert tab.complaints() == []
        sizes = "[...document.images].every(i => i.complete && i.naturalWidth > 0)"
        assert tab.evaluate(sizes)
        # A strip has one column a visit, and is drawn as wide as the page.
        widths = "[...document.querySelectorAll('.matrix img')].map(i => i.naturalWidth)"
        counts = [sum(s == session for _, s in visits) for session in ("M000", "M012")]
        assert tab.evaluate(widths) == [counts[0]] * 3 + [counts[1]] * 3
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert (
            tab.evaluate("getComputedStyle(document.querySelector('.heap')).paddingTop") != "0px"
        )


def test_long_lists_are_cut_on_the_page_and_whole_in_the_files(tmp_path):
    root = grow(tmp_path / "in", "bids", {(f"{n:03d}", None): [ALL[1]] for n in range(60)})
    found = run(root, out=tmp_path / "out")
    many = [replace(scan, member=replace(scan.member, subject=f"{n}x{scan.member.subject}"))
            for n in range(5) for scan in found.scans]  # fmt: skip
    html = render(replace(found, scans=tuple(many)))
    assert f"{3 * 60 * 5 - MOST_SCANS} more are in scans.tsv" in html
    assert f"the first {MOST_PROBLEMS}; check.json has all" in html
    told = json.loads((tmp_path / "out" / "check.json").read_text())
    assert sum(p["code"] == "E_NO_MRI" for p in told["problems"]) == 60


def test_nothing_but_refused_files_is_still_a_page(tmp_path):
    root = grow(tmp_path / "in", "bids", {})
    (root / "sub-a_b" / "anat").mkdir(parents=True)
    (root / "sub-a_b" / "anat" / "sub-a_b_T1w.nii.gz").write_bytes(SCAN)
    found = run(root, out=tmp_path / "out")
    assert found.scans == ()
    assert [p.code for p in found.refusals] == ["E_ID"]
    assert "No scan can be used" in (tmp_path / "out" / "check.html").read_text()
