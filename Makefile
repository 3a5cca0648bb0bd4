# Everything from Python (3.11 or newer), git and make: `make reproduce`, `make test`, `make smoke`.
# None of the targets touches a tracked file.
PYTHON ?= python3
UV = .venv/bin/uv
BENCH = .venv/bin/bench
READY = .venv/ready
CHROMIUM ?= chromium
export UV_HTTP_TIMEOUT ?= 300

.PHONY: setup test lint smoke reproduce mutants gpu report preview docs clean

setup: $(READY)

# Compiled once, as no process may write bytecode where PYTHONDONTWRITEBYTECODE is set, and each then takes 2 s more.
# uv, as plain pip may pick a build of torch that torchvision does not fit.
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

# Style, types, who imports whom, and the declared dependencies.
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

# One injected fault per correctness trap, and the test that goes red.
mutants: $(READY)
	.venv/bin/python -m harness.tests.mutants

# Without network too: the packages of .venv, or those of PYTHON where there is no .venv.
BUDGET ?= 20m
PRESET ?=
gpu:
	if test -x $(BENCH); then set $(BENCH); else set $(PYTHON) -m harness; fi; \
	"$$@" gpu --budget $(BUDGET) $(if $(PRESET),--preset $(PRESET))

# The page from the records at hand, in build/report: no DVC, nothing trained.
report: $(READY)
	$(BENCH) report --out build/report

# The picture of the page's first screen, build/preview.png; the README shows the copy in reports/laptop.
preview: report
	$(CHROMIUM) --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1200,1500 \
		--screenshot=build/preview.png file://$(CURDIR)/build/report/index.html

# The documentation, build/site; a link that leads nowhere ends it.
docs: $(READY)
	$(UV) pip install --python .venv/bin/python --quiet --requirements pyproject.toml --extra docs
	.venv/bin/mkdocs build --strict --quiet

clean:
	rm -rf build dvc_plots .pytest_cache
