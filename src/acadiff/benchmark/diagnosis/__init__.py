"""Diagnoses from completed scans: people, rows, volumes, runs, and the tables of them."""
