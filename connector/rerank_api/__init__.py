"""The rerank API: texts against a query, in the shapes that other servers' clients speak."""
