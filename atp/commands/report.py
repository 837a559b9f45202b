"""``atp report``: write the tables of the README and of the pages in docs from the files of results."""

from __future__ import annotations

from assets.files import write_text
from atp.commands.options.report import ReportOptions
from atp.reporting.pages import documents
from atp.reporting.result_files import RESULTS, Results


def main(options: ReportOptions) -> None:
    """Write the documents, or check them.

    Args:
        options: Where, and whether to write.

    Raises:
        ValueError: A document or a file of results is missing; with ``check``, a document differs.
    """
    found = documents(options.root)
    stale = [path for path, text in found.items() if not path.is_file() or path.read_text("utf-8") != text]
    if options.check:
        if stale:
            raise ValueError(f"{', '.join(map(str, stale))}: not what docs/results says; run atp report")
        print(f"{len(found)} documents agree with {options.root / RESULTS}")
        return
    for path in stale:
        write_text(path, found[path])
        print(path)
    from atp.reporting.plots import draw_by_interaction

    for name in ("full", "stress"):
        if (options.root / RESULTS / f"{name}.json").is_file():
            draw_by_interaction(Results(options.root).scores(name), options.root / RESULTS / f"{name}.png")
