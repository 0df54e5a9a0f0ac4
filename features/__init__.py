"""From sources to point-in-time feature matrices: snapshots, labels, plans, engine, store."""
