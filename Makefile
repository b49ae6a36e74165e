# The face of the project. Each target is a script that can be run alone: see deploy, loadtest and test.
.DEFAULT_GOAL := help
.PHONY: help up local down ps logs restart rolling control scale clean loadtest loadtest-control prove chaos \
        chaos-controls soak bench attack test audit sbom pin mutants format seal-key redis-cli sessions session end-sessions disable \
        enable monitor screenshots

# An argument of a target counts only on the command line: every shell has a USER, and may have a URL or an N, of its own.
argument = $(if $(filter command,$(firstword $(origin $1))),$($1))

help: ## Show what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## Build and start the stack, wait until it is healthy (PORT=8080, TLS=1 for https)
	@deploy/up

local: ## The same without Docker: three nodes, a balancer and a Redis as processes
	@deploy/local

down: ## Stop the stack; sessions in Docker's volume stay
	@deploy/down

ps: ## Show what runs
	@deploy/ps

logs: ## Follow the logs, one JSON object a line
	@deploy/logs

restart: ## Restart the nodes one after the other, without a failed request
	@deploy/restart

rolling: restart ## Another name for it

control: ## Start nodes that keep sessions in their own memory, for the page's experiment (OFF=1 ends them)
	@deploy/control $(if $(call argument,OFF),off,on)

scale: ## Set the number of nodes while it runs (N=5)
	@deploy/scale "$(call argument,N)"

clean: ## Remove everything, sessions too; asks first
	@deploy/clean

loadtest: ## Prove with k6 that every node honours every session, then put load on (K6=k6 for your own)
	@K6="$(K6)" loadtest/run

loadtest-control: ## Prove that this proof can fail: nodes that keep sessions in their own memory
	@K6="$(K6)" loadtest/control

prove: ## The same proof without k6, also against anything else (URL=http://localhost:3000)
	@test/prove $(call argument,URL)

chaos: ## Break the stack that is up in every way there is, and see what is lost (FAULT=kill-node for one)
	@K6="$(K6)" test/chaos $(call argument,FAULT)

chaos-controls: ## Show that this can fail: take away what makes the stack survive
	@K6="$(K6)" test/chaos controls

soak: ## Ten minutes of load with a fault every half minute (SOAK_SECONDS=600)
	@K6="$(K6)" test/chaos soak

bench: ## Measure what a session costs, beside none and beside express-session, in 25 minutes (BENCH_ROUNDS=6)
	@K6="$(K6)" test/bench

attack: ## Attack a stack of its own at full size, and see what its users notice (ONLY=name for one)
	@test/attack/run $(call argument,ONLY)

test: ## Run all checks and tests (REQUIRE=docker makes a missing engine a failure)
	@REQUIRE="$(REQUIRE)" test/run

audit: ## Ask the npm registry for known weaknesses of what runs here
	@test/audit

sbom: ## Write what the application consists of, as a bill of materials: sbom.cdx.json
	@test/sbom

pin: ## Write the digest of each base image behind its tag, or renew it (URL=https://mirror.example)
	@deploy/pin $(call argument,URL)

mutants: ## Break the protections one by one, in a copy, and see that their tests notice (ONLY=name for one)
	@test/mutants/run $(call argument,ONLY)

format: ## Format and sort the sources
	@app/node_modules/.bin/biome check --write

seal-key: ## Replace the key that sessions are sealed with; they go on (FORGET=1 removes the old keys, hours later)
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

monitor: ## Show every command that Redis gets, tokens included: for debugging only
	@deploy/redis-cli MONITOR

screenshots: ## Take the pictures of the page for the README
	@test/screenshots
