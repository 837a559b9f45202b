"""The console command ``atp``."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from typing import Annotated, Any

import tyro

from atp.commands import (
    annotate,
    clip,
    demo,
    eval,
    import_davis,
    live,
    maps,
    object,
    objects,
    play,
    report,
    robustness,
    soup,
)

Options = (
    Annotated[play.PlayOptions, tyro.conf.subcommand("play")]
    | Annotated[eval.EvalOptions, tyro.conf.subcommand("eval")]
    | Annotated[clip.ClipOptions, tyro.conf.subcommand("clip")]
    | Annotated[live.LiveOptions, tyro.conf.subcommand("live")]
    | Annotated[demo.DemoOptions, tyro.conf.subcommand("demo")]
    | Annotated[annotate.AnnotateOptions, tyro.conf.subcommand("annotate")]
    | Annotated[import_davis.ImportDavisOptions, tyro.conf.subcommand("import-davis")]
    | Annotated[maps.MapsOptions, tyro.conf.subcommand("maps")]
    | Annotated[object.ObjectOptions, tyro.conf.subcommand("object")]
    | Annotated[objects.ObjectsOptions, tyro.conf.subcommand("objects")]
    | Annotated[robustness.RobustnessOptions, tyro.conf.subcommand("robustness")]
    | Annotated[soup.SoupOptions, tyro.conf.subcommand("soup")]
    | Annotated[report.ReportOptions, tyro.conf.subcommand("report")]
)
COMMANDS: dict[type, Callable[[Any], None]] = {
    play.PlayOptions: play.main,
    eval.EvalOptions: eval.main,
    clip.ClipOptions: clip.main,
    live.LiveOptions: live.main,
    demo.DemoOptions: demo.main,
    annotate.AnnotateOptions: annotate.main,
    import_davis.ImportDavisOptions: import_davis.main,
    maps.MapsOptions: maps.main,
    object.ObjectOptions: object.main,
    objects.ObjectsOptions: objects.main,
    robustness.RobustnessOptions: robustness.main,
    soup.SoupOptions: soup.main,
    report.ReportOptions: report.main,
}


def main(arguments: list[str] | None = None) -> None:
    """Run ``atp``; exits with 2 on a user's error and 130 on Ctrl-C.

    Args:
        arguments: Command line; None takes the process's.
    """
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # where modules of the user's own are looked for last
    options = tyro.cli(
        Options,
        prog="atp",
        args=_renamed(sys.argv[1:] if arguments is None else arguments),
        description="An agent plays with articulated objects it knows nothing about and finds their parts.",
    )
    try:
        COMMANDS[type(options)](options)
    except (ValueError, OSError, RuntimeError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)


def _renamed(arguments: list[str]) -> list[str]:
    """The arguments with the present name of the subcommand, and a note if an old one was given."""
    if arguments[:1] != ["shifts"]:
        return arguments
    print("note: atp shifts is called atp robustness now, and its --shifts --variations", file=sys.stderr)
    return ["robustness", *(re.sub(r"^--shifts\b", "--variations", argument) for argument in arguments[1:])]


if __name__ == "__main__":
    main()
