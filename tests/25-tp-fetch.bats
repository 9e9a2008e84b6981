#!/usr/bin/env bats
# tp-fetch against the stand-in for the Auth Service: what it writes, what it
# remembers, and what it makes of every trouble.

# Each test is a subshell, which is meant; bats sets stderr and stderr_lines.
# shellcheck disable=SC2030,SC2031,SC2154
# Functions are called by `run`; a pipe is opened for both ends on purpose.
# shellcheck disable=SC2094,SC2317

bats_require_minimum_version 1.5.0

load helpers

setup_file() {
	export PKI=$BATS_FILE_TMPDIR/pki
	"$BATS_TEST_DIRNAME/pki.sh" "$PKI" >/dev/null 2>&1
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	started=()
	# A peer that strace or valgrind slow down is still the same peer.
	limit=60
	[ -z "${UNDER_VALGRIND:-}" ] || limit=300
}

teardown() {
	stop "${started[@]}" ${AUTH_PID:+"$AUTH_PID"}
}

# --- what the tests are made of ------------------------------------------

# serve [OPTION...]: starts the stand-in.  What it holds is in $corpus, so that
# `expected` can print the same.
serve() {
	corpus=("$@")
	standin_auth_start "$PKI" "$@"
	addr=127.0.0.1:$AUTH_PORT
}

expected() {
	"$BUILD/standin-auth" "${corpus[@]}" --dump | jq -cS .
}

# fetch [OPTION...]: tp-fetch on the stand-in, bounded in time.
fetch() {
	timeout -k 5 "$limit" "$BUILD/tp-fetch" -a "$addr" -i "$PKI/identity" "$@"
}

# All synthetic events lie behind this; sample events too.
all=(--start-time 2026-10-31T00:00:00Z --until 2026-11-09T00:00:00Z)

# fetch_all [OPTION...]: every event, into `out`.
fetch_all() {
	fetch "${all[@]}" "$@" >out
}

# same_as_expected FILE...: these files hold every event once, in order.
same_as_expected() {
	cat "$@" | jq -cS . >got.sorted
	expected >expected.sorted
	cmp got.sorted expected.sorted
}

# same_events FILE...: the same, in any order.
same_events() {
	cat "$@" | jq -cS . | sort >got.sorted
	expected | sort >expected.sorted
	cmp got.sorted expected.sorted
}

# start_fetch [OPTION...]: in the background, into `out` and `err`.
start_fetch() {
	: >err # what the one before said is no word of this one
	"$BUILD/tp-fetch" -a "$addr" -i "$PKI/identity" "$@" \
		>"${OUT:-out}" 2>err 3>&- &
	pid=$!
	started+=("$pid")
}

# ended STATUS PID: it ends with that, and in time.
ended() {
	local status=0
	forget "$2"
	retry "$limit" is_gone "$2" || kill -9 "$2"
	wait "$2" || status=$?
	echo "ended with $status" >&2
	[ "$status" -eq "$1" ]
}

# forget PID: teardown need not wait for it again.
forget() {
	local pid kept=()
	for pid in "${started[@]}"; do
		[ "$pid" = "$1" ] || kept+=("$pid")
	done
	started=("${kept[@]}")
}

is_gone() {
	[[ $(ps -o stat= -p "$1") != [^Z]* ]]
}

# expect STATUS TEXT COMMAND...: one line on stderr, which has TEXT.
expect() {
	local wanted=$1 text=$2
	shift 2
	run --separate-stderr "$@"
	echo "$*: status $status, stderr: $stderr"
	[ "$status" -eq "$wanted" ]
	[[ $stderr == *"$text"* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
}

lines_in() {
	[ "$(wc -l <"$1")" -ge "$2" ]
}

said() {
	grep -q -- "$1" err
}

# journal_lines: how many records of lines S/journal has.
journal_lines() {
	grep -ac '^e ' S/journal
}

# commit N: the first N lines are safe.  (A bare number is not an end.)
commit() {
	echo "ack $1" | "$BUILD/tp-cursor" --state S 2>>cursor.err || [ $? -eq 75 ]
}

# --- the event stream -----------------------------------------------------

@test "synthetic events come whole, in order, whatever the limit" {
	serve --synthetic 3000 --interval-ms 500
	for batch in 7 1000 10000; do
		fetch_all --batch $batch
		same_as_expected out
	done
}

@test "a page may hold one event" {
	serve --synthetic 150 --interval-ms 60000
	fetch_all --batch 1
	same_as_expected out
}

@test "windows of an hour, many of them empty" {
	serve --synthetic 500 --interval-ms 400000
	fetch_all --window-size 1h --batch 50
	same_as_expected out
}

@test "events that share an instant come once, in small pages" {
	serve --synthetic 400 --interval-ms 0
	fetch_all --batch 7
	same_as_expected out
}

@test "events at the very bounds of windows come once" {
	serve --synthetic 48 --interval-ms 3600000
	fetch --start-time 2026-11-01T00:00:00Z --until 2026-11-09T00:00:00Z \
		--window-size 1h >out
	same_as_expected out
}

@test "the other style of page keys" {
	serve --synthetic 2000 --interval-ms 500 --key-style uid
	fetch_all --batch 100 --window-size 10m
	same_as_expected out
}

@test "pages cut by bytes" {
	serve --synthetic 2000 --interval-ms 500 --page-bytes 20000
	fetch_all --batch 1000
	same_as_expected out
	serve --synthetic 50 --page-bytes 1
	fetch_all --batch 1000
	same_as_expected out
}

@test "the sample events" {
	for style in position uid; do
		serve --events "$BATS_TEST_DIRNAME/samples/events.ndjson" --key-style $style
		fetch_all --batch 9
		same_events out
		stop "$AUTH_PID"
	done
}

@test "the hostile events" {
	serve --events "$BATS_TEST_DIRNAME/samples/hostile.ndjson"
	fetch --start-time 0001-01-01T00:00:00Z --until 2026-11-09T00:00:00Z \
		--window-size 8784h --batch 5 >out
	same_events out
}

@test "numbers and escapes, byte for byte" {
	cat >events <<-'END'
		{"uid":"n1","time":"2026-11-01T00:00:01Z","i":1,"max":9007199254740993,"neg":-5,"zero":-0.0,"big":123456789012345678901,"e21":1e21,"below":999999999999999900000}
		{"uid":"n2","time":"2026-11-01T00:00:02Z","tiny":1e-7,"micro":1e-6,"third":0.3333333333333333,"min":5e-324,"max":1.7976931348623157e308,"half":0.5,"exp":1.5e300}
		{"uid":"s1","time":"2026-11-01T00:00:03Z","text":"\" \\ \/ \b\f\n\r\t \u0000\u001f\u007f <>& \u2028 ü 😀","":"empty key"}
		{"uid":"k1","time":"2026-11-01T00:00:04Z","b":1,"a":2,"B":3,"aa":4,"addr.local":5,"é":6,"a!":7,"o":{"z":[],"y":{},"x":[null,true,false,"",{"q":0}]}}
	END
	cat >wanted <<-'END'
		{"below":999999999999999900000,"big":123456789012345680000,"e21":1e+21,"i":1,"max":9007199254740992,"neg":-5,"time":"2026-11-01T00:00:01Z","uid":"n1","zero":-0}
		{"exp":1.5e+300,"half":0.5,"max":1.7976931348623157e+308,"micro":0.000001,"min":5e-324,"third":0.3333333333333333,"time":"2026-11-01T00:00:02Z","tiny":1e-7,"uid":"n2"}
	END
	printf '%s\177%s\342\200\250%s\n' \
		'{"":"empty key","text":"\" \\ / \b\f\n\r\t \u0000\u001f' ' <>& ' \
		' ü 😀","time":"2026-11-01T00:00:03Z","uid":"s1"}' >>wanted
	echo '{"B":3,"a":2,"a!":7,"aa":4,"addr.local":5,"b":1,"o":{"x":[null,true,false,"",{"q":0}],"y":{},"z":[]},"time":"2026-11-01T00:00:04Z","uid":"k1","é":6}' >>wanted
	serve --events events
	fetch_all
	diff out wanted
}

@test "an event of 5 MB" {
	serve --synthetic 20 --big-event 5000000
	fetch_all
	same_as_expected out
	[ "$(wc -L <out)" -ge 5000000 ]
}

@test "filters have one meaning, whether or not the server applies them" {
	serve --synthetic 2000 --interval-ms 500
	fetch_all --types user.login,session.start --batch 37
	expected | jq -c 'select(.event == "user.login" or .event == "session.start")' >wanted
	[ -s wanted ]
	jq -cS . out | diff - wanted
	fetch_all --skip-event-types user.login,session.start --batch 37
	expected | jq -c 'select(.event != "user.login" and .event != "session.start")' >wanted
	jq -cS . out | diff - wanted
	fetch_all --types user.login,session.start --skip-event-types user.login
	expected | jq -c 'select(.event == "session.start")' >wanted
	jq -cS . out | diff - wanted
	fetch_all --types no.such.type
	[ ! -s out ]
}

@test "--until ends where it says, bounds included" {
	serve --synthetic 100 --interval-ms 1000
	fetch --start-time 2026-11-01T00:00:10Z --until 2026-11-01T00:00:20Z >out
	expected | sed -n 11,21p >wanted
	jq -cS . out | diff - wanted
	fetch --start-time 2026-11-01T00:00:10Z --until 2026-10-01T00:00:00Z >out
	[ ! -s out ]
}

@test "--exit-on-last-event catches up and ends" {
	serve --synthetic 100 --interval-ms 1000
	fetch --start-time 2026-10-31T00:00:00Z --exit-on-last-event >out
	same_as_expected out
}

@test "--start-time earliest starts at the first event" {
	serve --synthetic 100 --interval-ms 1000
	fetch --start-time earliest --exit-on-last-event >out
	same_as_expected out
}

@test "--start-time earliest is not misled by an empty page or a broken one" {
	for fault in empty-page garbage; do
		serve --synthetic 100 --interval-ms 1000 --fault $fault,times=2
		fetch --start-time earliest --until 2026-11-09T00:00:00Z >out
		same_as_expected out
		stop "$AUTH_PID"
	done
}

@test "--start-time earliest on a server that only leads in circles gives up" {
	serve --synthetic 10 --fault empty-page,times=0
	expect 69 "from an empty page back to the same page; giving up" \
		fetch --start-time earliest --exit-on-last-event --give-up-after 0
}

@test "--start-time now and -1h leave out what is older" {
	serve --synthetic 100 --start "$(date -u -d '-2 hours' +%FT%TZ)" --interval-ms 72000
	fetch --start-time -1h --exit-on-last-event >out
	[ "$(wc -l <out)" -ge 45 ]
	[ "$(wc -l <out)" -le 51 ]
	fetch --start-time now --exit-on-last-event >out
	[ "$(wc -l <out)" -le 1 ]
}

# --- following --------------------------------------------------------------

@test "following: what is new comes, nothing comes again" {
	now=$(date -u +%FT%TZ)
	later=$(date -u -d '+1 second' +%FT%TZ)
	for i in 1 2 3; do echo "{\"uid\":\"a$i\",\"time\":\"$now\"}"; done >events
	serve --events events
	start_fetch --start-time -1h --timeout 50ms --state S --batch 2
	retry 20 lines_in out 3
	echo "{\"uid\":\"b1\",\"time\":\"$later\"}" >>events
	sleep 1.1 # for events of the future are not asked for
	kill -HUP "$AUTH_PID"
	retry 20 lines_in out 4
	echo "{\"uid\":\"b2\",\"time\":\"$later\"}" >>events
	kill -HUP "$AUTH_PID"
	retry 20 lines_in out 5
	kill "$pid"
	ended 0 "$pid"
	[ "$(jq -r .uid out | tr '\n' ' ')" = "a1 a2 a3 b1 b2 " ]
	[ ! -s err ]
	[ "$(tail -n 1 S/journal)" = "f 5" ]
}

@test "following: a late event with a later time comes too" {
	now=$(date -u +%FT%TZ)
	echo "{\"uid\":\"a1\",\"time\":\"$(date -u -d '-1 minute' +%FT%TZ)\"}" >events
	echo "{\"uid\":\"late\",\"time\":\"$now\"}" >late
	serve --events events --late late
	start_fetch --start-time -1h --timeout 50ms
	retry 20 lines_in out 1
	kill -USR1 "$AUTH_PID"
	retry 20 lines_in out 2
	[ "$(jq -r .uid out | tr '\n' ' ')" = "a1 late " ]
}

# --- the journal ------------------------------------------------------------

@test "journal: a header, a record for each line, and the end" {
	serve --synthetic 20 --interval-ms 1000
	fetch_all --state S --run R1 --batch 7
	head -n 1 S/journal | jq -e '.journal == 1 and .run == "R1" and
		.mark == ["search","seen"] and .state.cluster == "example.com" and
		.state.search.key == "" and
		.state.search.from == "2026-10-31T00:00:00Z"'
	grep -a '^e ' S/journal | cut -d' ' -f2 >uids
	jq -r .uid out | diff - uids
	[ "$(tail -n 1 S/journal)" = "f 20" ]
	sed -n 's/^m //p' S/journal | jq -e .search >/dev/null
	[ "$(stat -c %a S)" = 700 ]
	[ "$(stat -c %a S/journal)" = 600 ]
}

@test "journal: events without a plain uid have their id spelt out" {
	cat >events <<-'END'
		{"uid":"","time":"2026-11-01T00:00:01Z","n":1}
		{"time":"2026-11-01T00:00:02Z","n":2}
		{"uid":"has spaces \u00fc","time":"2026-11-01T00:00:03Z"}
		{"uid":7,"time":"2026-11-01T00:00:04Z"}
	END
	serve --events events
	fetch_all --state S
	same_as_expected out
	[ "$(grep -acE '^e - \{"search":\{"seen":\{"[0-9a-f]{64}":1\}\}\}$' S/journal)" -eq 4 ]
}

@test "journal: a line's record is always written before the line" {
	serve --synthetic 20 --interval-ms 1000
	ASAN_OPTIONS=detect_leaks=0 strace -f -qq -y -s 300 -e trace=write -o trace \
		"$BUILD/tp-fetch" -a "$addr" -i "$PKI/identity" "${all[@]}" \
		--state S --batch 1 >out
	[ "$(wc -l <out)" -eq 20 ]
	jq -r .uid out >uids
	# Every write to stdout comes right behind the journal's with its uid.
	# (Descriptors with their paths: the line that has the number of a new one
	# is cut in two when another thread is in a system call.)
	awk '
		/ write\([0-9]+<[^>]*\/S\/journal>/ { record = $0 }
		/ write\(1</ {
			lines++
			getline uid <"uids"
			if (!index(record, "\"e " uid "\\n")) bad++
		}
		END { exit lines != 20 || bad }' trace
}

@test "resuming: nothing lost and nothing repeated but what was not committed" {
	serve --synthetic 3000 --interval-ms 500 --fault times=0,latency-ms=3
	RANDOM=7
	: >delivered
	mkfifo pipe
	for round in 1 2 3 4 5 6 7 8; do
		# Some bytes are read, and the pipe holds up the others: however
		# late the kill comes, of 3 MB there is something left to be sent.
		exec 7<>pipe
		OUT=pipe start_fetch "${all[@]}" --state S --batch 50
		exec 8<pipe 7>&-
		head -c $((RANDOM * 6 + 1)) <&8 >out.$round
		kill -9 "$pid"
		ended 137 "$pid"
		cat <&8 >>out.$round
		exec 8<&-
		whole=$(wc -l <out.$round)
		safe=$((RANDOM % (whole + 1)))
		[ $((round % 3)) -ne 0 ] || safe=$whole
		[ "$(journal_lines)" -ge "$whole" ]
		commit "$safe"
		head -n "$safe" out.$round >>delivered
	done
	fetch_all --state S --batch 50
	same_as_expected delivered out
}

@test "resuming: a run that ended cleanly repeats nothing" {
	serve --synthetic 1000 --interval-ms 500
	fetch_all --state S
	commit 1000
	fetch_all --state S
	[ ! -s out ]
	fetch --until 2026-11-10T00:00:00Z --state S >out
	[ ! -s out ]
}

# --- faults -----------------------------------------------------------------

# survives OPTION...: with these options of the stand-in everything comes once.
survives() {
	serve --synthetic 600 --interval-ms 500 "$@"
	fetch_all --batch 50 --give-up-after 60s 2>err
	same_as_expected out
	stop "$AUTH_PID"
}

@test "faults: passing statuses" {
	faults=()
	call=1
	for status in UNAVAILABLE RESOURCE_EXHAUSTED DEADLINE_EXCEEDED UNKNOWN INTERNAL \
		ABORTED CANCELLED DATA_LOSS ALREADY_EXISTS; do
		faults+=(--fault "rpc=GetUnstructuredEvents,call=$call,status=$status,message=for a test")
		call=$((call + 2))
	done
	survives "${faults[@]}"
	for status in UNAVAILABLE RESOURCE_EXHAUSTED DEADLINE_EXCEEDED UNKNOWN INTERNAL \
		ABORTED CANCELLED DATA_LOSS ALREADY_EXISTS; do
		grep -q "$status: for a test; trying again" err
	done
	grep -q 'all is well again' err
}

@test "faults: refusals are waited out" {
	for status in PERMISSION_DENIED UNIMPLEMENTED UNAUTHENTICATED; do
		survives --fault "call=3,status=$status,message=for a test"
		grep -q "$status: for a test.*; waiting for it to be mended" err
	done
}

@test "faults: queries that the server will not take" {
	for status in INVALID_ARGUMENT OUT_OF_RANGE FAILED_PRECONDITION NOT_FOUND; do
		survives --fault "call=3,status=$status,message=for a test"
		grep -q "$status: for a test" err
	done
}

@test "faults: page keys that are no longer good" {
	survives --fault bad-key,call=3
	survives --fault bad-key,call=3,times=4
	survives --fault bad-key,times=0
}

# What a back end says that is handed the page key of another.
@test "faults: page keys that the server cannot decode, and does not say so" {
	serve --synthetic 60 --interval-ms 500 --fault bad-key=UNKNOWN,times=0
	fetch_all --batch 50 --give-up-after 20s 2>err
	same_as_expected out
	grep -q 'UNKNOWN: .*; the page key is of no use any more' err
}

@test "faults: no page key is any good, and an instant fills a page" {
	serve --synthetic 10 --interval-ms 0 --fault bad-key,times=0
	status=0
	fetch_all --batch 2 --give-up-after 2s 2>err || status=$?
	cat err
	[ "$status" -eq 69 ]
	[ "$(wc -l <err)" -le 4 ]
	[ "$(wc -l <out)" -eq 2 ]
}

@test "faults: a refused connection is left, for the next may have a new identity" {
	survives --fault "call=3,status=PERMISSION_DENIED,message=for a test"
	[ "$(auth_stats .connections)" -ge 2 ]
}

@test "faults: connections cut between pages" {
	survives --fault disconnect,call=3
	survives --fault disconnect=rst,call=3,times=3
}

@test "faults: connections cut within a page" {
	for bytes in 1 9 100 5000 20000; do
		survives --fault disconnect,call=3,after-bytes=$bytes
		survives --fault disconnect=rst,call=4,after-bytes=$bytes
	done
}

@test "faults: every connection is cut after so many bytes" {
	survives --relay-cut-bytes 150000
	survives --relay-cut-bytes 150000,rst
}

@test "faults: a slow and stalling line" {
	survives --relay-delay-ms 5 --relay-bytes-per-s 4000000
	survives --fault stall-ms=500,call=2 --fault latency-ms=300,call=4
}

@test "faults: replies that are no page" {
	survives --fault garbage,call=3,times=2
	grep -q 'a reply is not a page of events' err
}

@test "faults: replies cut short" {
	survives --fault truncate,call=3,times=2
}

@test "faults: pages that lead nowhere" {
	survives --fault empty-page,call=3,times=3
	survives --fault same-key,call=3,times=2
	grep -q 'leads from a page back to the same page' err
	survives --fault empty-page,call=3,times=3 --key-style uid
}

@test "faults: pages that repeat" {
	survives --fault duplicate,times=0
	survives --fault overlap,times=0
	survives --fault page-limit=3,times=0
}

@test "faults: a server that hangs is left when asked to stop" {
	serve --synthetic 100 --fault hang,call=1,times=0
	start_fetch "${all[@]}" --state S
	retry 20 test -s S/journal
	kill "$pid"
	ended 0 "$pid"
	[ "$(tail -n 1 S/journal)" = "f 0" ]
	[ ! -s err ]
}

# bats test_tags=slow
@test "faults: a server that hangs is given up" {
	serve --synthetic 100 --fault hang,times=0
	expect 69 "DEADLINE_EXCEEDED" fetch "${all[@]}" --give-up-after 0
}

@test "faults: a call without an answer in time is tried on a new connection" {
	survives --fault status=DEADLINE_EXCEEDED,call=3
	[ "$(auth_stats .connections)" -eq 2 ]
}

@test "faults: a server that is unavailable is left, and connected to anew" {
	survives --fault status=UNAVAILABLE,call=3
	[ "$(auth_stats .connections)" -eq 2 ]
}

@test "faults: chaos, and all exactly once" {
	serve --synthetic 20000 --interval-ms 50 --chaos 20
	fetch_all --batch 200 2>err
	same_as_expected out
	[ "$(auth_stats '.faults > 10')" = true ]
}

@test "a lasting trouble is said once, its end too" {
	serve --synthetic 100 --fault "status=UNAVAILABLE,times=4,message=down"
	fetch_all 2>err
	[ "$(grep -c 'UNAVAILABLE: down; trying again' err)" -eq 1 ]
	[ "$(grep -c 'all is well again' err)" -eq 1 ]
	[ "$(wc -l <err)" -eq 2 ]
}

# --- credentials and peers --------------------------------------------------

# try [OPTION...]: one attempt.
try() {
	timeout -k 5 "$limit" "$BUILD/tp-fetch" -a "$addr" --start-time -1h \
		--give-up-after 0 "$@"
}

@test "credentials that cannot be read end it at once" {
	serve --synthetic 1
	mkdir directory
	expect 78 "none: No such file" try -i none
	expect 78 "directory: Is a directory" try -i directory
	expect 78 "is empty" try -i "$PKI/identity-empty"
	expect 78 "certificate where the private key" try -i "$PKI/identity-swapped"
	expect 78 "identity-truncated: " try -i "$PKI/identity-truncated"
	expect 78 "does not belong" try -i "$PKI/identity-wrong-key"
	expect 78 "no CA certificate" try -i "$PKI/identity-no-cas"
	expect 78 "No such file" try --teleport-ca "$PKI/auth.cas" \
		--teleport-cert "$PKI/auth.crt" --teleport-key none
	[ "$(auth_stats .connections)" -eq 0 ]
}

@test "credentials that may not be read" {
	[ "$(id -u)" -eq 0 ] || {
		cp "$PKI/identity" identity && chmod 0 identity
		addr=127.0.0.1:1
		expect 78 "identity: Permission denied" try -i identity
		return
	}
	id nobody >/dev/null && command -v setpriv >/dev/null || skip "no other user to be"
	mkdir -m 755 open
	cp "$PKI/identity" open/identity && chmod 600 open/identity
	cp "$BUILD/tp-fetch" open/ && chmod 755 open/tp-fetch
	(
		cd open
		reach=$PWD
		setpriv --reuid nobody --clear-groups test -x "$reach/tp-fetch" 2>/dev/null
	) || skip "another user cannot get here"
	expect 78 "identity: Permission denied" setpriv --reuid nobody --clear-groups \
		open/tp-fetch -a 127.0.0.1:1 -i open/identity --start-time -1h
}

@test "every form of good credentials" {
	serve --synthetic 10 --start now --interval-ms 0
	for name in '' -sec1 -rsa -mislabelled -tls-only -reordered -renewed; do
		try -i "$PKI/identity$name" --check | grep -q 'cluster example.com as tp-exporter'
	done
	try --check --teleport-ca "$PKI/auth.cas" --teleport-cert "$PKI/auth.crt" \
		--teleport-key "$PKI/auth.key"
}

@test "an expired certificate is a refusal, and never sent" {
	serve --synthetic 1
	expect 77 "our certificate expired at 20" try -i "$PKI/identity-expired"
	expect 77 "our certificate expired at 20" try -i "$PKI/identity-expired" --check
	[ "$(auth_stats .connections)" -eq 0 ]
}

@test "waiting with an expired certificate goes on when it is renewed" {
	serve --synthetic 100 --interval-ms 1000
	cp "$PKI/identity-expired" identity
	"$BUILD/tp-fetch" -a "$addr" -i identity "${all[@]}" >out 2>err 3>&- &
	pid=$!
	started+=("$pid")
	retry 20 said 'our certificate expired at'
	cp "$PKI/identity-renewed" identity.new
	mv identity.new identity
	ended 0 "$pid"
	same_as_expected out
	said 'all is well again'
}

# keeps_its_own FILE WORDS: although FILE takes the place of the identity in use.
keeps_its_own() {
	: >faults
	serve --synthetic 100 --interval-ms 1000 --relay --fault-file faults
	cp "$PKI/identity" identity
	"$BUILD/tp-fetch" -a "$addr" -i identity --start-time 2026-10-31T00:00:00Z \
		--timeout 50ms -v >out 2>err 3>&- &
	pid=$!
	started+=("$pid")
	retry 20 lines_in out 100
	mv "$1" identity
	echo disconnect >faults
	kill -HUP "$AUTH_PID"
	retry 20 said "identity: $2; going on with the credentials read before"
	retry 20 connected_again
	same_as_expected out
}

connected_again() {
	[ "$(grep -c ': connected$' err)" -ge 2 ]
}

@test "a renewed identity that is broken does not replace a good one" {
	head -c 300 "$PKI/identity" >broken
	keeps_its_own broken '.*'
}

@test "a renewed identity of another cluster does not replace ours" {
	"$BATS_TEST_DIRNAME/pki.sh" other other.example.com >/dev/null 2>&1
	keeps_its_own other/identity 'of cluster other.example.com, not ours'
}

@test "a client certificate that the server does not trust" {
	serve --synthetic 1
	expect 69 "may not accept the client certificate" try -i "$PKI/identity-other-ca"
	# As Teleport says it: with an alert.
	start_tls -alpn h2 -CAfile "$PKI/user-ca.crt" -Verify 1 -verify_return_error
	expect 77 "refused the client certificate" try -i "$PKI/identity-other-ca"
}

@test "a server certificate that we do not trust" {
	serve --synthetic 1
	expect 77 "not signed by a CA of ours" try -i "$PKI/identity-other-host-ca"
	[ "$(auth_stats .calls.GetUnstructuredEvents)" -eq 0 ]
}

@test "nothing listens" {
	addr=127.0.0.1:1
	expect 69 "connect to 127.0.0.1:1: Connection refused; giving up" try -i "$PKI/identity"
	expect 69 "Connection refused; giving up" try -i "$PKI/identity" --check
	addr=no-such-host.invalid:1
	expect 69 "no-such-host.invalid" try -i "$PKI/identity"
}

# start_tls OPTION...: openssl's server, with the host certificate.
start_tls() {
	: >server.log # or the port of the one before is read
	openssl s_server -accept 127.0.0.1:0 -cert "$PKI/server.crt" \
		-key "$PKI/server.key" "$@" >server.log 2>&1 3>&- < <(sleep 60) &
	started+=($!)
	retry 10 grep -q '^ACCEPT 127' server.log
	addr=$(sed -n 's/^ACCEPT \(127.0.0.1:[0-9]*\)$/\1/p' server.log)
}

@test "peers that are not a Teleport" {
	start_tls
	expect 69 "does not offer the protocol h2" try -i "$PKI/identity"
	start_tls -alpn http/1.1
	expect 77 "no application protocol" try -i "$PKI/identity"
	start_tls -alpn h2 -rev
	expect 69 "giving up" try -i "$PKI/identity"
	start_tls -tls1_1 -cipher DEFAULT@SECLEVEL=0
	expect 77 "protocol version" try -i "$PKI/identity"
}

@test "a server without TLS" {
	perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") or die;
		open(my $f, ">", "port.new"); print $f $s->sockport; close $f;
		rename("port.new", "port");
		alarm 60;
		my $c = $s->accept;
		print $c "HTTP/1.0 400 Bad Request\r\n\r\n";
		sysread($c, my $rest, 1000);' 3>&- &
	started+=($!)
	retry 10 test -s port
	addr=127.0.0.1:$(<port)
	expect 69 "does not speak TLS" try -i "$PKI/identity"
}

@test "no right to search" {
	serve --synthetic 1 --fault "status=PERMISSION_DENIED,times=0,message=access denied"
	expect 77 "PERMISSION_DENIED: access denied (the role needs" try -i "$PKI/identity"
	expect 77 "PERMISSION_DENIED: access denied (the role needs" try -i "$PKI/identity" --check
}

@test "a Teleport that is too old" {
	serve --synthetic 1 --fault "status=UNIMPLEMENTED,times=0,message=unknown service"
	expect 77 "UNIMPLEMENTED: unknown service (is this a Teleport" try -i "$PKI/identity"
}

@test "a query that is never taken ends with --give-up-after only" {
	serve --synthetic 1 --fault "status=INVALID_ARGUMENT,times=0,message=bad limit"
	expect 69 "INVALID_ARGUMENT: bad limit; giving up" try -i "$PKI/identity"
	expect 69 "INVALID_ARGUMENT: bad limit; giving up" try -i "$PKI/identity" --check
}

@test "--give-up-after counts from the first failure" {
	addr=127.0.0.1:1
	run --separate-stderr fetch --start-time -1h --give-up-after 1s
	[ "$status" -eq 69 ]
	[[ ${stderr_lines[0]} == *"Connection refused; trying again" ]]
	[[ ${stderr_lines[1]} == *"Connection refused; giving up" ]]
	[ "${#stderr_lines[@]}" -eq 2 ]
}

@test "waiting for a server that comes up" {
	# An address of its own: the port is free for a while.
	serve --synthetic 100 --interval-ms 1000 --listen 127.0.25.1:0
	addr=127.0.25.1:$AUTH_PORT
	stop "$AUTH_PID"
	start_fetch "${all[@]}"
	retry 20 said 'Connection refused; trying again'
	serve "${corpus[@]}" --listen "$addr"
	ended 0 "$pid"
	same_as_expected out
}

# --- stdout and signals -----------------------------------------------------

@test "stdout is closed" {
	closed() { "$BUILD/tp-fetch" --start-time -1h -i "$PKI/identity" >&-; }
	expect 74 "standard output is closed" closed
}

@test "stdout is full" {
	serve --synthetic 100
	full() { fetch "${all[@]}" --state S >/dev/full; }
	expect 74 "standard output: cannot write: No space left" full
	[ "$(tail -n 1 S/journal)" != "f 100" ]
}

@test "--help, --version and --check notice a full stdout" {
	serve --synthetic 1
	full() { "$BUILD/tp-fetch" -a "$addr" -i "$PKI/identity" "$@" >/dev/full; }
	expect 74 "cannot write" full --help
	expect 74 "cannot write" full --version
	expect 74 "cannot write" full --check
}

@test "the reader leaves" {
	serve --synthetic 20000
	leave() {
		fetch "${all[@]}" | head -n 1 >first
		return "${PIPESTATUS[0]}"
	}
	expect 74 "nobody reads it any more" leave
	[ "$(wc -l <first)" -eq 1 ]
}

@test "the reader leaves while nothing is there to be written" {
	serve --synthetic 1 --start now
	mkfifo pipe
	exec 7<>pipe 8<pipe
	"$BUILD/tp-fetch" -a "$addr" -i "$PKI/identity" --start-time -1h --timeout 1h \
		>pipe 2>err 3>&- 7>&- 8>&- &
	pid=$!
	started+=("$pid")
	read -r _ <&8
	exec 7>&- 8>&-
	ended 74 "$pid"
	said 'nobody reads it any more'
}

@test "a server that ends connections after a while is no trouble" {
	serve --synthetic 2000 --max-age-ms 300 --fault times=0,latency-ms=20
	fetch_all --batch 20 --give-up-after 0 -v 2>err
	same_as_expected out
	grep -q 'connecting again' err
	run ! said 'trying again'
}

@test "a reader that stops for a while: the server's pings are answered" {
	# Patient enough for a client that is not scheduled for a while.
	serve --synthetic 20000 --keepalive-ms 200 --keepalive-timeout-ms 4000
	mkfifo pipe
	exec 7<>pipe 8<pipe
	OUT=pipe start_fetch "${all[@]}" 7>&- 8>&-
	exec 7>&-
	{
		head -n 10 >head.out
		sleep 6 # longer than the server is patient
		cat >tail.out
	} <&8
	exec 8<&-
	ended 0 "$pid"
	# head(1) has taken more than it gave
	[ "$(tail -n 1 tail.out | jq -r .uid)" = "$(expected | tail -n 1 | jq -r .uid)" ]
	[ ! -s err ]
	[ "$(auth_stats .connections)" -eq 1 ]
}

@test "SIGTERM in mid-page is a clean stop" {
	serve --synthetic 20000
	mkfifo pipe
	exec 7<>pipe
	OUT=pipe start_fetch "${all[@]}" --state S --batch 10000
	exec 8<pipe 7>&-
	head -c 1 <&8 >got
	kill "$pid"
	cat <&8 >>got
	exec 8<&-
	ended 0 "$pid"
	count=$(wc -l <got)
	[ "$count" -lt 20000 ]
	[ "$(tail -c 1 got | wc -l)" -eq 1 ]
	[ "$(tail -n 1 S/journal)" = "f $count" ]
	[ "$(journal_lines)" -eq "$count" ]
	[ ! -s err ]
	commit "$count"
	fetch_all --state S
	same_as_expected got out
}

@test "SIGTERM while stdout is blocked waits for the reader; a second one does not" {
	serve --synthetic 20000
	mkfifo pipe
	exec 7<>pipe 8<pipe
	OUT=pipe start_fetch "${all[@]}" --state S
	exec 7>&-
	retry 20 test -s S/journal
	retry 20 pipe_is_full
	kill "$pid"
	retry 20 took_signals "$pid" # or the second is one with the first
	sleep 0.2
	kill -0 "$pid"
	kill "$pid"
	ended 143 "$pid"
	cat <&8 >got
	whole=$(wc -l <got)
	head -n "$whole" got >delivered
	commit "$whole"
	fetch_all --state S
	same_as_expected delivered out
}

# took_signals PID: none that was sent to it is still to be delivered.
took_signals() {
	! grep -qE '^(Sig|Shd)Pnd:.*[1-9a-f]' "/proc/$1/status"
}

# The bytes in the pipe that is open as 8 are as many as it holds.
pipe_is_full() {
	perl -e 'my $n = pack("i", 0); open(my $p, "<&=8") or exit 2;
		ioctl($p, 0x541B, $n) or exit 3; exit(unpack("i", $n) < 60000)'
}

@test "SIGTERM and SIGINT while waiting for a dead server" {
	addr=127.0.0.1:1
	for signal in TERM INT; do
		start_fetch --start-time -1h
		retry 20 said 'Connection refused; trying again'
		kill -$signal "$pid"
		ended 0 "$pid"
		[ "$(wc -l <err)" -eq 1 ]
	done
	start_fetch --start-time earliest
	retry 20 said 'Connection refused; trying again'
	kill "$pid"
	ended 0 "$pid"
	start_fetch --check --give-up-after 1h
	retry 20 said 'Connection refused; trying again'
	kill "$pid"
	ended 75 "$pid"
}

@test "SIGTERM while connecting says nothing of failure" {
	# Accepted by the kernel, and never answered.
	start_tls
	stopped=${started[-1]}
	kill -STOP "$stopped"
	start_fetch --start-time -1h --give-up-after 0
	retry 20 is_connected
	kill "$pid"
	ended 0 "$pid"
	kill -CONT "$stopped"
	[ ! -s err ]
}

is_connected() {
	grep -qi "$(printf '0100007F:%04X 01 ' "${addr##*:}")" /proc/net/tcp
}

@test "SIGTERM between polls" {
	serve --synthetic 10 --start now --interval-ms 0
	start_fetch --start-time -1h --timeout 1h
	retry 20 lines_in out 10
	kill "$pid"
	ended 0 "$pid"
	[ ! -s err ]
}

# --- the state directory ----------------------------------------------------

@test "state: a missing directory is made, its parent is not" {
	serve --synthetic 10
	(umask 0 && fetch_all --state S)
	[ "$(stat -c %a S)" = 700 ]
	expect 74 "no/S: cannot make the state directory" fetch_all --state no/S
	touch file
	expect 74 "file: cannot open the state directory" fetch_all --state file
}

@test "state: a directory that may not be written" {
	serve --synthetic 10
	mkdir S
	if [ "$(id -u)" -eq 0 ]; then
		mount -t tmpfs -o ro none S 2>/dev/null || skip "cannot mount"
		expect 74 "Read-only file system" fetch_all --state S
		umount S
	else
		chmod 500 S
		expect 74 "Permission denied" fetch_all --state S
	fi
}

@test "state: a full disk" {
	mkdir S
	mount -t tmpfs -o size=64k none S 2>/dev/null || skip "cannot mount"
	serve --synthetic 20000
	status=0
	fetch_all --state S 2>err || status=$?
	umount S
	[ "$status" -eq 74 ]
	said 'S/journal: cannot write: No space left on device'
	[ "$(wc -l <err)" -eq 1 ]
	# What has no record was not sent.
	[ "$(wc -l <out)" -lt 2000 ]
}

@test "state: a second run is told who is there" {
	serve --synthetic 10 --start now --interval-ms 0
	start_fetch --start-time -1h --state S --run first
	retry 20 lines_in out 10
	cp S/journal before
	expect 75 "S: in use by tp-fetch (pid $pid, run first); try again" \
		fetch --start-time -1h --state S
	cmp S/journal before
	kill "$pid"
	ended 0 "$pid"
	fetch --start-time -1h --state S --exit-on-last-event >out2
}

@test "state: a lock that was taken before" {
	serve --synthetic 10
	mkdir S
	exec 7>>S/lock
	flock 7
	expect 75 "in use" fetch_all --state S
	expect 64 "--lock-fd 6: is not S/lock" fetch_all --state S --lock-fd 6
	exec 6>>other
	expect 64 "--lock-fd 6: is not S/lock" fetch_all --state S --lock-fd 6
	exec 6>>S/lock
	expect 75 "in use" fetch_all --state S --lock-fd 6
	fetch_all --state S --lock-fd 7
	same_as_expected out
	expect 75 "in use" fetch_all --state S
	exec 6>&- 7>&-
	expect 64 "only with --state" fetch_all --lock-fd 7
}

@test "state: a damaged cursor" {
	serve --synthetic 10
	fetch_all --state S
	commit 10
	sed -i 's/"line": 10/"line": 11/; s/"line":10/"line":11/' S/cursor
	cp S/journal before
	expect 65 "S/cursor: damaged: " fetch_all --state S
	[[ $stderr == *"remove it and name a --start-time" ]]
	: >S/cursor
	expect 65 "S/cursor: damaged: " fetch_all --state S
	cmp S/journal before
}

@test "state: of another cluster" {
	serve --synthetic 10
	fetch_all --state S
	commit 10
	"$BATS_TEST_DIRNAME/pki.sh" other other.example.com >/dev/null 2>&1
	expect 65 "S: belongs to cluster example.com, but the credentials are of cluster other.example.com" \
		"$BUILD/tp-fetch" -a "$addr" -i other/identity --state S
}

@test "a first run must name its start" {
	serve --synthetic 10
	expect 64 "--start-time must be given" fetch
	expect 64 "--start-time must be given" fetch --state S
	fetch_all --state S
	commit 10
	fetch --state S --until 2026-11-09T00:00:00Z
}

# --- options ----------------------------------------------------------------

@test "options: bad values" {
	addr=127.0.0.1:1
	for value in 0 -1 10001 x '' 1e3; do
		expect 64 "--batch: \"$value\" is not a number from 1 to 10000" fetch --batch "$value"
	done
	for value in 2026 tomorrow 2026-13-01T00:00:00Z -x '' 1h; do
		expect 64 "--start-time: \"$value\" is not a time" fetch --start-time "$value"
	done
	expect 64 "--until: \"earliest\" is not a time" fetch --until earliest
	expect 64 "--types: \"a,,b\" is not" fetch --types a,,b
	expect 64 "--types: \"a, b\" is not" fetch --types 'a, b'
	expect 64 "--timeout: \"0\"" fetch --timeout 0
	expect 64 "--window-size: \"1ms\"" fetch --window-size 1ms
	expect 64 "--give-up-after: \"soon\"" fetch --give-up-after soon
	expect 64 "--run: \"a b\"" fetch --run "a b"
	expect 64 "--teleport-addr: \"a:b:c\" is not an address" fetch -a a:b:c --start-time now
	expect 64 "--bogus: unknown option" fetch --bogus
	expect 64 "operand: takes no operand" fetch --start-time now operand
	expect 64 "no credentials" "$BUILD/tp-fetch" --start-time now
	expect 64 "stands for itself" fetch --start-time now --teleport-ca x
}

@test "options: the last of several counts" {
	serve --synthetic 100 --interval-ms 1000
	fetch_all --types no.such.type --types user.login --skip-event-types user.login \
		--skip-event-types no.such.type
	expected | jq -c 'select(.event == "user.login")' >wanted
	jq -cS . out | diff - wanted
}

@test "--help and --version" {
	run -0 "$BUILD/tp-fetch" --version
	[[ $output == "tp-fetch "* ]]
	run -0 "$BUILD/tp-fetch" --help
	[[ $output == *--start-time*--batch* ]]
	[ "$(wc -L <<<"$output")" -le 100 ]
}

@test "--check names who may read what, and writes nothing" {
	serve --synthetic 10
	run --separate-stderr -0 fetch --check --state S
	[[ $output == "$addr: may read the audit log of cluster example.com as tp-exporter, "* ]]
	[ -z "$stderr" ]
	[ ! -e S ]
	addr=127.0.0.1:1
	expect 69 "Connection refused" fetch --check
}

@test "--dry-run counts, and writes nothing" {
	serve --synthetic 10
	expect 0 "would have written 10 events (0 skipped" fetch_all --dry-run
	[ ! -s out ]
	expect 0 "would have written 10 events" fetch_all --dry-run --state S
	[ ! -e S ]
	fetch_all --state S
	commit 10
	find S -type f -printf '%p %T@ %s\n' | sort >before
	expect 0 "would have written 0 events" fetch_all --dry-run --state S
	[ ! -s out ]
	find S -type f -printf '%p %T@ %s\n' | sort | diff - before
}

@test "--dry-run does not care who reads" {
	serve --synthetic 10
	mkfifo unread
	exec {reader}<>unread {writer}>unread {reader}>&-
	fetch "${all[@]}" --dry-run 1>&"$writer" 2>err
	exec {writer}>&-
	said "would have written 10 events"
}

@test "--run is refused when the run of that name has committed" {
	serve --synthetic 10
	fetch_all --state S --run R
	commit 10
	cp S/journal before
	expect 64 "--run R: is the run that S/cursor stands in" \
		fetch_all --state S --run R
	cmp S/journal before
	fetch_all --state S --run R2
}

# --- statistics -----------------------------------------------------------

# metric NAME VALUE: the file says so.
metric() {
	grep -qx "tp_fetch_$1 $2" stats
}

@test "--stats counts, says that it waits, and when that is over" {
	serve --synthetic 300 --fault rpc=GetUnstructuredEvents,call=2,times=0,status=UNAVAILABLE
	"$BUILD/tp-fetch" -a "$addr" -i "$PKI/identity" "${all[@]}" --batch 100 \
		--skip-event-types exec --stats stats >out 2>err 3>&- &
	started+=($!)
	retry "$limit" metric waiting 1
	metric pages_total 1
	kill -USR2 "$AUTH_PID"
	ended 0 $!
	metric waiting 0
	metric events_written_total "$(wc -l <out)"
	metric events_skipped_total "$(expected | grep -c '"event":"exec"')"
	grep -qE '^tp_fetch_certificate_expiry_timestamp_seconds [0-9]{10}$' stats
}
