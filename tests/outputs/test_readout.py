"""What the page tells of regions, and that nothing of it is made up."""

import numpy as np
import pandas as pd
import pytest

from acadiff.errors import AcadiffError
from acadiff.evaluation.agreement import agreement
from acadiff.evaluation.regional import SUMMARIES
from acadiff.outputs import readout as module
from acadiff.outputs.readout import QUANTITIES, Readout, readout

SHOWN = {"FDG": [("fdg_meta_roi", "SUVR"), ("angular", "SUVR")]}
SHOWN["AV45"] = [("cortical_composite", "SUVR"), ("cortical_composite", "CL")]
SHOWN["MRI"] = [("hippocampal_volume", "mL")]


def rows(n=8, method="M"):
    rng = np.random.default_rng(1)
    for target, keys in SHOWN.items():
        for sources in {"MRI", "FDG", "AV45"} - {target}:
            for person in range(n):
                for region, unit in keys:
                    scale = 100 if unit == "CL" else 1
                    true = scale * rng.normal(1.2, 0.2)
                    yield {
                        "subject": f"{person:03d}",
                        "session": "M00" if person else None,
                        "diagnosis": ("CN", "MCI", "AD", None)[person % 4],
                        "target": target,
                        "sources": sources,
                        "kind": "mean",
                        "draw": None,
                        "method": method,
                        "region": region,
                        "unit": unit,
                        "acquired": true,
                        "imputed": true - 0.1 * scale,
                    }


@pytest.fixture
def tables():
    regional = pd.DataFrame(list(rows()))
    return regional, agreement(regional)


def test_all_that_is_read_first_is_told():
    assert set(QUANTITIES) == set(SUMMARIES)


def test_lines_come_by_quantity_and_task_and_tell_the_numbers(tables):
    found = readout(*tables)
    titles = [line.quantity.text for line in found.lines]
    assert titles == sorted(titles, key=[q.text for q in QUANTITIES.values()].index)
    first = found.lines[0]
    assert (first.task, first.method, first.n) == ("FDG-PET ← MRI", "M", 8)
    assert first.bias == "−0.100 (−0.100 to −0.100)"
    assert first.limits == "−0.100 to −0.100"
    assert (first.rmse, first.r_squared) == ("0.100", "1.00")
    assert first.status is None
    composite = found.lines[2]
    assert composite.quantity.title == "AV45 cortical composite"
    assert composite.status is not None
    assert composite.auc is not None


def test_a_plot_shows_each_visit_once_and_not_centiloids_again(tables, monkeypatch):
    drawn = []
    original = module.agreement_chart
    monkeypatch.setattr(
        module, "agreement_chart", lambda p, q: drawn.append((p, q)) or original(p, q)
    )
    found = readout(*tables)
    assert [p.title for p in found.plots] == [
        "FDG meta-ROI",
        "AV45 cortical composite",
        "Hippocampal volume (proxy)",
    ]
    panels, quantity = drawn[0]
    assert quantity == "FDG meta-ROI, SUVR"
    assert [panel.title for panel in panels] == ["FDG-PET ← MRI", "FDG-PET ← AV45-PET"]
    assert all(len(p.acquired) == len(p.imputed) == len(p.groups) == 8 for p in panels)
    assert set(panels[0].groups) == {"CN", "MCI", "AD", "unknown"}
    assert panels[0].bias == pytest.approx(-0.1)
    assert found.plots[0].svg.startswith("<?xml")


def test_methods_have_plots_of_their_own():
    regional = pd.DataFrame([*rows(method="A"), *rows(method="B")])
    found = readout(regional, agreement(regional))
    assert [p.title for p in found.plots][:2] == ["FDG meta-ROI, A", "FDG meta-ROI, B"]


def test_each_scan_has_its_own_values(tables):
    found = readout(*tables).by_scan
    regional = tables[0]
    row = regional[(regional.target == "FDG") & (regional.subject == "003")].iloc[0]
    told = found["sub-003_ses-M00", "M", "FDG", row["sources"]]
    expected = f"{row['imputed']:.3f} against {row['acquired']:.3f}"
    assert told == [(expected, "FDG meta-ROI, SUVR")]
    assert ("sub-000", "M", "MRI", "FDG") in found


def test_one_visit_has_no_limits_and_no_zero_has_a_minus():
    regional = pd.DataFrame(list(rows(1)))
    regional["imputed"] = regional["acquired"] - 1e-9
    found = readout(regional, agreement(regional))
    assert found.lines[0].bias == "+0.000"
    assert found.lines[0].limits == "– to –"
    assert found.plots


@pytest.mark.parametrize(("index", "name"), [(0, "regional.tsv"), (1, "agreement.tsv")])
def test_a_table_that_lacks_a_column_is_named(tables, index, name):
    cut = [*tables]
    cut[index] = cut[index].drop(columns="region")
    with pytest.raises(AcadiffError, match=f"{name}: lacks the column region; score again"):
        readout(*cut)


def test_nothing_scored_tells_nothing():
    assert Readout() == Readout((), (), {})
