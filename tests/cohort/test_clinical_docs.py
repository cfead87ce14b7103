"""docs/clinical-tables.md says what the code does."""

import re
from pathlib import Path

from clinical_formats import read

from acadiff.cohort.clinical.columns import read_overrides
from acadiff.cohort.clinical.nearest import WINDOW_DAYS
from acadiff.cohort.clinical.row import SCALES
from acadiff.cohort.clinical.vocabulary import BASELINE, COLUMNS, DIAGNOSES, PARTS, fold
from acadiff.cohort.table import Diagnosis
from acadiff.cohort.text.delimited import MISSING

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "clinical-tables.md").read_text(encoding="utf-8")
SOURCE = Path(__file__).parents[2] / "src" / "acadiff" / "cohort"


def table(header):
    """Rows of the table with this header: first cell → second."""
    _, _, rest = PAGE.partition(f"| {header} |")
    lines = rest.split("\n\n")[0].splitlines()[2:]
    return dict(line.strip("| ").split(" | ")[:2] for line in lines)


def names(text):
    return [fold(name) for name in re.findall(r"`([^`]+)`", text)]


def test_every_column_name_is_listed_by_its_rank():
    listed = table("ours | theirs, by rank")
    ranks = {k: tuple(tuple(names(rank)) for rank in v.split(";")) for k, v in listed.items()}
    assert {k: [set(r) for r in v] for k, v in ranks.items()} == {
        k: [set(r) for r in v] for k, v in COLUMNS.items()
    }
    _, _, rest = PAGE.partition("Only in tables without visits")
    told = set(names(rest.partition("A column that")[0]))
    assert told >= {name for group in BASELINE.values() for name in group}
    assert told >= {name for part in ("alleles", "genotype", "born") for name in PARTS[part]}
    assert told >= {PARTS["baseline_date"][0], PARTS["boxes"][0]}


def test_every_label_is_listed():
    listed = table("group | labels")
    told = {Diagnosis[k]: tuple(re.findall(r"`([^`]+)`", v)) for k, v in listed.items()}
    assert told == DIAGNOSES


def test_every_scale_and_word_for_nothing_is_told():
    cells = table("column | may be | else")
    for ours in COLUMNS:
        assert ours in cells
    for scale in ("MMSE", "ADAS13", "CDRSB", "age", "education"):
        low, high, _ = SCALES[scale]
        assert cells[scale].startswith(f"{low} to {high}")
    _, _, rest = PAGE.partition("Missing is an empty cell")
    told = {word.casefold() for word in re.findall(r"`([^`]+)`", rest.split("\n\n")[0])}
    assert told >= MISSING - {""}
    assert f"within {WINDOW_DAYS} days" in PAGE


def test_the_example_is_what_it_says(tmp_path):
    blocks = dict(re.findall(r"```(toml|tsv)\n(.*?)```", PAGE, re.DOTALL))
    (tmp_path / "map.toml").write_text(blocks["toml"])
    found = read(tmp_path, blocks["tsv"], **read_overrides(tmp_path / "map.toml"))
    assert found.problems == ()
    first, second = found.visits
    assert (first.subject, first.session, first.diagnosis) == ("01", "M000", Diagnosis.AD)
    assert (first.scores.mmse, second.session, second.scores.mmse) == (22, "M012", None)


def test_every_code_is_in_the_table_of_errors():
    paths = [
        *SOURCE.glob("clinical/*.py"),
        *SOURCE.glob("text/*.py"),
        SOURCE / "files/scan_dates.py",
    ]
    raised = {code for path in paths for code in re.findall(r'"([EW]_[A-Z_]+)"', path.read_text())}
    _, _, section = (
        (DOCS / "errors.md").read_text(encoding="utf-8").partition("# Clinical tables\n")
    )
    section = section.partition("\n#")[0]
    listed = set(re.findall(r"^\| `([EW]_[A-Z_]+)` \|", section, re.MULTILINE))
    assert raised == listed
