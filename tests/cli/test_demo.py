import pytest


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["--recipe", "paper-1mm"], 66, "paper-1mm: no such model folder"),
        (["--recipe", "nope"], 66, "nope: no such recipe file"),
        (["--subjects", "0"], 64, "Invalid value for '--subjects'"),
        (["--jobs", "0"], 64, "Invalid value for '--jobs'"),
    ],
)
def test_a_demo_that_cannot_be_writes_nothing(arguments, status, sentence, refused, tmp_path):
    assert refused(status, "demo", tmp_path / "out", *arguments).startswith(sentence)
    assert not list(tmp_path.iterdir())
