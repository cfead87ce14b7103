"""The quality page: odd scans first, every contour where the mask ends, small, safe, alone."""

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from browser import browser, executable
from conftest import head
from PIL import Image

from acadiff.errors import Problem, ScanError
from acadiff.modality import Modality
from acadiff.outputs.charts import spread_chart
from acadiff.outputs.figures import Look, outlined
from acadiff.outputs.mosaic import MEASURES, QCEntry, Seen, called, printed, qc_page, write_qc
from acadiff.volume.grid import Grid

GRID = Grid(4)
HOSTILE = "sub-\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}"


class Parts(HTMLParser):
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


def problem(code, text="x.nii.gz: looks odd; look at it"):
    return Problem("x.nii.gz", code, "1", "look at it", text)


def entry(n, *codes, lacking=()):
    """A visit; those without a code have nothing odd."""
    rng = np.random.default_rng(n)
    measures = {
        m: {"fov": 1.0, "hindbrain": 1 + 0.01 * rng.normal(), "nmi_template": 1.1 + 0.01 * n}
        for m in Modality if m not in lacking
    }  # fmt: skip
    odd = frozenset({(Modality.MRI, "hindbrain")} if codes else ())
    return QCEntry(f"sub-SIM{n:04d}", measures, tuple(map(problem, codes)), odd, "native")


def show(one):
    """Scans of a visit, whatever it is called."""
    volumes = {m: head(m, 3, 4) for m in one.measures}
    return Seen(volumes, head(Modality.MRI, 3, 4).data[0] > 0) if volumes else None


def page(rows, **changes):
    return qc_page(rows, **{"title": "a cohort", "simulated": True, "show": show} | changes)


def headings(html):
    return re.findall(r"<h3>(.*?)</h3>", html)


def test_refused_comes_first_then_odd_then_the_others():
    rows = [entry(1), entry(2, "W_FLIP"), entry(3, "W_A", "W_B"), entry(4, "E_FOV"), entry(0)]
    html = page(rows)
    assert headings(html) == [f"sub-SIM000{n}" for n in (4, 3, 2, 0, 1)]
    listed = re.findall(r'scope="row"><a href="#v\d">(sub-\w+)<', html)
    assert listed == headings(html)
    facts = re.findall(r"<dt>(.*?)</dt><dd>(\d+)</dd>", html)
    assert [n for _, n in facts] == ["5", "15", "1", "2", "2"]


def test_every_scan_has_its_picture_its_numbers_and_its_problems():
    rows = [entry(1, "W_MODALITY", lacking=[Modality.AV45]), replace(entry(2), measures={})]
    html = page(rows)
    assert html.count("data:image/webp") == 2
    assert html.count("no scan prepared") == 4
    assert "looks odd; look at it" in html
    value = printed("hindbrain", rows[0].measures[Modality.MRI]["hindbrain"])
    assert f'<span class="odd">Pons : cerebellum <b>{value}</b></span>' in html
    assert html.count('<span class="odd">') == 1
    assert html.count(f">{value}</td>") >= 1


def test_numbers_come_in_one_order_whatever_the_order_of_a_record():
    one = entry(1)
    turned = {m: dict(reversed([*of.items(), ("zz", 1.0)])) for m, of in one.measures.items()}
    told = [re.findall(r"<span>([^<]+) <b>", page([replace(one, measures=turned)]))]
    assert told[0][:4] == ["Field of view", "NMI, template", "Pons : cerebellum", "zz"]


def test_of_a_large_cohort_the_page_says_what_it_does_not_show():
    rows = [entry(n, *(["W_FLIP"] if n < 3 else [])) for n in range(6)]
    asked = []

    def counted(one):
        asked.append(one.key)
        return show(one)

    html = page(rows, show=counted, most=2)
    assert asked == ["sub-SIM0000", "sub-SIM0001"]
    assert "With pictures: 2 of 6 visits. Not shown: 4, of which 1 has a remark" in html
    assert html.count('<th scope="row">') == 6 + len(MEASURES)
    assert "of which none has a remark" in page(rows, most=3)
    assert "With pictures" not in page(rows, most=6)


def test_the_page_of_a_thousand_stays_small():
    rows = [entry(n) for n in range(1028)]
    assert len(page(rows, most=4)) < 1.5e6
    html = page(rows[:20])
    pictures = re.findall(r"data:image/webp;base64,([^\"]+)", html)
    assert len(pictures) == 60
    assert sum(map(len, pictures)) / 20 < 30e3


def test_what_cannot_be_read_is_said_and_the_rest_is_shown():
    def gone(one):
        if one.key.endswith("1"):
            raise ScanError("a.nii.gz: is damaged <b>")
        return show(one)

    html = page([entry(1), entry(2)], show=gone)
    assert "Its pictures cannot be drawn: a.nii.gz: is damaged &lt;b&gt;" in html
    assert html.count("data:image/webp") == 3
    assert html.count('class="none">not shown') == 3


def test_the_same_scans_give_the_same_bytes_and_simulated_is_said(tmp_path):
    rows = [entry(1)]
    write_qc(tmp_path / "qc.html", rows, "a cohort", simulated=True, show=show)
    html = (tmp_path / "qc.html").read_text(encoding="utf-8")
    assert html == page(rows)
    assert "SIMULATED cohort" in html
    real = page(rows, simulated=False)
    assert "SIMULATED" not in "".join(Parts(real).text)
    assert len(real) < len(html)


def test_hostile_text_stays_text_and_nobody_is_asked():
    rows = [
        replace(entry(1, "W_FLIP"), key=HOSTILE, remark=HOSTILE,
                problems=(problem("E_X", HOSTILE), problem(HOSTILE)),
                measures={Modality.MRI: {HOSTILE: 1.0}}),
        entry(2),
    ]  # fmt: skip
    parts = Parts(page(rows, title=HOSTILE))
    assert "script" not in parts.tags
    assert not [name for name in parts.attributes if name.startswith("on")]
    assert HOSTILE in "".join(parts.text)
    inside = ("data:image/webp;base64,", "data:image/svg+xml;base64,", "#")
    assert all(address.startswith(inside) for address in parts.addresses)
    clean = Parts(page([replace(rows[0], key="a", remark="b"), entry(2)]))
    assert set(parts.tags) == set(clean.tags)


def test_an_empty_cohort_and_one_without_numbers_have_a_page():
    for rows in ([], [replace(entry(1), measures={})]):
        assert "<h2>All numbers</h2>" in page(rows)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [("fov", 0.876, "87.6%"), ("dice", None, "–"), ("dice", np.nan, "–"), ("new", -2.0, "−2")],
)
def test_numbers_are_printed_with_their_unit(name, value, text):
    assert printed(name, value) == text
    assert called("new") == "new"


def test_the_line_is_where_the_mask_ends():
    mask = np.zeros(GRID.shape, bool)
    mask[10:30, 12:36, 10:30] = True
    blank, gray = np.zeros(GRID.shape, np.float32), Look("gray", 0, 1, "")
    drawn = np.asarray(Image.open(io.BytesIO(outlined(blank, mask, GRID.affine, gray, ""))))
    line = drawn.astype(int).sum(-1) > 200  # WebP blurs its colour
    per_voxel = 4 / 1.4
    axial = line[:, : round(GRID.shape[0] * per_voxel)]
    columns = np.flatnonzero(axial.sum(0) > 20)  # not the letter L
    rows = np.flatnonzero(axial.sum(1) > 20)
    assert columns.min() == pytest.approx(10 * per_voxel, abs=1.5)
    assert columns.max() == pytest.approx(30 * per_voxel, abs=1.5)
    height = GRID.shape[1] * per_voxel
    assert rows.min() == pytest.approx(height - 36 * per_voxel, abs=1.5)
    assert rows.max() == pytest.approx(height - 12 * per_voxel, abs=1.5)
    assert not axial[rows.min() + 4 : rows.max() - 4, columns.min() + 4 : columns.max() - 4].any()


def test_a_picture_bears_the_word():
    blank, mask = np.zeros(GRID.shape, np.float32), np.zeros(GRID.shape, bool)
    drawn = [
        np.asarray(Image.open(io.BytesIO(outlined(blank, mask, GRID.affine, look, word))))
        for word in ("", "SIMULATED")
        for look in [Look("gray", 0, 1, "")]
    ]
    assert (drawn[0] > 200).sum() == 0
    assert (drawn[1][..., 0] > 150).sum() > 30


@pytest.mark.parametrize(
    "values", [[], [np.nan], [1.0, 1.0], [0.0], [*np.linspace(0, 1, 50), 1e6, -1e6]]
)
def test_any_values_have_a_chart(values):
    svg = spread_chart("x", {"FDG": np.array(values, float)}, {"FDG": np.array([1e6])})
    assert svg.startswith("<?xml")


@pytest.mark.slow
@pytest.mark.skipif(executable() is None, reason="Chromium is not installed")
@pytest.mark.parametrize("width", [390, 1280])
def test_chromium_shows_it_without_complaint(tmp_path, width):
    rows = [entry(n, *(["E_FOV", "W_FLIP"] if n < 2 else [])) for n in range(12)]
    rows[3] = replace(rows[3], key="sub-" + "x" * 64 + "_ses-" + "y" * 64)
    place = tmp_path / "qc.html"
    write_qc(place, rows, "a cohort", simulated=True, show=show)
    with browser(tmp_path / "profile") as tab:
        tab.open(place, width=width)
        decoded = "Promise.all([...document.images].map(i => i.decode())).then(() => true)"
        assert tab.evaluate(decoded)
        assert tab.evaluate("[...document.images].every(i => i.naturalWidth > 0)")
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert tab.requests() == [place.as_uri()]
        assert tab.complaints() == []
        strip = "document.querySelector('.strips figure > img')"
        ratio = f"{strip}.naturalWidth / {strip}.naturalHeight"
        shown = f"{strip}.clientWidth / {strip}.clientHeight"
        assert tab.evaluate(ratio) == pytest.approx(tab.evaluate(shown), rel=0.02)


def test_pictures_are_webp():
    picture = re.search(r"image/webp;base64,([^\"]+)", page([entry(1)]))[1]
    assert Image.open(io.BytesIO(base64.b64decode(picture))).format == "WEBP"
