# genolab: two commands from a fresh clone do everything.
#
#   make lab      make the environment in .venv, register a Jupyter kernel for each device, open the first notebook
#   make test     the same environment, then format, lint, types, layers, and every test
#
#   make doctor   look over the set-up          make clean   remove .venv, so that the next call makes a new one
#   make pins     resolve constraints.txt anew
#   make gpu      on a machine with an NVIDIA GPU, all checks that need one, in six minutes; `make gpu-pack`, on one with
#                 a network, packs what a machine without may lack (into build/gpu, which goes along with the clone)
#
# Variables, all optional:
#   PORT=9000         where `make lab` serves; by default the first free port from 8888
#   BROWSER=no        don't open a browser, only print the address (on a server; README.md says how to reach it)
#   PYTHON=python3.12 the Python to make the environment with, 3.11 or later
#   TORCH_INDEX=URL   where to take torch from. On Linux the usual torch brings several GB for NVIDIA's GPUs; for a laptop
#                     without one, give the address of the CPU builds that pytorch.org shows under "Get Started"
#                     (Linux, Pip, CPU; what follows --index-url).
#   ARGS="-k recipe"  what `make test` hands to pytest, and `make gpu` to its script
#
# Both are instant when run again and safe to interrupt: a step counts as done only when its mark is written, the mark's
# name is made from the content of the files that it depends on, and what an interrupted pip left half-written goes.

PYTHON ?= python3
BIN := .venv/bin
# --no-compile: Python compiles a module when it is first imported, and most modules of the packages never are.
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --require-virtualenv
KEY := $(shell (cat pyproject.toml constraints.txt Makefile; pwd) | cksum | tr ' ' '-')
# One more than there are cores: browser tests mostly wait.
WORKERS = $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))
SAY := @printf 'genolab: %s\n'

.PHONY: help lab test setup-lab setup-test doctor pins clean gpu gpu-pack
.DEFAULT_GOAL := help

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

lab: setup-lab
	@$(BIN)/genolab lab $(if $(PORT),--port $(PORT)) $(if $(filter no,$(BROWSER)),--no-browser)

test: setup-test
	$(SAY) "format"
	@$(BIN)/ruff format --check --quiet .
	$(SAY) "lint"
	@$(BIN)/ruff check --quiet .
	$(SAY) "types"
	@$(BIN)/mypy --no-error-summary
	$(SAY) "layers"
	@$(BIN)/lint-imports --no-logo
	$(SAY) "tests"
	@$(BIN)/pytest --numprocesses $(WORKERS) --maxprocesses 4 --dist worksteal $(ARGS)

doctor: setup-lab
	@$(BIN)/genolab doctor

gpu:
	@tests/gpu/run.sh $(ARGS)

gpu-pack:
	@tests/gpu/pack.sh

clean:
	rm -rf .venv

# Two calls at once: the second waits for the first, then finds everything done.
setup-lab setup-test: setup-%:
	@test -e .venv/made-$*-$(KEY) || $(if $(shell command -v flock),flock .setup.lock) \
		$(MAKE) --silent --no-print-directory .venv/made-$*-$(KEY)

.venv/made-lab-$(KEY):
	@$(call find_python); $(call keep_or_make_venv)
	$(SAY) "installing the packages into .venv (the first time this takes some minutes)"
	@$(PIP) install --no-compile --constraint constraints.txt --upgrade pip hatchling
	@$(if $(TORCH_INDEX),$(PIP) install --no-compile --constraint constraints.txt --index-url $(TORCH_INDEX) --no-deps torch)
	@$(PIP) install --no-compile --constraint constraints.txt --no-build-isolation --editable '.[all]'
	$(SAY) "registering the Jupyter kernels"
	@$(BIN)/genolab kernel install
	@rm -f .venv/made-*; touch $@

.venv/made-test-$(KEY): .venv/made-lab-$(KEY)
	$(SAY) "installing what the tests need"
	@$(PIP) install --no-compile --constraint constraints.txt --group dev
	@touch $@

# A Python of 3.11 or later: the one asked for, else the first found.
define find_python
for python in "$(PYTHON)" $(if $(filter file default,$(origin PYTHON)),python3.13 python3.12 python3.11); do \
	if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then break; fi; python=; done; \
if test -z "$$python"; then \
	echo "genolab needs Python 3.11 or later; $(PYTHON) is $$("$(PYTHON)" --version 2>&1)." >&2; \
	echo "Install one, and name it: make lab PYTHON=/path/to/python3.11" >&2; exit 1; fi
endef

# A .venv that an interruption left half-made is made anew; of a whole one, only what pip left half-written goes:
# a package is whole when its RECORD is there, which pip writes last.
define keep_or_make_venv
if ! $(BIN)/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	echo "genolab: making .venv with $$($$python --version)"; rm -rf .venv; "$$python" -m venv .venv || exit 1; fi; \
for site in .venv/lib/python3*/site-packages; do rm -rf "$$site"/~*; \
	for info in "$$site"/*.dist-info; do test ! -d "$$info" -o -f "$$info/RECORD" || rm -rf "$$info"; done; done
endef

# torch keeps its pin, which is renewed by hand: the newest one may bring several GB. What comes with its CUDA build
# follows torch's own pins.
PINS := build/pins
pins:
	@$(call find_python); rm -rf $(PINS); "$$python" -m venv $(PINS)
	$(SAY) "resolving the newest packages that pyproject.toml allows (some minutes)"
	@sed -n '/^torch==/p' constraints.txt > $(PINS)/torch.txt
	@$(PINS)/bin/python -m pip --quiet install --upgrade pip hatchling
	@$(if $(TORCH_INDEX),$(PINS)/bin/python -m pip --quiet install --constraint $(PINS)/torch.txt --index-url $(TORCH_INDEX) \
		--no-deps torch)
	@$(PINS)/bin/python -m pip --quiet install --constraint $(PINS)/torch.txt --no-build-isolation --editable '.[all]' \
		--group dev
	@(sed -n '/^#/p' constraints.txt; $(PINS)/bin/python -m pip freeze --all --exclude-editable \
		| sed -E 's/\+[a-z0-9.]*$$//; /^(cuda|nvidia|triton)/d' | LC_ALL=C sort -f) > $(PINS)/constraints.txt
	@mv $(PINS)/constraints.txt constraints.txt; rm -rf $(PINS)
	$(SAY) "constraints.txt is new: make test, then commit it"
