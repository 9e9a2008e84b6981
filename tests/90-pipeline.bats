#!/usr/bin/env bats
# The three programs together, between both stand-ins: nothing is lost, nothing
# is sent twice that need not be, and each ends as DESIGN.md says.
# shellcheck disable=SC2030,SC2031 # a test's own shell

bats_require_minimum_version 1.5.0

load helpers.bash

setup_file() {
	"$BATS_TEST_DIRNAME/pki.sh" "$BATS_FILE_TMPDIR/pki"
}

setup() {
	BUILD=${BUILD_DIR:-$BUILD}
	cd "$BATS_TEST_TMPDIR" || return
	(umask 077 && echo T >token)
	pki=$BATS_FILE_TMPDIR/pki
	AUTH_PID='' HEC_PID='' STAGES=()
	FETCH_OPTIONS=() SEND_OPTIONS=()
	load=(--synthetic 3000 --start "$(date -u -d '1 hour ago' +%FT%TZ)")
	CURSOR=("$BUILD/tp-cursor" --state S)
}

teardown() {
	[ ${#STAGES[@]} -eq 0 ] || kill -9 "${STAGES[@]}" 2>/dev/null || true
	# shellcheck disable=SC2086 # pids, or nothing
	stop $AUTH_PID $HEC_PID
	! mountpoint -q "$BATS_TEST_TMPDIR/disk" || umount "$BATS_TEST_TMPDIR/disk"
}

# --- the cast -------------------------------------------------------------

auth() {
	standin_auth_start "$pki" "${load[@]}" --page-bytes 100000 "$@"
	"$BUILD/standin-auth" --list-uids "${load[@]}" | sort >served
}

collector() {
	standin_hec_start --out got --untold-out untold "$@"
}

# prepare: the command lines, when both peers are known.
prepare() {
	FETCH=("$BUILD/tp-fetch" --state S -a "127.0.0.1:$AUTH_PORT"
		-i "$pki/identity" --start-time -2h --batch 200
		"${FETCH_OPTIONS[@]}")
	SEND=("$BUILD/tp-hec" --url "$HEC_URL" --token-file token
		--batch-lines 100 --batch-age 50ms "${SEND_OPTIONS[@]}")
}

# catch_up [FILTER...]: one run to its end, through FILTER; sets `statuses`.
catch_up() {
	prepare
	[ $# -gt 0 ] || set -- cat
	local all
	"${FETCH[@]}" --exit-on-last-event 2>fetch.log | "$@" |
		"${SEND[@]}" 2>send.log | "${CURSOR[@]}" 2>cursor.log &&
		all=("${PIPESTATUS[@]}") || all=("${PIPESTATUS[@]}")
	statuses="${all[0]} ${all[2]} ${all[3]}"
	echo "statuses $statuses"
	tail -n 2 fetch.log send.log cursor.log
}

# launch [FETCH-OPTION...]: a run in the background; sets STAGES.
launch() {
	prepare
	rm -f events acks
	mkfifo events acks
	"${CURSOR[@]}" <acks 2>cursor.log 3>&- &
	STAGES[2]=$!
	"${SEND[@]}" <events >acks 2>send.log 3>&- &
	STAGES[1]=$!
	"${FETCH[@]}" "$@" >events 2>fetch.log 3>&- &
	STAGES[0]=$!
}

# await_end: of what launch started; sets `statuses`.
await_end() {
	local pid status all=()
	retry 50 are_gone "${STAGES[@]}"
	for pid in "${STAGES[@]}"; do
		status=0
		wait "$pid" || status=$?
		all+=("$status")
	done
	STAGES=()
	statuses="${all[*]}"
	echo "statuses $statuses"
	tail -n 2 fetch.log send.log cursor.log
}

are_gone() {
	local pid
	for pid; do
		! kill -0 "$pid" || return 1
	done
}

# --- the account ----------------------------------------------------------

uids_got() {
	grep -o '"uid":"[^"]*"' got | cut -d'"' -f4 | sort
}

has_got() { # COUNT: events at least
	[ -e got ] && [ "$(wc -l <got)" -ge "$1" ]
}

got_each_once() {
	uids_got | diff served - >difference || {
		head -n 5 difference
		return 1
	}
}

got_all() {
	uids_got | uniq | diff served - >difference || {
		head -n 5 difference
		return 1
	}
}

repeats() {
	uids_got | uniq -d | wc -l
}

committed() {
	jq .line S/cursor 2>/dev/null || echo 0
}

is_finished() {
	"$BUILD/tp-cursor" show --json S | jq -e '.journal.finished'
}

slowly=(--fault 'kind=latency,ms=40,times=0')

# However late a blow comes, the run must not be over before it.  So either the
# Auth Service, having served about 1000 events, leaves a call unanswered;
unending=(--fault 'rpc=GetUnstructuredEvents,call=11,hang')
# or the collector takes 1000 and no more until relent (it counts requests, so
# batches have to be full ones).
limited=("${slowly[@]}" --fault 'kind=status,request=11,until=usr2')
full_batches=(--batch-age 10m)

relent() {
	kill -USR2 "$HEC_PID"
}

# All that was on its way to the collector has come, for nobody is connected but
# who asks.
is_quiet() {
	[ "$(hec_stats .connections_open)" -eq 1 ]
}

# --- all well -------------------------------------------------------------

@test "pipe: every event arrives once and whole; a second run sends nothing" {
	auth
	collector
	catch_up
	[ "$statuses" = "0 0 0" ]
	got_each_once
	"$BUILD/standin-auth" --dump "${load[@]}" | jq -cS . | sort >dumped
	jq -cS . got | sort | cmp - dumped
	is_finished
	[ "$(committed)" -eq 3000 ]
	catch_up
	[ "$statuses" = "0 0 0" ]
	got_each_once
	is_finished
}

@test "pipe: following, new events come as they happen; SIGTERM ends it well" {
	load=(--synthetic 300 --start now --interval-ms 5)
	auth --live
	collector
	FETCH_OPTIONS=(--timeout 100ms)
	launch
	retry 20 has_got 300
	kill -TERM "${STAGES[0]}"
	await_end
	[ "$statuses" = "0 0 0" ]
	[ "$(wc -l <got)" -eq 300 ]
	is_finished
	[ "$(committed)" -eq 300 ]
}

@test "pipe: files and counts will do: > file, wc -l" {
	auth
	collector
	prepare
	"${FETCH[@]}" --exit-on-last-event >day.ndjson
	wc -l <day.ndjson | "${CURSOR[@]}"
	[ "$(committed)" -eq 3000 ]
	jq -r .uid day.ndjson | sort | cmp - served
	catch_up
	[ ! -s got ]
}

@test "pipe: tee in the middle" {
	auth
	collector
	catch_up tee copy.ndjson
	[ "$statuses" = "0 0 0" ]
	got_each_once
	[ "$(wc -l <copy.ndjson)" -eq 3000 ]
}

@test "pipe: a filter that keeps lines is fine" {
	auth
	collector
	catch_up jq -c 'del(.time)'
	[ "$statuses" = "0 0 0" ]
	got_each_once
	[ "$(committed)" -eq 3000 ]
}

@test "pipe: a filter that drops a line is found out: 65, and nothing beyond it" {
	auth
	collector
	SEND_OPTIONS=(--batch-lines 2)
	catch_up sed 5d
	[ "${statuses##* }" -eq 65 ]
	grep -q 'dropped or added' cursor.log
	[ "$(committed)" -le 4 ]
	SEND_OPTIONS=()
	catch_up
	[ "$statuses" = "0 0 0" ]
	got_all
}

# --- struck ---------------------------------------------------------------

@test "pipe: kill -9 of tp-fetch repeats nothing" {
	SEND_OPTIONS=(-j 1)
	auth "${unending[@]}"
	collector
	launch --exit-on-last-event
	retry 20 has_got 300
	kill -9 "${STAGES[0]}"
	await_end
	# 65 if it was killed in the middle of a line.
	[[ $statuses == "137 0 0" || $statuses == "137 65 75" ]]
	[ "$(committed)" -eq "$(wc -l <got)" ]
	run ! has_got 3000
	catch_up
	[ "$statuses" = "0 0 0" ]
	got_each_once
}

@test "pipe: kill -9 of tp-hec repeats what it had in hand" {
	SEND_OPTIONS=(-j 2 "${full_batches[@]}")
	auth
	collector "${limited[@]}"
	launch --exit-on-last-event
	retry 20 has_got 500
	kill -9 "${STAGES[1]}"
	await_end
	[[ $statuses =~ ^(0|74)\ 137\ 75$ ]]
	retry 20 is_quiet # what it sent last is heard all the same
	relent
	pending=$(($(wc -l <got) - $(committed)))
	[ "$pending" -le 400 ]
	catch_up
	[ "$statuses" = "0 0 0" ]
	got_all
	[ "$(repeats)" -le "$pending" ]
}

@test "pipe: kill -9 of tp-cursor repeats what it had not committed" {
	SEND_OPTIONS=(-j 2 "${full_batches[@]}")
	auth
	collector "${limited[@]}"
	launch --exit-on-last-event
	retry 20 has_got 500
	kill -9 "${STAGES[2]}"
	relent
	await_end
	[[ $statuses =~ ^(0|74)\ 75\ 137$ ]]
	pending=$(($(wc -l <got) - $(committed)))
	catch_up
	[ "$statuses" = "0 0 0" ]
	got_all
	[ "$(repeats)" -eq "$pending" ]
}

@test "pipe: SIGTERM of tp-fetch repeats nothing" {
	SEND_OPTIONS=(-j 1)
	auth "${unending[@]}"
	collector "${slowly[@]}"
	launch --exit-on-last-event
	retry 20 has_got 500
	kill -TERM "${STAGES[0]}"
	await_end
	[ "$statuses" = "0 0 0" ]
	[ "$(committed)" -eq "$(wc -l <got)" ]
	is_finished
	catch_up
	[ "$statuses" = "0 0 0" ]
	got_each_once
}

@test "pipe: SIGINT of all, as from a terminal, repeats nothing" {
	SEND_OPTIONS=(-j 1)
	auth "${unending[@]}"
	collector "${slowly[@]}"
	launch --exit-on-last-event
	retry 20 has_got 500
	kill -TERM "${STAGES[@]}" # a background job of a script ignores SIGINT
	await_end
	[[ $statuses =~ ^(0|74)\ 0\ (0|75)$ ]]
	[ "$(committed)" -eq "$(wc -l <got)" ]
	run ! has_got 3000
	catch_up
	[ "$statuses" = "0 0 0" ]
	got_each_once
}

# --- two at a time --------------------------------------------------------

@test "pipe: a second run on the same state is refused with 75" {
	auth
	collector
	launch
	retry 20 has_got 3000
	prepare
	run -75 "${FETCH[@]}"
	[[ $output == *"in use by tp-fetch (pid ${STAGES[0]},"* ]]
	kill -TERM "${STAGES[0]}"
	await_end
	[ "$statuses" = "0 0 0" ]
	got_each_once
}

@test "pipe: a slow old pipe, overtaken by a new one, commits nothing more" {
	auth
	# The first half is taken from the old pipe, the second only when the new
	# one, which uses the other endpoint, is through.
	collector --fault kind=status,path=event,request=2,until=usr2
	SEND_OPTIONS=(-j 1 --batch-lines 1500 "${full_batches[@]}")
	launch --exit-on-last-event
	retry 20 test -e S/cursor # the old tp-cursor has opened its journal
	retry 20 are_gone "${STAGES[0]}"
	SEND_OPTIONS=(--endpoint raw)
	catch_up
	[ "$statuses" = "0 0 0" ]
	cp S/cursor before
	relent
	await_end
	[[ $statuses == "0 "*" 75" ]]
	cmp S/cursor before
	got_all
}

# --- peers that are away --------------------------------------------------

log_has() { # FILE TEXT
	grep -q "$2" "$1"
}

@test "pipe: a collector that is down at the start is waited for" {
	auth
	HEC_PORT=$(free_port)
	HEC_URL=http://127.0.0.1:$HEC_PORT
	launch --exit-on-last-event
	retry 20 log_has send.log 'next attempt'
	collector --listen "127.0.0.1:$HEC_PORT"
	await_end
	[ "$statuses" = "0 0 0" ]
	got_each_once
}

@test "pipe: an Auth Service that is down at the start is waited for" {
	AUTH_PORT=$(free_port)
	collector
	launch --exit-on-last-event
	retry 20 log_has fetch.log 'trying again'
	auth --listen "127.0.0.1:$AUTH_PORT"
	await_end
	[ "$statuses" = "0 0 0" ]
	got_each_once
}

@test "pipe: a refused token is waited out, and nothing is dropped" {
	auth
	collector --fault kind=status,status=403,code=4,until=usr2
	launch --exit-on-last-event
	retry 20 log_has send.log 'Invalid token'
	[ ! -s got ]
	relent
	await_end
	[ "$statuses" = "0 0 0" ]
	got_each_once
}

# --- the state directory --------------------------------------------------

@test "pipe: a full disk ends it, and once there is room it goes on" {
	mkdir disk
	mount -t tmpfs -o size=64k none disk 2>/dev/null || skip "may not mount"
	ln -s disk/S S
	load=(--synthetic 6000 --start "$(date -u -d '1 hour ago' +%FT%TZ)")
	auth
	collector
	mkdir disk/S
	catch_up
	[ "${statuses%% *}" -eq 74 ]
	grep -q 'No space left' fetch.log
	mount -o remount,size=4m disk
	catch_up
	[ "$statuses" = "0 0 0" ]
	got_all
	is_finished
}

@test "pipe: the state of another cluster is refused with 65" {
	auth
	collector
	catch_up
	"$BATS_TEST_DIRNAME/pki.sh" other other.example.com
	pki=$PWD/other
	prepare
	run -65 "${FETCH[@]}"
	[[ $output == *"belongs to cluster example.com"* ]]
}

# --- pipeline.sh ----------------------------------------------------------

run_script() {
	TP_BIN=$BUILD "$ROOT/pipeline.sh" --state S --catch-up "${FETCH[@]:3}" \
		-- "${SEND[@]:1}" 2>>script.log # of two runs at a time
}

@test "pipe: pipeline.sh killed, its stages still hold the lock and finish" {
	auth
	collector "${limited[@]}"
	SEND_OPTIONS=(-j 1 "${full_batches[@]}")
	prepare
	run_script 3>&- &
	shell=$!
	retry 20 has_got 300
	script=$(pgrep -P "$shell" -f pipeline.sh)
	mapfile -t STAGES < <(pgrep -P "$script")
	kill -9 "$script"
	status=0
	run_script || status=$?
	[ "$status" -eq 75 ]
	grep -q 'in use by tp-' script.log
	relent
	retry 50 flock -n S/lock true
	STAGES=()
	run_script
	got_each_once
	is_finished
}

# bats test_tags=slow
@test "pipe: a small campaign" {
	BUILD_DIR=$BUILD "$ROOT/tests/campaign" --seed 1 --rounds 10 \
		--events 3000 --verbose
}

@test "pipe: with --tag a filter may drop lines, and what it lets through is committed" {
	auth
	collector
	FETCH_OPTIONS=(--tag)
	catch_up awk 'NR % 3 == 0 { print; fflush() }'
	[ "$statuses" = "0 0 0" ]
	[ "$(wc -l <got)" -eq 1000 ]
	run ! grep -q _tp got
	rm got
	catch_up awk 'NR % 3 == 0 { print; fflush() }'
	[ "$statuses" = "0 0 0" ]
	[ ! -s got ]
}
