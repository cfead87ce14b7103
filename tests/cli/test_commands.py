import re
import subprocess
import sys
import time

import pytest

import acadiff
from acadiff.cli import app, main

COMMANDS = [
    [*group, command.name or command.callback.__name__]
    for group, commands in (
        ([], app.registered_commands),
        *(
            ([g.typer_instance.info.name], g.typer_instance.registered_commands)
            for g in app.registered_groups
        ),
    )
    for command in commands
]


@pytest.mark.parametrize("flag", ["-h", "--help"])
@pytest.mark.parametrize("command", [[], ["benchmark"], *COMMANDS], ids=" ".join)
def test_help_is_at_every_level(command, flag, capsys):
    assert main([*command, flag]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Usage: acadiff")
    assert err == ""


def test_every_command_and_option_says_what_it_is_for(capsys):
    for command in COMMANDS:
        main([*command, "--help"])
        out = capsys.readouterr().out
        assert re.search(r"\n\n  [A-Z]", out), f"{command} has no description"
        for line in re.findall(r"^  (--[a-z-]+.*)$", out, re.MULTILINE):
            assert re.search(r"  +[A-Z]", line), f"{command}: {line}"


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"acadiff {acadiff.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "a command is missing (see `acadiff --help`)"),
        (["--nope"], "No such option: --nope (see `acadiff --help`)"),
        (["nope"], "No such command 'nope' (see `acadiff --help`)"),
        (["simulate"], "Missing argument 'out' (see `acadiff simulate --help`)"),
        (
            ["simulate", "x", "--subject", "3"],
            "No such option: --subject (Possible options: --subjects) "
            "(see `acadiff simulate --help`)",
        ),
        (
            ["simulate", "x", "--subjects", "many"],
            "Invalid value for '--subjects': ",
        ),
        (["simulate", "x", "--voxel", "3"], "voxel is 3 mm; the phantom comes in "),
        (["simulate", "x", "--missing", "1.5"], "the missing rate is 1.5"),
        (["simulate", "x", "--subjects", "0"], "subjects is 0; a cohort needs at least one"),
    ],
)
def test_a_wrong_command_line_is_one_sentence_and_64(
    arguments, sentence, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert main([*arguments]) == 64
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"acadiff: {sentence}")
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_help_answers_at_once_and_loads_nothing_heavy():
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "acadiff", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    took = time.perf_counter() - start
    loaded = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert not loaded & {"torch", "numpy", "pandas", "monai", "nibabel", "transformers"}
    assert took < 1.0  # 0.1 s on an idle machine; promised is 0.5


def test_the_module_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "acadiff", "nope"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr == "acadiff: No such command 'nope' (see `acadiff --help`)\n"


@pytest.mark.parametrize("command", ["score", "report"])
def test_an_absent_cohort_is_one_sentence_and_writes_nothing(command, capsys, tmp_path):
    pytest.importorskip(f"acadiff.stages.{command}")
    out = tmp_path / "out"
    status = main(
        [command, str(tmp_path / "deriv"), "--cohort", str(tmp_path / "no"), "--out", str(out)]
    )
    err = capsys.readouterr().err
    assert status == 66
    assert err.startswith(f"acadiff: {tmp_path}")
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_simulate_writes_a_cohort_that_reads_back(capsys, tmp_path):
    pytest.importorskip("acadiff.stages.simulate")
    from acadiff.cohort.dataset import read_cohort

    out = tmp_path / "cohort"
    assert main(["simulate", str(out), "--subjects", "2", "--seed", "3", "--jobs", "1"]) == 0
    said = capsys.readouterr()
    assert said.out == f"{out}: 2 simulated people at 4 mm\n"
    assert "Simulating 2 of 2: " in said.err
    cohort = read_cohort(out)
    assert cohort.simulated
    assert len(cohort.subjects) == 2
