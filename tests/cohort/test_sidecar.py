import os

import pytest
from trees import tell

from acadiff.cohort.files.sidecar import MAX_BYTES, read_json
from acadiff.errors import CohortError


@pytest.mark.parametrize(
    "content",
    [b'{"a": [1, {"b": null}]}', b'\xef\xbb\xbf{"a": [1, {"b": null}]}'],
)
def test_an_object_is_read(tmp_path, content):
    tell(tmp_path, "x.json", content)
    assert read_json(tmp_path / "x.json", "x.json") == {"a": [1, {"b": None}]}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting"),
        (b"[]", "not an object"),
        (b'"x"', "not an object"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b'{"a": -Infinity}', "-Infinity is not JSON"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "'c' is there twice"),
        (b'{"a": 1} x', "Extra data"),
        (b'{"\x1b[31m": 1, "\x1b[31m": 2}', "control character"),
        (b'{"a\\u202e": 1, "a\\u202e": 2}', "is there twice"),
        ('{"a": "é"}'.encode("latin-1"), "decode"),
        ('{"a": 1}'.encode("utf-16"), "decode"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deeply"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "4300"),
        (b'{"a": "' + b"x" * MAX_BYTES + b'"}', "larger than 16 MB"),
        (b"{" + b",".join(b'"%d":1' % i for i in [*range(200_000), 7]) + b"}", "'7' is there"),
    ],
    ids=range(17),
)
def test_what_is_hostile_is_refused_in_one_short_line(tmp_path, content, why):
    tell(tmp_path, "x.json", content)
    with pytest.raises(CohortError, match=why) as caught:
        read_json(tmp_path / "x.json", "sub-1/x.json")
    assert caught.value.code == "E_SIDECAR"
    assert str(caught.value).startswith("sub-1/x.json is not a usable JSON file: ")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.json")
    with pytest.raises(CohortError, match="no file that can be read"):
        read_json(tmp_path / "x.json", "x.json")
    with pytest.raises(CohortError, match="no file that can be read"):
        read_json(tmp_path / "y.json", "y.json")
