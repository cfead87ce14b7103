"""What the report's interactive viewer needs: NiiVue's code and volumes small enough to inline.

NiiVue comes from the installed `ipyniivue` wheel, never from a copy in this repository. The wheel
holds one file, `static/widget.js`, in which the widget proper is entangled with Jupyter's kernel;
but for NiiVue's own "save as HTML" that file also carries, as one URL-encoded string, the complete
stand-alone ES module with its public exports. We take that string. Gzipped and base64-encoded it
adds 1.1 MB to a report, once; the page unpacks it on the first click, imports it from a `blob:`
URL and so needs no network, no server and no `unsafe-inline`.

nilearn's `view_img` was the alternative and works from a file as well. It costs 0.2 MB for *each*
volume at 4 mm (a sprite, jQuery and a library per picture) against 0.07 MB here, needs a frame and
inline scripts per volume, asks a web server for an icon, and cannot switch layers under one
crosshair or read values off all of them. Where WebGL is absent the static pictures serve instead.
"""

import base64
import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote

import nibabel as nib
import numpy as np
from jaxtyping import Float

from acadiff.outputs.figures import palette

LEVELS = 2000
"""Steps into which a volume's range is cut for the viewer; the file on disk stays exact."""

_NODES = 65
_ENCODED = re.compile(r'"([^"\\\s]{500000,})"')


@dataclass(frozen=True)
class Engine:
    """NiiVue, ready to inline: base64 of the gzipped module, where it is from, its licence."""

    code: str
    origin: str
    licence: str


@lru_cache
def engine() -> Engine | None:
    """Return NiiVue from the installed `ipyniivue`, or None if it is not there in a known form."""
    try:
        wheel = metadata.distribution("ipyniivue")
    except metadata.PackageNotFoundError:
        return None
    widget = Path(str(wheel.locate_file("ipyniivue/static/widget.js")))
    module = standalone(widget.read_text(encoding="utf-8")) if widget.is_file() else None
    if module is None:
        return None
    licences = [file for file in wheel.files or () if file.name == "LICENSE"]
    packed = gzip.compress(module.encode(), 9, mtime=0)
    return Engine(
        base64.b64encode(packed).decode(),
        f"NiiVue, from ipyniivue {wheel.version}",
        licences[0].read_text() if licences else "BSD-2-Clause",
    )


def standalone(widget: str) -> str | None:
    """Find the URL-encoded ES module that exports `Niivue` and `NVImage` inside `widget`."""
    for match in _ENCODED.finditer(widget):
        module = unquote(match[1])
        names = module[module.rfind("export{") :]
        if {"Niivue", "NVImage"} <= set(re.findall(r"\w+", names)):
            return module
    return None


def pack(volume: Float[np.ndarray, "i j k"], affine: Float[np.ndarray, "4 4"]) -> str:
    """Return a volume as base64 of a gzipped NIfTI of 16-bit integers.

    Values are rounded to `LEVELS` steps of their range, which keeps the report small.

    Args:
        volume: values in RAS+ voxel order.
        affine: voxel to millimetre.
    """
    low, high = float(volume.min()), float(volume.max())
    slope = (high - low) / LEVELS or 1.0
    steps = np.round((volume - low) / slope).astype(np.int16)
    image = nib.Nifti1Image(steps, affine)
    image.header.set_slope_inter(slope, low)
    image.header["descrip"] = b"for display only"
    return base64.b64encode(gzip.compress(image.to_bytes(), 9, mtime=0)).decode()


def colour_table(colours: str) -> Mapping[str, list[int]]:
    """Return a colour map as NiiVue wants it, transparent where it is black."""
    nodes = palette(colours, _NODES).astype(int)
    where = np.linspace(0, 255, _NODES)
    empty = 127.5 if colours == "error" else 0.0
    alpha = np.clip(np.abs(where - empty) * 12, 0, 255)
    red, green, blue = nodes.T.tolist()
    return {
        "R": red,
        "G": green,
        "B": blue,
        "A": np.round(alpha).astype(int).tolist(),
        "I": np.round(where).astype(int).tolist(),
    }
