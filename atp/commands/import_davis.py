"""``atp import-davis``: make a sequence in the layout of DAVIS into a clip folder."""

from __future__ import annotations

from atp.clips.davis import find_sequence, import_sequence
from atp.commands.options.import_davis import ImportDavisOptions


def main(options: ImportDavisOptions) -> None:
    """Run the command and print what was written."""
    try:
        objects = [int(text) for text in options.objects.split(",")] if options.objects else []
    except ValueError as error:
        raise ValueError(f"--objects must be numbers such as 1,2, got {options.objects!r}") from error
    sequence = find_sequence(options.root, options.sequence, options.resolution)
    written = import_sequence(
        sequence,
        options.out,
        options.before,
        options.after,
        objects,
        options.source,
        options.licence,
    )
    print(f"{options.out}: {len(sequence.images)} frames, from {written.before} to {written.after}")
