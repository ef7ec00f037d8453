# Short names for plain commands; README.md has the commands for people without make.
# The environment lives in .venv and is made again only when pyproject.toml changes.
PYTHON ?= python3
RUN = .venv/bin/

.PHONY: train test long lab notebooks site wheel clean

train: .venv/installed
	@$(RUN)minicyclegan train seasons -f notebooks/configs/cpu.yaml

test: .venv/installed
	@echo "running the unit tests, the mirror test, the lint, and every notebook under nbval"
	@$(RUN)python -m pytest

long: .venv/installed
	@echo "running the long tests, about an hour; what they measure goes to tests/results"
	@MINICYCLEGAN_RECORD=1 $(RUN)python -m pytest -n 0 -m long tests
	@$(RUN)python tests/records.py

lab: .venv/installed
	@cd notebooks && ../$(RUN)jupyter lab

notebooks: .venv/installed
	@$(RUN)python -m minicyclegan.course.refresh

site: .venv/installed
	@rm -rf build/site
	@$(RUN)python -m minicyclegan.course.site build/site

wheel: .venv/installed
	@rm -f dist/minicyclegan-*.whl
	@$(RUN)python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .
	@ls dist/minicyclegan-*.whl

.venv/installed: pyproject.toml
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || { echo "Python 3.11 or newer is needed; say for example: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@echo "installing into .venv: several GB, a few minutes, only this once"
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@$(RUN)python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@
	@echo "installed"

clean:
	rm -rf .venv runs
