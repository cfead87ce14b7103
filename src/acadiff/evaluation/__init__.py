"""How good a filled-in scan is: numbers against the scan really made, and their tables."""
