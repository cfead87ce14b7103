"""What people call the rows of a table of diagnoses; the names are those that tables hold."""

ORACLE, DROP, ZERO, MEAN = "oracle", "drop", "zerofill", "observed-mean"
WITHOUT = "without"
OURS = "acadiff"

TITLES = {
    ORACLE: "Oracle (real)",
    DROP: "Drop",
    ZERO: "ZeroFill",
    MEAN: "Mean",
    WITHOUT: "Without the scan",
    "pix2pix": "Pix2Pix",
    "dsgan": "DS-GAN",
    "dsgan_pan2019": "DS-GAN (Pan 2019)",
    "ldm": "LDM",
    "pasta": "PASTA",
    "ficd": "FICD",
    "regressor": "Regressor",
    "bridge": "Bridge",
    "mean": "Training mean",
    "acadiff_emb": "ACADiff-emb",
    OURS: "ACADiff",
}
"""In the order in which tables have them: the paper's."""

WITHHELD = {"scores": "no diagnosis", "none": "no clinical data"}
"""What a prompt does not tell, by what stands after the method's name."""


def title_of(name: str) -> str:
    """`ACADiff, no diagnosis` for `acadiff:scores`."""
    method, _, detail = name.partition(":")
    plain = TITLES.get(method, method)
    return f"{plain}, {WITHHELD[detail]}" if detail in WITHHELD else plain


def place_of(name: str) -> tuple[int, str, int]:
    """Sorts rows as tables have them."""
    method, _, detail = name.partition(":")
    order = list(TITLES)
    place = order.index(method) if method in TITLES else len(order) - 2
    return place, method, ["", *WITHHELD].index(detail) if detail in WITHHELD else 0
