"""Text in files, as it stands there: tables, encodings, days."""
