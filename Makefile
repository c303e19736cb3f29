# Thin on purpose: one idea a target. On Windows without make, the README lists the plain commands.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: run test lab prepare clean

run: $(INSTALLED)       ## execute the whole series and print what each stage reached
	$(BIN)/python tools/run_series.py

test: $(INSTALLED)      ## every check: the notebooks' own cells, then tests/
	$(BIN)/nbdev-test --do-print
	$(BIN)/python -m pytest

lab: $(INSTALLED)       ## open the notebooks
	$(BIN)/jupyter lab nbs

prepare: $(INSTALLED)   ## export, execute, save outputs, clean, write README.md
	$(BIN)/python tools/prepare.py

clean:                  ## remove what the other targets made
	rm -rf .venv _run _docs _proc .pytest_cache .hypothesis *.egg-info

# Installs once, and again only when what is to be installed has changed.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -c constraints.txt -e '.[dev]'
	touch $@
