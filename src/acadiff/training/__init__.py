"""One training loop for everything that is fitted; it knows nothing about brains."""
