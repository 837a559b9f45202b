"""Documents are written from results, and from nothing else."""

import json
from pathlib import Path

import pytest

from atp.cli import main
from atp.reporting.goals import GOALS, early_share, goals_table
from atp.reporting.pages import BLOCKS, DOCUMENTS, RESULTS, VIDEO_WEIGHTS, Results, render
from atp.reporting.soup_pages import SHOWN_METHODS, STATISTICS, agent_soups, batchnorm_soups


def row(policy: str, category: str, miou: list[float], **more) -> dict:
    scores = {
        "miou": miou[-1], "mape": 0.1, "hd95": 5.0, "optimal_rate_first_n": 0.6, "optimal_rate": 0.5,
        "effective_rate": 0.5, "motion_iou": 0.9, "false_motion_rate": 0.01, "num_parts": 2.0,
    }  # fmt: skip
    return {
        "policy": policy, "category": category, "split": "test", "variant": "", "episodes": 10,
        "spread": {"miou": 0.02, "motion_iou": 0.01, "optimal_rate_first_n": 0.1},
        "miou_by_interaction": miou, **(scores | more),
    }  # fmt: skip


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
    result = {"command": "atp eval --suite full", "weights": "default", "weights_digest": "abc",
              "seeds": [0, 1], "rows": ROWS}  # fmt: skip
    (tmp_path / RESULTS).mkdir(parents=True)
    (tmp_path / RESULTS / "full.json").write_text(json.dumps(result))
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
    other = {"rows": [row("ours", "pliers", [0.5]), row("ours", "lighter", [0.7], optimal_rate_first_n=0.2)]}
    for name in ("training-one-epoch", "training-no-hindsight"):
        (root / RESULTS / f"{name}.json").write_text(json.dumps(other))
    lines = BLOCKS["training"](Results(root)).splitlines()
    assert lines[2].endswith("| 0.700 | 0.600 |")  # (0.8 + 0.6) / 2
    assert lines[3].endswith("| 0.600 | 0.400 |")


def test_a_second_training_is_compared_category_by_category(tmp_path):
    root = repository(tmp_path)
    stated = [row("ours", name, [0.8]) for name in ("pliers", "lighter")]
    again = [row("ours", "pliers", [0.81]), row("ours", "lighter", [0.7])]
    for name, rows in (("full", stated), ("second-seed", again)):
        (root / RESULTS / f"{name}.json").write_text(json.dumps({"rows": rows}))
    lines = BLOCKS["second-seed"](Results(root)).splitlines()
    assert lines[2].startswith("| pliers | 0.800 ± 0.020 | 0.810 ± 0.020 |")
    assert "Categories of 2 " in lines[-1]
    assert "mIoU in 1," in lines[-1]

    played = {"command": "atp eval --weights video", "seeds": [0, 1], "rows": again}
    (root / RESULTS / "video.json").write_text(json.dumps(played))
    lines = BLOCKS["video-weights"](Results(root)).splitlines()
    assert lines[0].startswith("`.venv/bin/atp eval --weights video`")
    assert lines[-1].startswith("| mean | 0.800 | 0.755 |")


def test_shifts_and_switches_are_tables_of_their_files(tmp_path):
    results = Results(repository(tmp_path))

    def scores(iou: float) -> dict:
        return {"motion_iou": iou, "false_motion_rate": 0.0}

    for name, iou in (("shifts", 0.7), ("shifts-default", 0.3)):
        shift = {"shift": "white_balance", "pairs": 9, "agent": scores(iou), "dis_flow": scores(0.25)}
        (tmp_path / RESULTS / f"{name}.json").write_text(json.dumps({"command": "atp shifts", "shifts": [shift]}))
    assert BLOCKS["shifts"](results).splitlines() == [
        "`.venv/bin/atp shifts` (9 pairs for each row).",
        "",
        "| what varies | `video` | `default` | DIS flow |",
        "| --- | --- | --- | --- |",
        "| white balance | 0.700 | 0.300 | 0.250 |",
    ]
    rows = [
        {"without": "", "shifts": {"hands": 0.6, "all": 0.5}, "clips": {"a": 0.4, "b": 0.6, "c": None}},
        {"without": "hands", "shifts": {"hands": 0.3, "all": 0.45}, "clips": {}},
    ]
    switches = {"command": "python -m train.leave_one_out", "steps": 400, "rows": rows}
    (tmp_path / RESULTS / "switches.json").write_text(json.dumps(switches))
    lines = BLOCKS["switches"](results).splitlines()
    assert lines[0] == "`python -m train.leave_one_out` (400 steps each):"
    assert lines[4:] == ["| nothing |  |  | 0.500 | 0.500 |", "| hands | 0.600 | 0.300 | 0.450 | - |"]


def test_the_second_stage_is_told_from_the_config(tmp_path):
    results = Results(tmp_path)
    (tmp_path / VIDEO_WEIGHTS).mkdir(parents=True)
    options = {"learner": {"batch_size": 12, "pairs": 28}, "drawn": 3_000}
    first = {"gradient_steps": 7_000, "training_seconds": 3_600, "command": "one", "options": options,
             "machine": "2 CPU cores"}  # fmt: skip
    second = {**first, "gradient_steps": 500, "command": "two", "before": first}
    (tmp_path / VIDEO_WEIGHTS / "config.json").write_text(json.dumps({"perception": second}))
    text = BLOCKS["second-stage"](results)
    assert "1. 7,000 steps, each with 12 interactions of recorded play and 28 of 3,000 synthetic image pairs" in text
    assert "in 60 minutes (2 CPU cores): `one`" in text
    assert text.splitlines()[-1].startswith("2. 500 steps")


def test_mistakes_in_documents_are_named(tmp_path, capsys):
    results = Results(repository(tmp_path))
    with pytest.raises(ValueError, match="unknown block 'gaols'"):
        render("<!-- report: gaols -->\n<!-- end -->", results)
    with pytest.raises(ValueError, match=r"stress\.json: missing"):
        render("<!-- report: stress -->\n<!-- end -->", results)
    (tmp_path / RESULTS / "full.json").write_text("{")
    with pytest.raises(SystemExit):
        main(["report", "--root", str(tmp_path)])
    assert "full.json" in capsys.readouterr().err


def test_documents_of_the_repository_agree_with_their_results():
    root = Path(__file__).parents[2]
    main(["report", "--root", str(root), "--check"])
    text = (root / "README.md").read_text()
    assert all(f"<!-- report: {name} -->" in text for name in ("goals", "benchmark", "perception", "clips"))
    assert "goals" in BLOCKS


def test_soups_of_agents():
    def scores(unseen, shifts):
        return {
            "unseen": {"pliers": unseen, "lighter": unseen + 0.2},
            "stress": {"laptop": 0.5},
            "shifts": {"blur": shifts},
        }

    seeds = [
        {"scores": {"initialisation": scores(0.6, 0.4), "greedy soup": scores(value, 0.5)}} for value in (0.6, 0.7)
    ]
    text = agent_soups({"command": "python -m train.agent_soups", "options": {"runs": 8}, "seeds": seeds})
    assert "2 sweeps of 8 fine-tunes" in text
    assert "| initialisation | 0.700 | 0.500 | 0.400 |" in text
    assert "| greedy soup | 0.750 ± 0.071 | 0.500 | 0.500 |" in text


def test_soups_with_batchnorm():
    def sweep(accuracy, barrier):
        rows = [
            {
                "way": way,
                "tests": {"digits": (accuracy, 0.01), "noisy": (0, 0)},
                "shifted": (accuracy / 2, 0.02),
            }
            for way in SHOWN_METHODS
        ]
        pairs = [
            {"low": number < 2, "high": number > 2, "barrier": barrier * number, "angle": 10 * number}
            for number in range(5)
        ]
        return {"rows": rows, "pairs": pairs, "in_distribution": "digits", "seeds": 3, "command": "python x"}

    found = {name: sweep(0.2 * (k + 1), k) for k, name in enumerate(STATISTICS)}
    lines = batchnorm_soups(found).splitlines()
    greedy = next(line for line in lines if line.startswith("| greedy soup"))
    assert greedy.startswith("| greedy soup | 20.0 ± 1.0 | 10.0 ± 2.0 | 40.0 ± 1.0 | 20.0 ± 2.0 | 60.0 ± 1.0 |")
    assert "| +0.00 (35°) |  | +3.50 (35°) |  | +7.00 (35°) |  |" in lines[-1]
    assert "| +0.00 (5°) |  | +0.50 (5°) |  | +1.00 (5°) |  |" in lines[-2]
