"""Embedders, one library a file, behind the port in `workers.embedder`."""
