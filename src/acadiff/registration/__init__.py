"""One visit's scans, wherever they lie → the model's grid: brain alone, PET in SUVR, and back.

Scans that lie in template space are resampled once. Native ones are registered by ANTsPy, which is
an optional dependency: nothing else here needs it.
"""
