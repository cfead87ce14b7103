"""Clinical tables: what is known of every person at every visit."""
