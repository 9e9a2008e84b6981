#!/usr/bin/env bats
# standin-auth, spoken to by curl with gRPC's frames made by hand.

bats_require_minimum_version 1.5.0

search=/teleport.auditlog.v1.AuditLogService/GetUnstructuredEvents
ping=/proto.AuthService/Ping

setup_file() {
	"$BATS_TEST_DIRNAME/pki.sh" "$BATS_FILE_TMPDIR/pki"
}

setup() {
	standin=${BUILD_DIR:-$BATS_TEST_DIRNAME/../build}/standin-auth
	pki=$BATS_FILE_TMPDIR/pki
	samples=$BATS_TEST_DIRNAME/samples
	certificate=$pki/auth.crt
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
	[ -z "${pid:-}" ] || ! kill "$pid" 2>/dev/null || wait "$pid" || true
}

# until COMMAND...: waits for it to succeed, 10 s at most.
until_true() {
	local tries
	for ((tries = 0; tries < 500; tries++)); do
		"$@" 2>/dev/null && return
		sleep 0.02
	done
	echo "still not true: $*"
	return 1
}

# start OPTION...: sets pid and port.
start() {
	rm -f port log stats
	"$standin" --cert "$pki/server.crt" --key "$pki/server.key" \
		--client-ca "$pki/user-ca.crt" --port-file port --log log \
		--stats stats --die-with-parent "$@" 3>&- &
	pid=$!
	until_true test -s port
	port=$(cat port)
}

stop() {
	kill "$pid"
	wait "$pid"
	pid=
}

# as_bytes NUMBER...
as_bytes() {
	local number
	for number; do
		# shellcheck disable=SC2059 # the format is the byte
		printf "\\x$(printf %02x "$number")"
	done
}

varint() {
	local number=$1
	while ((number > 127)); do
		as_bytes $((number & 127 | 128))
		number=$((number >> 7))
	done
	as_bytes "$number"
}

text_field() { # NUMBER TEXT
	varint $(($1 << 3 | 2))
	varint "${#2}"
	printf %s "$2"
}

# request [LIMIT [KEY [ORDER [TYPE]]]]: all of time; ORDER 1 is ascending.
request() {
	as_bytes 0x12 0x00 0x1a 0x06 0x08
	varint 9000000000
	as_bytes 0x28
	varint "${1:-0}"
	[ -z "${2:-}" ] || text_field 6 "$2"
	[ -z "${4:-}" ] || text_field 4 "$4"
	as_bytes 0x38 "${3:-1}"
}

# call METHOD [CURL-OPTION...] <REQUEST: leaves the reply message in ./reply;
# prints the gRPC status, or curl's own when there is none.
call() {
	local method=$1 size status=0 name=teleport.cluster.local
	shift
	cat >message
	size=$(stat -c %s message)
	{
		as_bytes 0 0 0 $((size >> 8)) $((size & 255))
		cat message
	} >framed
	rm -f reply
	curl -s --http2 --max-time 30 --cert "$certificate" \
		--key "$pki/auth.key" --cacert "$pki/host-ca.crt" \
		--connect-to "$name:$port:127.0.0.1:$port" \
		-H 'content-type: application/grpc' -H 'te: trailers' \
		--data-binary @framed -D headers -o body "$@" \
		"https://$name:$port$method" || status=$?
	if [ "$status" -ne 0 ]; then
		echo "curl $status"
	else
		[ ! -s body ] || tail -c +6 body >reply
		sed -n 's/^grpc-status: \([0-9]*\).*/\1/p' headers
	fi
}

# logged FILTER: of the last call's log line.
logged() {
	tail -n 1 log | jq -r "$1"
}

# fetch_all LIMIT ORDER: the uids of every page, in order, for those in ./uids.
fetch_all() {
	local key='' pages=0
	while :; do
		[ "$(request "$1" "$key" "$2" | call "$search")" = 0 ] || return
		# An id stands before its event and mostly in it, too.
		LC_ALL=C grep -aoFf uids reply | uniq
		key=$(logged .last_key)
		[ -n "$key" ] || return 0
		((++pages < 200)) || return
	done
}

signal() { # NAME COUNT: and waits until so many are done
	kill "-$1" "$pid"
	until_true signals_done "$2"
}
signals_done() {
	[ "$(jq .signals stats)" = "$1" ]
}

@test "Ping tells cluster and version" {
	start --cluster my.cluster --server-version 18.1.0
	[ "$(call $ping </dev/null)" = 0 ]
	[ "$(cat reply)" = $'\x0a\x0amy.cluster\x12\x0618.1.0' ]
}

@test "pages of either key style and order bring every event once, in order" {
	local style
	set -- --events "$samples/events.ndjson" --synthetic 60 --seed 5 \
		--start 2026-11-01T08:00:30Z --interval-ms 0.4
	"$standin" --list-uids "$@" >uids
	tac uids >uids.reversed
	[ "$(wc -l <uids)" -eq 140 ]
	for style in position uid; do
		start --key-style $style "$@"
		fetch_all 17 1 | diff uids -
		fetch_all 17 0 | diff uids.reversed -
		stop
	done
}

@test "every hostile sample is an event of its own" {
	"$standin" --list-uids --events "$samples/hostile.ndjson" >uids
	[ "$(sort -u uids | wc -l)" -eq "$(wc -l <"$samples/hostile.ndjson")" ]
	start --events "$samples/hostile.ndjson"
	[ "$(request 1000 | call $search)" = 0 ]
	# All but the one of the year 1, which no search window reaches.
	[ "$(logged .items)" -eq $(($(wc -l <uids) - 1)) ] || logged .
}

@test "--dump gives the events of a file back" {
	"$standin" --dump --events "$samples/events.ndjson" | jq -cS . >dumped
	jq -cS . "$samples/events.ndjson" | diff dumped -
}

@test "synthetic events are a function of the seed, each with its own uid" {
	"$standin" --dump --synthetic 3000 --seed 4 >one
	"$standin" --dump --synthetic 3000 --seed 4 | cmp one -
	[ "$(jq -r .uid one | sort -u | wc -l)" -eq 3000 ]
	jq -r .uid one | diff - <("$standin" --list-uids --synthetic 3000 --seed 4)
	run -1 cmp -s one <("$standin" --dump --synthetic 3000 --seed 5)
}

@test "limits: 0 is 500, 10000 is the highest" {
	start --synthetic 12000 --page-bytes 100000000
	[ "$(request 0 | call $search)" = 0 ]
	[ "$(logged .items)" -eq 500 ]
	[ "$(request 10000 | call $search)" = 0 ]
	[ "$(logged .items)" -eq 10000 ]
	[ "$(request 10001 | call $search)" = 3 ]
}

@test "a page ends before --page-bytes, but holds one event at least" {
	start --synthetic 100 --page-bytes 20000 --big-event 3000000
	[ "$(request 100 | call $search)" = 0 ]
	[ "$(logged .items)" -eq 1 ]
	[ "$(stat -c %s reply)" -gt 3000000 ]
	[ "$(request 100 "$(logged .last_key)" | call $search)" = 0 ]
	[ "$(logged '.items > 10 and .items < 25')" = true ]
}

@test "only the types asked for come" {
	start --events "$samples/events.ndjson"
	[ "$(request 100 '' 1 sftp | call $search)" = 0 ]
	[ "$(logged '[.items, .last_key] | tostring')" = '[2,""]' ]
}

@test "a key that is none: refused in one style, an empty window in the other" {
	start --synthetic 10
	[ "$(request 5 nonsense | call $search)" = 3 ]
	stop
	start --synthetic 10 --key-style uid
	[ "$(request 5 nonsense | call $search)" = 0 ]
	[ ! -s reply ]
}

@test "without a good client certificate no call is heard" {
	local bad
	start --synthetic 10
	for bad in auth-expired auth-other-ca; do
		certificate=$pki/$bad.crt
		[[ $(call $ping </dev/null) == curl* ]]
	done
	certificate=$pki/auth-chain.crt
	[ "$(call $ping </dev/null)" = 7 ]
	run -0 openssl s_client -connect "127.0.0.1:$port" -tls1_1 </dev/null ||
		[ "$status" -eq 1 ]
	[ ! -e log ] || [ "$(grep -c . log)" -eq 1 ]
}

@test "a client two versions behind, or of none, is refused" {
	start --server-version 17.4.2
	[ "$(call $ping -H 'version: 16.0.0' </dev/null)" = 0 ]
	[ "$(call $ping -H 'version: 19.0.0' </dev/null)" = 0 ]
	[ "$(call $ping -H 'version: 15.9.9' </dev/null)" = 7 ]
	[ "$(call $ping -H 'version: new' </dev/null)" = 7 ]
}

@test "methods that are not there are UNIMPLEMENTED" {
	start
	[ "$(call /teleport.auditlog.v1.AuditLogService/GetEventExportChunks \
		</dev/null)" = 12 ]
}

@test "a fault strikes the calls that it names" {
	start --synthetic 10 \
		--fault rpc=GetUnstructuredEvents,call=2,times=2,status=UNAVAILABLE
	[ "$(request 5 | call $search)" = 0 ]
	[ "$(call $ping </dev/null)" = 0 ]
	[ "$(request 5 | call $search)" = 14 ]
	[ "$(request 5 | call $search)" = 14 ]
	[ "$(request 5 | call $search)" = 0 ]
}

@test "faults shape pages" {
	local key
	start --synthetic 10 --fault call=1,page-limit=2 --fault call=2,empty-page \
		--fault call=3,drop-key --fault call=4,same-key \
		--fault call=5,duplicate --fault call=6,bad-key \
		--fault call=7,truncate
	[ "$(request 5 | call $search)" = 0 ]
	key=$(logged .last_key)
	[ "$(logged .items)" = 2 ]
	[ "$(request 5 "$key" | call $search)" = 0 ]
	[ "$(logged '"\(.items) \(.last_key)"')" = "0 $key" ]
	[ "$(request 5 "$key" | call $search)" = 0 ]
	[ "$(logged '"\(.items) \(.last_key)"')" = "5 " ]
	[ "$(request 5 "$key" | call $search)" = 0 ]
	[ "$(logged '"\(.items) \(.last_key)"')" = "5 $key" ]
	"$standin" --list-uids --synthetic 10 >uids
	[ "$(request 3 | call $search)" = 0 ]
	[ "$(LC_ALL=C grep -aoFf uids reply | sed -n '1p;3p' | uniq | wc -l)" = 1 ]
	[ "$(request 5 "$key" | call $search)" = 3 ]
	[ "$(request 5 | call $search)" = 0 ]
	[ "$(stat -c %s reply)" -lt 4000 ]
}

@test "a connection is cut at the call, or in the middle of the reply" {
	start --synthetic 100 --fault call=1,disconnect=rst \
		--fault call=2,times=9,disconnect,after-bytes=30000
	[[ $(request 50 | call $search) == curl* ]]
	[ ! -s body ]
	# What curl has not read yet may be lost with the connection.
	for _ in {1..9}; do
		[[ $(request 50 | call $search) == curl* ]]
		cat body >>bodies || true
	done
	[ "$(stat -c %s bodies)" -gt 4000 ]
	[ "$(request 50 | call $search)" = 0 ]
}

@test "a call that hangs ends with its caller" {
	local caller
	start --fault hang
	call $ping </dev/null >hung 3>&- &
	caller=$!
	until_true test -s log # the call is there
	kill "$(pgrep -P "$caller" -x curl)"
	wait "$caller"
	[ "$(cat hung)" = "curl 143" ]
	[ "$(call $ping </dev/null)" = 0 ]
	stop
	[ "$(jq -c .calls stats)" = \
		'{"Ping":2,"GetUnstructuredEvents":0,"other":0}' ]
}

@test "signals: late events, files read again, faults lifted" {
	head -n 5 "$samples/events.ndjson" >events
	tail -n 3 "$samples/events.ndjson" >late
	: >faults
	start --events events --late late --fault-file faults
	[ "$(request | call $search)" = 0 ]
	[ "$(logged .items)" = 5 ]
	signal USR1 1
	[ "$(request | call $search)" = 0 ]
	[ "$(logged .items)" = 8 ]
	sed -n 6,7p "$samples/events.ndjson" >>events
	echo 'times=0,status=PERMISSION_DENIED,message=no, not you' >faults
	signal HUP 2
	[ "$(request | call $search)" = 7 ]
	grep -q 'grpc-message: no, not you' headers
	signal USR2 3
	[ "$(request | call $search)" = 0 ]
	[ "$(logged .items)" = 10 ]
}

@test "--live hides what has not happened yet" {
	start --synthetic 1000 --start now --interval-ms 3600000 --live
	[ "$(request | call $search)" = 0 ]
	[ "$(logged '[.items, .last_key] | tostring')" = '[1,""]' ]
}

@test "--die-with-parent: a killed parent leaves nothing" {
	local parent child
	bash -c '"$0" "$@" & echo $! >child; wait' "$standin" \
		--cert "$pki/server.crt" --key "$pki/server.key" \
		--client-ca "$pki/user-ca.crt" --port-file port \
		--die-with-parent 3>&- &
	parent=$!
	until_true test -s port
	until_true test -s child
	child=$(cat child)
	kill -KILL "$parent"
	until_true is_gone "$child"
}
is_gone() {
	! kill -0 "$1" || [ "$(ps -o stat= -p "$1")" = Z ]
}

@test "a wrong option is one line and 64" {
	local wrong
	for wrong in "--synthetic x" "--start yesterday" "--key-style both" \
		"--listen here" "--relay-cut-bytes 5,fin" "--page-bytes 0" extra; do
		# shellcheck disable=SC2086 # an option and its value
		run -64 "$standin" --dump $wrong
		[ "${#lines[@]}" -eq 1 ] || return
	done
	run -65 "$standin" --dump --fault status=NOPE
	run -65 "$standin" --dump --events "$BATS_TEST_TMPDIR/none"
}
