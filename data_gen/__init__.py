"""A population like China's, on demand, with the truth: people, their records, their errors."""

__all__: list[str] = []
