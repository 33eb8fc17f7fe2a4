# make run                                          build the echo node and the workbench, and run the echo workload on it
# make run MODULE=broadcast                         another node of nodes/, on the workload of its name
# make run MODULE=broadcast WORKLOAD=broadcast-3e   a challenge, with its official options and its targets
# make run VIRTUAL=1                                the same under virtual time, as fast as the node computes (x86-64 Linux)
# make run MAELSTROM=path                           the same command on Maelstrom
# make challenges                                   every challenge on the nodes that solve them
# make debug                                        show the store at http://127.0.0.1:8080/
# make soak CASES=400000                            compare the checkers with their definitions on so many histories of each family
# make test | build | bench

MODULE ?= echo
WORKLOAD ?= $(MODULE)
# Where cargo builds: an option of cargo's, which a relative path takes from this directory.
TARGET = $(or $(CARGO_TARGET_DIR),target)
GLOMERS = $(TARGET)/release/glomers
MAELSTROM ?= $(GLOMERS)

# The options that each workload is run with; those of the challenges are the official ones.
OPTIONS_echo = --node-count 1 --time-limit 10
OPTIONS_unique-ids = --node-count 3 --time-limit 30 --rate 1000 --availability total --nemesis partition
OPTIONS_broadcast = $(OPTIONS_broadcast-3c)
OPTIONS_broadcast-3a = --node-count 1 --time-limit 20 --rate 10
OPTIONS_broadcast-3b = --node-count 5 --time-limit 20 --rate 10
OPTIONS_broadcast-3c = $(OPTIONS_broadcast-3b) --nemesis partition
OPTIONS_broadcast-3d = --node-count 25 --time-limit 20 --rate 100 --latency 100
OPTIONS_broadcast-3e = $(OPTIONS_broadcast-3d)
OPTIONS_g-set = --node-count 5 --time-limit 20 --rate 10 --nemesis partition
OPTIONS_pn-counter = $(OPTIONS_g-set)
OPTIONS_g-counter = --node-count 3 --time-limit 20 --rate 100 --nemesis partition
OPTIONS_kafka = $(OPTIONS_kafka-5b)
OPTIONS_kafka-5a = --node-count 1 --concurrency 2n --time-limit 20 --rate 1000
OPTIONS_kafka-5b = --node-count 2 --concurrency 2n --time-limit 20 --rate 1000
OPTIONS_kafka-5c = $(OPTIONS_kafka-5b)
OPTIONS_lin-kv = --node-count 3 --concurrency 4n --time-limit 20 --rate 100 --nemesis partition --nemesis-interval 3
OPTIONS_txn-list-append = --node-count 2 --time-limit 20 --rate 100
OPTIONS_txn-rw-register = $(OPTIONS_txn-rw-register-6c)
OPTIONS_txn-rw-register-6a = --node-count 1 --concurrency 2n --time-limit 20 --rate 1000 --consistency-models read-uncommitted --availability total
OPTIONS_txn-rw-register-6b = --node-count 2 --concurrency 2n --time-limit 20 --rate 1000 --consistency-models read-uncommitted --availability total --nemesis partition
OPTIONS_txn-rw-register-6c = --node-count 2 --concurrency 2n --time-limit 20 --rate 1000 --consistency-models read-committed --availability total --nemesis partition

# Limits for figures of the results; Maelstrom has no such option.
TARGETS_broadcast-3d = --expect 'net.servers.msgs-per-op<30' --expect 'stable-latency.p50<400ms' --expect 'stable-latency.max<600ms'
TARGETS_broadcast-3e = --expect 'net.servers.msgs-per-op<20' --expect 'stable-latency.p50<1s' --expect 'stable-latency.max<2s'
TARGETS_kafka-5c = --expect 'net.servers.msgs-per-op<3.5'

# Arguments for the node.
ARGUMENTS_broadcast-3d = --profile low-latency
ARGUMENTS_broadcast-3e = --profile low-traffic

# A challenge is named after its workload: broadcast-3e.
NAME = $(shell echo $(WORKLOAD) | sed -E 's/-[1-6][a-e]?$$//')
TARGETS = $(if $(filter $(GLOMERS),$(MAELSTROM)),$(TARGETS_$(WORKLOAD)))
ARGUMENTS = $(if $(ARGUMENTS_$(WORKLOAD)),-- $(ARGUMENTS_$(WORKLOAD)))

.PHONY: run build test soak challenges debug bench

# The log of each node shows every line that it received and sent.
run: export GLOMERS_LOG ?= debug
run: build
	$(if $(and $(VIRTUAL),$(filter-out $(GLOMERS),$(MAELSTROM))),$(error VIRTUAL is an option of Glomers, and Maelstrom has none like it: leave out one of VIRTUAL and MAELSTROM))
	$(MAELSTROM) test $(if $(VIRTUAL),--virtual )-w $(NAME) --bin $(TARGET)/release/$(MODULE) $(OPTIONS_$(WORKLOAD)) $(TARGETS) $(ARGUMENTS)

build:
	cargo build --release --package glomers --package $(MODULE)

# Nextest gives every test a deadline; without it cargo's own runner serves. Tests that need what this machine lacks are listed at the end.
NEXTEST = $(shell cargo nextest --version >/dev/null 2>&1 && echo yes)
test: export GLOMERS_SKIPPED_TESTS = $(abspath $(TARGET))/skipped-tests.txt
test: export GLOMERS_NODES_ARE_BUILT = 1
test:
	mkdir -p $(TARGET) && : > $(GLOMERS_SKIPPED_TESTS)
	cargo build --package echo --package hostile
	$(if $(NEXTEST),cargo nextest run --workspace && cargo test --workspace --doc,cargo test --workspace)
	@sort -u -o $(GLOMERS_SKIPPED_TESTS) $(GLOMERS_SKIPPED_TESTS); sed 's/^/skipped /' $(GLOMERS_SKIPPED_TESTS)
	@echo "$$(wc -l < $(GLOMERS_SKIPPED_TESTS)) tests were skipped. GLOMERS_NO_SKIPS=1 makes a skipped test fail."

challenges:
	cargo build --release --workspace
	$(GLOMERS) challenge all

debug: build
	$(GLOMERS) serve

bench:
	cargo bench --workspace
	bench/run

CASES ?= 400000
soak:
	bench/soak $(CASES)
