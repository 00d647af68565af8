# What a developer, an operator and CI run. `make help` lists it; nothing here needs more than Python 3.11, make and the package registries.

# The path's python3; or the system's, where that is a 3.11 and the path's was built without the compiler's optimisations,
# as version managers do (a third slower).
PLAIN_BUILD := import sys, sysconfig as s; sys.exit("--enable-optimizations" in (s.get_config_var("CONFIG_ARGS") or ""))
PYTHON ?= $(shell [ "$$(command -v python3)" != /usr/bin/python3 ] && python3 -c '$(PLAIN_BUILD)' && \
	/usr/bin/python3.11 -c 'import ensurepip, venv' 2>/dev/null && echo /usr/bin/python3.11 || echo python3)
BIN := .venv/bin
STAMPS := .venv/stamps
LOCKS := requirements-build.lock requirements-node.lock requirements.lock requirements-functions.lock \
	requirements-dev.lock
COMPILE = $(BIN)/uv pip compile --quiet --python-version 3.11 --universal \
	--generate-hashes --no-emit-index-url --no-header --no-annotate

# tests/conftest.py says how many workers. ARGS=-n0 keeps everything in one process, as a debugger needs it.
PYTEST = $(BIN)/python -m pytest
IN_PARALLEL = -n auto

# Where it is set (containers, mostly) every process would compile every module anew: seconds at each start.
unexport PYTHONDONTWRITEBYTECODE

# timed NAME,COMMAND: tells how long it took, whatever came of it.
timed = @begun=$$(date +%s); $(2); came=$$?; echo "== $(1) took $$(( $$(date +%s) - begun )) s"; exit $$came

TOOLS := .venv/tools

IDE_OUT := gateway/static/graphiql
# npm writes this file last.
CLIENTS := tests/clients/node_modules/.package-lock.json
PEERS := bench/peers/node_modules/.package-lock.json
FEED_PEERS := bench/feed_peers/node_modules/.package-lock.json
IDE_SOURCES := $(wildcard ide/*.json ide/*.mjs ide/*.js ide/.npmrc ide/src/*)

# uv reads its own configuration, not pip's: where only pip knows its index, pip does the same work, more slowly.
install = @echo "installing $(lastword $(1))"; $(BIN)/uv pip install --quiet --python $(BIN)/python $(1) || \
	{ echo "uv could not install; trying pip" >&2; $(BIN)/python -m pip install --quiet $(1); }

.DEFAULT_GOAL := help
.PHONY: help setup setup-runtime assets clients demo test test-aws test-thorough check check-style check-types check-tests
.PHONY: format bench bench-ingest bench-latency bench-feed bench-clients bench-faults bench-execution bench-edge bench-peers
.PHONY: bench-aws test-core schema interfaces check-deploy lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(STAMPS)/dev $(STAMPS)/project ## create .venv with everything for working on Belfry

setup-runtime: $(STAMPS)/runtime $(STAMPS)/project # what running needs, without the tools

$(STAMPS)/venv: requirements-build.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Belfry needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-build.lock
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/runtime: requirements.lock $(STAMPS)/venv
	$(call install,--require-hashes -r requirements.lock)
	@touch $@

$(STAMPS)/dev: requirements-dev.lock $(STAMPS)/runtime
	$(call install,--require-hashes -r requirements-dev.lock)
	@touch $@

# compat mode puts the working tree itself on the path, so that a package added later is seen without a new set-up.
$(STAMPS)/project: pyproject.toml $(STAMPS)/runtime
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation \
		--config-settings editable_mode=compat --editable .
	@touch $@

assets: $(IDE_OUT)/index.html ## build the GraphiQL page from npm packages

$(IDE_OUT)/index.html: $(IDE_SOURCES) ide/build.sh ide/with-node | $(STAMPS)/venv
	@echo "building the GraphiQL page"; ide/build.sh
	@touch $@

demo: setup-runtime assets ## run all of Belfry with demo customers; make demo ARGS="--fresh"
	$(BIN)/belfry demo $(ARGS)

clients: $(CLIENTS) ## install the npm clients that the tests try on the gateway

$(CLIENTS): tests/clients/package.json tests/clients/package-lock.json tests/clients/.npmrc | $(STAMPS)/venv
	@echo "installing the clients of the tests"; cd tests/clients && ../../ide/with-node npm ci --loglevel=error
	@touch $@

test: setup assets clients ## run every test: unit, contract, layers, sockets, journey, browser, clients
	$(call timed,tests,$(PYTEST) $(IN_PARALLEL) --durations=5 $(ARGS))

# The emulator pins another botocore than Belfry: it has an environment of its own.
$(STAMPS)/aws: tests/aws/requirements.lock | $(STAMPS)/venv
	$(PYTHON) -m venv .venv/aws
	@echo "installing the AWS emulator"; $(BIN)/uv pip install --quiet --python .venv/aws/bin/python --require-hashes -r $< || \
		.venv/aws/bin/python -m pip install --quiet --require-hashes -r $<
	@touch $@

test-aws: setup $(STAMPS)/aws $(TOOLS)/templates/installed ## run the AWS adapters, stack and functions against emulators on 127.0.0.1
	REQUIRE_AWS=1 $(PYTEST) tests/aws $(IN_PARALLEL) --durations=5 $(ARGS)

test-thorough: setup assets clients ## run every test with fifty times the examples and all of graphql-core's tests; half an hour
	HYPOTHESIS_PROFILE=thorough CORE_TESTS=all REQUIRE_CORE=1 $(PYTEST) $(IN_PARALLEL) --durations=20 $(ARGS)

.PHONY: fuzz
fuzz: setup ## attack the gateway with two thousand drawn requests and sockets of each kind; some minutes
	HYPOTHESIS_PROFILE=thorough $(PYTEST) tests/sockets/fuzz $(IN_PARALLEL) --durations=5 $(ARGS)

.PHONY: soak
soak: setup ## keep 200 phones through a storm of cuts, kills and deploys while 20,000 alerts are raised; some minutes
	STORM_PHONES=200 STORM_ALERTS=20000 STORM_AT_ONCE=400 $(PYTEST) tests/journey/test_storm.py --log-cli-level=INFO $(ARGS)

test-core: setup ## run all of graphql-core's own tests on plans
	CORE_TESTS=all REQUIRE_CORE=1 $(PYTEST) tests/core -s $(ARGS)

check: setup ## check format, lint, strict types, layers and unit tests, side by side
	@$(MAKE) --no-print-directory --jobs --output-sync=target --keep-going check-style check-types check-tests

check-style:
	$(call timed,style,$(BIN)/ruff format --check . && $(BIN)/ruff check .)

check-types:
	$(call timed,types,$(BIN)/mypy)

check-tests:
	$(call timed,layers and unit tests,$(PYTEST) tests/layers tests/unit $(IN_PARALLEL) --durations=5 $(ARGS))

format: setup ## format the code and apply safe lint fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup ## run every benchmark, machine and versions printed
	$(BIN)/python -m bench

bench-ingest: setup ## measure ingest to alert log, all services running
	$(BIN)/python -m bench.ingest $(ARGS)

.PHONY: bench-aws
bench-aws: setup $(STAMPS)/aws ## measure the AWS adapters against the emulator
	$(BIN)/python -m bench.aws $(ARGS)

bench-latency: setup ## measure from a posted event to its alert at a subscriber
	$(BIN)/python -m bench.feed_latency $(ARGS)

bench-feed: setup $(FEED_PEERS) ## measure the live feed against npm's graphql-ws + ws and Mercurius
	$(BIN)/python -m bench.feed $(ARGS)

.PHONY: bench-load
bench-load: setup ## measure from a posted event to 5,000 phones while 9,722 events/s come in
	$(BIN)/python -m bench.feed_load $(ARGS)

$(FEED_PEERS): bench/feed_peers/package.json bench/feed_peers/package-lock.json bench/feed_peers/.npmrc | $(STAMPS)/venv
	@echo "installing the peers of the feed"; cd bench/feed_peers && ../../ide/with-node npm ci --loglevel=error
	@touch $@

bench-execution: setup ## measure executing the dashboard: graphql-core, plans, by hand
	$(BIN)/python -m bench.execution $(ARGS)

$(PEERS): bench/peers/package.json bench/peers/package-lock.json bench/peers/.npmrc | $(STAMPS)/venv
	@echo "installing the peers of the benchmark"; cd bench/peers && ../../ide/with-node npm ci --loglevel=error
	@touch $@

bench-peers: setup $(PEERS) ## measure Belfry beside Apollo, Yoga, Mercurius, stock Strawberry and Ariadne
	$(BIN)/python -m bench.peers $(ARGS)

.PHONY: profile
profile: setup ## show where each microsecond of the dashboard goes, in memory
	$(BIN)/python -m bench.profile $(ARGS)

.PHONY: bench-instructions
bench-instructions: setup ## count what a request costs the gateway, exact on a busy machine too; needs valgrind
	@command -v valgrind >/dev/null || { echo "needs valgrind: apt-get install valgrind" >&2; exit 1; }
	$(BIN)/python -m bench.instructions $(ARGS)

bench-edge: setup ## measure what auth, limits, audit and metrics cost a request
	$(BIN)/python -m bench.edge $(ARGS)

bench-clients: setup ## measure a call to a service: bare aiohttp, Belfry, httpx
	$(BIN)/python -m bench.clients $(ARGS)

.PHONY: bench-start
bench-start: setup ## measure how long the gateway takes to start
	$(BIN)/python -m bench.start $(ARGS)

bench-faults: setup ## measure the dashboard while a service is slow or fails
	$(BIN)/python -m bench.faults $(ARGS)

schema: setup interfaces ## write the snapshots of every published interface
	$(BIN)/belfry schema print > schema/schema.graphql.new
	mv schema/schema.graphql.new schema/schema.graphql

interfaces: setup ## write the services' OpenAPI and AsyncAPI documents
	$(BIN)/python -m services.interfaces

# Each kind of tool in an environment of its own: they pin versions against each other and against Belfry's.
$(TOOLS)/%/installed: deploy/tools/%.lock | $(STAMPS)/venv
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(TOOLS)/$*
	@echo "installing the $* of deploy/"; \
	$(BIN)/uv pip install --quiet --python $(TOOLS)/$*/bin/python --require-hashes -r $< || \
	$(BIN)/python -m pip --python $(TOOLS)/$*/bin/python install --quiet --require-hashes -r $<
	@touch $@

TEMPLATES := $(addprefix deploy/,data.yaml network.yaml services.yaml gateway.yaml functions.yaml watch.yaml template.yaml)
SAM_TEMPLATES := template functions

check-deploy: setup $(TOOLS)/templates/installed $(TOOLS)/scanners/installed ## check templates, container file and pipeline, and run what the image holds
	@$(MAKE) --no-print-directory --jobs --output-sync=target --keep-going check-templates check-scanned check-image

.PHONY: check-templates check-scanned check-image
check-templates: $(TOOLS)/templates/installed
	$(TOOLS)/templates/bin/cfn-lint --regions eu-central-1 --template $(TEMPLATES)
	@for name in $(SAM_TEMPLATES); do \
		SAM_CLI_TELEMETRY=0 $(TOOLS)/templates/bin/sam validate --lint --region eu-central-1 --template deploy/$$name.yaml || exit 1; \
	done

check-scanned: $(TOOLS)/scanners/installed
	$(TOOLS)/scanners/bin/hadolint deploy/Dockerfile
	$(TOOLS)/scanners/bin/zizmor --offline --quiet .github/workflows
	$(TOOLS)/scanners/bin/checkov --config-file deploy/tools/checkov.yaml --framework dockerfile cloudformation --directory deploy

check-image: setup
	deploy/check-image

.PHONY: deploy smoke
deploy: $(TOOLS)/templates/installed ## put images into a stack on AWS: STACK, IMAGE, FUNCTION_IMAGE, BUCKET, PARAMETERS
	@PARAMETERS="$(PARAMETERS)" BUCKET="$(BUCKET)" deploy/deploy "$(STACK)" "$(IMAGE)" "$(FUNCTION_IMAGE)"

smoke: ## ask a deployed gateway the first questions: URL, TOKEN
	@deploy/smoke "$(URL)" $(TOKEN)

# Each lock holds to what the one before it chose.
lock: $(STAMPS)/venv ## choose and pin versions anew, within the ranges of pyproject.toml
	$(COMPILE) --upgrade --group build -o requirements-build.lock
	$(COMPILE) --upgrade --group node -o requirements-node.lock
	$(COMPILE) --upgrade pyproject.toml -o requirements.lock
	$(COMPILE) --upgrade pyproject.toml --extra functions -c requirements.lock -o requirements-functions.lock
	$(COMPILE) --upgrade pyproject.toml --extra dev --extra functions -c requirements-functions.lock -o requirements-dev.lock
	for kind in scanners templates; do $(COMPILE) --upgrade deploy/tools/$$kind.in -o deploy/tools/$$kind.lock; done
	@! grep -n '://' $(LOCKS) deploy/tools/*.lock || { echo "a lock names a host" >&2; exit 1; }

clean: ## remove what was built or measured, and the environment; keeps .belfry/ (the data)
	rm -rf .venv build dist *.egg-info $(IDE_OUT) ide/node_modules tests/clients/node_modules bench/peers/node_modules
	rm -rf .pytest_cache .mypy_cache .ruff_cache .benchmarks .cache
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
