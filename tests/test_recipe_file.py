import pytest
from pydantic import ValidationError

from acadiff.errors import MissingInputError, RecipeError
from acadiff.recipe import PAPER, PHANTOM_4MM, RECIPES, Recipe, load_recipe, save_recipe, to_toml


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_recipe_survives_toml(recipe, tmp_path):
    save_recipe(recipe, tmp_path / "mine.toml")
    assert load_recipe(str(tmp_path / "mine.toml")) == recipe
    assert load_recipe(recipe.name) == recipe


def test_the_paper_is_the_paper():
    assert (PAPER.voxel, PAPER.codec.channels, PAPER.diffusion.draws) == (1, 8, 10)
    assert PAPER.diffusion.prediction == "epsilon"
    assert PAPER.conditioning.both == 0.5


def test_nothing_can_be_changed_behind_its_back():
    with pytest.raises(ValidationError):
        PHANTOM_4MM.voxel = 2
    with pytest.raises(ValidationError):
        PHANTOM_4MM.codec.channels = 4


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("voxel=2", lambda r: r.voxel == 2),
        ("name=mine", lambda r: r.name == "mine"),
        ('name="my own"', lambda r: r.name == "my own"),
        ("training.rate=1e-3", lambda r: r.training.rate == 1e-3),
        ("codec.training.steps = 5", lambda r: r.codec.training.steps == 5),
        ("codec.widths=[8,16]", lambda r: r.codec.widths == (8, 16)),
        ("diffusion.sampler=ddim", lambda r: r.diffusion.sampler == "ddim"),
    ],
)
def test_set_changes_one_value_and_no_other(change, value):
    changed = load_recipe("phantom-4mm", [change])
    assert value(changed)
    assert not value(PHANTOM_4MM)
    key = change.split("=")[0].strip()
    back = load_recipe("phantom-4mm", [change, f"{key}={_as_toml(PHANTOM_4MM, key)}"])
    assert back == PHANTOM_4MM


def _as_toml(recipe, key):
    value = recipe
    for part in key.split("."):
        value = getattr(value, part)
    return repr(list(value)) if isinstance(value, tuple) else repr(value)


def test_later_changes_win():
    assert load_recipe("phantom-4mm", ["voxel=2", "voxel=8"]).voxel == 8


def test_a_file_may_leave_out_what_has_a_default_and_set_may_still_name_it(tmp_path):
    path = tmp_path / "mine.toml"
    lines = to_toml(PHANTOM_4MM).splitlines()
    path.write_text("\n".join(line for line in lines if not line.startswith("clip")))
    assert load_recipe(str(path)) == PHANTOM_4MM
    assert load_recipe(str(path), ["training.clip=2.0"]).training.clip == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("voxel", "write it as key.sub=value"),
        ("colour=1", f"no colour; known are {', '.join(Recipe.model_fields)}"),
        ("codec.colour=1", "no colour; known are levels, channels"),
        ("nets.width=1", "no nets; known are name, voxel"),
        ("voxel.width=1", "no voxel; known are"),
    ],
)
def test_an_unknown_key_is_told_the_known_ones(change, words):
    with pytest.raises(RecipeError, match=words):
        load_recipe("phantom-4mm", [change])


def test_an_unknown_key_of_a_file_is_told_the_known_ones(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(to_toml(PHANTOM_4MM).replace("[fusion]", "[fusion]\nwidht = 3"))
    with pytest.raises(RecipeError, match=r"fusion\.widht: unknown key; known are width, tokens"):
        load_recipe(str(path))


@pytest.mark.parametrize(
    "change",
    [
        "voxel=0",
        "voxel=four",
        "split.train=0",
        "codec.widths=[]",
        "codec.widths=[0]",
        "codec.kl=-1",
        "fusion.tokens=[5,6]",
        "denoiser.blocks=[-1,1,1]",
        "denoiser.dropout=1.0",
        "diffusion.prediction=noise",
        "diffusion.sampler=euler",
        "diffusion.early=0",
        "conditioning.both=1.5",
        "training.rate=0",
        "training.rate=nan",
        "training.ema=1.0",
        "training.steps=1.5",
        "precision=16",
        "precision=16-mixed",
    ],
)
def test_a_value_out_of_its_range_is_named(change):
    with pytest.raises(RecipeError, match=f"phantom-4mm: {change.split('=')[0]}.*"):
        load_recipe("phantom-4mm", [change])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("codec.groups=3", "codec: 16 channels cannot be cut into 3 groups"),
        ("anchor.widths=[16,48,90]", "anchor: 90 channels cannot be cut into 8 groups"),
        ("denoiser.heads=5", "denoiser: 32 channels cannot be cut into 5 heads"),
        ("fusion.heads=3", "fusion: 16 channels cannot be cut into 3 heads"),
    ],
)
def test_channels_that_cannot_be_shared_out_are_named(change, words):
    fixed = ["codec.widths=[16]", "denoiser.widths=[16,32,64]", "fusion.width=16"]
    with pytest.raises(RecipeError, match=words):
        load_recipe("phantom-4mm", [*fixed, change])


@pytest.mark.parametrize("content", [b"voxel 4", b"voxel = \xff", b"[split"])
def test_a_file_that_is_no_toml_is_one_sentence(tmp_path, content):
    (tmp_path / "mine.toml").write_bytes(content)
    with pytest.raises(RecipeError, match=r"mine\.toml: not TOML"):
        load_recipe(str(tmp_path / "mine.toml"))


def test_a_name_that_is_neither_recipe_nor_file_is_told_the_names():
    with pytest.raises(MissingInputError, match="the named ones are phantom-4mm"):
        load_recipe("phantom-3mm")
