"""Command lines run in this process, and what they print."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cli.main import run

RUN_FILES = {
    "clusters.parquet",
    "links.parquet",
    "review.parquet",
    "rejects.parquet",
    "model.json",
    "run.json",
    "report.html",
}
"""What every run writes."""


class Output:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The JSON lines of a command that succeeded."""
        assert 0 == self.code, self.err
        return [json.loads(line) for line in self.out.splitlines()]


class Shell:
    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def __call__(self, *words: object) -> Output:
        self._capture.readouterr()
        code = run([str(word) for word in words])
        captured = self._capture.readouterr()
        return Output(code, captured.out, captured.err)
