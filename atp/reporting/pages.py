"""The documents that hold results: each block between two markers is written from the files in ``docs/results``.

A block begins with a line ``<!-- report: NAME -->`` and ends with ``<!-- end -->``; what is between them is replaced.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from assets.registry import Registry
from atp.reporting import play_blocks, soup_blocks, speed_blocks, training_blocks, video_blocks
from atp.reporting.result_files import DEFAULT_WEIGHTS, RESULTS, WEIGHTS, Results
from atp.reporting.tables import results_markdown
from atp.results.eval import EvalResult

BLOCK = re.compile(r"(<!-- report: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
#: Documents with blocks.
DOCUMENTS = (
    Path("README.md"),
    *(RESULTS / f"{name}.md" for name in ("benchmark", "real-video", "soups", "training")),
    Path("docs/performance.md"),
    WEIGHTS / "README.md",
    DEFAULT_WEIGHTS / "README.md",
)

#: Makes Markdown from the files of results.
Block = Callable[[Results], str]
#: Every block by name.
BLOCKS: Registry[Block] = Registry("block")
BLOCKS.add("summary", play_blocks.summary)
BLOCKS.add("goals", play_blocks.goals)
BLOCKS.add("benchmark", play_blocks.benchmark)
BLOCKS.add("means", play_blocks.means)
BLOCKS.add("ablations", play_blocks.ablations)
BLOCKS.add("training", play_blocks.training)
BLOCKS.add("stress", play_blocks.stress)
BLOCKS.add("second-seed", play_blocks.second_seed)
BLOCKS.add("default-weights", play_blocks.default_weights)
BLOCKS.add("joints", play_blocks.joints)
BLOCKS.add("perception", video_blocks.perception)
BLOCKS.add("clips", video_blocks.clips)
BLOCKS.add("validation-clips", video_blocks.validation_clips)
BLOCKS.add("robustness", video_blocks.robustness)
BLOCKS.add("leave-one-out", video_blocks.leave_one_out)
for _name in soup_blocks.SWEEPS:
    BLOCKS.add(f"soup-{_name}", soup_blocks.sweep_soups(_name))
BLOCKS.add("soup-batchnorm", soup_blocks.batchnorm_soups)
BLOCKS.add("soup-agents", soup_blocks.agent_soups)
BLOCKS.add("weights", training_blocks.weights)
BLOCKS.add("recipe", training_blocks.recipe)
BLOCKS.add("second-stage", training_blocks.second_stage)
BLOCKS.add("acting-stage", training_blocks.acting_stage)
BLOCKS.add("speed", speed_blocks.speed_goals)
BLOCKS.add("bench", speed_blocks.speed_table)
BLOCKS.add("endurance", speed_blocks.endurance)


def render(text: str, results: Results, name: str = "document") -> str:
    """Fill the blocks of a document.

    Args:
        text: The document.
        results: Where the figures come from.
        name: Of the document, for errors.

    Returns:
        The document with every block written anew.

    Raises:
        ValueError: A block has an unknown name, or its file is missing or wrong.
    """

    def fill(match: re.Match[str]) -> str:
        block = match[2]
        if block not in BLOCKS:
            raise ValueError(f"{name}: unknown block {block!r}: choose among {', '.join(BLOCKS)}")
        return f"{match[1]}{BLOCKS.get(block)(results)}\n{match[3]}"

    return BLOCK.sub(fill, text)


def documents(root: Path) -> dict[Path, str]:
    """Every document with results as it should be, by path.

    These are :data:`DOCUMENTS`, their blocks filled, and beside every result of ``atp eval`` a page with all scores.

    Args:
        root: Folder of the repository.

    Raises:
        ValueError: A document or a file of results is missing or wrong.
    """
    results = Results(root)
    found: dict[Path, str] = {}
    for document in DOCUMENTS:
        path = root / document
        if not path.is_file():
            raise ValueError(f"{path}: missing; run this in a checkout of the repository, or give --root")
        found[path] = render(path.read_text(encoding="utf-8"), results, str(path))
    for file in sorted((root / RESULTS).glob("*.json")):
        if _has_scores(file):
            found[file.with_suffix(".md")] = results_markdown(EvalResult.read(file))
    return found


def _has_scores(file: Path) -> bool:
    """Whether a file is a result of ``atp eval``, as far as its keys tell."""
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{file}: cannot be read as JSON ({error})") from error
    return isinstance(value, dict) and {"rows", "weights_digest"} <= value.keys()
