# The face of the project. Each target is a script that can be run alone: see deploy, loadtest and test.
.DEFAULT_GOAL := help
.PHONY: help up local down ps logs restart rolling control scale failover clean loadtest loadtest-control prove museum chaos \
        chaos-controls soak bench attack check test audit sbom pin mutants format seal-key redis-cli sessions session end-sessions disable \
        enable monitor screenshots lessons k8s-up k8s-down k8s-logs k8s-scale k8s-restart

# An argument of a target counts only on the command line: every shell has a USER, and may have a URL or an N, of its own.
argument = $(if $(filter command,$(firstword $(origin $1))),$($1))

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## Build and start the stack, wait until it is healthy (PORT=8080, TLS=1, REDIS=sentinel or cluster)
	@deploy/up

local: ## Start the same stack without Docker: three nodes, a balancer and a Redis as processes
	@deploy/local

down: ## Stop the stack; the sessions stay in Docker's volume
	@deploy/down

ps: ## Show the running parts
	@deploy/ps

logs: ## Follow the logs, one JSON object a line
	@deploy/logs

restart: ## Restart the nodes one by one, without a failed request
	@deploy/restart

rolling: restart ## Another name for restart

control: ## Start nodes that keep sessions in their own memory, for the page's experiment (OFF=1 removes them)
	@deploy/control $(if $(call argument,OFF),off,on)

scale: ## Set the number of nodes while it runs (N=5)
	@deploy/scale "$(call argument,N)"

failover: ## Make a replica the primary on purpose, without losing a write (REDIS=sentinel, cluster)
	@deploy/failover

k8s-up: ## Build and start the stack on the Kubernetes cluster of kubectl (REDIS=sentinel or cluster; IMAGE=... to pull)
	@deploy/k8s-up

k8s-down: ## Stop the stack on Kubernetes; the sessions stay in its volume (CLEAN=1 removes all)
	@deploy/k8s-down $(if $(call argument,CLEAN),--clean)

k8s-logs: ## Follow the logs of all pods
	@deploy/k8s-logs

k8s-restart: ## Replace the nodes one by one, without a failed request
	@deploy/k8s-restart

k8s-scale: ## Set the number of nodes on Kubernetes while it runs (N=5)
	@deploy/k8s-scale "$(call argument,N)"

clean: ## Remove everything, sessions too; asks first
	@deploy/clean

loadtest: ## Prove with k6 that every node honours every session, then put load on (K6=k6, URL=... or APP=my-app.yml for another one)
	@K6="$(K6)" APP_FILE="$(call argument,APP)" loadtest/run $(addprefix --url ,$(call argument,URL))

loadtest-control: ## Run the same proof against nodes that keep sessions in their own memory: it must fail
	@K6="$(K6)" loadtest/control

prove: ## Run the same proof without k6 (URL=http://localhost:3000), or judge any application (APP=my-app.yml)
	@APP_FILE="$(call argument,APP)" test/prove/run $(call argument,URL)

museum: ## Ask session libraries of other frameworks the same questions: docs/museum.md (ONLY=express for one)
	@test/museum/run $(call argument,ONLY)

chaos: ## Break the running stack in 19 ways and report what its users lose (FAULT=kill-node for one)
	@K6="$(K6)" test/faults/run $(call argument,FAULT)

chaos-controls: ## Show that chaos can fail: remove the protections first
	@K6="$(K6)" test/faults/run controls

soak: ## Run ten minutes of load with a fault every half minute (SOAK_SECONDS=600)
	@K6="$(K6)" test/faults/run soak

bench: ## Measure what a request and its session cost, beside express-session, in 30 minutes (QUICK=1: three; KINDS=1: kinds of Redis)
	@K6="$(K6)" QUICK="$(call argument,QUICK)" KINDS="$(call argument,KINDS)" test/bench/run

attack: ## Attack a separate stack at full size and report what other users notice (ONLY=name for one)
	@test/attack/run $(call argument,ONLY)

check: ## Check format, lint and types, and run the unit tests, in a minute (VERBOSE=1 for a line a test)
	@VERBOSE="$(VERBOSE)" ONLY= test/run check

test: ## Run all checks and tests (ONLY=name for one test; REQUIRE=docker fails without an engine)
	@REQUIRE="$(REQUIRE)" VERBOSE="$(VERBOSE)" ONLY="$(call argument,ONLY)" test/run test

audit: ## Ask the npm registry for known vulnerabilities of the packages
	@test/audit

sbom: ## Write a software bill of materials: sbom.cdx.json
	@test/sbom

pin: ## Add the digest of each base image to its tag, or update it (URL=https://mirror.example)
	@deploy/pin $(call argument,URL)

mutants: ## Break the protections one by one in a copy and check that a test notices (ONLY=name for one)
	@test/mutants/run $(call argument,ONLY)

format: ## Format and sort the sources
	@test/node_modules/.bin/biome check --write

seal-key: ## Replace the key that seals session records; sessions continue (FORGET=1 removes old keys, hours later)
	@deploy/seal-key $(if $(call argument,FORGET),--forget)

redis-cli: ## Open redis-cli in the stack's Redis
	@deploy/redis-cli

sessions: ## List the sessions: user, node, age, TTL
	@deploy/sessions

session: ## Show one session (TOKEN=value of the cookie sid)
	@deploy/session "$(call argument,TOKEN)"

end-sessions: ## Log a user out everywhere (USER=ada)
	@deploy/end-sessions "$(call argument,USER)"

disable: ## Disable an account and end all its sessions (USER=ada)
	@deploy/disable "$(call argument,USER)"

enable: ## Let a disabled account log in again (USER=ada)
	@deploy/enable "$(call argument,USER)"

monitor: ## Show every command that Redis receives, tokens included: for debugging only
	@deploy/redis-cli MONITOR

screenshots: ## Take the pictures of the page for the README
	@test/screenshots

lessons: ## Write docs/lessons/ from the lessons of the page
	@test/lessons
