"""Act the Part on one page: play with articulated objects, learn from what moved, find their parts.

    python docs/one_page.py --interactions 2000 --seed 0

The method (Gadre, Ehsani, Song, ICCV 2021, arXiv 2105.01047) in its simplest form, to be read from top to bottom.
Left out, and where it is: a shared ResNet-18 encoder (atp/networks), several holds rated with their best push
(atp/acting/selection.py), parts that hide or move together (atp/part_memory), labels for pixels that were not touched
and rotated samples (train/signals), exact resume, many environments at once (train/learning, envs/parallel).

Images are (H, W), pixels (row, col); an action is hold row, hold col, push row, push col, direction k, which pushes
towards k * 45 degrees counter-clockwise from image right.
"""

from __future__ import annotations

import argparse
import itertools
from dataclasses import dataclass, field, fields
from typing import Any

import gymnasium as gym
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import envs  # noqa: F401  (registers ArticulatedPlay-v0)

MIN_PIXELS = 20  # less than this is noise, not a part
MOVED_PIXELS = 1.5  # a pixel moved if its flow is longer than this
DIRECTIONS = 8


def option(default: Any, meaning: str) -> Any:
    """A field of `Config` with its help."""
    return field(default=default, metadata={"help": meaning})


@dataclass(frozen=True)
class Config:
    """What to play with and how to learn."""

    seed: int = option(0, "decides everything")
    split: str = option("train", "objects to learn with")
    test_split: str = option("test", "objects to find the parts of afterwards")
    interactions: int = option(2000, "interactions to learn from")
    episode: int = option(5, "interactions with one object")
    resolution: int = option(90, "image side in pixels")
    width: int = option(16, "channels of the networks at stride 2, a multiple of 4")
    batch: int = option(16, "interactions in a gradient step")
    learning_starts: int = option(100, "interactions before the first gradient step")
    learning_rate: float = option(1e-3, "of Adam")
    epsilon: float = option(0.3, "probability of a random action once learning has started")
    temperature: float = option(0.3, "of actions sampled from the reward maps while learning")
    tests: int = option(5, "objects to find the parts of afterwards")


# --- What the networks see -----------------------------------------------------------------------------------------


def see(observation: dict[str, Any]) -> Tensor:
    """(4, H, W): RGB in [-0.5, 0.5] and height above the ground in decimetres."""
    depth = observation["depth"]
    height = (np.percentile(depth, 95) - depth) * 10
    return torch.from_numpy(np.stack([*observation["rgb"].transpose(2, 0, 1) / 255 - 0.5, height]).astype(np.float32))


def mark(pixels: Tensor, size: int) -> Tensor:
    """(B, 1, H, W): a Gaussian at each of (B, 2) pixels."""
    grid = torch.arange(size, dtype=torch.float32)
    rows, cols = (torch.exp(-0.5 * ((grid - pixels[:, i, None]) / 2) ** 2) for i in (0, 1))
    return (rows[:, :, None] * cols[:, None, :])[:, None]


# --- The two networks ----------------------------------------------------------------------------------------------


def block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """Two convolutions with group normalisation: no batch statistics, so acting and learning see the same network."""
    layers: list[nn.Module] = []
    for channels, step in ((inputs, stride), (outputs, 1)):
        layers += [nn.Conv2d(channels, outputs, 3, step, 1), nn.GroupNorm(4, outputs), nn.ReLU()]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    """(B, inputs, H, W) to (B, outputs, H, W) logits: down to a sixteenth of the size and up again."""

    def __init__(self, inputs: int, outputs: int, w: int) -> None:
        super().__init__()
        sizes = (inputs, w, 2 * w, 4 * w, 4 * w)
        self.down = nn.ModuleList(block(a, b, 2) for a, b in itertools.pairwise(sizes))
        self.up = nn.ModuleList([block(8 * w, 4 * w), block(6 * w, 2 * w), block(3 * w, w), block(w + inputs, w)])
        self.head = nn.Conv2d(w, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Each level on the way up sees the features of its size on the way down."""
        levels = [x]
        for layer in self.down:
            levels.append(layer(levels[-1]))
        x = levels.pop()
        for layer in self.up:
            skip = levels.pop()
            x = layer(torch.cat([F.interpolate(x, skip.shape[2:]), skip], 1))
        return self.head(x)


class Networks(nn.Module):
    """Interaction network (where to hold, where to push) and part network (what moved)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.hold = UNet(4 + 1, 1, width)  # image, part memory
        self.push = UNet(4 + 1 + 1, DIRECTIONS, width)  # and the held pixel
        self.part = UNet(4 + 4 + 4, 2, width)  # image before, image after, action

    def hold_map(self, image: Tensor, memory: Tensor) -> Tensor:
        """(B, H, W) logits of the reward of holding each pixel."""
        return self.hold(torch.cat([image, memory], 1))[:, 0]

    def push_map(self, image: Tensor, memory: Tensor, hold: Tensor) -> Tensor:
        """(B, 8, H, W) logits of the reward of pushing each pixel in each direction while (B, 2) is held."""
        return self.push(torch.cat([image, memory, mark(hold, image.shape[-1])], 1))

    def motion(self, before: Tensor, after: Tensor, action: Tensor) -> Tensor:
        """(B, 2, H, W) logits of what moved, in the image before and in the image after."""
        hold, push = (mark(action[:, i : i + 2], before.shape[-1]) for i in (0, 2))
        angle = (action[:, 4] * torch.pi / 4)[:, None, None, None]
        return self.part(torch.cat([before, after, hold, push, push * angle.cos(), push * angle.sin()], 1))


# --- Choosing an action: first the hold, then a push that depends on it ---------------------------------------------


@torch.no_grad()
def choose(networks: Networks, image: Tensor, memory: np.ndarray, temperature: float) -> np.ndarray:
    """An action sampled from the reward maps; temperature 0 takes the best."""
    images, known = image[None], torch.from_numpy(memory > 0).float()[None, None]

    def pick(logits: Tensor) -> list[int]:
        flat = logits.flatten()
        chosen = torch.multinomial(torch.softmax(flat / temperature, 0), 1) if temperature else flat.argmax()
        return [int(index) for index in np.unravel_index(int(chosen), logits.shape)]

    hold = pick(networks.hold_map(images, known)[0])
    direction, row, col = pick(networks.push_map(images, known, torch.tensor([hold]))[0])
    return np.array([*hold, row, col, direction])


def random_action(image: Tensor, rng: np.random.Generator) -> np.ndarray:
    """Hold and push anywhere on what rises above the ground, in any direction."""
    foreground = np.argwhere(image[3].numpy() > 0.08)
    hold, push = rng.choice(foreground, 2) if len(foreground) else rng.integers(image.shape[-1], size=(2, 2))
    return np.array([*hold, *push, rng.integers(DIRECTIONS)])


# --- Reward: from touch, motion (the simulator's flow) and part memory ---------------------------------------------


def reward(touch: np.ndarray, moved: np.ndarray, hold: np.ndarray, memory: np.ndarray) -> tuple[float, float]:
    """Rewards of hold and push: 1, 0, or NaN where one interaction cannot tell (no gradient there)."""
    nothing = float("nan")
    if not touch.all():  # a miss is a mistake of the gripper that missed, and says nothing of the other
        return (nothing if touch[0] else 0.0), (nothing if touch[1] else 0.0)
    if moved.sum() < MIN_PIXELS:  # blocked: the push was wrong, the hold may have been right
        return nothing, 0.0
    is_new = (moved & (memory > 0)).sum() <= moved.sum() / 2
    value = float(is_new and not moved[tuple(hold)])  # a new part moved, and what was held stayed
    return value, value


# --- Part memory: motion masks become parts ------------------------------------------------------------------------


def remember(memory: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Carry part labels (H, W) from the image before an interaction to the image after it."""
    if min(before.sum(), after.sum()) < MIN_PIXELS:
        return memory  # nothing moved
    memory = memory.copy()
    counts = np.bincount(memory[before], minlength=1)
    label = int(counts.argmax())
    is_piece = label > 0 and counts[label] < 0.5 * (memory == label).sum()  # much of the known part stayed
    if label == 0 or is_piece:
        label = int(memory.max()) + 1  # a new part, or a piece split off a known one
    memory[(memory == label) | before] = 0
    memory[after] = label
    return memory


# --- Losses --------------------------------------------------------------------------------------------------------


def losses(networks: Networks, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Of the interaction network, at the executed pixels alone, and of the part network."""
    action, each = batch["action"], torch.arange(len(batch["action"]))
    hold = networks.hold_map(batch["before"], batch["memory"])[each, action[:, 0], action[:, 1]]
    push = networks.push_map(batch["before"], batch["memory"], action[:, :2])
    expected = torch.stack([hold, push[each, action[:, 4], action[:, 2], action[:, 3]]], 1)
    known = ~batch["rewards"].isnan()
    errors = F.binary_cross_entropy_with_logits(expected, batch["rewards"].nan_to_num(), reduction="none")
    interaction = (errors * known).sum() / known.sum().clamp(min=1)

    logits, true = networks.motion(batch["before"], batch["after"], batch["action"]), batch["moved"]
    overlap, sizes = (logits.sigmoid() * true).sum((2, 3)), true.sum((2, 3))
    dice = 1 - (2 * overlap + 1) / (logits.sigmoid().sum((2, 3)) + sizes + 1)  # small masks do not vanish in it
    part = F.binary_cross_entropy_with_logits(logits, true) + (dice * (sizes > 0)).mean()
    return interaction, part


# --- Learning: play, store, take a gradient step after each interaction ---------------------------------------------


def learn(config: Config) -> Networks:
    """Play with objects and learn from what happened."""
    torch.manual_seed(config.seed)
    rng = np.random.default_rng(config.seed)
    env = make_env(config, config.split)
    networks = Networks(config.width)
    optimizer = torch.optim.Adam(networks.parameters(), config.learning_rate)
    replay: list[dict[str, Tensor]] = []
    truncated, seed = True, config.seed
    for played in range(config.interactions):
        if truncated:
            observation, _ = env.reset(seed=seed)
            image, memory, seed = see(observation), np.zeros(observation["depth"].shape, np.uint8), None
        explore = played < config.learning_starts or rng.random() < config.epsilon
        action = random_action(image, rng) if explore else choose(networks, image, memory, config.temperature)
        observation, _, _, truncated, info = env.step(action)
        after, truth = see(observation), info["privileged"]
        moved = np.linalg.norm(truth["flow"], axis=2) > MOVED_PIXELS
        replay.append(
            {
                "before": image,
                "after": after,
                "memory": torch.from_numpy(memory > 0).float()[None],
                "action": torch.from_numpy(action),
                "rewards": torch.tensor(reward(observation["touch"], moved, action[:2], memory)),
                "moved": torch.from_numpy(np.stack([truth["moved_before"], truth["moved_after"]])).float(),
            }
        )
        memory = remember(memory, truth["moved_before"], truth["moved_after"])  # true masks: the network learns them
        image = after
        if played >= config.learning_starts:
            sampled = [replay[i] for i in rng.integers(len(replay), size=config.batch)]
            interaction, part = losses(networks, {name: torch.stack([d[name] for d in sampled]) for name in sampled[0]})
            optimizer.zero_grad()
            (interaction + part).backward()
            optimizer.step()
            if played % 100 == 0:
                print(f"{played} interactions: loss of rewards {interaction:.3f}, of motion masks {part:.3f}")
    env.close()
    return networks


# --- Playing: find the parts of an object that nobody has described -------------------------------------------------


def play(networks: Networks, env: gym.Env, seed: int) -> tuple[np.ndarray, float]:
    """One episode: the part labels (H, W) found, and their mIoU."""
    observation, _ = env.reset(seed=seed)
    image, memory, truncated = see(observation), np.zeros(observation["depth"].shape, np.uint8), False
    while not truncated:
        action = choose(networks, image, memory, temperature=0.0)
        observation, _, _, truncated, info = env.step(action)
        after = see(observation)
        with torch.no_grad():
            logits = networks.motion(image[None], after[None], torch.from_numpy(action)[None])[0]
        memory = remember(memory, *(logits > 0).numpy())
        image = after
    return memory, miou(memory, info["privileged"]["labels"])


def miou(found: np.ndarray, true: np.ndarray) -> float:
    """Mean IoU under the best one-to-one assignment; a part without a partner counts 0."""
    few, many = sorted(([image == p for p in np.unique(image[image > 0])] for image in (found, true)), key=len)
    ious = np.array([[(a & b).sum() / (a | b).sum() for b in many] for a in few])
    assignments = itertools.permutations(range(len(many)), len(few))
    best = max(sum(ious[i, j] for i, j in enumerate(each)) for each in assignments)
    return float(best / len(many)) if many else 1.0


def make_env(config: Config, split: str) -> gym.Env:
    """The environment: two grippers, one object, one camera above it."""
    return gym.make("ArticulatedPlay-v0", split=split, resolution=config.resolution, interactions=config.episode)


def main() -> None:
    """Learn, then play with objects of categories that were never seen."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for each in fields(Config):
        name = f"--{each.name.replace('_', '-')}"
        parser.add_argument(name, type=type(each.default), default=each.default, help=each.metadata["help"])
    config = Config(**vars(parser.parse_args()))
    networks = learn(config)
    env = make_env(config, config.test_split)
    scores = [play(networks, env, seed)[1] for seed in range(config.tests)]
    env.close()
    print(f"mIoU on {config.tests} objects of split {config.test_split}: {np.mean(scores):.3f}")


if __name__ == "__main__":
    main()
