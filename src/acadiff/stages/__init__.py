"""One verb each: read a folder, do one thing, write a folder."""
