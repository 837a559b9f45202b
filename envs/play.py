"""`ArticulatedPlay-v0`: hold one place of an unknown articulated object, push another, watch what moves."""

from __future__ import annotations

import copy
import inspect
from pathlib import Path
from typing import Any, Literal

import cv2
import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from numpy.typing import NDArray

from assets import partnet
from assets.catalog import Instance, canonical_category, instance_folder, instance_view, instances
from assets.conventions import DIRECTIONS, MAX_PARTS, RESET_SHIFT, RESOLUTION, ViewChoice
from assets.importing.prepare import PreparedObject, prepare
from assets.importing.views.viewing import parse_view
from assets.partnet import PARTNET_SPLITS
from envs import human_render, oracle
from envs.camera import Camera
from envs.episode_state import EpisodeState
from envs.play_spaces import image_sides, observation_space, privileged_space, whole_number
from envs.randomization import RandomizationConfig, SampledScene, observe, sample_scene, sample_tints
from envs.simulator import Grip, HoldConstraint, Renderer, Simulator
from envs.trials import Trials, try_some
from envs.truth import Outcome, View, flow_between, judge

ObservationDict = dict[str, NDArray[Any]]


class ArticulatedPlay(gym.Env[ObservationDict, NDArray[np.int64]]):
    """Find the parts of an unknown articulated object by holding it in one place and pushing it in another.

    ## Description

    One object with hinges or slides lies on a table under a camera, free to slide and rotate in the plane. Each step
    is one interaction: one gripper holds, another pushes, both let go, and a new image is taken. What moves tells
    where one rigid part ends and the next begins (Act the Part, arXiv 2105.01047: interaction and its action space).

    >>> env = gym.make("envs:ArticulatedPlay-v0", split="test", category="pliers")
    >>> observation, info = env.reset(seed=0)
    >>> {name: value.shape for name, value in observation.items()}
    {'rgb': (90, 90, 3), 'depth': (90, 90), 'touch': (2,)}
    >>> observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
    >>> info["category"], info["privileged"]["labels"].shape
    ('pliers', (90, 90))
    >>> env.close()

    ## Observation space

    ``Dict``; H = W = ``resolution``, or its two numbers. Images are taken with the grippers away and all at rest.

    | Key     | Space                  | Meaning                                                                      |
    |---------|------------------------|------------------------------------------------------------------------------|
    | `rgb`   | Box uint8 (H, W, 3)    | The image, red, green, blue                                                  |
    | `depth` | Box float32 (H, W)     | Metres along the optical axis, 0 to 5; 0 where there is no reading           |
    | `touch` | MultiBinary int8 (2,)  | Whether the last hold and the last push touched the object; zeros at reset   |

    ## Action space

    ``MultiDiscrete([H, W, H, W, 8])``. A pixel off the object is legal and touches nothing.

    | Entry | Action                                       | Range    | Unit                                          |
    |-------|----------------------------------------------|----------|-----------------------------------------------|
    | 0, 1  | Row and column of the hold                   | H, W     | Pixels of the current image, row 0 at the top |
    | 2, 3  | Row and column of the push                   | H, W     | Pixels of the current image                   |
    | 4     | Direction k of the push                      | 0 to 7   | k * 45 degrees, counter-clockwise from right  |

    The held link stays where it is (``hold="fixed"``) or may rotate about the held point (``hold="point"``), against up
    to 500 N. The push moves its point 0.2 m (18 pixels of a 90-pixel image) with at most 10 N, parallel to the plane of
    the image: from straight above parallel to the table; from an elevation e, direction k goes to cos(45 k) right +
    sin(45 k) up with right = (1, 0, 0) and up = (0, sin e, cos e) in the world (:func:`envs.camera.push_vector`).
    Domain randomization tilts the camera by up to 0.25 rad about each axis, and the directions stay.

    ## View

    The camera looks straight down, or from the side of world -y at an elevation above the table. ``view`` says how:

    | View                     | Meaning                                                                             |
    |--------------------------|-------------------------------------------------------------------------------------|
    | ``"auto"``               | From above, or obliquely where clearly more parts show and move in the image; such  |
    |                          | that the object stays in the image. Generated categories may have a view of their   |
    |                          | own: those of the benchmark have ``"top"``                                          |
    | ``"top"``                | From above, the object laid so that its hinges point at the camera                  |
    | (elevation, azimuth)     | Degrees; azimuth counter-clockwise about the file's z, from its +x to the camera    |

    ## Reward

    1.0 for an *optimal* step, else 0.0. A step is *effective* if a part moved (by more than 1.5 pixels) while a held
    part stayed, so a step that holds no part is not. It is optimal if, besides, exactly one of the parts that
    moved had never moved before.

    ## Starting state

    ``reset`` draws an instance of the split, its position within 4 cm of the middle of the view along each axis, any
    yaw (in an oblique view within 0.35 rad), each joint in the middle 60 % of its range and, with ``randomization``,
    colours, light, ground, camera, friction and sensor noise (:class:`envs.randomization.RandomizationConfig`). The
    seed decides all of it, to the byte, and together with the actions the whole episode.

    ## Episode end

    Truncated after ``interactions`` steps. Never terminated.

    ## Arguments

    Keyword arguments of ``gymnasium.make("envs:ArticulatedPlay-v0", ...)``, see *Args* below. ``reset`` takes the
    options ``category`` and ``index`` (or one of them), which pick an instance within the split, or ``object``.

    ## Info

    ``category`` and ``instance`` name the object, and ``notes`` say what was left out, cut or guessed of its file, one
    sentence each. ``info["privileged"]`` holds what an agent must not see, for training
    signals, upper bounds and scoring:

    | Key                          | Type                | Meaning                                                     |
    |------------------------------|---------------------|-------------------------------------------------------------|
    | `labels`                     | uint8 (H, W)        | Part labels 1 to 15 of the current image, 0 the background  |
    | `moved_before`               | bool (H, W)         | Pixels of the parts that moved, in the previous image       |
    | `moved_after`                | bool (H, W)         | The same in the current image                               |
    | `flow`                       | float32 (H, W, 2)   | (d col, d row) in pixels, from the previous image           |
    | `moved_parts`                | bool (15,)          | Entry p: whether the part with label p + 1 moved            |
    | `seen_parts`                 | bool (15,)          | Entry p: whether it shows at least 20 pixels now            |
    | `held_part`, `pushed_part`   | int                 | Labels (p + 1) of the parts under the grippers, 0 for none  |
    | `effective`, `optimal`       | bool                | See *Reward*                                                |
    | `num_parts`                  | int                 | Parts that showed at least 20 pixels at reset               |

    With ``trials`` there are further entries, what that many other actions would do in the current state, which were
    simulated and undone: `trial_actions`, `trial_touch`, `trial_worth` and `trial_flow` (:class:`envs.trials.Trials`).

    ## Looking ahead

    ``get_state`` and ``set_state`` leave an episode and come back to it: from a state, the same actions give the same
    observations, rewards and infos, to the bit, in another environment with the same options too. ``copy.deepcopy`` and
    ``pickle`` make such an environment, with a simulator of its own. After ``close`` nothing can be done with one.

    ## Version history

    * v0: the first one.

    Args:
        split: ``"train"``, ``"val"``, ``"test"`` or ``"stress"`` instances (see :mod:`assets.catalog`), or
            ``"partnet-train"``, ``"partnet-val"`` or ``"partnet-test"`` (see :mod:`assets.partnet`), or
            ``"found-train"`` or ``"found"`` (see :mod:`assets.found`). ``"mix"`` is for training on all kinds.
        category: Keep to one category of the split; None draws from all. ``"my_module:toaster"`` imports a module that
            registers one (see :mod:`assets.generators`).
        object: A folder or URDF file of your own object; overrides ``split`` and ``category``.
        mesh_root: A further folder, below which files of objects are looked for that are not where the URDF says.
        resolution: Image side in pixels, or (H, W); 16 to 1024.
        interactions: Interactions in an episode.
        hold: ``"fixed"`` keeps the held link still, ``"point"`` lets it rotate about the held point.
        view: From where the camera looks: ``"auto"``, ``"top"``, or elevation and azimuth in degrees; see *View*.
        renderer: ``"tiny"`` (software) or ``"egl"`` (OpenGL without a screen, one environment per process).
        trials: Privileged: how many actions are tried and undone after each reset and step but an episode's last, for
            training; see *Info*. They leave the state as it is.
        randomization: False for the clean scene, True for the default domain randomization, or a config.
        render_mode: ``"rgb_array"``, ``"human"`` or None.

    Attributes:
        simulator: Privileged: the scene itself.
        privileged_space: Space of ``info["privileged"]``.

    Raises:
        ValueError: An option is out of its range; the message says which and what is possible.
        RuntimeError: ``render_mode`` or ``renderer`` does not work on this machine.
        assets.importing.reading.urdf.ObjectError: The object cannot be read; the message names the file.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 (Gymnasium declares it so)
        "render_modes": ["rgb_array", "human"],
        "render_fps": 2,
    }

    def __init__(
        self,
        *,
        split: str = "train",
        category: str | None = None,
        object: str | Path | None = None,
        mesh_root: str | Path | None = None,
        resolution: int | tuple[int, int] = RESOLUTION,
        interactions: int = 5,
        hold: HoldConstraint = "fixed",
        view: ViewChoice = "auto",
        renderer: Renderer = "tiny",
        randomization: bool | RandomizationConfig = False,
        trials: int = 0,
        render_mode: Literal["rgb_array", "human"] | None = None,
    ) -> None:
        given = locals()
        self._arguments = {name: given[name] for name in inspect.signature(ArticulatedPlay).parameters}
        height, width = image_sides(resolution)
        interactions, trials = whole_number("interactions", interactions, 1), whole_number("trials", trials, 0)
        if hold not in ("fixed", "point"):
            raise ValueError(f"hold must be 'fixed' or 'point', not {hold!r}")
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(f"render_mode must be None, 'rgb_array' or 'human', not {render_mode!r}")
        if render_mode == "human":
            human_render.require_screen()
        elif not human_render.has_screen():  # only what works here, so that Gymnasium's checker tries nothing else
            self.metadata = {**self.metadata, "render_modes": ["rgb_array"]}
        if isinstance(randomization, RandomizationConfig):
            self.randomization = randomization
        else:
            self.randomization = RandomizationConfig() if randomization else RandomizationConfig.off()
        self.height, self.width = height, width
        self.interactions, self.trials = interactions, trials
        self.hold: HoldConstraint = hold
        self.view = parse_view(view)
        self.render_mode = render_mode
        self._object = None if object is None else Path(object)
        self._mesh_root = mesh_root
        self._split = split
        self._instances = [] if object is not None else instances(split, category)

        # Gymnasium's stubs give a Dict no value type
        self.observation_space = observation_space(height, width)  # type: ignore[assignment]
        self.privileged_space = privileged_space(height, width, trials)
        self._limits = [height, width, height, width, DIRECTIONS]
        self.action_space = spaces.MultiDiscrete(self._limits)
        self.simulator = Simulator(renderer)
        self._closed = False
        self._models: dict[str, PreparedObject] = {}
        self._model: PreparedObject | None = None
        self._scene: SampledScene
        self._tints: dict[int, tuple[float, float, float]] = {}
        self._view: View
        self._rgb: NDArray[np.uint8]
        self._poses: NDArray[np.float64]
        self._moved_ever = np.zeros(MAX_PARTS, bool)
        self._num_parts = 0
        self._step_count = interactions  # there is no episode yet
        self._last_action: NDArray[np.int64] | None = None

    # --- Gymnasium -----------------------------------------------------------------------------------------------

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[ObservationDict, dict[str, Any]]:
        """Start an episode with another object, pose, joint state and scene.

        Args:
            seed: Seeds everything that follows. The same seed gives the same episode, to the byte.
            options: ``category`` and ``index`` (or one of them) pick the instance within the split, the id being
                the index of one of PartNet-Mobility; ``object`` plays with a folder or URDF file instead.

        Returns:
            Observation and info.
        """
        self._check_open()
        if seed is not None:
            seed = whole_number("seed", seed, 0)
        super().reset(seed=seed)
        rng = self.np_random
        self._model = model = self._choose(dict(options or {}))
        self._scene = sample_scene(self.randomization, self.height, self.width, rng, model.view)
        self.simulator.load(model, self._scene.friction)
        joints = {j.name: j.lower + (j.upper - j.lower) * rng.uniform(0.2, 0.8) for j in model.joints}
        self.simulator.place(
            (*rng.uniform(-RESET_SHIFT, RESET_SHIFT, 2), rng.uniform(-model.view.turn, model.view.turn)), joints
        )
        self._tints = sample_tints(self.randomization, self.simulator.part_links, rng)
        self.simulator.paint(self._tints)
        self._moved_ever = np.zeros(MAX_PARTS, bool)
        self._step_count = 0
        self._last_action = None
        self._view = self.simulator.render(self._scene.camera, self._scene.light)
        self._poses = self.simulator.part_poses()
        self._num_parts = int(self._view.seen.sum())
        still = Outcome(np.zeros(MAX_PARTS, bool), 0, 0, False, False, 0.0)
        flow = np.zeros((len(self._view.pixels), 2), np.float32)
        info = self._info(self._view, flow, still)
        observation = self._observation(touch=(0, 0))
        self._show()
        return observation, info

    def step(self, action: NDArray[np.int64]) -> tuple[ObservationDict, float, bool, bool, dict[str, Any]]:
        """Hold, push, let go and look.

        Args:
            action: (5,) integers: hold row, hold col, push row, push col, direction.

        Returns:
            Observation, reward, terminated (always False), truncated and info.

        Raises:
            ValueError: The action is not in the action space.
            gymnasium.error.ResetNeeded: There is no episode, or it has ended.
        """
        self._check_open()
        if self._step_count >= self.interactions:
            raise gym.error.ResetNeeded("call reset() before step(): there is no episode or it has ended")
        before_view, before_poses = self._view, self._poses
        hold, push, direction = self._grips(action)
        self.simulator.interact(hold, push, direction, self.hold)
        self._poses = self.simulator.part_poses()
        flow = flow_between(before_view, self._scene.camera, before_poses, self._poses)
        outcome = judge(before_view, flow, self._part_of(hold), self._part_of(push), self._moved_ever)
        self._moved_ever |= outcome.moved_parts
        self._view = self.simulator.render(self._scene.camera, self._scene.light)
        self._step_count += 1
        self._last_action = np.asarray(action, np.int64).copy()
        observation = self._observation(touch=(hold is not None, push is not None))
        info = self._info(before_view, flow, outcome)
        self._show()
        return observation, float(outcome.optimal), False, self._step_count >= self.interactions, info

    def render(self) -> NDArray[np.uint8] | None:
        """An image for people: the observation with the last grippers and action, beside the true labels.

        Returns:
            (h, 2 w, 3) uint8 in mode ``rgb_array``, enlarged to at least 270 pixels a side; else None.
        """
        self._check_open()
        if self._model is None:
            raise gym.error.ResetNeeded("call reset() before render()")
        if self.render_mode == "human":
            self._show()
            return None
        return self._drawn_scene() if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        """Free the simulator and the window; nothing else can be done with the environment then."""
        self._closed = True
        self.simulator.close()
        if self.render_mode == "human":
            human_render.close_window()

    @property
    def camera(self) -> Camera:
        """The camera of the episode."""
        if self._model is None:
            raise gym.error.ResetNeeded("call reset() before camera")
        return self._scene.camera

    @property
    def spec(self) -> EnvSpec | None:
        """How Gymnasium made the environment, with ``max_episode_steps`` the interactions of an episode."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        self._spec = copy.copy(spec)
        if self._spec is not None:
            self._spec.max_episode_steps = self.interactions

    _spec: EnvSpec | None = None

    # --- To look ahead ---------------------------------------------------------------------------------------------

    def get_state(self) -> EpisodeState:
        """All that decides how the episode goes on. It holds the truth, and is no more for an agent to see than that.

        Raises:
            gymnasium.error.ResetNeeded: There is no episode.
            gymnasium.error.ClosedEnvironmentError: The environment was closed.
        """
        self._check_open()
        if self._model is None:
            raise gym.error.ResetNeeded("call reset() before get_state()")
        return EpisodeState(
            model=self._model,
            scene=self._scene,
            joints=tuple(self.simulator.state()),
            tints=dict(self._tints),
            view=self._view,
            rgb=self._rgb.copy(),
            poses=self._poses.copy(),
            moved_ever=self._moved_ever.copy(),
            num_parts=self._num_parts,
            steps=self._step_count,
            last_action=None if self._last_action is None else self._last_action.copy(),
            generator=copy.deepcopy(dict(self.np_random.bit_generator.state)),
        )

    def set_state(self, state: EpisodeState) -> None:
        """Go (back) to a state, which may be of another environment and stays as it is.

        Args:
            state: From :meth:`get_state` of an environment with the same options.

        Raises:
            ValueError: It is of an environment with another resolution or more interactions.
            gymnasium.error.ClosedEnvironmentError: The environment was closed.
        """
        self._check_open()
        if not isinstance(state, EpisodeState):
            raise ValueError(f"a state comes from get_state(); this is of type {type(state).__name__}")
        if state.rgb.shape[:2] != (self.height, self.width):
            raise ValueError(f"the state has images of {state.rgb.shape[:2]} pixels, not {(self.height, self.width)}")
        if state.steps > self.interactions:
            raise ValueError(f"the state is after {state.steps} interactions, and an episode has {self.interactions}")
        self.simulator.load(state.model, state.scene.friction)
        self.simulator.restore(list(state.joints))
        self.simulator.paint(state.tints)
        self._model, self._scene, self._tints = state.model, state.scene, dict(state.tints)
        self._view, self._rgb, self._poses = state.view, state.rgb.copy(), state.poses.copy()
        self._moved_ever, self._num_parts = state.moved_ever.copy(), state.num_parts
        self._step_count = state.steps
        self._last_action = None if state.last_action is None else state.last_action.copy()
        self.np_random.bit_generator.state = copy.deepcopy(state.generator)

    def __reduce__(self) -> tuple[Any, ...]:
        """How a deep copy or a pickle is made: with a simulator of its own, in the same state."""
        self._check_open()
        state = None if self._model is None else self.get_state()
        return _remade, (type(self), self._arguments, self._spec, self._np_random_seed, state, self.action_space)

    def _check_open(self) -> None:
        if self._closed:
            raise gym.error.ClosedEnvironmentError("the environment was closed: make another one")

    # --- Privileged: for upper bounds and training signals -------------------------------------------------------

    def try_action(self, action: NDArray[np.int64]) -> Outcome:
        """Privileged: what ``action`` would do. Simulated and undone.

        Args:
            action: (5,) integers as in :meth:`step`.

        Returns:
            The outcome.
        """
        self._check_open()
        if self._model is None:
            raise gym.error.ResetNeeded("call reset() before try_action()")
        return self._tried(action)[0]

    def _tried(self, action: NDArray[np.int64]) -> tuple[Outcome, NDArray[np.float32]]:
        """What an action would do, and the flow (N, 2) of the pixels that show a part."""
        hold, push, direction = self._grips(action)
        state = self.simulator.state()
        self.simulator.interact(hold, push, direction, self.hold)
        poses = self.simulator.part_poses()
        self.simulator.restore(state)
        flow = flow_between(self._view, self._scene.camera, self._poses, poses)
        return judge(self._view, flow, self._part_of(hold), self._part_of(push), self._moved_ever), flow

    def _trials(self) -> dict[str, NDArray[np.generic]]:
        """What else could be done now, as entries of the privileged info."""
        if not self.trials:
            return {}
        trials = Trials.none(self.trials, self.height, self.width)
        if self._step_count < self.interactions:
            trials = try_some(self.trials, self._view, self._moved_ever, self._tried, self.np_random)
        return trials.as_privileged()

    def action_masks(self) -> NDArray[np.bool_]:
        """Privileged: which entries of an action may touch the object, as MaskablePPO of sb3-contrib asks.

        Returns:
            (2 H + 2 W + 8,) bool: rows and columns in which the object shows, for the hold and for the push, and all
            directions. A row and a column that are possible may still meet off the object.

        Raises:
            gymnasium.error.ResetNeeded: There is no episode.
        """
        self._check_open()
        if self._model is None:
            raise gym.error.ResetNeeded("call reset() before action_masks()")
        shown = self._view.links >= 0
        place = np.concatenate([shown.any(axis=1), shown.any(axis=0)])
        if not place.any():
            place[:] = True  # pushed out of sight: some action must be possible
        return np.concatenate([place, place, np.ones(DIRECTIONS, bool)])

    def oracle_action(self, seed: int | None = None) -> NDArray[np.int64]:
        """Privileged: the best action that can be found from the simulator's state.

        Args:
            seed: Seeds the candidates; None takes them from the environment's own generator.

        Returns:
            (5,) int64 action.
        """
        self._check_open()
        if self._model is None:
            raise gym.error.ResetNeeded("call reset() before oracle_action()")
        rng = self.np_random if seed is None else np.random.default_rng(seed)
        return oracle.best_action(self._view, self._moved_ever, self.try_action, rng)

    # --- Inside --------------------------------------------------------------------------------------------------

    def _choose(self, options: dict[str, Any]) -> PreparedObject:
        """The object of the next episode; fitted objects are kept."""
        folder = options.pop("object", None) or self._object
        category, index = options.pop("category", None), options.pop("index", None)
        if options:
            raise ValueError(f"unknown reset options {sorted(options)}; there are category, index and object")
        if folder is not None and (category, index) != (None, None):
            raise ValueError("reset options category and index pick generated objects and do not go with object")
        view = self.view
        if folder is None:
            category = None if category is None else canonical_category(category)
            choices: list[Instance] = [
                i for i in self._instances if category in (None, i.category) and index in (None, i.index)
            ]
            if not choices:
                if self._split in PARTNET_SPLITS and index is not None:
                    partnet.instance_folder(category, int(index), self._split)  # says why not
                known = sorted({i.category for i in self._instances})
                indices = [i.index for i in self._instances if category in (None, i.category)]
                have = f", indices: {min(indices)} to {max(indices)}" if indices else ""
                raise ValueError(f"no instance with category={category!r}, index={index!r}; categories: {known}{have}")
            sources = list(dict.fromkeys(i.split for i in choices))
            if len(sources) > 1:  # of a mix every source counts alike, however many objects it has
                source = sources[int(self.np_random.integers(len(sources)))]
                choices = [i for i in choices if i.split == source]
            pick = choices[int(self.np_random.integers(len(choices)))]
            folder = instance_folder(pick.category, pick.index, pick.split, pick.seed)
            view = instance_view(pick) if view == "auto" else view
        key = str(folder)
        if key not in self._models:
            self._models[key] = prepare(folder, view, self._mesh_root)
        return self._models[key]

    def _grips(self, action: NDArray[np.int64]) -> tuple[Grip | None, Grip | None, int]:
        """Hold, push and direction of an action."""
        array = np.asarray(action)
        fits = array.shape == (5,) and array.dtype.kind in "iu"
        values: list[int] = array.tolist() if fits else []
        if not fits or not all(0 <= v < limit for v, limit in zip(values, self._limits, strict=True)):
            raise ValueError(f"action {action} is not in {self.action_space}: (hold row, col, push row, col, k)")
        hold_row, hold_col, push_row, push_col, direction = values
        return self._grip(hold_row, hold_col), self._grip(push_row, push_col), direction

    def _grip(self, row: int, col: int) -> Grip | None:
        link = int(self._view.links[row, col])
        if link < 0:
            return None
        return Grip(link, self._scene.camera.unproject_pixel(row, col, self._view.depth[row, col]))

    def _part_of(self, grip: Grip | None) -> int:
        return 0 if grip is None else self.simulator.label_of(grip.link)

    def _observation(self, touch: tuple[int, int]) -> ObservationDict:
        self._rgb, depth = observe(self._view, self._scene, self.randomization, self.np_random)
        return {"rgb": self._rgb.copy(), "depth": depth, "touch": np.array(touch, np.int8)}

    def _info(self, before: View, flow: NDArray[np.float32], outcome: Outcome) -> dict[str, Any]:
        assert self._model is not None
        dense = np.zeros(self.height * self.width, np.complex64)
        dense[before.pixels] = flow.view(np.complex64)[:, 0]
        moved = np.zeros(256, np.uint8)  # by label
        moved[1 : MAX_PARTS + 1] = outcome.moved_parts
        return {
            "category": self._model.category,
            "instance": self._model.name,
            "notes": self._model.notes,
            "privileged": {
                "labels": self._view.labels.copy(),
                "moved_before": cv2.LUT(before.labels, moved).view(bool),
                "moved_after": cv2.LUT(self._view.labels, moved).view(bool),
                "flow": dense.view(np.float32).reshape(self.height, self.width, 2),
                "moved_parts": outcome.moved_parts,
                "seen_parts": self._view.seen.copy(),
                "held_part": outcome.held_part,
                "pushed_part": outcome.pushed_part,
                "effective": outcome.effective,
                "optimal": outcome.optimal,
                "num_parts": self._num_parts,
                **self._trials(),
            },
        }

    def _drawn_scene(self) -> NDArray[np.uint8]:
        return human_render.draw_scene(self._rgb, self._view.labels, self._last_action)

    def _show(self) -> None:
        if self.render_mode == "human":
            human_render.show_window(self._drawn_scene(), self.metadata["render_fps"])


def _remade(
    kind: type[ArticulatedPlay],
    arguments: dict[str, Any],
    spec: EnvSpec | None,
    seed: int | None,
    state: EpisodeState | None,
    action_space: spaces.MultiDiscrete,
) -> ArticulatedPlay:
    """The environment that a deep copy or a pickle stands for."""
    env = kind(**arguments)
    env.spec, env.action_space = spec, action_space  # the space has a generator of its own
    if state is not None:
        env.set_state(state)
        env._np_random_seed = seed
    return env
