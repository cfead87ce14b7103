"""What another command found, as a section of the report."""

from dataclasses import dataclass

from markupsafe import Markup


@dataclass(frozen=True)
class Further:
    """A section.

    Args:
        key: for links.
        word: in the list of sections.
        title: above it.
        html: below that; of a page whose style holds `report.css` and `audit.css`.
    """

    key: str
    word: str
    title: str
    html: Markup
