# Two commands: `make demo` and `make test`. Windows without make: see docs/first-steps.md.
# The system's own where it will do: by one that a version manager compiled as it comes the suite takes a sixth longer,
# and a loop of plain Python half as long again.
SYSTEM := /usr/bin/python3
PYTHON ?= $(shell $(SYSTEM) -c "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))" 2>/dev/null && \
	echo $(SYSTEM) || echo python3)
VENV   := .venv
BIN    := $(VENV)/bin

# Bytecode is kept: a test run starts a hundred processes that would all compile the product for themselves.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo serve test test-rules test-product torture-test torture install install-dev check bench bench-check bench-growth pictures wheel bundle schema clean

demo: install
	$(BIN)/cbt demo

serve: install
	$(BIN)/cbt serve

install: $(VENV)/.installed

$(VENV)/.installed: requirements/run.txt pyproject.toml
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m cbt.translations.compiler
	@touch $@

install-dev: $(VENV)/.installed-dev

$(VENV)/.installed-dev: $(VENV)/.installed requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

# Three on two cores: journeys and databases wait a good deal, and another's tests run meanwhile. Where a process
# can be forked they are forks of the one that collected all cases (tests/forked_runner.py).
WORKERS ?= 3
LINUX   := $(filter Linux,$(shell uname))
FORKS   := $(if $(LINUX),--workers $(WORKERS),-n $(WORKERS) --dist loadfile --no-loadscope-reorder)

# The rules stand alone: their tests load nothing of the product around them. They run while the other cases are
# collected, which takes one core, and say what they found after these.
test: install-dev
	$(BIN)/python -m cbt.translations.compiler
	$(BIN)/python -m tests.equipment
	@said="$$(mktemp)"; $(MAKE) --no-print-directory test-rules >"$$said" 2>&1 & rules=$$!; \
	$(MAKE) --no-print-directory test-product; product=$$?; \
	wait $$rules; ruled=$$?; cat "$$said"; rm -f "$$said"; exit $$((product + ruled))

test-rules:
	$(BIN)/python -m pytest tests/rules --confcutdir=tests/rules --cov=cbt.rules --cov-branch --cov-report=term --cov-fail-under=100

test-product:
	$(BIN)/python -m pytest $(FORKS) --ignore=tests/rules --ignore=tests/torture

# Two at a time, for a fault waits longer than it works, and asks what a third would take from it; who takes what, and
# when, is said by tests/torture/conftest.py.
torture-test: install-dev
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder tests/torture $(TORTURE_ARGS)

check: install-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m cbt.translations.checker

TORTURE ?= --short

torture: install-dev
	$(BIN)/python -m torture $(TORTURE)

bench: install-dev
	$(BIN)/python -m tests.browser
	$(BIN)/python -m bench
	$(BIN)/python -m bench --write-pages

bench-check: install-dev
	$(BIN)/python -m bench --check

ATTEMPTS ?= 1000000

bench-growth: install-dev
	$(BIN)/python -m bench.growth --attempts $(ATTEMPTS)

# Those of the READMEs and of the handbooks, in both languages.
pictures: install-dev
	$(BIN)/python -m tests.journeys.pictures

wheel: install-dev
	rm -rf dist
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation -w dist .

bundle: install-dev
	$(BIN)/python -m bundle

schema: install-dev
	$(BIN)/cbt blueprint schema > blueprints/blueprint.schema.json
	$(BIN)/cbt blueprint schema reasons > blueprints/reasons.schema.json

clean:
	rm -rf dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .coverage .hypothesis
