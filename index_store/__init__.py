"""The identity index on disk: tables of packed runs in LMDB, the journal, what is derived of it."""

__all__: list[str] = []
