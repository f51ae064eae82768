# Every command of the project; `make` alone lists them. Each sets up what it needs first.
PYTHON ?= python3
VENV_PYTHON := $(if $(filter Windows_NT,$(OS)),.venv/Scripts/python.exe,.venv/bin/python)
JOBS ?= auto
ONLY ?=
export PYTHONUTF8 := 1

.DEFAULT_GOAL := help
.PHONY: help setup setup-tests demo test lint types bench format demo-videos demo-checkpoint clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | awk -F'\t' '{printf "  %-16s %s\n", $$1, $$2}'

setup: ## the virtual environment and the system libraries that the app needs
	@$(PYTHON) resources/setup/prepare.py

setup-tests:
	@$(PYTHON) resources/setup/prepare.py --tests

demo: setup ## open the app on the demo project (without a display: walk through it and leave screenshots)
	@$(VENV_PYTHON) main.py demo

test: setup-tests ## the whole test suite; no display, GPU, sound device or network needed
	@$(VENV_PYTHON) -m pytest -n $(JOBS) -q $(if $(ONLY),-k "$(ONLY)")

lint: setup-tests ## ruff: check and format
	@$(VENV_PYTHON) -m ruff check . && $(VENV_PYTHON) -m ruff format --check .

format: setup-tests ## rewrite the sources as ruff formats them
	@$(VENV_PYTHON) -m ruff check --fix-only . && $(VENV_PYTHON) -m ruff format .

types: setup-tests ## mypy, strict, on davenet and the Qt-free part of annotator
	@$(VENV_PYTHON) -m mypy

bench: setup-tests ## every measurement as a ratio (ONLY=name for one); benchmarks/latest.jsonl
	@$(VENV_PYTHON) -m benchmarks $(if $(ONLY),--only $(ONLY))

demo-videos: setup-tests ## make the videos of resources/demo again (needs flite and espeak-ng)
	@$(VENV_PYTHON) -m davenet.corpora.kitchen.demo

demo-checkpoint: setup-tests ## train the checkpoint of resources/checkpoint again (about half an hour on 2 cores)
	@$(VENV_PYTHON) -m davenet.training.demo_checkpoint --work build/demo-checkpoint --out resources/checkpoint

clean: ## remove what make made, but no project
	@$(PYTHON) -c "import shutil; [shutil.rmtree(p, ignore_errors=True) for p in ('.venv', 'build', 'demo-output', 'demo-project')]"
