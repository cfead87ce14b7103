"""What the paper reports of generation: on ADNI at 1 mm, never to be set against other people's.

Its figure 2 holds no numbers in the text; what is known is what its results section says. PSNR of
ACADiff-emb is the difference that is told, 1.8 dB.
"""

LABEL = "paper, ADNI, 1 mm"

GENERATION: dict[tuple[str, str], float] = {
    ("acadiff", "psnr"): 27.9,
    ("acadiff", "ssim"): 0.911,
    ("acadiff", "nmi"): 0.859,
    ("acadiff", "mae"): 0.014,
    ("acadiff_emb", "psnr"): 26.1,
}
"""(method, metric) → the value, averaged over the three generators."""
