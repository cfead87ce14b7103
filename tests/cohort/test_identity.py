import pytest

from acadiff.cohort.identity import (
    canonical_session,
    canonical_subject,
    clashes,
    rid_of,
    session_of,
)
from acadiff.errors import CohortError

SITE, NUMBER = "000", "0295"
PTID = f"{SITE}_S_{NUMBER}"
HOSTILE = [
    *("", " ", ".", "..", "../x", "../../etc/passwd", "/etc/passwd", "a/b", "a\\b", "~", "~root"),
    *(
        "/dev/null",
        "/dev/stdin",
        "C:",
        "CON:",
        "NUL.txt",
        "\\\\.\\COM1",
        "\\\\?\\x",
        "file://x",
    ),
    *("a\0b", "a\nb", "a\n", "\na", "a\r", "a\tb", "a\x1b[31m", "\x7f", "a\x85", "a\u2028"),
    *("a\u202eb", "a\u2066b", "\u200fa", "a\u200bb", "a\u200d", "\ufeffa", "a\u00adb"),
    *("é", "e\u0301", "Müller", "\u0661\u0662", "\uff11", "\u0430", "\U0001d7d8", "名", "\ud800"),
    *("=1+1", "+1", "-1", "@x", "=HYPERLINK(1)", "'x", '"x"', "a;b", "a,b", "a b", "a ", " a"),
    *("a-b", "a_b", "ses-1", "sub-", "sub-sub-1", "sub-../x", "a.b", "a*", "a?", "[a]", "{a}"),
    *("$HOME", "$(id)", "`id`", "%00", "%2e%2e", "a|b", "a&b", "<b>", "n/a", "x" * 65, "x" * 300),
]


@pytest.mark.parametrize(
    "text",
    [PTID, PTID.lower(), f"ADNI_{PTID}", f"sub-{PTID}", "ADNI000S0295", "sub-ADNI000S0295",
     "adni000s0295"],
)  # fmt: skip
def test_the_spellings_of_one_adni_id_are_one_person(text):
    assert canonical_subject(text) == "ADNI000S0295"
    assert rid_of(text) == 295


@pytest.mark.parametrize("text", ["007", "7", "NA", "None", "1E5", "OAS30001", "A+B", "x" * 64])
def test_other_ids_stay_text(text):
    assert canonical_subject(text) == text
    assert canonical_subject(f"sub-{text}") == text
    assert rid_of(text) is None


def test_an_id_that_begins_like_another_is_another():
    longer = f"{PTID}1"
    assert canonical_subject(longer) == "ADNI000S02951"
    assert (rid_of(longer), rid_of(PTID)) == (2951, 295)


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_what_is_no_label_is_refused_in_one_short_line(text):
    with pytest.raises(CohortError, match="ASCII letters and digits; rename") as caught:
        canonical_subject(text)
    assert caught.value.code == "E_ID"
    assert caught.value.value.isascii()
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500
    if not text.startswith(("sub-", "ses-")):
        with pytest.raises(CohortError, match="the session id"):
            canonical_session(text)


@pytest.mark.parametrize(
    ("code", "session"),
    [
        *((code, "M000") for code in ("bl", "BL", "m0", "M00", "m000", "ses-M000", "baseline")),
        *((code, "M000") for code in ("sc", "scmri", "screening", " bl ")),
        *(("m12", "M012"), ("M12", "M012"), ("m120", "M120"), ("m03", "M003")),
        ("ses-M012", "M012"),
        *((code, None) for code in ("nv", "f", "uns1", "init", "y1", "4_init", "4_bl", "4_m12")),
        *((code, None) for code in ("v01", "v11", "tau", "", "n/a", "m", "m1e3", "m1234", "m-1")),
        *((code, None) for code in ("m\u0661", "12", "\0", "m12\n3", "sc2", "x" * 300)),
    ],
)  # fmt: skip
def test_visit_codes_are_mapped_or_unmatched(code, session):
    assert session_of(code) == session


@pytest.mark.parametrize(
    ("text", "session"),
    [("M00", "M000"), ("ses-m12", "M012"), ("bl", "M000"), ("sc", "sc"), ("01", "01")],
)
def test_session_labels_of_files_keep_what_is_not_months(text, session):
    assert canonical_session(text) == session


def test_ids_taken_for_one_another_clash():
    assert clashes(["s1", "S1", "007", "7", "70", "e\u0301", "é"]) == (
        ("007", "7"),
        ("S1", "s1"),
        ("e\u0301", "é"),
    )


def test_the_same_id_twice_is_no_clash():
    assert clashes([]) == ()
    assert clashes(["1", "sub-1", "11", PTID, "ADNI000S0295", "adni000s0295"]) == ()
