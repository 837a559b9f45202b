"""CLIP's fine-tuning on folders of images, with a tiny network of random weights."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from atp.soups import Ingredients
from atp.soups.comparison import Task, compare
from train.finetuning.fine_tune import fine_tune, probe
from train.finetuning.open_clip_task import PictureFiles, clip_task, read_folder, zero_shot_directions
from train.finetuning.recipe import Recipe

COLOURS = {"blue": (20, 20, 200), "green": (20, 200, 20), "red": (200, 20, 20)}
TEMPLATES = ("a {} image", lambda name: f"something {name}")


def preprocess(image):
    return torch.from_numpy(np.asarray(image.resize((32, 32)), np.float32) / 255).permute(2, 0, 1)


def draw(folder, colours=COLOURS, count=8, seed=0):
    rng = np.random.default_rng(seed)
    for number, (name, colour) in enumerate(colours.items()):
        (folder / f"n{list(COLOURS).index(name):04}").mkdir(parents=True)
        for index in range(count):
            pixels = np.clip(rng.normal(colour, 40, (40, 36, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"n{list(COLOURS).index(name):04}" / f"{number}-{index}.png")
    return folder


class Stub(nn.Module):
    """As much of open_clip's model as is used."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.visual = nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(48, 16))
        self.words = nn.Embedding(64, 16)

    def encode_text(self, tokens, normalize=False):
        found = self.words(tokens).mean(1)
        return nn.functional.normalize(found, dim=-1) if normalize else found


def tokenize(texts):
    return torch.tensor([[hash_of(word) for word in [*text.split(), "", ""][:3]] for text in texts])


def hash_of(word):
    return sum(map(ord, word)) % 64


def tiny_clip():
    """open_clip's own network, tiny and of random weights, with its tokenizer."""
    pytest.importorskip("open_clip", exc_type=(ImportError, RuntimeError))
    from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg
    from open_clip.tokenizer import SimpleTokenizer

    torch.manual_seed(0)
    image = CLIPVisionCfg(layers=1, width=32, head_width=16, patch_size=8, image_size=32)
    text = CLIPTextCfg(context_length=77, vocab_size=49408, width=32, heads=2, layers=1)
    return CLIP(32, image, text).eval(), SimpleTokenizer()


@pytest.fixture(params=["stub", "open_clip"])
def made(request, tmp_path):
    model, words = (Stub(), tokenize) if request.param == "stub" else tiny_clip()
    tests = {
        "same": draw(tmp_path / "same", seed=1),
        "two": draw(tmp_path / "two", dict(list(COLOURS.items())[1:]), seed=2),
    }
    train = draw(tmp_path / "train")
    task = clip_task(model, words, preprocess, list(COLOURS), TEMPLATES, train, tests, held_out=0.25)
    return SimpleNamespace(model=model, words=words, task=task)


def test_initialisation_is_the_zero_shot_classifier(made):
    task = made.task
    initial = probe(task)
    inputs, _ = task.tests["same"].batches(24)[0]
    model = task.make()
    model.load_state_dict(initial)
    with torch.inference_mode():
        images = made.model.visual(inputs)
        images = images / images.norm(dim=1, keepdim=True)
        wanted = []
        for name in COLOURS:
            texts = made.model.encode_text(made.words([f"a {name} image", f"something {name}"]))
            mean = (texts / texts.norm(dim=1, keepdim=True)).mean(0)
            wanted.append(100 * images @ (mean / mean.norm()))
        torch.testing.assert_close(model(inputs), torch.stack(wanted, 1), atol=1e-3, rtol=1e-4)
    directions = zero_shot_directions(made.model, made.words, list(COLOURS), TEMPLATES)
    torch.testing.assert_close(directions.norm(dim=0), torch.ones(3))


def test_fine_tunes_and_their_soups(made):
    task = made.task
    assert (len(task.train), len(task.held_out)) == (18, 6)
    assert len({*task.train.inputs.files, *task.held_out.inputs.files}) == 24  # none is in both
    initial = probe(task)
    tuned = [fine_tune(task, initial, Recipe(learning_rate=3e-3, epochs=12, batch_size=6, seed=k)) for k in (1, 2)]
    batches = {name: examples.batches(10) for name, examples in task.tests.items()}
    result = compare(
        Ingredients(tuned),
        Task(task.make(), task.held_out.batches(10), batches, initial, classes=task.classes),
    )
    rows = {row["way"]: row for row in result["rows"]}
    assert rows["greedy soup"]["held_out"] >= rows["best single"]["held_out"]
    assert rows["best single"]["tests"]["same"] > 0.9
    assert task.classes == {"two": [1, 2]}


def test_test_with_some_of_the_classes_is_scored_among_them():
    outputs = torch.tensor([[9.0, 1.0, 0.0], [9.0, 0.0, 1.0], [9.0, 1.0, 0.0]])
    targets = torch.tensor([1, 2, 2])
    model = nn.Linear(3, 3, bias=False)
    state = {"weight": torch.eye(3)}
    batches = [(outputs, targets)]
    tests = {"all": batches, "two": batches}
    task = Task(model, [(outputs, torch.zeros(3, dtype=torch.long))], tests, classes={"two": [1, 2]})
    rows = {row["way"]: row for row in compare([state, state], task)["rows"]}
    assert rows["uniform soup"]["tests"] == pytest.approx({"all": 0.0, "two": 2 / 3})


def test_pictures_are_read_when_asked_for(tmp_path):
    folder = draw(tmp_path / "train")
    examples, there = read_folder(folder, preprocess, ["n0000", "n0001", "n0002"])
    assert there == [0, 1, 2]
    assert examples.targets.tolist() == [0] * 8 + [1] * 8 + [2] * 8
    some = examples.some(5)
    assert isinstance(some.inputs, PictureFiles)
    assert len(some) == len(some.inputs) == 5
    assert some.targets.tolist() == [0, 0, 1, 1, 2]
    assert len(examples.some(100)) == 24
    red = examples.inputs[torch.tensor([20, 21])]
    assert red.shape == (2, 3, 32, 32)
    assert red[:, 0].mean() > 0.7
    (folder / "n0001" / "1-0.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"n0001/1-0\.png: cannot be read"):
        examples.inputs[torch.tensor([0, 8])]


def test_folders_that_cannot_be_used(tmp_path):
    folder = draw(tmp_path / "train")
    with pytest.raises(ValueError, match="missing: is not a folder"):
        read_folder(tmp_path / "missing", preprocess, ["n0000"])
    with pytest.raises(ValueError, match=r"n0001: is not the folder of one of the 1 classes"):
        read_folder(folder, preprocess, ["n0000"])
    (tmp_path / "empty" / "n0000").mkdir(parents=True)
    with pytest.raises(ValueError, match="has no folders with images"):
        read_folder(tmp_path / "empty", preprocess, ["n0000"])
    with pytest.raises(ValueError, match="3 folders for 2 classes"):
        clip_task(Stub(), tokenize, preprocess, ["red", "blue"], TEMPLATES, folder, {"same": folder})
