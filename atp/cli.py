"""The console command ``atp``.

Only the options of the command that is named are imported to read a command line, and what it does once that is read:
help and mistakes do not wait for PyTorch.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atp.version import __version__

DESCRIPTION = "An agent plays with articulated objects it knows nothing about and finds their parts."
SHELLS = ("bash", "zsh", "tcsh")


@dataclass(frozen=True)
class Command:
    """A subcommand.

    Attributes:
        module: With a function ``main`` that takes the options.
        options: Their class, as ``package.module:Class``.
        examples: What follows ``atp NAME``, with a comment on each.
    """

    module: str
    options: str
    examples: Sequence[tuple[str, str]]

    def options_class(self) -> type[Any]:
        """Import the class of the options."""
        module, _, name = self.options.partition(":")
        found: type[Any] = getattr(importlib.import_module(module), name)
        return found

    def summary(self) -> str:
        """What the command does, from the first line of its module, which is not imported for it."""
        spec = importlib.util.find_spec(self.module)
        assert spec is not None
        assert spec.origin is not None
        with Path(spec.origin).open(encoding="utf-8") as file:
            line = file.readline().strip().strip('"')
        return re.sub(r"^``atp [\w-]+``: ", "", line).rstrip(".")


def _command(name: str, options: str, *examples: tuple[str, str]) -> Command:
    stem = name.replace("-", "_")
    return Command(f"atp.commands.{stem}", f"atp.commands.options.{stem}:{options}", examples)


COMMANDS = {
    "play": _command(
        "play",
        "PlayOptions",
        ("--category pliers --seed 3", "a pair of pliers"),
        ("--object FOLDER --interactions 8", "your own object, from its URDF"),
        ("--category eyeglasses --model", "its joints too, and a URDF of what was found"),
    ),
    "eval": _command(
        "eval",
        "EvalOptions",
        ("--policies ours,act-random --episodes 20", "two policies on the four unseen categories"),
        ("--objects FOLDER", "objects of your own"),
        ("--suite full --seeds 5", "the whole benchmark; hours, goes on when interrupted"),
    ),
    "clip": _command(
        "clip",
        "ClipOptions",
        ("video.mp4", "one video: what moved, as images, masks and JSON"),
        ("video.mp4 --model", "and how it is joined to the rest"),
        ("FOLDER", "a folder of clips, with scores where they have masks"),
    ),
    "live": _command(
        "live",
        "LiveOptions",
        ("--camera 0", "the first webcam"),
        ("--folder PHOTOS --interactions 3", "photographs that arrive in a folder"),
    ),
    "demo": _command(
        "demo", "DemoOptions", ("", "a page at a local address that is printed"), ("--port 8000", "at this port")
    ),
    "annotate": Command(
        "atp.commands.annotate",
        "atp.commands.annotate:AnnotateOptions",
        (("video.mp4 --out FOLDER", "a new clip folder"), ("FOLDER", "change a clip folder")),
    ),
    "import-davis": _command(
        "import-davis", "ImportDavisOptions", ("DAVIS camel --out camel", "the sequence camel as a clip folder")
    ),
    "maps": _command(
        "maps", "MapsOptions", ("--category pliers --seed 4", "where to hold, and where to push for each hold")
    ),
    "object": _command(
        "object",
        "ObjectOptions",
        ("FOLDER", "the URDF in it: parts, joints, an image"),
        ("FOLDER --view 40,-60", "from 40 degrees above the ground"),
    ),
    "objects": _command(
        "objects", "ObjectsOptions", ("", "all categories"), ("--splits test --columns 4", "the unseen ones")
    ),
    "robustness": _command(
        "robustness", "RobustnessOptions", ("--pairs 20", "few pairs of each kind, in a minute or so")
    ),
    "soup": Command(
        "atp.commands.soup",
        "atp.commands.soup:SoupOptions",
        (
            ("FOLDER", "the mean of the checkpoints in a folder"),
            ("a.safetensors b.safetensors --method slerp --alpha 0.3", "between two"),
        ),
    ),
    "report": _command("report", "ReportOptions", ("--check", "whether the documents say what the results say")),
}
#: Commands of before, and what to tell who types them.
RENAMED = {"shifts": ("robustness", "--shifts", "--variations")}


def main(arguments: list[str] | None = None) -> None:
    """Run ``atp``; exits with 2 on a user's error and 130 on Ctrl-C.

    Args:
        arguments: Command line; None takes the process's.
    """
    name, *rest = _renamed(sys.argv[1:] if arguments is None else arguments) or [""]
    if name in ("-h", "--help", "help"):
        if not set(rest) & set(COMMANDS):
            print(overview())
            sys.exit(0)
        name, rest = next(each for each in rest if each in COMMANDS), ["--help"]
    if name in ("-V", "--version"):
        print(f"atp {__version__}")
    elif name == "completion":
        _print_completion(rest)
    elif name in COMMANDS:
        if os.getcwd() not in sys.path:
            sys.path.append(os.getcwd())  # where modules of the user's own are looked for last
        _run(name, rest)
    elif name:
        _fail(f"{name}: there is no such command{suggestion(name, COMMANDS)}; `atp --help` lists all")
    else:
        print(overview(), file=sys.stderr)
        sys.exit(2)


def overview() -> str:
    """The commands and what each does."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {command.summary()}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            "usage: atp COMMAND [OPTIONS]",
            "",
            DESCRIPTION,
            "",
            *lines,
            "",
            "  atp COMMAND --help    options and examples of a command",
            "  atp --version         the version",
            f'  atp completion SHELL  completion for {", ".join(SHELLS)}: in bash, eval "$(atp completion bash)"',
        ]
    )


def suggestion(name: str, known: Sequence[str] | dict[str, Any]) -> str:
    """Words to add to an error about a name that looks like a known one; empty if it looks like none."""
    close = difflib.get_close_matches(name, list(known), n=2, cutoff=0.6)
    return f"; did you mean {' or '.join(close)}?" if close else ""


def _run(name: str, arguments: list[str]) -> None:
    import tyro

    command = COMMANDS[name]
    try:
        options = tyro.cli(command.options_class(), prog=f"atp {name}", args=arguments)
    except SystemExit as stop:
        if not stop.code:  # help was asked for
            print("\n".join(["examples:", *(_example(name, *example) for example in command.examples)]))
        raise
    try:
        importlib.import_module(command.module).main(options)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        if not isinstance(error, _users_errors()):
            raise
        _fail(str(error))


def _users_errors() -> tuple[type[Exception], ...]:
    """Errors whose message is all that a user needs; Gymnasium's where it has been imported."""
    gymnasium = sys.modules.get("gymnasium")
    of_environments = () if gymnasium is None else (gymnasium.error.Error,)
    return (ValueError, OSError, RuntimeError, ImportError, *of_environments)


def _example(name: str, arguments: str, comment: str) -> str:
    return f"  {f'atp {name} {arguments}'.rstrip():<50}  # {comment}"


def _print_completion(arguments: list[str]) -> None:
    """Print the script that a shell reads to complete commands and options."""
    usage = f"atp completion {{{','.join(SHELLS)}}}"
    if arguments in (["-h"], ["--help"]):
        print(f"usage: {usage}\n\nPrint a script that completes commands and options: a shell evaluates it.")
        sys.exit(0)
    if len(arguments) != 1 or arguments[0] not in SHELLS:
        _fail(f"name a shell: {usage}")
    import tyro

    classes: dict[str, Callable[..., Any]] = {name: each.options_class() for name, each in COMMANDS.items()}
    tyro.extras.subcommand_cli_from_dict(classes, prog="atp", args=["--tyro-print-completion", arguments[0]])


def _fail(message: str) -> None:
    """Say what is wrong, and end."""
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)


def _renamed(arguments: list[str]) -> list[str]:
    """The arguments with the present name of the subcommand, and a note if an old one was given."""
    if not arguments or arguments[0] not in RENAMED:
        return list(arguments)
    old = arguments[0]
    new, old_option, new_option = RENAMED[old]
    print(f"note: atp {old} is called atp {new} now, and its {old_option} {new_option}", file=sys.stderr)
    return [new, *(re.sub(rf"^{old_option}\b", new_option, argument) for argument in arguments[1:])]


if __name__ == "__main__":
    main()
