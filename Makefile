# make run                       build the echo node and the workbench, and run the echo workload on it
# make run MODULE=echo           another node of nodes/, on the workload of its name
# make run WORKLOAD=echo         another workload
# make run MAELSTROM=path        the same command on upstream's launcher
# make debug                     show the store at http://127.0.0.1:8080/
# make test | build | bench

MODULE ?= echo
WORKLOAD ?= $(MODULE)
MAELSTROM ?= target/release/glomers

# What the challenge of each workload asks for.
OPTIONS_echo = --node-count 1 --time-limit 10

.PHONY: run build test debug bench

# The log of each node shows every line that it received and sent.
run: export GLOMERS_LOG ?= debug
run: build
	$(MAELSTROM) test -w $(WORKLOAD) --bin target/release/$(MODULE) $(OPTIONS_$(WORKLOAD))

build:
	cargo build --release --package glomers --package $(MODULE)

test:
	cargo test --workspace

debug: build
	target/release/glomers serve

bench:
	cargo bench --workspace
	bench/run
