# Everything here runs in .venv, which `make install` makes; nothing outside this directory is changed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help install demo demo-cluster browser test test-learning test-cluster soak lint type docs

help: ## say what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP) ## make .venv with the pinned set; a second call installs nothing

$(STAMP): setup.cfg pyproject.toml constraints.txt
	@command -v "$(PYTHON)" > /dev/null || { \
		echo "make: $(PYTHON) was not found; expected Python 3.11 or newer." >&2; \
		echo "      Install it, or name one: make install PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "make: $(PYTHON) is $$("$(PYTHON)" -V 2>&1); expected Python 3.11 or newer." >&2; \
		echo "      Install one, or name it: make install PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" -c 'import venv, ensurepip' 2> /dev/null || { \
		echo "make: $(PYTHON) lacks its venv module; expected a whole Python." >&2; \
		echo "      On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	"$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install -c constraints.txt -e ".[dev]"
	@touch $@

demo: install ## train the default experiment; its closing table names the files to look at
	$(BIN)/rlhp train moving_dot

browser:
	@command -v chromium > /dev/null || command -v chromium-browser > /dev/null || command -v google-chrome > /dev/null || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
			apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends chromium; \
		else echo "make: no chromium; the tests of pages are skipped"; fi; }

test: install browser ## run the tests, WORKERS=2 at a time; ARGS="tests/envs -x" goes to pytest
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not learning and not cluster" -n $(WORKERS) --dist loadscope --no-loadscope-reorder $(ARGS)

test-learning: install browser ## run the tests that train for minutes: results against thresholds, sweeps, people
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m learning --timeout 3600 --timeout-method signal $(ARGS)

test-cluster: install ## as root: launch clusters on simulated hosts of this machine, and run sweeps on them
	$(BIN)/python -m pytest -m cluster -rs --timeout 3600 --timeout-method signal tests/cluster $(ARGS)

soak: install ## an hour of training with a process killed every two minutes; ARGS="--minutes 6" for less
	$(BIN)/python benchmarks/soak.py $(ARGS)

demo-cluster: install ## as root: a sweep of two seeds on a cluster of simulated hosts, step by step
	$(BIN)/python tests/cluster/demo.py

lint: install ## check style and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

type: install ## check types
	$(BIN)/mypy

docs: install ## write the pages, and the Grafana dashboard, that are made from the code
	$(BIN)/python -m rlhp_ray.metric_keys > docs/metrics.md
	$(BIN)/python -m rlhp_ray.config.reference_page > docs/configuration.md
	$(BIN)/python -m rlhp_ray.policy.grafana_dashboard > cluster/grafana_dashboard.json
