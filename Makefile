# Everything a developer needs. `make help` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export npm_config_audit := false
export npm_config_fund := false

.PHONY: help setup setup-editors demo test check bench test-neovim test-vscode lock clean

help:
	@echo "make setup        the virtual environment, with everything locked and verified by hash"
	@echo "make demo         the main job before your eyes; MODEL=provider/name runs it on that model"
	@echo "make test         all tests, real editors included"
	@echo "make check        linters, type checkers, layer contracts"
	@echo "make bench        measure, print, and write benchmarks/results.json"
	@echo "make test-neovim  the tests in a real Neovim;  make test-vscode: in a real VS Code"
	@echo "make lock         resolve the dependencies anew"

setup: $(VENV)/.done

$(VENV)/.done: pyproject.toml requirements/lock.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Phasr needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --no-deps --require-hashes -r requirements/lock.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

setup-editors: setup tests/node/node_modules/.done clients/vscode/dist/phasr-lsp.vsix
	tests/editors/install

tests/node/node_modules/.done: tests/node/package-lock.json
	cd tests/node && npm ci --ignore-scripts --silent
	@touch $@

clients/vscode/node_modules/.done: clients/vscode/package-lock.json
	cd clients/vscode && npm ci --ignore-scripts --silent
	@touch $@

clients/vscode/dist/phasr-lsp.vsix: clients/vscode/node_modules/.done $(wildcard clients/vscode/src/*) clients/vscode/package.json
	cd clients/vscode && npm run --silent package

demo: setup
	$(BIN)/python -m examples.demo $(if $(MODEL),--model $(MODEL))

test: setup-editors
	$(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

test-neovim: setup-editors
	$(BIN)/python -m pytest tests/editors -m neovim $(ARGS)

test-vscode: setup-editors
	$(BIN)/python -m pytest tests/editors -m vscode $(ARGS)

check: setup-editors
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/lint-imports
	cd clients/vscode && npm run --silent check
	node tests/editors/format-lua.mjs --check clients/neovim
	@if command -v luacheck >/dev/null; then cd clients/neovim && luacheck -q .; \
	else echo "skipped: luacheck isn't installed (Debian: lua-check)"; [ -z "$$CI" ]; fi

bench: setup
	$(BIN)/python -m benchmarks $(ARGS)

lock:
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra local --group dev --override requirements/overrides.txt \
	  --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet \
	  -o requirements/lock.txt

clean:
	rm -rf $(VENV) tests/node/node_modules tests/editors/node_modules clients/vscode/node_modules
