import tomllib

import pytest

from acadiff.cli import main
from acadiff.recipe import RECIPES, load_recipe


@pytest.mark.parametrize("name", RECIPES)
def test_a_printed_recipe_reads_back_as_itself(name, capsys, tmp_path):
    assert main(["recipe", name]) == 0
    path = tmp_path / "mine.toml"
    path.write_text(capsys.readouterr().out)
    assert load_recipe(str(path)) == RECIPES[name]


def test_set_changes_one_number(capsys):
    assert main(["recipe", "--set", "diffusion.steps=7", "--set", "name=mine"]) == 0
    printed = tomllib.loads(capsys.readouterr().out)
    assert printed["diffusion"]["steps"] == 7
    assert printed["name"] == "mine"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("diffusion", "--set diffusion: write it as key.sub=value"),
        ("diffusion.stepz=3", "--set diffusion.stepz=3: there is no stepz; known are timesteps, "),
        ("difusion.steps=3", "--set difusion.steps=3: there is no difusion; known are name, "),
        ("diffusion.steps=0", "phantom-4mm: diffusion.steps: Input should be greater than or "),
        ("diffusion.steps=few", "phantom-4mm: diffusion.steps: Input should be a valid integer"),
        ("diffusion.sampler=euler", "phantom-4mm: diffusion.sampler: String should match "),
    ],
)
@pytest.mark.parametrize(
    "command", [["recipe"], ["compress", "c", "w"], ["train", "c", "w"], ["demo", "d"]]
)
def test_a_wrong_number_is_named_by_every_command(
    command, change, sentence, refused, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert refused(64, *command, "--set", change).startswith(sentence)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("line", "wrong", "sentence"),
    [
        ("name = ", "colour = 1\nname = ", "colour: unknown key; known are name, voxel, "),
        ("[training]", "[training]\nstepz = 1", "training.stepz: unknown key; known are steps, "),
        ("voxel = 4", "voxel 4", "not TOML ("),
    ],
)
def test_a_wrong_recipe_file_is_told_by_key(line, wrong, sentence, refused, capsys, tmp_path):
    main(["recipe"])
    path = tmp_path / "mine.toml"
    path.write_text(capsys.readouterr().out.replace(line, wrong, 1))
    assert refused(64, "recipe", path).startswith(f"{path}: {sentence}")


def test_an_absent_recipe_is_told_with_those_there_are(refused):
    sentence = refused(66, "recipe", "nope.toml")
    assert sentence == (
        f"nope.toml: no such recipe file, and the named ones are {', '.join(RECIPES)}"
    )
