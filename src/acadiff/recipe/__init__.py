"""Every number of the method, each with its source."""

from acadiff.recipe.file import load_recipe, save_recipe, to_toml
from acadiff.recipe.named import PAPER, PHANTOM_2MM, PHANTOM_4MM, RECIPES
from acadiff.recipe.parts import Optimisation
from acadiff.recipe.whole import Recipe

__all__ = [
    "PAPER",
    "PHANTOM_2MM",
    "PHANTOM_4MM",
    "RECIPES",
    "Optimisation",
    "Recipe",
    "load_recipe",
    "save_recipe",
    "to_toml",
]
