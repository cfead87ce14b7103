"""Between volumes and latents: the codec, what it leaves on disk, and the batches made of it."""
