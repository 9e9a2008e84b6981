#!/usr/bin/env bats
# tp-hec against the stand-in for Splunk's HTTP Event Collector: every line is
# delivered once or set aside, whatever the collector says, and acknowledged
# only then.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034 # perl; a test's own shell; for helpers.bash

bats_require_minimum_version 1.5.0

load helpers.bash

setup() {
	sender_set_up
}

teardown() {
	sender_tear_down
}

# events FIRST LAST: lines of some 200 bytes with a uid each.
events() {
	awk -v first="$1" -v last="$2" 'BEGIN {
		for (i = first; i <= last; i++)
			printf "{\"event\":\"user.login\",\"n\":%d,\"pad\":\"%0120d\",\"time\":\"2026-11-23T13:00:00.%03dZ\",\"uid\":\"u-%d\"}\n",
				i, i, i % 1000, i
	}'
}

# collector [OPTION...]: the stand-in, which writes what it accepts to got.
collector() {
	standin_hec_start --out got --untold-out untold --uids "$@"
}

# has_once FILE: the collector has every line of FILE, once, and nothing else.
has_once() {
	diff <(sort "$1") <(sort got) >difference || {
		head -c 2000 difference
		return 1
	}
}

# has_all FILE MOST: every line, and at most MOST again.
has_all() {
	diff <(sort -u "$1") <(sort -u got) >difference || {
		head -c 2000 difference
		return 1
	}
	repeats=$(($(wc -l <got) - $(wc -l <"$1")))
	echo "$repeats repeats"
	[ "$repeats" -le "$2" ]
}

ended_with() {
	[ "$(tail -n 1 acks)" = "$1" ]
}

# acks_rise: no acknowledgement goes down, and none comes after the end.
acks_rise() {
	awk '$2 < last { exit 1 } { last = $2 }
		over { exit 1 } $1 != "ack" { over = 1 }' acks
}

# --- the plain way --------------------------------------------------------

@test "tp-hec: every line arrives once, wrapped, and end says so" {
	collector
	events 1 5000 >in
	send <in
	[ "$status" -eq 0 ]
	has_once in
	acks_rise
	ended_with "end 5000"
	grep -qx 'ack 5000 u-5000' acks
	[ ! -s log ]
}

@test "tp-hec: the envelope has time, sourcetype, host, index and fields" {
	collector --out-envelope --token T,index=main
	events 1 1 >in
	send --host h --source s --index main --fields uid,n <in
	[ "$status" -eq 0 ]
	jq -e '.time == 1795438800.001 and .host == "h" and .source == "s"
		and .sourcetype == "teleport:audit" and .index == "main"
		and .fields.uid == "u-1" and .event.n == 1' got
}

@test "tp-hec: --endpoint raw sends the bytes as they are" {
	collector
	events 1 5000 >in
	send --endpoint raw <in
	[ "$status" -eq 0 ]
	has_once in
	grep -qx 'ack 5000 u-5000' acks
	[ "$(hec_stats .requests.raw)" -ge 1 ]
}

@test "tp-hec: a URL with a path is used as it is" {
	collector
	events 1 3 >in
	HEC_URL=$HEC_URL/services/collector/event/1.0 send <in
	[ "$status" -eq 0 ]
	has_once in
}

@test "tp-hec: gzip is used when asked for, and left after a 415" {
	collector
	events 1 5000 >in
	send --gzip on <in
	has_once in
	[ "$(hec_stats '.bytes < .bytes_unpacked / 3')" = true ]
	stop "$HEC_PID"
	rm got
	collector --no-gzip
	send --gzip on <in
	[ "$status" -eq 0 ]
	has_once in
}

@test "tp-hec: no request is larger than --batch-bytes or has more lines than --batch-lines" {
	collector --max-body 10000
	events 1 1000 >in
	send --batch-bytes 10000 <in
	[ "$status" -eq 0 ]
	has_once in
	[ "$(hec_stats '.statuses["413"]')" = null ]
	stop "$HEC_PID"
	rm got
	collector
	send --batch-lines 100 <in
	[ "$(hec_stats .requests.event)" -eq 10 ]
}

@test "tp-hec: a line waits no longer than --batch-age" {
	collector
	mkfifo pipe
	"${SENDER[@]}" --url "$HEC_URL" --batch-age 100ms <pipe >acks 2>log 3>&- &
	SENDER_PID=$!
	exec 7>pipe
	events 1 1 >&7
	retry 20 grep -qx 'ack 1 u-1' acks
	exec 7>&-
	wait "$SENDER_PID"
	ended_with "end 1"
}

# --- replies --------------------------------------------------------------

# survive MOST FAULT [OPTION...]: 3000 lines under a fault; none lost, MOST
# repeated.
survive() {
	local most=$1 fault=$2
	shift 2
	echo "== $fault"
	rm -f got
	collector --fault "$fault"
	[ -s in ] || events 1 3000 >in
	send --batch-bytes 50k "$@" <in
	[ "$status" -eq 0 ]
	has_all in "$most"
	acks_rise
	ended_with "end 3000"
	stop "$HEC_PID"
}

@test "tp-hec: busy, full and shutting down are waited out, no line repeated" {
	survive 0 kind=status,status=503,code=9
	survive 0 kind=status,status=503,code=23
	survive 0 kind=status,status=429,code=26
	survive 0 kind=status,status=429,code=27,retry-after=1
	survive 0 kind=status,status=500,code=8
}

@test "tp-hec: what a 503 says it has kept is not sent again" {
	survive 0 kind=status,status=503,code=9,event=10,request=2
	survive 0 kind=status,status=429,code=26,event=1,request=3,times=2
}

@test "tp-hec: near capacity is accepted, and repeated by nobody" {
	survive 0 kind=status,status=200,code=24,times=5
	survive 0 kind=status,status=200,code=25,times=5
}

@test "tp-hec: an answer that is not HEC's settles nothing" {
	survive 0 kind=html,status=502
	survive 0 kind=html,status=404
	survive 0 kind=html,status=200
	survive 0 kind=empty
	survive 0 kind=redirect,status=307,location=http://127.0.0.1:1/
}

@test "tp-hec: an ambiguous end repeats no more than the requests it struck" {
	survive 250 kind=reset,at=after,request=3
	survive 250 kind=close,at=after,request=3
	survive 250 kind=truncated,request=3
	survive 0 kind=reset,at=before,request=3
	survive 0 kind=reset,at=mid,request=3
	survive 0 kind=close,at=before,request=3
	survive 0 kind=close,at=mid,request=3
}

@test "tp-hec: a hanging collector is left after --timeout" {
	survive 0 kind=hang,at=before,request=2,ms=20000 --timeout 500ms
	survive 250 kind=hang,at=after,request=2,ms=20000 --timeout 500ms
}

@test "tp-hec: a collector that closes every connection is served all the same" {
	collector --close-after 1
	events 1 3000 >in
	send --batch-bytes 50k <in
	[ "$status" -eq 0 ]
	has_once in
}

# is_held_up: one request hangs; the three behind it, which is all that there is
# memory for, are delivered, and those before it acknowledged.
is_held_up() {
	local safe
	safe=$(awk '{ safe = $2 } END { print safe + 0 }' acks)
	[ "$(wc -l <got)" -eq $((safe + 30)) ] &&
		grep -q "\"u-$((safe + 40))\"" got &&
		! grep -q "\"u-$((safe + 1))\"" got
}

alone() {
	[ "$(hec_stats .connections_open)" -eq 1 ]
}

@test "tp-hec: while one request hangs, little more is delivered than is in flight" {
	collector --fault kind=hang,at=before,request=2,ms=20000
	events 1 2000 >in
	"${SENDER[@]}" --url "$HEC_URL" --batch-lines 10 --in-flight 3 --grace 200ms \
		<in >acks 2>log 3>&- &
	SENDER_PID=$!
	retry 20 is_held_up
	sleep 0.5 # no more must come
	kill -TERM "$SENDER_PID"
	status=0
	wait "$SENDER_PID" || status=$?
	SENDER_PID=
	[ "$status" -eq 75 ]
	safe=$(sed -n 's/^stop \([0-9]*\) .*/\1/p' acks)
	[ "$(wc -l <got)" -gt "$safe" ]
	[ "$(wc -l <got)" -le $((safe + (3 + 2) * 10)) ]
	grep -q 'stopped with 4[0-9] lines unacknowledged' log
}

@test "tp-hec: a pooled connection that died while idle costs nothing" {
	collector --idle-ms 100
	mkfifo pipe
	"${SENDER[@]}" --url "$HEC_URL" --batch-age 0 <pipe >acks 2>log 3>&- &
	SENDER_PID=$!
	exec 7>pipe
	events 1 1 >&7
	retry 20 grep -q 'ack 1 ' acks
	retry 20 alone # the question's own connection is the only one left
	events 2 2 >&7
	retry 20 grep -q 'ack 2 ' acks
	exec 7>&-
	wait "$SENDER_PID"
	[ ! -s log ]
}

@test "tp-hec: chance faults of all kinds lose nothing" {
	collector --chaos 20 --chaos-seed 7 --chaos-kinds status-5,reset,close,html,empty
	events 1 3000 >in
	send --batch-bytes 30k --in-flight 3 <in
	[ "$status" -eq 0 ]
	has_all in "$(hec_stats .ambiguous_kept)"
}

# --- refused events -------------------------------------------------------

# dead_uids FILE: the uids in a dead-letter file, on one line.
dead_uids() {
	jq -r .uid "$1" | sort | tr '\n' ' '
}

@test "tp-hec: a bad event is set aside alone, its neighbours arrive once" {
	for code in 6 12 13 15; do
		rm -f got dead
		collector --poison 'u-1234"':"$code" --poison 'u-7"':"$code" \
			--poison 'u-3000"':"$code"
		events 1 3000 >in
		send --dead-letter dead --batch-bytes 100k <in
		[ "$status" -eq 0 ]
		grep -vE '"u-(7|1234|3000)"' in >good
		has_once good
		[ "$(dead_uids dead)" = "u-1234 u-3000 u-7 " ]
		jq -e --argjson code "$code" '.code == $code and .status == 400' dead
		ended_with "end 3000"
		stop "$HEC_PID"
	done
}

@test "tp-hec: without a dead-letter file a bad event stops before it" {
	collector --poison 'u-1234"'
	events 1 3000 >in
	send --batch-bytes 100k --in-flight 1 <in
	[ "$status" -eq 65 ]
	[[ $(tail -n 1 acks) == "stop 1233 "* ]]
	grep -q 'line 1234 (uid u-1234): 400 Invalid data format (code 6)' log
	head -n 1233 in >good
	diff <(sort good) <(sort got)
}

@test "tp-hec: code 6 without a number is looked for in halves" {
	collector --fault kind=status,status=400,code=6
	events 1 3000 >in
	send --dead-letter dead <in
	[ "$status" -eq 0 ]
	has_once in
	[ ! -s dead ]
}

@test "tp-hec: too large a body is cut until it is taken" {
	collector --max-body 9000
	events 1 3000 >in
	send --dead-letter dead <in
	[ "$status" -eq 0 ]
	has_once in
	[ ! -s dead ]
}

@test "tp-hec: an event that is too large by itself for the collector is set aside" {
	collector --max-body 9000
	events 1 10 >in
	printf '{"pad":"%09000d","uid":"big"}\n' 0 >>in
	events 12 20 >>in
	send --dead-letter dead <in
	[ "$status" -eq 0 ]
	grep -v big in >good
	has_once good
	[ "$(dead_uids dead)" = "big " ]
	ended_with "end 20"
}

@test "tp-hec: the smallest bodies, too, are cut until they are taken" {
	collector --max-body 400
	events 1 20 >in
	send --dead-letter dead --timeout 5s --fields none --give-up-after 5s <in
	[ "$status" -eq 0 ]
	has_once in
	[ ! -s dead ]
}

# --- refusals and the operator --------------------------------------------

@test "tp-hec: a wrong token holds the lines, and a mended file is enough" {
	collector
	echo WRONG >token
	events 1 100 >in
	"${SENDER[@]}" --url "$HEC_URL" <in >acks 2>log 3>&- &
	SENDER_PID=$!
	retry 20 grep -q '403 Invalid token (code 4): check --token-file; holding 100 lines' log
	[ ! -s acks ]
	(umask 077 && echo T >token.new)
	mv token.new token
	retry 20 grep -qx 'end 100' acks
	has_once in
	grep -q 'accepting again' log
	run ! grep -q WRONG log
}

@test "tp-hec: --give-up-after ends with 77 for a refusal, 69 for nobody there" {
	collector
	echo WRONG >token
	events 1 100 >in
	send --give-up-after 1s <in
	[ "$status" -eq 77 ]
	[[ $(tail -n 1 acks) == "stop 0 "* ]]
	HEC_URL=http://127.0.0.1:1 send --give-up-after 1s <in
	[ "$status" -eq 69 ]
	[[ $(tail -n 1 acks) == "stop 0 "* ]]
}

@test "tp-hec: --give-up-after does not count while parts are taken" {
	collector --fault kind=status,status=503,code=9,event=3,times=0
	events 1 12 >in
	send --give-up-after 3s <in
	[ "$status" -eq 0 ]
	has_once in
}

@test "tp-hec: a collector that comes late gets everything" {
	collector --listen 127.0.40.1:0 # its own, so that the port stays free
	HEC_URL=http://127.0.40.1:$HEC_PORT
	stop "$HEC_PID"
	events 1 100 >in
	"${SENDER[@]}" --url "$HEC_URL" <in >acks 2>log 3>&- &
	SENDER_PID=$!
	retry 20 grep -q 'holding 100 lines' log
	rm -f got
	standin_hec_start --out got --listen "${HEC_URL#http://}"
	retry 20 grep -qx 'end 100' acks
	has_once in
}

@test "tp-hec: while one of two collectors is away the other gets its lines" {
	collector
	events 1 3000 >in
	send --url http://127.0.0.1:1 --batch-bytes 50k <in
	[ "$status" -eq 0 ]
	has_once in
}

@test "tp-hec: one of two collectors that hangs is left alone as long as it kept us" {
	collector
	first=$HEC_PID url=$HEC_URL
	standin_hec_start --fault kind=hang,at=before,times=0,ms=20000
	events 1 3000 >in
	send --url "$url" --batch-bytes 50k --timeout 1s <in
	stop "$first"
	[ "$status" -eq 0 ]
	has_once in
	grep -q 'timed out .*, next attempt in [4-9]\.' log # 50k may take 4 s
}

@test "tp-hec: a refusal after a failure is said at once" {
	make_certs pki
	collector --listen 127.0.40.1:0
	address=127.0.40.1:$HEC_PORT
	stop "$HEC_PID"
	events 1 10 >in
	"${SENDER[@]}" --url "https://$address" --ca pki/other-ca.pem --grace 0 \
		<in >acks 2>log 3>&- &
	SENDER_PID=$!
	retry 20 grep -q 'Connection refused\|connect' log
	collector --listen "$address" --cert pki/server.pem --key pki/server.key
	retry 20 grep -q 'certificate.*: check --url, --ca, --cert and --key' log
	stop "$SENDER_PID" || [ $? -eq 75 ]
	SENDER_PID=
}

@test "tp-hec: an interim answer is not one" {
	events 1 1 >in
	answers $'HTTP/1.1 103 X\r\nRetry-After: 9\r\n\r\nHTTP/1.1 503 X\r\nConnection: close\r\n\r\n' '' \
		$'HTTP/1.1 100 X\r\n\r\n' '' 200 '{"text":"Success","code":0}'
	send <in
	[ "$status" -eq 0 ]
	ended_with "end 1"
	run ! grep -q 'next attempt in 9\|100, not an answer' log
}

# --- TLS ------------------------------------------------------------------

@test "tp-hec: mutual TLS" {
	make_certs pki
	collector --cert pki/server.pem --key pki/server.key --client-ca pki/ca.pem
	events 1 100 >in
	send --ca pki/ca.pem --cert pki/client.pem --key pki/client.key <in
	[ "$status" -eq 0 ]
	has_once in
}

@test "tp-hec: --check tells good from unreached, refused and unusable" {
	make_certs pki
	collector --cert pki/server.pem --key pki/server.key --client-ca pki/ca.pem
	tls=(--ca pki/ca.pem --cert pki/client.pem --key pki/client.key)
	send --check "${tls[@]}"
	[ "$status" -eq 0 ]
	send --check --ca pki/other-ca.pem
	[ "$status" -eq 77 ]
	send --check --ca pki/ca.pem # no client certificate
	[ "$status" -eq 77 ]
	send --check --ca pki/ca.pem --cert pki/other-client.pem --key pki/other-client.key
	[ "$status" -eq 77 ]
	echo WRONG >token
	send --check "${tls[@]}"
	[ "$status" -eq 77 ]
	grep -q 'check --token-file' log
	send --check "${tls[@]}" --key pki/other-client.key
	[ "$status" -eq 78 ]
	send --check --ca missing.pem
	[ "$status" -eq 78 ]
	HEC_URL=http://127.0.0.1:$HEC_PORT send --check
	[ "$status" -eq 69 ]
	grep -q ': Empty reply from server (is it https?)$' log
	HEC_URL=https://127.0.0.1:1 send --check "${tls[@]}"
	[ "$status" -eq 69 ]
	[ "$(wc -c <got)" -eq 0 ]
}

@test "tp-hec: https to a server of http is said to be that" {
	perl -MIO::Socket::INET -e '
		my $listener = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1");
		open(my $file, ">", "port.new"); print $file $listener->sockport; close $file;
		rename("port.new", "port");
		my $peer = $listener->accept; print $peer "HTTP/1.0 400 Bad Request\r\n\r\n"' 3>&- &
	HEC_PID=$!
	retry 10 test -s port
	HEC_URL=https://127.0.0.1:$(<port) send --check
	[ "$status" -eq 69 ]
	grep -q ': .*wrong version number (is it http without TLS?)$' log
}

@test "tp-hec: TLS to a server without it, and a wrong name, are waited out" {
	make_certs pki
	collector
	events 1 10 >in
	HEC_URL=https://127.0.0.1:$HEC_PORT send --timeout 500ms --give-up-after 300ms <in
	[ "$status" -eq 69 ]
	stop "$HEC_PID"
	collector --cert pki/server.pem --key pki/server.key --listen 127.0.0.2:0
	HEC_URL=https://127.0.0.2:$HEC_PORT
	send --ca pki/ca.pem --give-up-after 300ms <in
	[ "$status" -eq 77 ]
	grep -q "127.0.0.2.*check --url, --ca" log
	[[ $(tail -n 1 acks) == "stop 0 "* ]]
}

@test "tp-hec: token files that cannot be used are said at once, with 78" {
	HEC_URL=http://127.0.0.1:1
	: >token
	send <<<'{}'
	[ "$status" -eq 78 ]
	grep -q 'token: the file is empty' log
	printf 'two words' >token
	send <<<'{}'
	[ "$status" -eq 78 ]
	rm token
	send <<<'{}'
	[ "$status" -eq 78 ]
	grep -q 'token: No such file' log
}

@test "tp-hec: a token that others can read is warned of" {
	collector
	chmod 644 token
	send <<<'{}'
	[ "$status" -eq 0 ]
	grep -q 'others can read the token' log
}

@test "tp-hec: no token and no password in a URL" {
	HEC_URL='https://h/services/collector/raw?token=SECRET' send <<<'{}'
	[ "$status" -eq 64 ]
	run ! grep -q SECRET log
	HEC_URL='https://user:SECRET@h/' send <<<'{}'
	[ "$status" -eq 64 ]
	run ! grep -q SECRET log
}

@test "tp-hec: the token goes into the query only when asked for" {
	collector --token T,query
	events 1 10 >in
	send --token-in-query --endpoint raw <in
	[ "$status" -eq 0 ]
	has_once in
}

# --- input ----------------------------------------------------------------

@test "tp-hec: an answer that repeats the token does not bring it into messages" {
	(umask 077 && echo 0badc0de-cafe >token)
	collector --token 0badc0de-cafe,query --fault \
		'kind=status,status=404,code=404,text=nothing at /raw?token=0badc0de-cafe,times=0'
	events 1 10 >in
	send --give-up-after 0 <in
	[ "$status" -eq 69 ]
	grep -q 'nothing at /raw?token=\*\*\*' log
	run ! grep -q 0badc0de log acks
}

@test "tp-hec: no input is a good end" {
	collector
	send </dev/null
	[ "$status" -eq 0 ]
	[ "$(cat acks)" = "end 0" ]
}

@test "tp-hec: a last line without its newline is taken and said" {
	collector
	events 1 3 >in
	truncate -s -1 in
	send <in
	[ "$status" -eq 0 ]
	ended_with "end 3"
	grep -q 'the last line has no newline' log
	[ "$(wc -l <got)" -eq 3 ]
}

@test "tp-hec: blank lines count and carry nothing" {
	collector
	{
		echo
		events 1 2
		echo
		echo '   '
		events 3 3
		echo
	} >in
	send <in
	[ "$status" -eq 0 ]
	ended_with "end 7"
	grep '{' in >good
	has_once good
}

@test "tp-hec: a line that is no JSON object stops before it, the others are safe" {
	for bad in '[1]' '{"a":' 'word' '{"a":1}x' $'{"a":"\xff"}'; do
		rm -f got
		collector
		{
			events 1 10
			printf '%s\n' "$bad"
			events 12 20
		} >in
		send <in
		[ "$status" -eq 65 ]
		[[ $(tail -n 1 acks) == "stop 10 "* ]]
		head -n 10 in >good
		has_once good
		stop "$HEC_PID"
	done
}

@test "tp-hec: with a dead-letter file a bad line is set aside, and the rest goes on" {
	collector
	{
		events 1 10
		echo word
		head -c 300 /dev/urandom | tr -d '\n'
		echo
		events 13 20
	} >in
	send --dead-letter dead <in
	[ "$status" -eq 0 ]
	ended_with "end 20"
	[ "$(jq -c .line dead | tr '\n' ' ')" = "11 12 " ]
	grep -a '^{"event' in >good
	has_once good
}

@test "tp-hec: a line of 100 MB is cut down and set aside in bounded memory" {
	collector
	{
		events 1 2
		head -c 100000000 /dev/zero | tr '\0' x
		echo
		events 4 5
	} >in
	status=0
	limit=400000
	[[ $BUILD != */san && -z ${UNDER_VALGRIND:-} ]] || limit=unlimited
	bash -c 'ulimit -v "$1"; shift; exec "$@"' - "$limit" \
		"${SENDER[@]}" --url "$HEC_URL" --dead-letter dead \
		--max-event-bytes 1M <in >acks 2>log || status=$?
	cat log
	[ "$status" -eq 0 ]
	ended_with "end 5"
	grep -v x in >good
	has_once good
	jq -e '.line == 3 and (.raw | length) == 1000000
		and (.reason | test("too large.*100000000"))' dead
}

# VmHWM counts pages of shared libraries as well, some 10 MB.
@test "tp-hec: memory is a batch for each request, two more and 12 MiB" {
	[[ $BUILD != */san && -z ${UNDER_VALGRIND:-} ]] || skip "they take their own"
	make_certs pki
	standin_hec_start --discard --cert pki/server.pem --key pki/server.key \
		--client-ca pki/ca.pem --fault kind=latency,ms=50,times=0
	events 1 60000 | sed 's/"pad":"/&'"$(printf '%0800d' 0)/" >in
	for endpoint in raw event; do
		rm -f pipe
		stream --ca pki/ca.pem --cert pki/client.pem --key pki/client.key \
			--endpoint "$endpoint"
		cat in >&7
		retry 20 grep -q '^ack 60000 ' acks
		kib=$(awk '$1 == "VmHWM:" { print $2 }' "/proc/$SENDER_PID/status")
		exec 7>&-
		await_end
		[ "$status" -eq 0 ]
		echo "$endpoint: $kib KiB"
		[ $((kib * 1024)) -le $((1000000 * (4 + 2) + 12 * 1024 * 1024)) ]
	done
}

@test "tp-hec: --oversize stop and truncate" {
	collector
	{
		events 1 2
		printf '{"pad":"%02000d","uid":"big"}\n' 0
		events 4 5
	} >in
	send --max-event-bytes 1000 --oversize stop --dead-letter dead <in
	[ "$status" -eq 65 ]
	[[ $(tail -n 1 acks) == "stop 2 "* ]]
	rm got
	stop "$HEC_PID"
	collector
	printf '{"pad":"%01200d","uid":"big"}\n' 0 >in
	send --max-event-bytes 1000 --oversize truncate <in
	[ "$status" -eq 0 ]
	jq -e '.uid == "big" and ._tp_truncated and (has("pad") | not)' got
}

@test "tp-hec: a dead-letter file that is full stops, and nothing is lost" {
	collector
	{
		events 1 3
		echo bad
	} >in
	send --dead-letter /dev/full <in
	[ "$status" -eq 78 ]
	[ ! -s acks ]
}

@test "tp-hec: what cannot be synced to the dead-letter file is not acknowledged" {
	command -v strace >/dev/null || skip "no strace"
	[[ $BUILD != */san && -z ${UNDER_VALGRIND:-} ]] || skip "strace, too"
	collector
	{
		events 1 3
		echo bad
		events 5 9
	} >in
	SENDER=(strace -qq -o trace -e inject=fsync:error=EIO:when=2+ "${SENDER[@]}")
	send --dead-letter dead <in
	[ "$status" -eq 74 ]
	[[ $(cat acks) == "stop 0 "* ]]
}

@test "tp-hec: acknowledgements that cannot be written end it, with 74" {
	collector
	events 1 3 >in
	status=0
	"${SENDER[@]}" --url "$HEC_URL" <in >/dev/full 2>log || status=$?
	[ "$status" -eq 74 ]
	grep -q 'standard output: No space left on device' log
}

@test "tp-hec: an expired client certificate is said, and refused with 77" {
	make_certs pki
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=old \
		-keyout pki/old.key -out pki/old.csr 2>/dev/null
	mkdir pki/ca.d
	: >pki/index
	echo 01 >pki/serial
	openssl ca -batch -config /dev/stdin -cert pki/ca.pem -keyfile pki/ca.key \
		-startdate 20200101000000Z -enddate 20200102000000Z \
		-in pki/old.csr -out pki/old.pem 2>/dev/null <<-'CNF'
			[ca]
			default_ca = c
			[c]
			database = pki/index
			serial = pki/serial
			new_certs_dir = pki/ca.d
			default_md = sha256
			policy = p
			[p]
			commonName = supplied
		CNF
	collector --cert pki/server.pem --key pki/server.key --client-ca pki/ca.pem
	send --check --ca pki/ca.pem --cert pki/old.pem --key pki/old.key
	[ "$status" -eq 77 ]
	grep -q 'the client certificate has expired' log
	grep -q 'check --url, --ca, --cert and --key' log
}

@test "tp-hec: --replay-dead-letter sends what had been set aside" {
	collector --poison 'u-5"'
	events 1 10 >in
	send --dead-letter dead <in
	stop "$HEC_PID"
	rm got
	collector
	send --replay-dead-letter <dead
	[ "$status" -eq 0 ]
	sed -n 5p in >good
	has_once good
	ended_with "end 1"
}

@test "tp-hec: --replay-dead-letter takes a record six times as long as its event" {
	collector
	head -c 15000 /dev/zero | tr '\0' '\1' >in
	send --max-event-bytes 15000 --dead-letter dead <in
	[ "$(wc -c <dead)" -gt 90000 ]
	send --max-event-bytes 15000 --replay-dead-letter --endpoint raw <dead
	[ "$status" -eq 0 ]
	ended_with "end 1"
	[ "$(wc -l <got)" -eq 1 ]
}

@test "tp-hec: a dead-letter file is not replayed into itself" {
	collector
	printf 'bad\nworse\n' >in
	send --dead-letter dead <in
	cp dead before
	status=0
	# shellcheck disable=SC2094 # the same file is the point
	timeout 20 "${SENDER[@]}" --url "$HEC_URL" --replay-dead-letter \
		--dead-letter dead <dead >acks 2>log || status=$?
	[ "$status" -eq 64 ]
	grep -q 'dead is the input as well' log
	cmp dead before
}

@test "tp-hec: tags come off and are what is acknowledged" {
	collector
	events 1 10 >in
	sed 's/^{/{"_tp":"run-1\/N",/' in |
		awk '{ sub("/N", "/" NR * 3); print }' >tagged
	send <tagged
	[ "$status" -eq 0 ]
	has_once in
	ended_with "end 30"
	grep -qx 'ack 30 u-10' acks
	tac tagged >mixed
	send <mixed
	[ "$status" -eq 65 ]
	[[ $(tail -n 1 acks) == "stop 30 "* ]]
}

@test "tp-hec: --check asks again when a connection is reset" {
	collector --fault kind=reset,at=before,times=2
	send --check </dev/null
	[ "$status" -eq 0 ]
	[ "$(wc -l <log)" -eq 1 ]
	stop "$HEC_PID"
	collector --fault kind=reset,at=before,times=0
	send --check </dev/null
	[ "$status" -eq 69 ]
}

@test "tp-hec: --dry-run counts, and sends nothing" {
	collector
	{
		events 1 10
		echo bad
	} >in
	send --dry-run <in
	[ "$status" -eq 65 ]
	[ ! -s acks ]
	grep -q 'dry run: 10 events in 1 requests' log
	[ "$(hec_stats .accepted)" -eq 0 ]
}

@test "tp-hec: --dry-run sleeps while a non-blocking input has nothing" {
	HEC_URL=http://127.0.0.1:1
	mkfifo pipe
	perl -MFcntl -e 'fcntl(STDIN, F_SETFL, O_NONBLOCK) and exec @ARGV' \
		"${SENDER[@]}" --url "$HEC_URL" --dry-run <pipe 2>log 3>&- &
	SENDER_PID=$!
	exec 7>pipe
	events 1 10 >&7
	retry 20 pipe_is_empty # and starting has cost what it did
	ticks=-$(cpu_ticks)
	sleep 1
	ticks=$((ticks + $(cpu_ticks)))
	exec 7>&-
	wait "$SENDER_PID"
	grep -q '10 events' log
	[ "$ticks" -lt 20 ]
}

# Of the pipe that is open as 7.
pipe_is_empty() {
	perl -e 'my $n = pack("i", 0); open(my $p, ">&=7") or exit 2;
		ioctl($p, 0x541B, $n) or exit 3; exit(unpack("i", $n) != 0)'
}

cpu_ticks() {
	awk '{ print $14 + $15 }' "/proc/$SENDER_PID/stat"
}

# answers [STATUS BODY]...: somebody who gives these answers, one a connection,
# to whatever is asked; what was asked with goes to tokens.
answers() {
	local server='
		use IO::Socket::INET;
		my $listener = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1");
		open(my $file, ">", "port.new"); print $file $listener->sockport; close $file;
		rename("port.new", "port");
		open(my $tokens, ">>", "tokens"); $tokens->autoflush(1);
		while (my ($status, $body) = splice(@ARGV, 0, 2)) {
			my $peer = $listener->accept; my $length = 0;
			while (<$peer>) {
				print $tokens $1 if /^Authorization: Splunk (.*\n)/i;
				$length = $1 if /^Content-Length: (\d+)/i;
				last if /^\r$/;
			}
			read($peer, $_, $length);
			print $peer $status =~ /^HTTP/ ? $status :
				"HTTP/1.1 $status X\r\nConnection: close\r\n\r\n$body";
			close($peer);
		}'
	perl -e "$server" "$@" 3>&- &
	HEC_PID=$!
	retry 20 test -s port
	HEC_URL=http://127.0.0.1:$(<port)
}

@test "tp-hec: who stands before HEC may refuse a token in words of its own" {
	(umask 077 && echo wrong >token)
	answers 401 unauthorized 200 '{"text":"Success","code":0}'
	"${SENDER[@]}" --url "$HEC_URL" <<<'{"uid":"u-1"}' >acks 2>log 3>&- &
	SENDER_PID=$!
	retry 20 grep -q '401, not an answer of HEC: unauthorized: .*; holding 1 line,' log
	echo T >token
	wait "$SENDER_PID"
	[ "$(tail -n 1 acks)" = "end 1" ]
	[ "$(tr -d '\r' <tokens)" = wrong$'\n'T ]
}

@test "tp-hec: a token is masked in an answer that escapes it" {
	(umask 077 && echo secret-token >token)
	answers 403 '{"text":"no secret\u002dtoken here","code":4}'
	send --give-up-after 0s <<<'{}'
	[ "$status" -eq 77 ]
	grep -q 'no \*\*\*\*.* here' log
	run grep -q secret-token log acks
	[ "$status" -eq 1 ]
}

@test "tp-hec: a collector that calls gzip bad data gets it as it is" {
	collector --fault kind=status,status=400,code=6,event=0,times=1
	events 1 1000 >in
	send --gzip on --batch-lines 100 --in-flight 1 <in
	[ "$status" -eq 0 ]
	has_once in
	[ "$(hec_stats '.bytes > .bytes_unpacked / 2')" = true ]
}

@test "tp-hec: --stats keeps a file that says what was done" {
	collector --poison 'u-5"'
	events 1 10 >in
	send --dead-letter dead --stats stats.prom <in
	grep -qx 'tp_hec_events_read_total 10' stats.prom
	grep -qx 'tp_hec_events_dead_total 1' stats.prom
	grep -qx 'tp_hec_events_acknowledged_total 10' stats.prom
	grep -qx 'tp_hec_requests_total{result="accepted"} 1' stats.prom
	send --stats no/such/file <in
	[ "$status" -eq 78 ]
	[ "$(cat log)" = "tp-hec: --stats: no/such/file: No such file or directory" ]
	[ ! -s acks ]
}

@test "tp-hec: a progress line shows on a terminal, but not among acknowledgements" {
	collector --fault kind=latency,ms=1500,times=0
	events 1 10 >in
	run script -qec "'$BUILD/tp-hec' --url $HEC_URL --token-file token <in >acks" /dev/null
	[[ $output == *"10 in hand"* || $output == *"in flight"* ]]
	run script -qec "'$BUILD/tp-hec' --url $HEC_URL --token-file token <in" /dev/null
	[ "$(tr -d '\r' <<<"$output")" = "ack 10 u-10"$'\n'"end 10" ]
}

@test "tp-hec: a collector slower than --batch-age gets full batches all the same" {
	collector --fault kind=latency,ms=150,times=0
	events 1 1000 >in
	send --batch-lines 100 --batch-age 20ms --in-flight 1 <in
	[ "$status" -eq 0 ]
	has_once in
	[ "$(hec_stats .requests.event)" -le 12 ]
}

# --- ends -----------------------------------------------------------------

# stream: tp-hec with its input held open on descriptor 7.
stream() {
	mkfifo pipe
	"${SENDER[@]}" --url "$HEC_URL" "$@" <pipe >acks 2>log 3>&- &
	SENDER_PID=$!
	exec 7>pipe
}

# await_end: the sender's exit status, in $status.
await_end() {
	status=0
	wait "$SENDER_PID" || status=$?
	SENDER_PID=''
}

@test "tp-hec: SIGTERM delivers what was read and ends well" {
	collector
	stream --batch-age 1h --batch-lines 100
	events 1 120 >in
	cat in >&7 # in one write, so that it is read at once
	printf '{"half":' >&7
	retry 20 grep -q '^ack 100 ' acks
	kill -TERM "$SENDER_PID"
	await_end
	exec 7>&-
	[ "$status" -eq 0 ]
	[[ $(tail -n 1 acks) == "stop 120 "* ]]
	has_once in
}

is_asked() {
	[ "$(hec_stats .connections_open)" -eq 2 ] # one is the question's own
}

@test "tp-hec: when --grace runs out it stops, with 75" {
	collector --fault kind=hang,at=before,times=0,ms=20000
	stream --batch-age 0 --grace 300ms
	events 1 10 >&7
	retry 20 is_asked
	kill -TERM "$SENDER_PID"
	await_end
	exec 7>&-
	[ "$status" -eq 75 ]
	[[ $(tail -n 1 acks) == "stop 0 "* ]]
}

@test "tp-hec: SIGTERM ends a pause, however long it was to be" {
	collector --fault kind=status,status=503,code=9,retry-after=60,times=1
	stream --batch-age 0
	echo '{"uid":"u-1"}' >&7
	retry 20 grep -q 'next attempt in 60' log
	kill -TERM "$SENDER_PID"
	await_end
	exec 7>&-
	[ "$status" -eq 0 ]
	[[ $(tail -n 1 acks) == "stop 1 "* ]]
}

@test "tp-hec: with nothing in hand no --grace is too short" {
	collector
	stream --batch-age 0 --grace 0
	events 1 10 >&7
	retry 20 grep -q '^ack 10 ' acks
	kill -TERM "$SENDER_PID"
	await_end
	exec 7>&-
	[ "$status" -eq 0 ]
	[ "$(tail -n 1 acks)" = "stop 10 stopped before the end of input" ]
}

@test "tp-hec: a reader of the acknowledgements that goes ends it, with 75" {
	collector
	mkfifo pipe
	{ "${SENDER[@]}" --url "$HEC_URL" <pipe 2>log 3>&- || echo $? >status; } | : &
	exec 7>pipe
	events 1 10 >&7 || : # it may be gone by now
	retry 20 test -s status
	exec 7>&-
	[ "$(cat status)" -eq 75 ]
	grep -q 'the reader of the acknowledgements has gone' log
}

@test "tp-hec: a kill in the middle loses nothing that was acknowledged" {
	collector --fault kind=latency,ms=50,times=0
	events 1 20000 >in
	"${SENDER[@]}" --url "$HEC_URL" --batch-bytes 50k <in >acks 2>log 3>&- &
	SENDER_PID=$!
	retry 20 test -s acks
	kill -KILL "$SENDER_PID"
	await_end
	safe=$(awk '$1 == "ack" { n = $2 } END { print n }' acks)
	echo "safe: $safe"
	[ "$safe" -gt 0 ]
	head -n "$safe" in | sort >promised
	sort got | comm -23 promised - >lost
	[ ! -s lost ]
}

@test "tp-hec: a terminal on standard input is refused with a hint" {
	run -64 script -qec "'$BUILD/tp-hec' --url http://127.0.0.1:1" /dev/null
	[[ $output == *"give - if you mean it"* ]]
}

@test "tp-hec: bad options are one line and 64" {
	for words in "" "--url ftp://h" "--url http://h --in-flight 0" \
		"--url http://h --ack never" "--url http://h operand" \
		"--url http://h --endpoint raw --fields uid" "--nonsense"; do
		# shellcheck disable=SC2086 # words
		run -64 "$BUILD/tp-hec" $words </dev/null
		[ "${#lines[@]}" -eq 1 ]
	done
}

# --- how the input ends ----------------------------------------------------

@test "tp-hec: an event that its writer did not finish is never acknowledged" {
	collector
	{
		events 1 10
		printf '{"uid":"cut","ti'
	} >in
	send --dead-letter dead <in
	[ "$status" -eq 65 ]
	[[ $(tail -n 1 acks) == "stop 10 "* ]]
	grep -q 'line 11: the input ends in the middle of it' log
	[ ! -s dead ]
	head -n 10 in >whole
	has_once whole
}

@test "tp-hec: asked to stop together with its writer, it says end" {
	collector
	stream --batch-age 50ms
	events 1 10 >&7
	retry 20 grep -q '^ack 10 ' acks
	kill -TERM "$SENDER_PID"
	exec 7>&-
	await_end
	[ "$status" -eq 0 ]
	[ "$(tail -n 1 acks)" = "end 10" ]
}

@test "tp-hec: asked to stop within a line, it does not call that the end" {
	collector
	stream --batch-age 50ms
	events 1 10 >&7
	printf '{"last":"line"}' >&7
	retry 20 grep -q '^ack 10 ' acks
	kill -TERM "$SENDER_PID"
	exec 7>&-
	await_end
	[ "$status" -eq 0 ]
	[ "$(tail -n 1 acks)" = "stop 10 stopped before the end of input" ]
}

@test "tp-hec: uid is indexed unless told otherwise" {
	collector --out-envelope
	events 1 1 | send
	[ "$(jq -c .fields got)" = '{"uid":"u-1"}' ]
	rm -f got
	stop "$HEC_PID"
	collector --out-envelope
	events 1 1 | send --fields none
	[ "$(jq .fields got)" = null ]
}

@test "tp-hec: a closed standard input is an empty one, a closed output is 74" {
	collector
	send <&-
	[ "$status" -eq 0 ]
	ended_with "end 0"
	status=0
	"${SENDER[@]}" --url "$HEC_URL" </dev/null >&- 2>log || status=$?
	[ "$status" -eq 74 ]
	grep -q 'standard output is closed' log
}
