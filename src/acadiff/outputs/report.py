"""One HTML file that tells what was missing, what was filled in, how well, and by what.

The page is assembled from files on disk, holds everything it shows and asks no network: its
Content-Security-Policy forbids any. Every text is escaped by the template, data reach the script
as JSON, and script and style are allowed by their hashes alone.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from acadiff import __version__
from acadiff.modality import Modality
from acadiff.outputs.audit_page import Audit, panels_of
from acadiff.outputs.doubts import by_target
from acadiff.outputs.evidence import Evidence, State
from acadiff.outputs.exhibits import Exhibit, Layer, Panel
from acadiff.outputs.figures import Look, colour_bar, picture
from acadiff.outputs.findings import MEASURES, Codec, ScoreRow, Setting, Training, task_name
from acadiff.outputs.further import Further
from acadiff.outputs.headline import Fact, headline, makers, seal
from acadiff.outputs.page import base64_of, environment, policy, resource
from acadiff.outputs.readout import Readout
from acadiff.outputs.viewer import Engine, colour_table
from acadiff.volume.grid import BOX_MM, Grid
from acadiff.volume.image import LABEL


@dataclass(frozen=True)
class Contents:
    """Everything the page tells.

    Args:
        evidence: what was missing and filled.
        exhibits: pictures of each subject shown.
        volumes: key → base64 of a gzipped NIfTI, for the viewer.
        engine: the viewer's code, or None where it is not installed.
        scores: rows of the score table; empty if nothing was scored.
        score_chart: the same as SVG, or None.
        by_scan: (visit, method, target, sources) → the scores of that scan's mean.
        readout: regional values, acquired against imputed.
        codecs: autoencoders with their panels.
        training: training curves.
        recipe: every setting.
        audit: what of imputed scans the prompt writes, if that was audited.
        further: what other commands found.
    """

    evidence: Evidence
    exhibits: Sequence[Exhibit]
    volumes: Mapping[str, str]
    engine: Engine | None
    scores: Sequence[ScoreRow]
    score_chart: str | None
    by_scan: Mapping[tuple[str, str, str, str], Mapping[str, float]]
    readout: Readout
    codecs: Sequence[Codec]
    training: Sequence[Training]
    recipe: Sequence[Setting]
    audit: Audit | None = None
    further: Sequence[Further] = ()


def render(contents: Contents) -> str:
    """Return the page's HTML; the same contents give the same bytes."""
    style, script = resource("report.css") + resource("audit.css"), resource("report.js")
    evidence = contents.evidence
    return _template().render(
        contents=contents,
        panels=panels_of(contents.audit),
        evidence=evidence,
        modalities=list(Modality),
        states=list(State),
        measures=MEASURES,
        facts=headline(evidence, contents.by_scan, contents.readout),
        doubts=by_target([imputed.record for imputed in evidence.whole]),
        makers=makers(evidence),
        seal=seal(evidence),
        rows=[s for s in evidence.cohort.subjects if _is_listed(evidence, s)],
        unshown=len({i.key for i in evidence.whole}) - len(contents.exhibits),
        left_out=sum(not layer.volumes for layer in _layers(contents)),
        viewer=_viewer_data(contents),
        scores_of=lambda panel: _scores_of(panel, contents),
        task_of=lambda panel: task_name(panel.imputed.target, panel.imputed.sources),
        codec_pictures=_codec_pictures,
        version=__version__,
        style=Markup(style),
        script=Markup(script),
        policy=policy(style, script),
    )


def _is_listed(evidence: Evidence, subject: Any) -> bool:
    """Tell whether a subject lacks a scan or has an imputed one; the complete are only counted."""
    return any(evidence.state(subject, m) is not State.ACQUIRED for m in Modality)


def _scores_of(panel: Panel, contents: Contents) -> list[Fact]:
    """Return scores and regional values of one panel's mean, as they are printed below it."""
    imputed = panel.imputed
    sources = "+".join(m.name for m in imputed.sources)
    key = (imputed.key, imputed.method, imputed.target.name, sources)
    found = contents.by_scan.get(key, {})
    scores = [
        Fact(f"{found[m.column]:.{m.decimals}f}", m.title)
        for m in MEASURES
        if not np.isnan(found.get(m.column, np.nan))
    ]
    return scores + [Fact(*reading) for reading in contents.readout.by_scan.get(key, ())]


def _layers(contents: Contents) -> Iterator[Layer]:
    """Yield every layer shown."""
    for exhibit in contents.exhibits:
        for panel in exhibit.panels:
            yield from panel.layers


def _viewer_data(contents: Contents) -> dict[str, Any]:
    """Return what the page's script reads: layers of each subject, and colour maps."""
    subjects = {e.subject.key: list(_viewer_layers(e)) for e in contents.exhibits}
    looks = {layer["colours"] for layers in subjects.values() for layer in layers}
    return {
        "subjects": subjects,
        "colours": {name: colour_table(name) for name in sorted(looks)},
    }


def _viewer_layers(exhibit: Exhibit) -> Iterable[dict[str, Any]]:
    """Yield the viewer's layers of one subject, each acquired scan once."""
    seen = set()
    for panel in exhibit.panels:
        for layer in panel.layers:
            if layer.volumes and layer.volumes not in seen:
                seen.add(layer.volumes)
                yield _viewer_layer(layer, panel)


def _viewer_layer(layer: Layer, panel: Panel) -> dict[str, Any]:
    """Return one layer as plain data."""
    return {
        "kind": layer.kind,
        "group": "Acquired" if layer.kind == "acquired" else panel.imputed.target.title,
        "title": layer.title,
        "colours": layer.look.colours,
        "low": layer.look.low,
        "high": layer.look.high,
        "unit": layer.look.unit,
        "volumes": layer.volumes,
        "word": layer.word,
    }


def _codec_pictures(codec: Codec) -> list[tuple[str, str]]:
    """Return (caption, base64 PNG) of a scan, its reconstruction and their difference."""
    affine = Grid(BOX_MM[0] // codec.acquired.shape[0]).affine
    colours = "inferno" if codec.modality.is_pet else "gray"
    plain, error = Look(colours, 0.0, 1.0, ""), Look("error", -0.25, 0.25, "")
    parts = (
        ("Given", codec.acquired, plain, ""),
        ("Given back", codec.reconstructed, plain, LABEL),
        ("Difference", codec.reconstructed - codec.acquired, error, LABEL),
    )
    return [
        (text, base64_of(picture(values, affine, look, word)))
        for text, values, look, word in parts
    ]


@cache
def _template() -> jinja2.Template:
    """Return the page's template, in which every text is escaped and no name may be unknown."""
    made = environment()
    made.filters["bar"] = lambda colours: base64_of(colour_bar(colours))
    made.filters["pretty"] = lambda plain: json.dumps(
        plain, indent=2, sort_keys=True, ensure_ascii=False
    )
    return made.from_string(resource("report.html.j2"))
