#!/usr/bin/env bats
# tp-hec in one long run against a HEC that fails in every way it can, on a
# small scale: tests/soak with its own judgement of every event.

bats_require_minimum_version 1.5.0

load helpers.bash

# soak OPTION...
soak() {
	BUILD_DIR=${BUILD_DIR:-$BUILD} "$ROOT/tests/soak" --limit 150 \
		--dir "$BATS_TEST_TMPDIR" "$@"
}

@test "soak: 20,000 events, faults of all kinds at several receivers: none lost" {
	soak --events 20000 --seed 1
}

@test "soak: at one receiver as well, with a fault in ten requests" {
	soak --events 5000 --urls 1 --percent 10 --poisons 3 --seed 2
}

@test "soak: with indexer acknowledgement, indexers restarting: none lost" {
	soak --ack-indexer --events 10000 --batch-lines 50 --percent 10 --seed 1
}
