"""Tensors in, tensors out: the networks know nothing of files, subjects or recipes."""
