"""Documents are written from results, and from nothing else."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from atp.cli import main
from atp.perception.baselines import BASELINES
from atp.reporting.goals import GOALS, early_share, goals_table
from atp.reporting.pages import BLOCKS, DOCUMENTS, render
from atp.reporting.result_files import DEFAULT_WEIGHTS, RESULTS, WEIGHTS, Results
from atp.reporting.soup_blocks import SHOWN_METHODS, STATISTICS
from atp.reporting.tables import markdown_table, perception_table, results_markdown
from atp.results.clip import ClipMeans, ClipsResult
from atp.results.eval import EvalResult, EvalRow, PerceptionScores
from atp.results.robustness import LeaveOneOutResult, LeaveOneOutRow, RobustnessResult, RobustnessRow
from atp.results.soup import AgentSoupsResult, AgentSoupsSeed, SweepPair, SweepResult, SweepRow


def row(policy: str, category: str, miou: list[float], split: str = "test", **more) -> EvalRow:
    scores = {
        "miou": miou[-1], "mape": 0.1, "hd95": 5.0, "optimal_rate_first_n": 0.6, "optimal_rate": 0.5,
        "effective_rate": 0.5, "motion_iou": 0.9, "false_motion_rate": 0.01, "num_parts": 2.0,
    }  # fmt: skip
    spread = {"miou": 0.02, "motion_iou": 0.01, "optimal_rate_first_n": 0.1}
    return EvalRow(policy, category, split, "", 10, scores | more, spread, {"miou": miou})


def result(rows: list[EvalRow], command: str = "atp eval --suite full") -> EvalResult:
    return EvalResult(command, "default", "abc", "def", "", [0, 1], 1.0, 1, rows)


ROWS = [
    row("ours", "pliers", [0.4, 0.7, 0.75, 0.8]),
    row("ours", "lighter", [0.3, 0.4, 0.5, 0.6], motion_iou=0.8, false_motion_rate=0.03),
    row("gt-act-mot", "pliers", [0.5, 1.0, 1.0, 1.0]),
    row("gt-act-mot", "lighter", [0.5, 0.9, 0.9, 0.9]),
    row("act-random", "pliers", [0.1, 0.2, 0.2, 0.3], optimal_rate_first_n=0.2),
    row("act-random", "lighter", [0.1, 0.2, 0.2, 0.3], optimal_rate_first_n=0.3),
]


def test_goals_by_hand():
    values = [goal.measure(ROWS) for goal in GOALS]
    assert values[:5] == pytest.approx([1.4 / 1.9, 0.6 / 0.9, 0.85, 0.02, 0.6 / 0.25])
    assert values[5] == pytest.approx(0.5 / 0.6)  # lighter: two parts, so after the third interaction
    assert values[6:] == [None, None]  # no PPO among the rows
    assert early_share(row("ours", "multilink", [0.1, 0.2, 0.3, 0.4], num_parts=3.1)) == 1.0
    verdicts = [line.split("|")[-2].strip() for line in goals_table(ROWS).splitlines()[2:]]
    assert verdicts == ["**no**", "**no**", "yes", "yes", "yes", "**no**", *["not measured"] * 2]


def repository(tmp_path: Path) -> Path:
    result(ROWS).write(tmp_path / RESULTS / "full.json")
    for document in DOCUMENTS:
        (tmp_path / document).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / document).write_text("Before\n\n<!-- report: goals -->\nold 0.123\n<!-- end -->\n\nAfter\n")
    return tmp_path


def test_report_writes_blocks_alone_and_check_sees_a_typed_figure(tmp_path, capsys):
    root = repository(tmp_path)
    main(["report", "--root", str(root)])
    text = (root / "README.md").read_text()
    assert text.startswith("Before\n\n<!-- report: goals -->\n| on the five")
    assert text.endswith("<!-- end -->\n\nAfter\n")
    assert "0.123" not in text
    assert "| pliers | ours | 10 | 0.800 ± 0.020 |" in (root / RESULTS / "full.md").read_text()
    assert (root / RESULTS / "full.png").is_file()
    main(["report", "--root", str(root), "--check"])
    (root / "README.md").write_text(text.replace("0.737", "0.900"))
    with pytest.raises(SystemExit) as stop:
        main(["report", "--root", str(root), "--check"])
    assert stop.value.code == 2
    assert "README.md" in capsys.readouterr().err


def test_trainings_are_compared_by_their_means(tmp_path):
    root = repository(tmp_path)
    other = [row("ours", "pliers", [0.5]), row("ours", "lighter", [0.7], optimal_rate_first_n=0.2)]
    for name in ("training-one-epoch", "training-no-hindsight"):
        result(other).write(root / RESULTS / f"{name}.json")
    (root / RESULTS / "four-categories.json").write_bytes((root / RESULTS / "full.json").read_bytes())
    lines = block("training", root)
    assert lines[4].endswith("| 0.700 | 0.600 |")  # (0.8 + 0.6) / 2
    assert lines[5].endswith("| 0.600 | 0.400 |")


def test_a_second_training_is_compared_category_by_category(tmp_path):
    root = repository(tmp_path)
    stated = [row("ours", name, [0.8]) for name in ("pliers", "lighter")]
    again = [row("ours", "pliers", [0.81]), row("ours", "lighter", [0.7])]
    for name, rows in (("full", stated), ("four-categories", stated), ("second-seed", again)):
        result(rows).write(root / RESULTS / f"{name}.json")
    lines = block("second-seed", root)
    assert lines[4].startswith("| pliers | 0.800 ± 0.020 | 0.810 ± 0.020 |")
    assert "Categories of 2 " in lines[-1]
    assert "mIoU in 1," in lines[-1]

    result(again, "atp eval").write(root / RESULTS / "default.json")
    lines = block("default-weights", root)
    assert lines[0].startswith("From `docs/results/default.json`: `.venv/bin/atp eval` (10 episodes")
    assert lines[-1].startswith("| mean | 0.800 | 0.755 |")


def test_the_summary_has_the_means_of_every_split(tmp_path):
    root = repository(tmp_path)
    seen = [row(policy, "usb", [value], "val") for policy, value in (("ours", 0.9), ("act-random", 0.6))]
    result([*ROWS, *seen]).write(root / RESULTS / "full.json")
    result([row("ours", "laptop", [0.7], "stress")]).write(root / RESULTS / "stress.json")
    means = {"agent": ClipMeans(0.55, None, None, None)}
    ClipsResult("video", 90, 0, [], means, []).write(root / RESULTS / "clips.json")
    caption, _, _, _, *lines = block("summary", root)
    assert caption.startswith("`full.json`: 10 episodes of 4 interactions for each policy and category, from 2 seeds.")
    assert lines == [
        "| unseen categories, mIoU | 0.700 | 0.300 | 0.950 |",
        "| training categories, unseen objects, mIoU | 0.900 | 0.600 | - |",
        "| stress categories, mIoU | 0.700 | - | - |",
        "| real clips, motion IoU | 0.550 | - | - |",
    ]


def test_robustness_and_the_leave_one_out_ablation_are_tables_of_their_files(tmp_path):
    root = repository(tmp_path)
    for name, iou in (("robustness", 0.7), ("robustness-four-categories", 0.3)):
        methods = {"agent": PerceptionScores(iou, 0.0), "dis_flow": PerceptionScores(0.25, 0.0)}
        variation = RobustnessRow("white_balance", 9, methods)
        RobustnessResult("atp robustness", "video", [variation]).write(root / RESULTS / f"{name}.json")
    assert block("robustness", root) == [
        "From `docs/results/robustness.json`: `.venv/bin/atp robustness` (9 pairs for each row; `four-categories` from "
        "`robustness-four-categories.json`).",
        "",
        "| what varies | `default` | `four-categories` | DIS flow |",
        "| --- | --- | --- | --- |",
        "| white balance | 0.700 | 0.300 | 0.250 |",
    ]
    rows = [
        LeaveOneOutRow("", {"hands": 0.6, "all": 0.5}, {"a": 0.4, "b": 0.6, "c": None}),
        LeaveOneOutRow("hands", {"hands": 0.3, "all": 0.45}, {}),
    ]
    LeaveOneOutResult("python -m train.leave_one_out", 400, {}, rows).write(root / RESULTS / "leave-one-out.json")
    lines = block("leave-one-out", root)
    assert lines[0].endswith("`.venv/bin/python -m train.leave_one_out` (400 steps each).")
    assert lines[4:] == ["| nothing |  |  | 0.500 | 0.500 |", "| hands | 0.600 | 0.300 | 0.450 | - |"]


def test_perception_tables_have_a_column_for_every_classical_method_that_was_scored():
    methods = {name: PerceptionScores(0.1 * k, None) for k, name in enumerate(BASELINES)}
    full = replace(ROWS[0], perception=methods)
    header, _, ious, false = perception_table([full, ROWS[1]]).splitlines()
    assert header == "| category |  | part network | frame difference | DIS flow | Farneback flow |"
    assert ious == "| pliers | motion IoU | 0.900 | 0.000 | 0.100 | 0.200 |"
    assert false == "| pliers | false motion | 0.010 | - | - | - |"
    older = replace(ROWS[1], perception={name: methods[name] for name in ("frame_difference", "dis_flow")})
    assert perception_table([older]).splitlines()[0].endswith("| frame difference | DIS flow |")
    assert perception_table([full, older]).splitlines()[4].endswith("| 0.000 | 0.100 | - |")


def test_a_table_refuses_lines_of_another_length():
    assert markdown_table(["a", "b"], [["1", "2"]]).splitlines()[-1] == "| 1 | 2 |"
    for line in (["1"], ["1", "2", "3"]):
        with pytest.raises(ValueError, match=f"a line of {len(line)} cells in a table of 2 columns"):
            markdown_table(["a", "b"], [["1", "2"], line])


def test_the_second_stage_is_read_from_the_config(tmp_path):
    (tmp_path / DEFAULT_WEIGHTS).mkdir(parents=True)
    options = {"learner": {"batch_size": 12, "pairs": 28}, "drawn": 3_000}
    first = {"gradient_steps": 7_000, "training_seconds": 3_600, "command": "one", "options": options,
             "machine": "2 CPU cores"}  # fmt: skip
    second = {**first, "gradient_steps": 500, "command": "two", "before": first}
    (tmp_path / DEFAULT_WEIGHTS / "config.json").write_text(json.dumps({"perception": second, "acting": first}))
    lines = block("second-stage", tmp_path)
    assert "1. 7,000 steps, each with 12 interactions of recorded play and 28 of 3,000 synthetic" in lines[2]
    assert "in 60 minutes (2 CPU cores): `one`" in lines[2]
    assert lines[-1].startswith("2. 500 steps")
    alone = block("acting-stage", tmp_path)
    assert alone[-1].startswith("1. 7,000 steps, each with 12 interactions of recorded play, in 60 minutes")


def test_the_recipe_is_read_from_the_config(tmp_path):
    (tmp_path / WEIGHTS).mkdir(parents=True)
    options = {"envs": 8, "learner": {"learning_rate": 1e-3}, "seed": 5}
    (tmp_path / WEIGHTS / "config.json").write_text(json.dumps({"options": options}))
    assert block("recipe", tmp_path)[4:] == [
        "| `--envs` | environments | 8 |",
        "| `--learner.learning-rate` | learning rate | 0.001 |",
    ]


def block(name: str, root: Path) -> list[str]:
    return BLOCKS.get(name)(Results(root)).splitlines()


def test_mistakes_in_documents_are_named(tmp_path, capsys):
    results = Results(repository(tmp_path))
    with pytest.raises(ValueError, match="unknown block 'gaols'"):
        render("<!-- report: gaols -->\n<!-- end -->", results)
    with pytest.raises(ValueError, match=r"stress\.json: missing"):
        render("<!-- report: stress -->\n<!-- end -->", results)
    for text in ("{", '{"rows": [], "weights_digest": "abc"}'):
        (tmp_path / RESULTS / "full.json").write_text(text)
        with pytest.raises(SystemExit):
            main(["report", "--root", str(tmp_path)])
        assert "full.json" in capsys.readouterr().err


ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_documents_of_the_repository_agree_with_their_results(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    assert render(text, Results(ROOT), str(document)) == text


def test_pages_of_scores_agree_with_their_results():
    files = [file for file in sorted((ROOT / RESULTS).glob("*.json")) if file.with_suffix(".md").is_file()]
    assert {"full", "stress", "ablations", "default"} <= {file.stem for file in files}
    for file in files:
        assert file.with_suffix(".md").read_text(encoding="utf-8") == results_markdown(EvalResult.read(file))


def test_every_result_is_on_a_page_and_every_page_is_linked():
    pages = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / RESULTS).glob("*.md")}
    text = "\n".join([*pages.values(), (ROOT / "docs/performance.md").read_text(encoding="utf-8")])
    for file in (ROOT / RESULTS).glob("*.json"):
        assert file.name in text, file.name
    linked = set(re.findall(r"\]\(([\w-]+\.md)", text))
    front = {document.name for document in DOCUMENTS}
    assert pages.keys() - front <= linked
    for name, page in pages.items():
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page):
            assert (ROOT / RESULTS / target).exists(), f"{name}: {target}"


def test_soups_of_agents(tmp_path):
    def scores(unseen, robustness):
        return {
            "unseen": {"pliers": unseen, "lighter": unseen + 0.2},
            "stress": {"laptop": 0.5},
            "robustness": {"blur": robustness},
        }

    seeds = [
        AgentSoupsSeed({}, {"initialisation": scores(0.6, 0.4), "greedy soup": scores(value, 0.5)})
        for value in (0.6, 0.7)
    ]
    AgentSoupsResult("python -m train.agent_soups", {"runs": 8}, seeds).write(tmp_path / RESULTS / "soup-agents.json")
    lines = block("soup-agents", tmp_path)
    assert "2 sweeps of 8 fine-tunes" in lines[0]
    assert lines[4:] == [
        "| initialisation | 0.700 | 0.500 | 0.400 |",
        "| greedy soup | 0.750 ± 0.071 | 0.500 | 0.500 |",
    ]


def test_soups_with_batchnorm(tmp_path):
    def sweep(accuracy, barrier):
        rows = [
            SweepRow(way, (0.0, 0.0), {"digits": (accuracy, 0.01), "noisy": (0.0, 0.0)}, (accuracy / 2, 0.02), {}, {})
            for way in SHOWN_METHODS
        ]
        pairs = [
            SweepPair(
                0, 1, angle=10 * number, barrier=barrier * number, difference=0.0, approximation=0.0, soup_loss=0.0,
                ensemble_loss=0.0, curvature=0.0, variance=0.0, rates=(0.1, 0.1), seed=0, low=number < 2,
                high=number > 2,
            )
            for number in range(5)
        ]  # fmt: skip
        return SweepResult("python x", 3, rows, "digits", ["noisy"], pairs)

    for k, name in enumerate(STATISTICS):
        sweep(0.2 * (k + 1), k).write(tmp_path / RESULTS / f"soup-{name}.json")
    lines = block("soup-batchnorm", tmp_path)
    greedy = next(line for line in lines if line.startswith("| greedy soup"))
    assert greedy.startswith("| greedy soup | 20.0 ± 1.0 | 10.0 ± 2.0 | 40.0 ± 1.0 | 20.0 ± 2.0 | 60.0 ± 1.0 |")
    assert "| +0.00 (35°) |  | +3.50 (35°) |  | +7.00 (35°) |  |" in lines[-1]
    assert "| +0.00 (5°) |  | +0.50 (5°) |  | +1.00 (5°) |  |" in lines[-2]
