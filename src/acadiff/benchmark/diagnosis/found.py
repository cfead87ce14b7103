"""What was found, as a piece of a page: verdict, charts, bars."""

from collections.abc import Sequence
from functools import cache

import jinja2
from markupsafe import Markup

from acadiff.evaluation.diagnosis_verdict import Bar
from acadiff.outputs.page import environment, resource


def found_html(
    verdict: Sequence[str],
    charts: Sequence[tuple[str, str]],
    bars: Sequence[Bar] = (),
    *,
    simulated: bool,
    level: int = 3,
) -> Markup:
    """What was found, as a piece of a page whose style holds `report.css` and `audit.css`.

    Args:
        verdict: sentences, the first of which says it.
        charts: (what they show, SVG).
        bars: what was to be reached, if anything was.
        simulated: whether that was found on simulated people.
        level: of its headings.
    """
    told = {"verdict": verdict, "charts": charts, "bars": bars}
    return Markup(_template().render(**told, simulated=simulated, level=level))


@cache
def _template() -> jinja2.Template:
    return environment().from_string(resource("found.html.j2"))
