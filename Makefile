# make play  installs everything and plays with two unseen objects, using the shipped weights
# make test  lint, spelling, types, structure, tests and their coverage
PYTHON ?= python3.11
# On a machine without a GPU: make play TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
BIN := .venv/bin
# pip shows its bar of progress on a terminal, and is silent in a log
PIP_QUIET ?= $(if $(MAKE_TERMOUT),,--quiet)
STAMP := .venv/.installed
FOUND_PYTHON = $(if $(wildcard $(BIN)/python),$(BIN)/python,$(PYTHON))

.PHONY: setup play test test-slow test-ray faults chaos docs found train train-policy train-video eval soup-text soup-image soup-agents bench clean

setup: $(STAMP)

# torch first and pinned: a later resolution would take its newest build, with gigabytes of CUDA libraries
$(STAMP): pyproject.toml
	@command -v $(FOUND_PYTHON) > /dev/null || \
		{ echo "no $(FOUND_PYTHON): install CPython 3.11, or name yours: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 1; }
	@$(FOUND_PYTHON) -c "import sys; v = sys.version_info[:2]; \
		(3, 11) <= v <= (3, 12) or sys.exit('this needs CPython 3.11 or 3.12, and $(FOUND_PYTHON) is %d.%d: ' \
		'rm -rf .venv; make $(MAKECMDGOALS) PYTHON=/path/to/python3.11' % v); \
		v == (3, 12) and print('CPython 3.12: PyBullet is compiled here, which needs g++ and takes minutes')"
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "1 of 2: PyTorch $(if $(TORCH_INDEX),from $(TORCH_INDEX),(with CUDA, 6 GB; without a GPU: make $(MAKECMDGOALS) TORCH_INDEX=https://download.pytorch.org/whl/cpu))"
	$(BIN)/python -m pip install $(PIP_QUIET) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch==2.13.0
	@echo "2 of 2: everything else, a few minutes"
	$(BIN)/python -m pip install $(PIP_QUIET) --editable '.[dev]'
	touch $(STAMP)

play: setup
	$(BIN)/atp play --category pliers --out runs/play/pliers
	$(BIN)/atp play --category multilink --out runs/play/multilink

# Two test processes with one thread each: threads of several processes on the same cores stand in each other's way
TESTS = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile
test: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy
	$(TESTS) --cov --cov-report=
	$(BIN)/coverage report --format=total

test-slow: setup
	$(BIN)/python -m pytest -m slow

# Faults planted in the core one at a time, and what the tests catch of them: half an hour on 2 cores
faults: setup
	$(BIN)/python tests/faults/plant.py

# Long commands killed at random moments and their files spoilt: they end as if nothing had happened
chaos: setup
	$(BIN)/python tests/chaos/run.py

# The documentation as a site, in build/site; a warning is an error
docs: setup
	$(BIN)/python -m pip install $(PIP_QUIET) --editable '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "build/site/index.html"

# Environments on a local Ray cluster, of which a node is killed
test-ray: setup
	$(BIN)/python -m pip install --quiet --editable '.[ray]'
	$(BIN)/python -m pytest -m slow tests/envs/test_ray.py

# Objects that others made under free licences, to train on and to validate with: two minutes on 2 cores. More of them
# where `apt-get install sweethome3d-furniture` was run before, or with FOUND="--sweethome FILE"
found: setup
	$(BIN)/python -m pip install --quiet --editable '.[found]'
	$(BIN)/python -m assets.found $(FOUND)

train: setup
	$(BIN)/python -m train.atp_train --config train/configs/default.toml

# The interaction network of the weights `default`, trained further by what was tried in each state: a quarter of an hour
# to play on 2 cores and an hour to learn; with `make found` before it plays with found objects too
train-policy: setup
	$(BIN)/python -m train.record --split mix --out runs/trials --total-interactions 12000 --envs 16 --group-size 8 \
		--trials 8 --guided 0.6 --epsilon 0.5 --temperature 0.4 --reward touch-apart
	$(BIN)/python -m train.perception_train --learns interaction --play runs/trials --out runs/policy --steps 3800 \
		--learner.batch-size 32 --learner.learning-rate 1.2e-3 --learner.compile

# The second stage, which the part network of the weights `default` comes from: three hours on 2 cores; needs a C++ compiler. Then, from there,
# with pairs that look like photographs (docs/training.md says what they are drawn of): a quarter of an hour to draw them, two to train
train-video: setup
	$(BIN)/python -m train.record --out runs/recorded
	$(BIN)/python -m train.perception_train --play runs/recorded --out runs/perception --learner.compile
	$(BIN)/python -m train.perception_train --play runs/recorded --out runs/more-play --weights runs/perception/weights \
		--steps 6000 --learner.batch-size 24 --learner.pairs 20 --learner.learning-rate 2e-3 --learner.compile
	$(BIN)/python -m train.perception_train --play runs/recorded --out runs/still-more-play \
		--weights runs/more-play/weights \
		--steps 3000 --learner.batch-size 30 --learner.pairs 12 --learner.learning-rate 1.5e-3 --learner.compile
	$(BIN)/python -m train.perception_train --play runs/recorded --out runs/video --weights runs/still-more-play/weights \
		--steps 2000 --learner.batch-size 34 --learner.pairs 8 --learner.learning-rate 1e-3 --learner.compile
	$(BIN)/python -m pip install --quiet --editable '.[pictures]'
	$(BIN)/python -m train.data --rendered 6000 --validation 150
	$(BIN)/python -m train.perception_train --play runs/recorded --out runs/photographs --weights runs/video/weights \
		--design.agent --design.matching --design.appearance imagenet --steps 2500 --drawn 6000 \
		--learner.batch-size 4 --learner.pairs 4 --learner.rendered 12 --learner.learning-rate 2e-3

# The benchmark, hours on 2 cores; goes on when interrupted. Then the figures in the README are written anew
eval: setup
	$(BIN)/atp eval --suite full --seeds 5 --out runs/full --json docs/results/full.json
	$(BIN)/atp eval --suite stress --policies ours,act-random,gt-act,gt-act-mot --seeds 5 --out runs/stress --json docs/results/stress.json
	$(BIN)/atp eval --suite ablations --seeds 5 --out runs/ablations --json docs/results/ablations.json
	$(BIN)/atp eval --suite joints --seeds 5 --out runs/joints --json docs/results/joints.json
	$(BIN)/atp report

# Model soups: of sentence encoders, of small image networks (and of one with BatchNorm), of the agent itself
SOUP = $(BIN)/python -m train.sweep --sweep.workers 2
LITE = $(SOUP) --pairs 100 --sweep.runs 6 --sweep.task train.finetuning.efficientnet_lite
soup-text: setup
	$(BIN)/python -m pip install --quiet --editable '.[soups]'
	$(SOUP) --sweep.task train.finetuning.text:task --out runs/soup-text --json docs/results/soup-text.json \
		--pairs 300 --sweep.runs 9 --sweep.space.learning-rate 1e-4 5e-4 --sweep.space.epochs 2 3 --sweep.space.mixup 0 0

soup-image: setup
	$(BIN)/python -m pip install --quiet --editable '.[soups]'
	$(SOUP) --sweep.task train.finetuning.digits:task --out runs/soup-image --json docs/results/soup-image.json \
		--sweep.runs 16 --sweep.space.learning-rate 3e-4 1e-3 --sweep.space.epochs 4 12
	$(SOUP) --sweep.task train.finetuning.digits:task --out runs/soup-wide --json docs/results/soup-wide.json \
		--sweep.runs 16 --sweep.space.learning-rate 3e-4 3e-3 --sweep.space.epochs 4 12
	for statistics in frozen trained reestimated; do \
		$(LITE):$$statistics --out runs/soup-$$statistics --json docs/results/soup-$$statistics.json \
			--sweep.space.learning-rate 1e-4 1e-3 --sweep.space.epochs 6 12 || exit 1; \
	done
	$(LITE):frozen --out runs/soup-frozen-low --json docs/results/soup-frozen-low.json \
		--sweep.space.learning-rate 5e-5 2e-4 --sweep.space.epochs 10 16

soup-agents: setup
	test -e runs/recorded/weights || $(BIN)/python -m train.record --out runs/recorded
	test -e runs/held-out/weights || \
		$(BIN)/python -m train.record --split val --total-interactions 400 --out runs/held-out
	$(BIN)/python -m train.agent_soups --out runs/agent-soups

bench: setup
	$(BIN)/python -m train.bench --out runs/bench.json

clean:
	rm -rf .venv runs build *.egg-info .pytest_cache .mypy_cache .ruff_cache
