"""Who is studied: the table of subjects, its splits, and which scans are taken away."""
