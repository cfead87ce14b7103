import codecs
import os
import random

import pytest

from acadiff.cohort.text.delimited import number, parse_table, read_table
from acadiff.cohort.text.textfile import shorten
from acadiff.errors import CohortError, MissingInputError

PLAIN = "participant_id\tMMSE\tnote\nsub-007\t22\tcafé\nsub-NA\tn/a\tx\n"
ROWS = [("sub-007", "22", "café"), ("sub-NA", "n/a", "x")]


def table(text):
    return parse_table(text if isinstance(text, bytes) else text.encode(), "t.tsv")


def rows(text):
    return [row.cells for row in table(text).rows]


def refusal(text, code):
    with pytest.raises(CohortError) as caught:
        table(text)
    assert caught.value.code == code
    return str(caught.value)


def cell(text, header="MMSE", delimiter="\t", others=()):
    """One cell of a table with further rows."""
    lines = [f"id{delimiter}{header}", *(f"a{delimiter}{t}" for t in (text, *others))]
    read = table("\n".join(lines))
    return read.cell(read.rows[0], header)


@pytest.mark.parametrize(
    "data",
    [
        PLAIN.encode("utf-8"),
        PLAIN.encode("utf-8-sig"),
        PLAIN.replace("\n", "\r\n").encode("utf-8"),
        codecs.BOM_UTF16_LE + PLAIN.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + PLAIN.encode("utf-16-be"),
    ],
)
def test_five_encodings_are_one_table(data):
    assert rows(data) == ROWS


@pytest.mark.parametrize(
    ("data", "byte"),
    [
        (PLAIN.encode("latin-1"), PLAIN.index("é")),
        (PLAIN.encode("cp437"), PLAIN.index("é")),
        (PLAIN.replace("é", "€").encode("cp1252"), PLAIN.index("é")),
        (PLAIN.replace("é", "e").encode("utf-16-le"), 1),
        (PLAIN.replace("é", "e").encode("utf-16-be"), 0),
        (PLAIN.encode("utf-32"), 2),
        (codecs.BOM_UTF16_LE + PLAIN.encode("utf-16-le")[:-1], 2 * len(PLAIN)),
        (PLAIN.replace("\n", "\r").encode("utf-8"), PLAIN.index("\n")),
        (PLAIN.replace("x", "\0").encode("utf-8"), PLAIN.index("x") + 1),
        (codecs.BOM_UTF8 + PLAIN.replace("x", "\0").encode("utf-8"), PLAIN.index("x") + 4),
        (PLAIN.encode("cp500"), 0),
    ],
)
def test_any_other_encoding_is_refused_at_its_byte(data, byte):
    assert f"byte {byte} " in refusal(data, "E_ENCODING")


@pytest.mark.parametrize("delimiter", ["\t", ",", ";"])
@pytest.mark.parametrize("said", [False, True])
def test_the_header_tells_the_delimiter(delimiter, said):
    text = (f"sep={delimiter}\n" if said else "") + PLAIN.replace("\t", delimiter)
    assert rows(text) == ROWS


def test_a_delimiter_that_is_none_is_refused():
    assert "'|' is no delimiter" in refusal("sep=|\na|b\n1|2\n", "E_DELIMITER")


def test_of_two_delimiters_the_one_that_fits_every_row_counts():
    assert rows("id\tage, in years, at scan\na\t71\n") == [("a", "71")]
    refusal("a,b;c\n1,2;3\n", "E_DELIMITER")


def test_lines_are_counted_as_an_editor_does():
    read = table("sep=;\n\nid;age\n\na;1\n;\nb;2\n")
    assert [row.line for row in read.rows] == [5, 7]


def test_quotes_hold_delimiters():
    assert rows('id,note\na,"x, ""y"""\n') == [("a", 'x, "y"')]


def test_a_spare_delimiter_never_shifts_the_columns():
    text = "subject_id,dx,mmse,cdrsb\n007,AD,22,4.5,\n008,CN,29,0,\n"
    message = refusal(text, "E_ROW")
    assert "t.tsv line 2: '5 cells' are in this row, 4 in the header" in message
    assert rows(text.replace("cdrsb\n", "cdrsb,\n")) == [
        ("007", "AD", "22", "4.5"),
        ("008", "CN", "29", "0"),
    ]


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        ("id,age\na,1\nb\n", "E_ROW", "line 3: '1 cells'"),
        ("id,age,age\na,1,2\n", "E_COLUMN", "'age' names two columns"),
        ("id,age, age \na,1,2\n", "E_COLUMN", "'age' names two columns"),
        ("id,,age\na,1,2\n", "E_COLUMN", "'' is no column name"),
        ("id,ag\u200be\na,1\n", "E_COLUMN", r"'ag\u200be' is no column name"),
        ('id,age\n"a,1\nb,2\n', "E_QUOTE", "line 2"),
        ('id,x,age\na,"y,1\nb,z",2\n', "E_QUOTE", "line 2"),
        ('id,age\n"a"b,1\n', "E_QUOTE", "line 2"),
        ("", "E_COLUMN", "no header"),
        ("\n \n", "E_COLUMN", "no header"),
        ("sep=;\n", "E_COLUMN", "no header"),
    ],
)
def test_what_is_not_plainly_a_table_is_refused(text, code, told):
    assert told in refusal(text, code)


def test_a_count_of_rows_in_front_is_no_column():
    assert rows(",id,age\n0,a,1\n1,b,2\n") == [("a", "1"), ("b", "2")]
    assert rows("id,age,,\na,1,,\n") == [("a", "1")]


@pytest.mark.parametrize("text", ["007", "1E5", "NA", "None", "1.0", "00", "-4"])
def test_text_that_tables_like_to_change_stays(text):
    assert cell(text, "id2").text == text


@pytest.mark.parametrize(
    ("text", "value"),
    [("22", 22), (" 22 ", 22), ("22\xa0", 22), ("+4.50", 4.5), (".5", 0.5), ("3.", 3), ("-3", -3)],
)
def test_numbers(text, value):
    assert number(cell(text)) == value


@pytest.mark.parametrize(
    "text",
    ["", "n/a", "N/A", "NA", "NaN", "nan", "None", "NULL", ".", "-1", "-4", "-4.0", "-1.00"],
)
def test_missing_is_never_a_number(text):
    assert number(cell(text)) is None


def test_codes_are_of_the_table():
    assert number(cell("88")) == 88
    assert number(cell("88"), {88.0}) is None
    assert number(cell("-4"), {88.0}) == -4


@pytest.mark.parametrize(
    "text",
    [
        ">30", "<5", "inf", "-inf", "1e400", "1E5", "0x10", "1_000", "٢٢", "２２", "−4",
        "22 points", "22/30", "1 234", "1.234,5", "--4", "22.5.1", "9" * 400, "May-00",
        "½", "²", "22\u200b",
    ],
)  # fmt: skip
def test_anything_else_is_refused_by_line_column_and_value(text):
    found = cell(text)
    with pytest.raises(CohortError) as caught:
        number(found)
    assert caught.value.code == "E_NUMBER"
    assert caught.value.value == shorten(text)
    assert f"t.tsv line 2, column MMSE: {shorten(text)} is not a number" in str(caught.value)


def test_a_decimal_comma_counts_where_the_column_has_no_point():
    assert number(cell("28,33", delimiter=";")) == 28.33
    assert number(cell("28,33", delimiter="\t")) == 28.33
    with pytest.raises(CohortError, match="28,33"):
        number(cell('"28,33"', delimiter=","))
    with pytest.raises(CohortError, match="28,33"):
        number(cell("28,33", delimiter=";", others=["1.5"]))
    with pytest.raises(CohortError):
        number(cell("1,234,567", delimiter=";", others=["1,5"]))


def test_a_message_never_shows_a_page():
    with pytest.raises(CohortError) as caught:
        number(cell("x" * 10_000))
    assert len(str(caught.value)) < 200
    assert shorten("\x1b[2J\u202e") == r"'\x1b[2J\u202e'"


def test_random_tables_survive_every_way_of_writing_them():
    rng = random.Random(0)
    letters = "ab 0.é\"',;-_NA/"
    for _ in range(300):
        width = rng.randint(2, 5)
        cells = [
            ["".join(rng.choices(letters, k=rng.randint(0, 6))).strip() for _ in range(width)]
            for _ in range(rng.randint(1, 6))
        ]
        filled = [tuple(row) for row in cells if any(row)]
        header = [f"c{i}" for i in range(width)]
        delimiter, end = rng.choice("\t,;"), rng.choice(["\n", "\r\n"])
        lines = [delimiter.join(header)]
        lines += [delimiter.join('"' + c.replace('"', '""') + '"' for c in row) for row in cells]
        data = end.join(lines).encode(rng.choice(["utf-8", "utf-8-sig", "utf-16"]))
        assert rows(data) == filled


def test_files_are_opened_with_care(tmp_path):
    with pytest.raises(MissingInputError, match="cannot be read") as caught:
        read_table(tmp_path / "absent.tsv")
    assert caught.value.code == "E_MISSING"
    os.mkfifo(tmp_path / "pipe.tsv")
    for path in (tmp_path / "pipe.tsv", tmp_path):
        with pytest.raises(CohortError, match="not a regular file"):
            read_table(path)
    (tmp_path / "loop.tsv").symlink_to(tmp_path / "loop.tsv")
    with pytest.raises(MissingInputError, match="cannot be read") as caught:
        read_table(tmp_path / "loop.tsv")
    assert caught.value.code == "E_LINK"
    (tmp_path / "large.tsv").write_text("a\tb\n" * 100)
    with pytest.raises(CohortError) as caught:
        read_table(tmp_path / "large.tsv", limit=50)
    assert caught.value.code == "E_LARGE"


def test_a_name_that_is_no_utf8_can_be_printed(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.tsv")
    path.write_text("a\tb\n1\n")
    with pytest.raises(CohortError) as caught:
        read_table(path)
    str(caught.value).encode("utf-8")
