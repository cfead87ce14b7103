"""A trained model in use: codecs, generators and text encoder behind one call.

`Imputer.from_pretrained(folder)` reads a work folder (or a repository of the Hugging Face hub, if
its name is given and the network is allowed); `impute(subject, target)` fills in one scan.
"""

from acadiff.imputer.model import MICROBATCH, Imputer

__all__ = ["MICROBATCH", "Imputer"]
