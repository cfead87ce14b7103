"""One scan in memory: its voxels, where they lie in the head, which are brain, and their scale."""
