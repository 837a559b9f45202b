"""Fine-tuning CLIP on folders of images: the setting of the paper (Model soups, sec. 3.1), by `open_clip`.

Write a module of your own with a function that returns :func:`clip_task`, and name it with ``--sweep.task``;
`docs/soups.md` has one for ImageNet.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor, nn

from train.finetuning.task import Augment, Examples, FineTuningTask

Template = str | Callable[[str], str]

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}
#: Threads that read images.
READERS = 8
#: What logits of CLIP are multiplied with: 1 / its smallest temperature.
SCALE = 100.0


class PictureFiles:
    """Pictures that are read when they are asked for.

    Args:
        files: Their paths.
        preprocess: Makes a tensor of an image.

    Attributes:
        files: Their paths.
        preprocess: Makes a tensor of an image.
    """

    def __init__(self, files: Sequence[Path], preprocess: Callable[[Image.Image], Tensor]) -> None:
        self.files, self.preprocess = files, preprocess

    def __len__(self) -> int:
        return len(self.files)

    @overload
    def __getitem__(self, which: slice) -> PictureFiles: ...
    @overload
    def __getitem__(self, which: Tensor) -> Tensor: ...
    def __getitem__(self, which: slice | Tensor) -> PictureFiles | Tensor:
        """Some of them by a slice; the images at indices (B,) as a tensor (B, ...).

        Raises:
            ValueError: An image cannot be read; the message names the file.
        """
        if isinstance(which, slice):
            return PictureFiles(self.files[which], self.preprocess)
        with ThreadPoolExecutor(READERS) as pool:
            return torch.stack(list(pool.map(lambda index: self._read(self.files[index]), which.tolist())))

    def _read(self, file: Path) -> Tensor:
        try:
            with Image.open(file) as image:
                return self.preprocess(image.convert("RGB"))
        except (OSError, UnidentifiedImageError) as error:
            raise ValueError(f"{file}: cannot be read as an image ({error})") from error


class ZeroShotClassifier(nn.Module):
    """An image encoder with a linear head on its normalised output.

    Args:
        visual: The encoder: (B, 3, H, W) to (B, D).
        directions: (D, C) unit vectors of the classes, as :func:`zero_shot_directions` gives them.
    """

    def __init__(self, visual: nn.Module, directions: Tensor) -> None:
        super().__init__()
        self.visual = visual
        self.head = nn.Linear(directions.shape[0], directions.shape[1], bias=False)
        with torch.no_grad():
            self.head.weight.copy_(SCALE * directions.T)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits (B, C)."""
        logits: Tensor = self.head(nn.functional.normalize(self.visual(inputs), dim=-1))
        return logits


@torch.inference_mode()
def zero_shot_directions(
    model: Any, tokenize: Callable[[list[str]], Tensor], names: Sequence[str], templates: Sequence[Template]
) -> Tensor:
    """The normalised mean of the normalised embeddings of a class's prompts.

    Args:
        model: Of `open_clip`, with ``encode_text``.
        tokenize: Its tokenizer.
        names: Of the classes.
        templates: Prompts, each with a place ``{}`` for the name or a function of it.

    Returns:
        (D, C) float32 unit vectors.
    """
    found = []
    for name in names:
        texts = [each.format(name) if isinstance(each, str) else each(name) for each in templates]
        prompts = tokenize(texts)
        embeddings = model.encode_text(prompts.to(next(model.parameters()).device), normalize=True)
        found.append(nn.functional.normalize(embeddings.float().mean(0), dim=0))
    return torch.stack(found, dim=1)


def read_folder(
    folder: Path, preprocess: Callable[[Image.Image], Tensor], classes: Sequence[str]
) -> tuple[Examples, list[int]]:
    """Pictures in a folder with one for each class.

    Args:
        folder: It may lack some of the classes.
        preprocess: Makes a tensor of an image.
        classes: Names of the classes' folders, in the order of their indices.

    Returns:
        The examples, and the indices of the classes that are there.

    Raises:
        ValueError: The folder is missing, has no images, or has a folder that is no class.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: is not a folder")
    known = {name: index for index, name in enumerate(classes)}
    files: list[Path] = []
    targets: list[int] = []
    for each in sorted(path for path in folder.iterdir() if path.is_dir()):
        if each.name not in known:
            raise ValueError(f"{each}: is not the folder of one of the {len(classes)} classes")
        images = sorted(path for path in each.iterdir() if path.suffix.lower() in SUFFIXES)
        files += images
        targets += [known[each.name]] * len(images)
    if not files:
        raise ValueError(f"{folder}: has no folders with images ({', '.join(sorted(SUFFIXES))})")
    return Examples(PictureFiles(files, preprocess), torch.tensor(targets)), sorted(set(targets))


def clip_task(
    model: Any,
    tokenize: Callable[[list[str]], Tensor],
    preprocess: Callable[[Image.Image], Tensor],
    names: Sequence[str],
    templates: Sequence[Template],
    train: Path,
    tests: Mapping[str, Path],
    held_out: float = 0.02,
    augment: Augment = lambda inputs, strength, generator: inputs,
    device: str = "cpu",
) -> FineTuningTask:
    """Fine-tune CLIP's image encoder and its zero-shot head, from the zero-shot classifier on.

    Args:
        model: Of `open_clip`.
        tokenize: Its tokenizer.
        preprocess: Its evaluation transform.
        names: Of the classes, in the order of the training folders' names.
        templates: Prompts, each with a place ``{}`` for a class's name or a function of it.
        train: Folder of training images, one in it for each class.
        tests: Folders by name; the first is in-distribution. One that lacks classes is scored among those it has.
        held_out: Share of the training images to choose with, drawn by a fixed seed.
        augment: Changes a batch of training images.
        device: Where to compute.

    Returns:
        The task.

    Raises:
        ValueError: A folder cannot be used; the message names it.
    """
    folders = sorted(path.name for path in train.iterdir() if path.is_dir()) if train.is_dir() else []
    if len(folders) != len(names):
        raise ValueError(f"{train}: has {len(folders)} folders for {len(names)} classes")
    examples, _ = read_folder(train, preprocess, folders)
    directions = zero_shot_directions(model, tokenize, names, templates)
    found = {name: read_folder(folder, preprocess, folders) for name, folder in tests.items()}

    def make() -> nn.Module:
        return ZeroShotClassifier(copy.deepcopy(model.visual), directions).to(device)

    order = torch.from_numpy(np.random.default_rng(0).permutation(len(examples)))
    chosen = max(1, round(held_out * len(examples)))
    return FineTuningTask(
        make,
        None,
        _some(examples, order[chosen:]),
        _some(examples, order[:chosen]),
        {name: each for name, (each, _) in found.items()},
        augment=augment,
        classes={name: there for name, (_, there) in found.items() if len(there) < len(names)},
    )


def _some(examples: Examples, which: Tensor) -> Examples:
    """Some of the images."""
    assert isinstance(examples.inputs, PictureFiles)
    files = [examples.inputs.files[index] for index in which.tolist()]
    return Examples(PictureFiles(files, examples.inputs.preprocess), examples.targets[which])
