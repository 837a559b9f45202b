"""A journal of finished pieces of work, so that what was interrupted resumes where it was."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from assets.files import write_text


class Journal:
    """Results by key, in a file with one JSON line for each, written as soon as they are there.

    The first line is a header that says what the results depend on. A file with another header is of no use and is
    replaced. A line that was cut short, because the process was killed while it wrote, is left out.

    Args:
        path: The file; made if missing.
        header: Numbers, strings, lists and dictionaries that decide the results.
    """

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        self.path = path
        self._results: dict[str, Any] = {}
        first = json.dumps({"header": header}, sort_keys=True)
        lines = path.read_text("utf-8", "replace").splitlines() if path.is_file() else []
        if lines and lines[0] == first:
            for line in lines[1:]:
                try:
                    entry = json.loads(line)
                    self._results[entry["key"]] = entry["value"]
                except (ValueError, LookupError, TypeError, RecursionError):
                    continue  # cut short, or damaged
        entries = [json.dumps({"key": key, "value": value}) for key, value in self._results.items()]
        write_text(path, "\n".join([first, *entries]) + "\n")

    def __contains__(self, key: str) -> bool:
        return key in self._results

    def __getitem__(self, key: str) -> Any:
        return self._results[key]

    def __len__(self) -> int:
        return len(self._results)

    def add(self, key: str, value: Any) -> None:
        """Append a result: numbers, strings, lists and dictionaries."""
        self._results[key] = value
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": key, "value": value}) + "\n")
            file.flush()
            os.fsync(file.fileno())
