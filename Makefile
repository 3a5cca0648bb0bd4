# Needs only Python (3.11 or newer), git and make: `make reproduce`, `make test`, `make smoke`.
# None of the targets touches a tracked file.
PYTHON ?= python3
UV = .venv/bin/uv
BENCH = .venv/bin/bench
READY = .venv/ready
CHROMIUM ?= chromium
export UV_HTTP_TIMEOUT ?= 300

.PHONY: setup test lint smoke reproduce mutants gpu report preview docs clean

setup: $(READY)

# Bytecode is compiled once, because with PYTHONDONTWRITEBYTECODE no process writes it and each takes 2 s more.
# uv is used because plain pip may choose a build of torch that does not fit torchvision.
$(READY): requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=...")'
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	test -x $(UV) || .venv/bin/python -m pip install --quiet uv==0.13.9
	$(UV) pip install --python .venv/bin/python --compile-bytecode --require-hashes -r requirements.txt
	$(UV) pip install --python .venv/bin/python --quiet --no-deps --no-build-isolation -e .
	.venv/bin/python -m compileall -q harness baselines
	.venv/bin/python -m harness.maths.philox_c
	touch $@

test: $(READY)
	.venv/bin/python -m pytest -n 2

# Check style, types, the layers of imports, and the declared dependencies.
lint: $(READY)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/lint-imports --no-logo
	.venv/bin/deptry . --no-ansi
	.venv/bin/mypy

smoke: $(READY)
	$(BENCH) smoke

reproduce: $(READY)
	$(BENCH) reproduce

# Inject one fault for each known trap; each must make a test fail.
mutants: $(READY)
	.venv/bin/python -m harness.tests.mutants

# Works without a network: uses the packages of .venv, or those of PYTHON if there is no .venv.
BUDGET ?= 20m
PRESET ?=
gpu:
	if test -x $(BENCH); then set $(BENCH); else set $(PYTHON) -m harness; fi; \
	"$$@" gpu --budget $(BUDGET) $(if $(PRESET),--preset $(PRESET))

# Render the page from the present records into build/report, without DVC and without training.
report: $(READY)
	$(BENCH) report --out build/report

# Take the picture of the page's first screen, build/preview.png; the README shows the copy in reports/laptop.
preview: report
	$(CHROMIUM) --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1200,1500 \
		--screenshot=build/preview.png file://$(CURDIR)/build/report/index.html

# Build the documentation, build/site; a broken link is an error.
docs: $(READY)
	$(UV) pip install --python .venv/bin/python --quiet --requirements pyproject.toml --extra docs
	.venv/bin/mkdocs build --strict --quiet

clean:
	rm -rf build dvc_plots .pytest_cache
