"""Soups of the agent itself: fine-tunes from one initialisation, mixed, and measured where they never were.

Each seed is a sweep of its own. Single fine-tunes and greedy soups are chosen by play with held-out objects of the
training categories, each network for itself. What is there already is not done again.
"""

from __future__ import annotations

import json
import shlex
import statistics
import sys
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from assets.files import write_json
from atp.agent import Agent
from atp.benchmark.evaluation import Setting, evaluate
from atp.benchmark.suites import suite_cells
from atp.benchmark.synthetic_robustness import score_variation
from atp.jobs.journal import Journal
from atp.jobs.progress import Progress
from atp.json_dataclasses import from_json
from atp.results.soup import AgentSoupsResult, AgentSoupsSeed
from atp.soups import Ingredients, StateDict, greedy_soup, uniform_soup
from envs.image_pairs import ImagePairConfig
from train.config import check_range
from train.finetuning.agents import AgentSpace, fine_tune_agent, interaction_score, part_score
from train.runs.run_folder import open_recorded

NETWORKS = ("interaction", "part")
#: What is measured: the initialisation and what comes of its fine-tunes.
WAYS = ("initialisation", "best single", "uniform soup", "greedy soup")


@dataclass(frozen=True)
class AgentSoupsConfig:
    """Options.

    Attributes:
        out: Folder with one for each seed.
        json: File for the scores of all seeds.
        weights: The initialisation: a folder or the name of shipped weights.
        play: Folder of ``train.record``: play to fine-tune with.
        held_out: The same on the split ``val``: play to choose with.
        seeds: Sweeps.
        runs: Fine-tunes of a sweep.
        episodes: Episodes in a category and seed of the evaluation.
        eval_seeds: Seeds of the evaluation.
        pairs: Synthetic image pairs of each kind, to measure how robust the part network is.
        threads: CPU threads of PyTorch; 0 leaves its default.
        space: Ranges of the recipes.
    """

    out: Path = Path("runs/agent-soups")
    json: Path = Path("docs/results/soup-agents.json")
    weights: str = "four-categories"
    play: Path = Path("runs/recorded")
    held_out: Path = Path("runs/held-out")
    seeds: int = 3
    runs: int = 8
    episodes: int = 10
    eval_seeds: int = 2
    pairs: int = 60
    threads: int = 0
    space: AgentSpace = field(default_factory=AgentSpace)

    def __post_init__(self) -> None:
        check_range(self, 1, None, "seeds", "runs", "episodes", "eval_seeds", "pairs")


class AgentSoups:
    """The sweeps and what comes of them.

    Args:
        config: The options.

    Raises:
        ValueError: A folder is not one of recorded play.
        atp.checkpoint.CheckpointError: The weights cannot be read.
    """

    def __init__(self, config: AgentSoupsConfig) -> None:
        self.config = config
        if config.threads:
            torch.set_num_threads(config.threads)
        torch.set_flush_denormal(True)
        self.initial = Agent.from_pretrained(config.weights, "cpu")
        self.play, held_out = (open_recorded(folder) for folder in (config.play, config.held_out))
        self.records: NDArray[Any] = held_out.newest(len(held_out))

    def run(self) -> bool:
        """Fine-tune, mix, measure and write; True, since what stops it is an exception."""
        config = self.config
        found = [self._seed(seed, config.out / f"seed-{seed}") for seed in range(config.seeds)]
        command = shlex.join(["python", "-m", "train.agent_soups", *sys.argv[1:]])
        AgentSoupsResult(command, _options(config), found).write(config.json)
        print(json.dumps(_means(found), indent=1))
        return True

    def close(self) -> None:
        """Nothing is left open."""

    def _seed(self, seed: int, folder: Path) -> AgentSoupsSeed:
        """One sweep: which fine-tunes were chosen, and all scores."""
        folders = self._fine_tune(seed, folder)
        choice, made_with = folder / "choice.json", folder / "compared.json"
        about = self._about(folders)
        if not choice.exists() or _read(made_with) != about:
            for way in WAYS:  # scores of other soups than those that are made now
                (folder / f"{way.replace(' ', '-')}.json").unlink(missing_ok=True)
                (folder / f"{way.replace(' ', '-')}.journal").unlink(missing_ok=True)
            made_with.unlink(missing_ok=True)
            write_json(choice, self._mix(folders, folder))
            write_json(made_with, about)
        chosen = json.loads(choice.read_text("utf-8"))
        scores = {}
        for way in WAYS:
            weights = folder / way.replace(" ", "-") if way != WAYS[0] else Path(self.config.weights)
            done = (folder if way != WAYS[0] else self.config.out) / f"{way.replace(' ', '-')}.json"
            config = self.config
            kept, asked = _read(done), [config.weights, config.episodes, config.eval_seeds, config.pairs]
            if kept is None or kept.get("asked") != asked:
                kept = {**self._measure(str(weights), done.with_suffix(".journal")), "asked": asked}
                write_json(done, kept)
            scores[way] = {name: value for name, value in kept.items() if name != "asked"}
        return from_json(AgentSoupsSeed, {"chosen": chosen, "scores": scores})

    def _about(self, folders: list[Path]) -> dict[str, Any]:
        """What the choice depends on: which fine-tunes there are, and what they are chosen by."""
        files = [folder / f"{name}.safetensors" for folder in folders for name in NETWORKS]
        stats = [
            [str(file.relative_to(file.parents[1])), file.stat().st_size, file.stat().st_mtime_ns] for file in files
        ]
        return {"held_out": str(self.config.held_out), "weights": self.config.weights, "fine_tunes": stats}

    def _fine_tune(self, seed: int, folder: Path) -> list[Path]:
        """The weights of the fine-tunes of a sweep."""
        config = self.config
        folders = [folder / f"{number:03}" for number in range(config.runs)]
        for number, each in enumerate(folders):
            if each.exists():
                continue
            recipe = config.space.draw(seed, number)
            print(f"seed {seed}, fine-tune {number}: {recipe.steps} steps", flush=True)
            with Progress(recipe.steps, "gradient steps", each.name, lines=False) as progress:
                agent = fine_tune_agent(self.initial, self.play, recipe, progress.advance)
            agent.config["fine_tune"] = asdict(recipe)
            agent.save_pretrained(each)
        return folders

    def _mix(self, folders: list[Path], out: Path) -> dict[str, Any]:
        """Make the soups of both networks; which fine-tunes each consists of, and the held-out scores."""
        found: dict[str, Any] = {}
        states: dict[str, dict[str, StateDict]] = {way: {} for way in WAYS[1:]}
        for name in NETWORKS:
            files = Ingredients([folder / f"{name}.safetensors" for folder in folders])
            singles = [self._score(name, files.load(index)) for index in range(len(files))]
            best = max(range(len(files)), key=lambda index: (singles[index], index))  # of equals the later, as greedy
            greedy = greedy_soup(files, partial(self._score, name), singles)
            uniform = uniform_soup(files)
            states["best single"][name] = files.load(best)
            states["uniform soup"][name], states["greedy soup"][name] = uniform, greedy.state
            start = getattr(self.initial, name).state_dict()
            scores = {
                "initialisation": self._score(name, start), "best single": singles[best],
                "uniform soup": self._score(name, uniform), "greedy soup": self._score(name, greedy.state),
            }  # fmt: skip
            found[name] = {
                "singles": singles,
                "best": best,
                "greedy": list(greedy.chosen),
                "held_out": scores,
            }
        for way, both in states.items():
            agent = Agent.from_pretrained(self.config.weights, "cpu")
            for name, state in both.items():
                getattr(agent, name).load_state_dict(state)
            agent.save_pretrained(out / way.replace(" ", "-"))
        return found

    def _score(self, name: str, state: StateDict) -> float:
        """Held-out score of one network's weights."""
        agent = Agent.from_pretrained(self.config.weights, "cpu")
        network = getattr(agent, name)
        network.load_state_dict(state)
        score = part_score if name == "part" else interaction_score
        return score(network, self.records, agent.device)

    def _measure(self, weights: str, journal: Path) -> dict[str, Any]:
        """MIoU on the unseen categories and on the stress group, motion IoU of synthetic image pairs."""
        config = self.config
        setting = Setting(weights=weights, device="cpu")
        seeds = list(range(config.eval_seeds))
        groups = {"unseen": suite_cells("full", ["ours"]), "stress": suite_cells("stress", ["ours"])}
        groups["unseen"] = [cell for cell in groups["unseen"] if cell.split == "test"]
        found: dict[str, Any] = {}
        for group, cells in groups.items():
            print(f"{weights}: {group}", flush=True)
            rows = evaluate(cells, config.episodes, seeds, setting, journal=Journal(journal, {"weights": weights}))
            found[group] = {row.category: row.scores["miou"] for row in rows}
        agent = Agent.from_pretrained(weights, "cpu").for_clips()
        size = agent.resolution
        found["robustness"] = {
            kind: score_variation(agent, kind, config.pairs, size).methods["agent"].motion_iou
            for kind in ImagePairConfig.__dataclass_fields__
        }
        return found


def _read(path: Path) -> Any:
    """JSON of a file; None where there is none."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None


def _options(config: AgentSoupsConfig) -> dict[str, Any]:
    options: dict[str, Any] = json.loads(json.dumps(asdict(config), default=str))
    return options


def _means(found: list[AgentSoupsSeed]) -> dict[str, dict[str, tuple[float, float]]]:
    """Mean and standard deviation over the seeds of the mean of each group, by way."""
    table: dict[str, dict[str, tuple[float, float]]] = {}
    for way in WAYS:
        table[way] = {}
        for group in ("unseen", "stress", "robustness"):
            values = [statistics.fmean(each.scores[way][group].values()) for each in found]
            spread = statistics.stdev(values) if len(values) > 1 else 0.0
            table[way][group] = (round(statistics.fmean(values), 4), round(spread, 4))
    return table
