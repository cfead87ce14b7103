"""What a source holds: BIDS, CAPS and tables of paths, and what their names and JSON tell."""
