# Thin on purpose: one idea a target. On Windows without make, the README lists the plain commands.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
DOCS_INSTALLED := .venv/.docs-installed

.PHONY: run install test lab docs docs-serve bench prepare clean

run: $(INSTALLED)       ## execute the whole series and print what each stage reached; with LESSON=02 that lesson alone
	$(BIN)/python tools/run_series.py $(if $(LESSON),--only $(LESSON))

install: $(INSTALLED)   ## what the other targets need, in .venv

# As many processes as cores, with a thread each; what the reader has solved is left alone.
test: export OMP_NUM_THREADS ?= 1
test: export FASTBOOK_SGD_PRACTICE := none
test: $(INSTALLED)      ## every check: the notebooks' own cells, then tests/
	$(BIN)/nbdev-test --do-print
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

lab: $(INSTALLED)       ## open the notebooks
	$(BIN)/jupyter lab nbs

docs: $(DOCS_INSTALLED) ## build the site into _docs/ (needs Node.js, which renders the math and builds the playground)
	$(BIN)/python tools/build_docs.py

docs-serve: docs        ## show it at localhost
	$(BIN)/python -m http.server --directory _docs --bind 127.0.0.1 8000

bench: $(INSTALLED)     ## measure everything side by side, in bench/; with QUICK=1 less of it, in some minutes
	$(BIN)/python tools/bench.py $(if $(QUICK),--quick)

prepare: $(INSTALLED)   ## export, execute, save outputs, clean, write README.md
	$(BIN)/python tools/prepare.py

clean:                  ## remove what the other targets made
	rm -rf .venv _run _docs _proc _bench docs/node_modules play/node_modules .pytest_cache .mypy_cache .hypothesis *.egg-info

# Installs once, and again only when what is to be installed has changed.
$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version.split()[0]; sys.exit("Python 3.10 or later is needed, and $(PYTHON) is " + v + ": make PYTHON=python3.11" if sys.version_info < (3, 10) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -c constraints.txt -e '.[series,dev]'
	touch $@

$(DOCS_INSTALLED): $(INSTALLED)
	$(BIN)/python -m pip install -c constraints.txt -e '.[series,dev,docs]'
	touch $@
