#!/usr/bin/env bats
# The stand-in for HEC itself: what it answers is what splunkd is recorded to
# answer, and its account of what it kept and told is exact.

bats_require_minimum_version 1.5.0
load helpers

CHANNEL=11111111-2222-3333-4444-555555555555

setup_file() {
	export CERTS=$BATS_FILE_TMPDIR/certs
	make_certs "$CERTS"
}

setup() {
	OUT=$BATS_TEST_TMPDIR/out
	UNTOLD=$BATS_TEST_TMPDIR/untold
	TOKEN=T
	HEC_PID=
}

teardown() {
	[[ -z $HEC_PID ]] || stop "$HEC_PID"
}

start() {
	standin_hec_start --out "$OUT" --untold-out "$UNTOLD" "$@"
}

# request PATH [CURL OPTION...]: prints "STATUS BODY".
request() {
	local path=$1
	shift
	# shellcheck disable=SC2153 # HEC_URL is helpers.bash's
	curl -sS -m 20 "${HEC_CURL[@]}" -o "$BATS_TEST_TMPDIR/body" -w '%{http_code} ' "$@" "$HEC_URL$path" &&
		cat "$BATS_TEST_TMPDIR/body"
}

# post PATH DATA [CURL OPTION...]
post() {
	local path=$1 data=$2
	shift 2
	: >"$BATS_TEST_TMPDIR/body"
	request "$path" -H "Authorization: Splunk $TOKEN" --data-binary "$data" "$@"
}

event() {
	post /services/collector/event "$@"
}

# shows EXPECTED FILTER: the statistics do, by now. (What a client cannot wait
# for, a failure, may be booked a moment after it.)
shows() {
	equal "$1" "$(hec_stats "$2")"
}

# equal EXPECTED ACTUAL
equal() {
	[[ $1 == "$2" ]] || {
		printf 'expected: %s\nactual:   %s\n' "$1" "$2"
		return 1
	}
}

kept() {
	paste -sd' ' "$OUT"
}

ok='200 {"text":"Success","code":0}'

# --- what splunkd does ------------------------------------------------------

@test "standin-hec: events are kept byte for byte, however their envelopes are joined" {
	start
	equal "$ok" "$(event '{"event":{"b":1e3, "a":"\u00e9\"}{"}}{"time":1.5,"event":"two"}
	 {"event" : 3.10 ,"time":"1732366800.123","host":"h"}{"event":{"n":18446744073709552000}}')"
	printf '%s\n' '{"b":1e3, "a":"\u00e9\"}{"}' '"two"' '3.10' '{"n":18446744073709552000}' | diff - "$OUT"
	equal '[4,0,0,4]' "$(hec_stats '[.accepted,.ambiguous_kept,.hidden,.stored]')"
}

@test "standin-hec: an event that spans lines is kept on one, and --out-envelope keeps the envelope" {
	start --out-envelope
	equal "$ok" "$(event $'{"event":{"a":\n1},\r\n"host":"h"}')"
	equal '{"event":{"a":1},"host":"h"}' "$(kept)"
}

@test "standin-hec: objects before a bad one are kept, it and those behind it are not" {
	local bad code
	while read -r code bad; do
		rm -f "$OUT"
		start
		run event "{\"event\":1}{\"event\":2}$bad{\"event\":4}"
		equal "$code,2,400" "$(jq -r '"\(.code),\(."invalid-event-number")"' <"$BATS_TEST_TMPDIR/body"),${output%% *}"
		equal '1 2' "$(kept)"
		equal '[2,0]' "$(hec_stats '[.accepted,.ambiguous_kept]')"
		stop "$HEC_PID"
	done <<-'BAD'
		6  {"event":3
		6  [{"event":3}]
		6  {"event":3,"host":null}
		6  {"event":tru}
		6  "event"
		12 {"host":"h"}
		12 {}
		13 {"event":""}
		15 {"event":3,"fields":{"a":{"b":1}}}
		15 {"event":3,"fields":{"a":[[1]]}}
		15 {"event":3,"time":1.7e9}
		15 {"event":3,"time":"soon"}
	BAD
}

@test "standin-hec: code 7 names the object behind the bad one" {
	start --token T,index=main,index=audit
	equal '400 {"text":"Incorrect index","code":7,"invalid-event-number":2}' \
		"$(event '{"event":1,"index":"audit"}{"event":2,"index":"other"}{"event":3}')"
	equal 1 "$(kept)"
	equal '400 {"text":"Incorrect index","code":7,"invalid-event-number":1}' \
		"$(post '/services/collector?index=other' '{"event":9}')"
	equal '[1,0]' "$(hec_stats '[.accepted,.ambiguous_kept]')"
}

@test "standin-hec: an unknown key hides itself and all behind it, alone it is no data" {
	start
	equal "$ok" "$(event '{"event":1}{"event":2,"extra":1}{"event":3}')"
	equal 1 "$(kept)"
	equal '400 {"text":"No data","code":5}' "$(event '{"event":2,"extra":1}')"
	equal '[1,1]' "$(hec_stats '[.accepted,.hidden]')"
}

@test "standin-hec: fields without an event are passed over in silence" {
	start
	equal "$ok" "$(event '{"event":1}{"fields":{"a":"b"}}{"event":3,"fields":{"a":["x",1]}}')"
	equal '1 3' "$(kept)"
}

@test "standin-hec: an empty body is code 5" {
	start
	equal '400 {"text":"No data","code":5}' "$(event '')"
	equal '400 {"text":"No data","code":5}' "$(event $' \n')"
	equal '400 {"text":"No data","code":5}' "$(post /services/collector/raw '')"
}

@test "standin-hec: an event above the limit is code 6, one at the limit is kept" {
	start --max-event-bytes 10
	equal '400 {"text":"Invalid data format","code":6,"invalid-event-number":1}' \
		"$(event '{"event":"12345678"}{"event":"123456789"}')"
	equal '"12345678"' "$(kept)"
}

@test "standin-hec: poison is refused with its code wherever it is" {
	start --poison virus:13 --poison worm
	equal '400 {"text":"Event field cannot be blank","code":13,"invalid-event-number":1}' \
		"$(event '{"event":1}{"event":{"a":"a virus"}}')"
	equal '400 {"text":"Invalid data format","code":6,"invalid-event-number":0}' "$(event '{"event":"worm"}')"
}

@test "standin-hec: raw bodies are split at line ends" {
	start
	equal "$ok" "$(post /services/collector/raw/1.0 $'{"a":1}\r\n\n{"b":2}\nlast')"
	printf '%s\n' '{"a":1}' '{"b":2}' last | diff - "$OUT"
}

@test "standin-hec: tokens are asked for, found in header, Basic and query, and refused" {
	start --token T --token D,disabled --token Q,query
	data='{"event":1}'
	equal '401 {"text":"Token is required","code":2}' "$(request /services/collector -d "$data")"
	equal '401 {"text":"Invalid authorization","code":3}' \
		"$(request /services/collector -d "$data" -H 'Authorization: Bearer T')"
	equal '403 {"text":"Invalid token","code":4}' "$(TOKEN=X event "$data")"
	equal '403 {"text":"Token disabled","code":1}' "$(TOKEN=D event "$data")"
	equal "$ok" "$(request /services/collector -d "$data" -u anyone:T)"
	equal '403 {"text":"Invalid token","code":4}' "$(request /services/collector -d "$data" -u anyone:X)"
	equal "$ok" "$(request '/services/collector?token=Q' -d "$data")"
	equal '400 {"text":"Query string authorization is not enabled","code":16}' \
		"$(post '/services/collector?token=T' "$data")"
	equal 2 "$(hec_stats .accepted)"
}

@test "standin-hec: methods and paths are answered as splunkd answers them" {
	start
	missing='{"text":"The requested URL was not found on this server.","code":404}'
	for path in /services/collector /services/collector/event /services/collector/event/1.0 /services/collector/raw; do
		equal "405 $missing" "$(request $path)"
		: >"$BATS_TEST_TMPDIR/body"
		equal '200 ' "$(request $path -X OPTIONS -D "$BATS_TEST_TMPDIR/head")"
		grep -q '^Allow: POST,OPTIONS' "$BATS_TEST_TMPDIR/head"
	done
	equal "404 $missing" "$(request /services/collector/nothing)"
	equal '200 {"text":"HEC is healthy","code":17}' "$(request '/services/collector/health?ack=1')"
	equal '200 {"text":"HEC is healthy","code":17}' "$(request /services/collector/health/1.0)"
	curl -sS -m 10 -I "$HEC_URL/services/collector/health" | grep -q '^HTTP/1.1 200'
	equal "405 $missing" "$(request /services/collector/health -d '')"
}

@test "standin-hec: gzip is undone, in several members too, and other encodings are 415 in HTML" {
	start
	(
		echo '{"event":1}' | gzip
		echo '{"event":2}' | gzip
	) >"$BATS_TEST_TMPDIR/gz"
	equal "$ok" "$(event @"$BATS_TEST_TMPDIR/gz" -H 'Content-Encoding: gzip')"
	equal '1 2' "$(kept)"
	head -c 40 "$BATS_TEST_TMPDIR/gz" >"$BATS_TEST_TMPDIR/cut"
	equal '400 {"text":"Invalid data format","code":6}' \
		"$(event @"$BATS_TEST_TMPDIR/cut" -H 'Content-Encoding: gzip')"
	[[ $(event x -H 'Content-Encoding: deflate') == '415 <!doctype html>'* ]]
	stop "$HEC_PID"
	start --no-gzip
	[[ $(event @"$BATS_TEST_TMPDIR/gz" -H 'Content-Encoding: gzip') == '415 <!doctype html>'* ]]
	equal '1 2' "$(kept)"
}

@test "standin-hec: chunked bodies and Expect: 100-continue are understood" {
	start
	seq 1 20000 | sed 's/.*/{"event":&}/' >"$BATS_TEST_TMPDIR/data"
	equal "$ok" "$(event @"$BATS_TEST_TMPDIR/data" -H 'Transfer-Encoding: chunked')"
	equal "$ok" "$(event @"$BATS_TEST_TMPDIR/data" -H 'Expect: 100-continue' -D "$BATS_TEST_TMPDIR/head")"
	grep -q '100 Continue' "$BATS_TEST_TMPDIR/head"
	(
		seq 1 20000
		seq 1 20000
	) | diff -q - "$OUT"
}

@test "standin-hec: a body above --max-body is 413, one at it is kept" {
	start --max-body 12
	equal "$ok" "$(event '{"event":12}')"
	equal 413 "$(event '{"event":123}' | cut -c1-3)"
	equal 413 "$(event '{"event":123}' -H 'Transfer-Encoding: chunked' | cut -c1-3)"
	equal 12 "$(kept)"
}

@test "standin-hec: without a User-Agent, after N requests and when idle, the connection closes" {
	start --close-after 2
	health=$HEC_URL/services/collector/health
	curl -sS "$health" "$health" "$health" >/dev/null
	equal 3 "$(hec_stats .connections)" # two requests, one, and this one
	curl -sS -A '' "$health" "$health" >/dev/null
	equal 6 "$(hec_stats .connections)"
	stop "$HEC_PID"
	start --idle-ms 100
	exec 9<>"/dev/tcp/127.0.0.1/$HEC_PORT"
	run timeout 20 cat <&9
	exec 9>&-
	equal 0 "$status"
}

@test "standin-hec: many connections at once mix no lines" {
	start --uids
	clients=()
	for i in {1..8}; do
		seq "$i"0001 "$i"5000 | sed 's/.*/{"event":{"uid":"&"}}/' >"$BATS_TEST_TMPDIR/$i"
		curl -sS -m 20 -H 'Authorization: Splunk T' --data-binary @"$BATS_TEST_TMPDIR/$i" -o /dev/null \
			"$HEC_URL/services/collector" 3>&- &
		clients+=($!)
	done
	wait "${clients[@]}"
	for i in {1..8}; do seq "$i"0001 "$i"5000; done | sed 's/.*/{"uid":"&"}/' | diff -q - <(sort "$OUT")
	event '{"event":{"uid":"10001"}}{"event":"none"}{"event":{"uid":7}}'
	equal '{"distinct":40000,"repeated":1,"without":2}' "$(hec_stats .uids)"
}

# --- TLS --------------------------------------------------------------------

@test "standin-hec: TLS 1.2 and 1.3 are served, and --tls pins one" {
	HEC_CURL=(--cacert "$CERTS/ca.pem")
	start --cert "$CERTS/server.pem" --key "$CERTS/server.key"
	equal "$ok" "$(event '{"event":1}' --tls-max 1.2)"
	equal "$ok" "$(event '{"event":2}' --tlsv1.3)"
	stop "$HEC_PID"
	start --cert "$CERTS/server.pem" --key "$CERTS/server.key" --tls 1.3
	run event '{"event":3}' --tls-max 1.2
	[[ $status -ne 0 ]]
	retry 20 shows 1 .handshakes_failed
}

@test "standin-hec: --client-ca admits its own clients only" {
	HEC_CURL=(--cacert "$CERTS/ca.pem")
	start --cert "$CERTS/server.pem" --key "$CERTS/server.key" --client-ca "$CERTS/ca.pem"
	for version in 1.2 1.3; do
		run event '{"event":1}' --tls-max $version
		[[ $status -ne 0 ]]
		run event '{"event":1}' --tls-max $version --cert "$CERTS/other-client.pem" --key "$CERTS/other-client.key"
		[[ $status -ne 0 ]]
	done
	HEC_CURL+=(--cert "$CERTS/client.pem" --key "$CERTS/client.key")
	equal "$ok" "$(event '{"event":2}')"
	retry 20 shows '[1,4]' '[.accepted,.handshakes_failed]'
}

# --- acknowledgements -------------------------------------------------------

ack_post() {
	event "$1" -H "X-Splunk-Request-Channel: ${2:-$CHANNEL}" "${@:3}"
}

poll() {
	post "/services/collector/ack?channel=${2:-$CHANNEL}" "$1" "${@:3}"
}

@test "standin-hec: a channel is required by ack tokens, and must be a GUID" {
	start --token T,ack --token P
	equal '400 {"text":"Data channel is missing","code":10}' "$(event '{"event":1}')"
	equal '400 {"text":"Invalid data channel","code":11}' "$(ack_post '{"event":1}' 123)"
	equal '400 {"text":"Data channel is missing","code":10}' \
		"$(post /services/collector/ack '{"acks":[0]}')"
	equal '400 {"text":"ACK is disabled","code":14}' "$(TOKEN=P poll '{"acks":[0]}')"
	equal "$ok" "$(TOKEN=P ack_post '{"event":1}' 123)"
	stop "$HEC_PID"
	start --token T,ack --cloud
	equal '"code":28' "$(event '{"event":1}' | grep -o '"code":28')"
}

@test "standin-hec: ids count from 0 on each channel, turn true after the delay, and once" {
	other=99999999-2222-3333-4444-abcdefABCDEF
	for delay_ms in 600000 300; do
		start --token T,ack --ack-delay-ms $delay_ms
		equal '200 {"text":"Success","code":0,"ackId":0}' "$(ack_post '{"event":1}')"
		equal '200 {"text":"Success","code":0,"ackId":1}' "$(ack_post '{"event":2}')"
		equal '200 {"text":"Success","code":0,"ackId":0}' "$(ack_post '{"event":3}' $other)"
		if ((delay_ms == 600000)); then
			equal '200 {"acks":{"0":false,"1":false}}' "$(poll '{"acks":[0,1]}')"
			[[ ! -s $OUT ]]
			stop "$HEC_PID"
			rm "$OUT" # a clean stop indexes what is in memory
		fi
	done
	retry 20 test_lines 3 "$OUT"
	equal '200 {"acks":{"0":true,"7":false}}' "$(poll '{"acks":[0,7]}')"
	equal '200 {"acks":{"0":false,"1":true}}' "$(poll '{"acks":[0,1]}')"
	equal '200 {"acks":{"0":true}}' "$(poll '{"acks":[0]}' ${other^^})"
	equal '[3,3,3]' "$(hec_stats '[.acks.issued,.acks.confirmed,.acks.events_confirmed]')"
}

test_lines() {
	[[ $(wc -l <"$2") == "$1" ]]
}

@test "standin-hec: a partial 400 carries the ackId of the prefix" {
	start --token T,ack
	equal '400 {"text":"Event field cannot be blank","code":13,"invalid-event-number":1,"ackId":0}' \
		"$(ack_post '{"event":1}{"event":""}')"
	equal '400 {"text":"Event field cannot be blank","code":13,"invalid-event-number":0}' "$(ack_post '{"event":""}')"
	equal '200 {"acks":{"0":true}}' "$(poll '{"acks":[0]}')"
}

@test "standin-hec: a restart forgets ids and events that were not indexed" {
	start --token T,ack --ack-delay-ms 60000
	ack_post '{"event":1}{"event":2}'
	equal "$ok" "$(post /standin/restart '')"
	equal '200 {"acks":{"0":false}}' "$(poll '{"acks":[0]}')"
	equal '200 {"text":"Success","code":0,"ackId":0}' "$(ack_post '{"event":3}')"
	equal '[2,1,1]' "$(hec_stats '[.acks.events_lost,.acks.forgotten,.acks.events_in_memory]')"
	stop "$HEC_PID"
	equal 3 "$(kept)" # a clean stop indexes what is in memory
}

@test "standin-hec: an idle channel is forgotten, a full one is busy" {
	start --token T,ack --ack-channel-limit 1
	ack_post '{"event":1}'
	equal '503 {"text":"Server is busy","code":9}' "$(ack_post '{"event":2}')"
	stop "$HEC_PID"
	start --token T,ack --ack-idle-ms 200 --ack-channel-limit 1
	ack_post '{"event":1}'
	retry 20 hec_forgot_channels
	equal '200 {"text":"Success","code":0,"ackId":0}' "$(ack_post '{"event":2}')"
}

hec_forgot_channels() {
	[[ $(hec_stats .acks.channels) == 0 ]]
}

@test "standin-hec: indexers behind a balancer number alike, and the cookie sticks to one" {
	start --token T,ack --indexers 2
	jar=$BATS_TEST_TMPDIR/jar
	equal '0 0 1 1' "$(for i in 1 2 3 4; do ack_post '{"event":1}' | grep -o '[0-9]*}' | tr -d '}'; done | paste -sd' ')"
	ack_post '{"event":1}' $CHANNEL -c "$jar"
	for i in 3 4 5; do
		equal "$i}" "$(ack_post '{"event":1}' $CHANNEL -b "$jar" | grep -o '[0-9]*}')"
	done
	equal '200 {"acks":{"5":true}}' "$(poll '{"acks":[5]}' $CHANNEL -b "$jar")"
	equal '200 {"acks":{"4":false}}' "$(poll '{"acks":[4]}' $CHANNEL -b 'AWSALB=i1')"
}

@test "standin-hec: a poll whose reply is lost has used its ids up" {
	start --token T,ack --fault kind=reset,path=ack
	ack_post '{"event":1}'
	run poll '{"acks":[0]}'
	[[ $status -ne 0 ]]
	equal '200 {"acks":{"0":false}}' "$(poll '{"acks":[0]}')"
	equal '[1,0,1]' "$(hec_stats '[.acks.replies_lost,.acks.events_confirmed,.acks.events_indexed]')"
}

# --- faults -----------------------------------------------------------------

body='{"event":1}{"event":2}{"event":3}'

@test "standin-hec: a status fault keeps the prefix that it names, and counts no ambiguity" {
	start --fault kind=status,request=2,times=2,event=2
	equal "$ok" "$(event '{"event":0}')"
	equal '503 {"text":"Server is busy","code":9,"invalid-event-number":2}' "$(event "$body")"
	equal '503 {"text":"Server is busy","code":9,"invalid-event-number":1}' "$(event '{"event":9}')"
	equal "$ok" "$(event '{"event":8}')"
	equal '0 1 2 9 8' "$(kept)"
	equal '[5,0,2]' "$(hec_stats '[.accepted,.ambiguous_kept,.faults["status-503-prefix"].times]')"
}

@test "standin-hec: code 7 as a fault names the object behind the bad one" {
	start --fault kind=status,status=400,code=7,event=2
	equal '400 {"text":"Incorrect index","code":7,"invalid-event-number":2}' "$(event "$body")"
	equal 1 "$(kept)"
	equal '[1,0]' "$(hec_stats '[.accepted,.ambiguous_kept]')"
}

@test "standin-hec: 429 with Retry-After, 24 and 25 with 200, words of the test's own" {
	start --fault kind=status,status=429,retry-after=7 --fault kind=status,request=2,status=200,code=24 \
		--fault kind=status,request=3,status=503,code=23,text=bye
	equal '429 {"text":"HEC queue is at capacity","code":26}' "$(event "$body" -D "$BATS_TEST_TMPDIR/head")"
	grep -q '^Retry-After: 7' "$BATS_TEST_TMPDIR/head"
	equal '200 {"text":"HEC queue is approaching its capacity limit","code":24}' "$(event "$body")"
	equal '503 {"text":"bye","code":23}' "$(event "$body")"
	equal '[3,0]' "$(hec_stats '[.accepted,.ambiguous_kept]')"
}

@test "standin-hec: pages, redirects, empty and cut answers tell nothing of what was kept" {
	start --fault kind=html,status=404 --fault kind=html,status=200,request=2,keep=2 --fault kind=redirect,request=3 \
		--fault kind=empty,request=4,keep=all --fault kind=truncated,request=5
	[[ $(event "$body") == '404 <!doctype html>'* ]]
	[[ $(event "$body") == '200 <!doctype html>'* ]]
	equal 307 "$(event "$body" -D "$BATS_TEST_TMPDIR/head" | cut -c1-3)"
	grep -q '^Location: /services/collector/elsewhere' "$BATS_TEST_TMPDIR/head"
	equal '200 ' "$(event "$body")"
	run event "$body"
	equal 18 "$status"
	equal '[8,8,3]' "$(hec_stats '[.accepted,.ambiguous_kept,.ambiguous_requests]')"
	equal '1 2 1 2 3 1 2 3' "$(paste -sd' ' "$UNTOLD")"
}

@test "standin-hec: hangs, resets and closes before, in and after the body" {
	for kind in reset close hang; do
		for at in before mid after; do
			rm -f "$OUT" "$UNTOLD"
			start --fault kind=$kind,at=$at,ms=50
			run event "$body"
			[[ $status -ne 0 ]]
			if [[ $kind == reset ]]; then
				equal 56 "$status"
			fi
			equal "$([[ $at == after ]] && echo '1 2 3')" "$(kept)"
			expected=$([[ $at == after ]] && echo '[3,3,1]' || echo '[0,0,1]')
			retry 20 shows "$expected" "[.accepted,.ambiguous_kept,.faults[\"$kind-$at\"].times]"
			cmp "$OUT" "$UNTOLD"
			equal "$ok" "$(event '{"event":4}')"
			stop "$HEC_PID"
		done
	done
}

@test "standin-hec: a client that left before the answer was not told" {
	start --fault kind=latency,ms=1000
	exec 9>"/dev/tcp/127.0.0.1/$HEC_PORT"
	printf 'POST /services/collector HTTP/1.1\r\nAuthorization: Splunk T\r\nContent-Length: %d\r\n\r\n%s' ${#body} "$body" >&9
	exec 9>&-
	retry 20 test -s "$UNTOLD"
	retry 20 shows '[3,3]' '[.accepted,.ambiguous_kept]'
}

@test "standin-hec: a body that breaks off is not kept" {
	start
	printf 'POST /services/collector HTTP/1.1\r\nAuthorization: Splunk T\r\nContent-Length: 99\r\n\r\n{"event":1}' |
		timeout 20 bash -c "cat >/dev/tcp/127.0.0.1/$HEC_PORT"
	retry 20 request_is_booked
	equal '[0,0,{"0":1}]' "$(hec_stats '[.accepted,.ambiguous_kept,.statuses]' | sed 's/,"200":[0-9]*//')"
	[[ ! -s $OUT ]]
}

request_is_booked() {
	[[ $(hec_stats .requests.event) == 1 ]]
}

@test "standin-hec: a fault lasts until SIGUSR2, or for its time, and every E-th request" {
	start --fault kind=status,status=403,until=usr2 --stats "$BATS_TEST_TMPDIR/stats"
	equal 403 "$(event "$body" | cut -c1-3)"
	equal 403 "$(event "$body" | cut -c1-3)"
	kill -USR2 "$HEC_PID"
	retry 20 answers 200
	kill -USR1 "$HEC_PID"
	retry 20 test -s "$BATS_TEST_TMPDIR/stats"
	stop "$HEC_PID"
	start --fault kind=status,for-ms=200
	equal 503 "$(event "$body" | cut -c1-3)"
	retry 20 answers 200
	stop "$HEC_PID"
	start --fault kind=status,every=2,times=2
	equal '200 503 200 503 200 200' "$(for i in {1..6}; do event "$body" | cut -c1-3; done | paste -sd' ')"
}

answers() {
	[[ $(event "$body") == "$1 "* ]]
}

@test "standin-hec: SIGHUP reads the fault file again, and a path limits a fault" {
	faults=$BATS_TEST_TMPDIR/faults
	printf '# none yet\n' >"$faults"
	start --fault-file "$faults"
	equal "$ok" "$(event "$body")"
	printf 'kind=status,status=500,times=0,path=raw\n' >"$faults"
	kill -HUP "$HEC_PID"
	retry 20 raw_fails
	equal "$ok" "$(event "$body")"
}

raw_fails() {
	[[ $(post /services/collector/raw x) == 500* ]]
}

@test "standin-hec: a refusal of connections ends by itself" {
	start --fault kind=refuse,ms=600000
	equal "$ok" "$(event "$body")"
	retry 20 is_refused
	stop "$HEC_PID"
	start --fault kind=refuse,ms=300
	equal "$ok" "$(event "$body")"
	retry 20 answers 200
	equal 1 "$(hec_stats .faults.refuse.times)"
}

is_refused() {
	local curl_status=0
	event "$body" || curl_status=$?
	equal 7 "$curl_status"
}

@test "standin-hec: latency is served in parallel, and goes with another fault" {
	start --fault kind=latency,ms=1000,times=0 --fault kind=status,request=9
	begin=$(date +%s%N)
	# By one curl, for eight may take longer to begin than their requests take.
	curl -sS -m 20 -Z --parallel-immediate -H 'Authorization: Splunk T' -d "$body" \
		"$HEC_URL/services/collector?"{1..8} >/dev/null
	((($(date +%s%N) - begin) / 1000000 >= 1000))
	equal 8 "$(hec_stats .parallel_most)"
	begin=$(date +%s%N)
	equal 503 "$(event "$body" | cut -c1-3)"
	((($(date +%s%N) - begin) / 1000000 >= 1000))
}

@test "standin-hec: reading and answering can be slow" {
	start --fault kind=slow-read,rate=20000 --fault kind=slow-answer,rate=1000,request=2
	head -c 8000 /dev/zero | tr '\0' ' ' >"$BATS_TEST_TMPDIR/data"
	echo '{"event":1}' >>"$BATS_TEST_TMPDIR/data"
	for i in 1 2; do
		begin=$(date +%s%N)
		equal "$ok" "$(event @"$BATS_TEST_TMPDIR/data")"
		((($(date +%s%N) - begin) / 1000000 >= 200))
	done
}

@test "standin-hec: the same seed is the same luck" {
	for run in 1 2; do
		start --chaos 60 --chaos-seed 7 --chaos-kinds status-4,status-5,html,code
		for i in {1..40}; do event "$body" | cut -c1-3; done >"$BATS_TEST_TMPDIR/run$run"
		stop "$HEC_PID"
	done
	diff "$BATS_TEST_TMPDIR/run1" "$BATS_TEST_TMPDIR/run2"
	[[ $(sort -u "$BATS_TEST_TMPDIR/run1" | wc -l) -ge 4 ]]
}

# A sender in miniature: settles what it was told, sends the rest again.
send_all() {
	local first=$1 last=$2 answer told
	while ((first <= last)); do
		answer=$(seq "$first" "$last" | sed 's/.*/{"event":&}/' |
			curl -s -m 20 -H 'Authorization: Splunk T' --data-binary @- -w '\n%{http_code}' "$HEC_URL/services/collector") || continue
		told=$(jq -R -s --argjson all $((last - first + 1)) 'split("\n") as [$body, $status]
			| ($body | try fromjson catch {}) as $r
			| if $status == "200" and (($r.code // 99) | IN(0, 24, 25)) then $all
			  else $r."invalid-event-number" // 0 end' <<<"$answer")
		first=$((first + told))
	done
}

@test "standin-hec: in chaos all is kept once, save what was kept untold" {
	start --chaos 70 --chaos-seed 3
	for batch in {0..19}; do
		send_all $((batch * 100 + 1)) $((batch * 100 + 100))
	done
	faults=$(hec_stats '.faults|length')
	((faults > 10))
	seq 1 2000 | diff -q - <(sort -nu "$OUT")
	diff -q <(sort "$OUT") <((
		seq 1 2000
		cat "$UNTOLD"
	) | sort)
	equal "$(wc -l <"$OUT") $(wc -l <"$UNTOLD")" "$(hec_stats '"\(.accepted) \(.ambiguous_kept)"' | tr -d '"')"
	equal "$(wc -l <"$UNTOLD")" "$(hec_stats '[.faults[].ambiguous_kept]|add')"
	((2000 < $(wc -l <"$OUT")))
}

# --- running it -------------------------------------------------------------

@test "standin-hec: --discard counts lines of any size of body, gzip or not" {
	standin_hec_start --discard
	seq 1 200001 | head -c -1 >"$BATS_TEST_TMPDIR/data"
	gzip -k "$BATS_TEST_TMPDIR/data"
	equal "$ok" "$(event @"$BATS_TEST_TMPDIR/data")"
	equal "$ok" "$(event @"$BATS_TEST_TMPDIR/data.gz" -H 'Content-Encoding: gzip')"
	equal '400 {"text":"No data","code":5}' "$(event '')"
	size=$(stat -c %s "$BATS_TEST_TMPDIR/data")
	equal "[400002,$((2 * size)),0]" "$(hec_stats '[.accepted,.bytes_unpacked,.ambiguous_kept]')"
}

@test "standin-hec: SIGTERM in the middle of a hang ends it cleanly, statistics written" {
	start --fault kind=hang,ms=60000 --stats "$BATS_TEST_TMPDIR/stats"
	event "$body" 3>&- &
	client=$!
	retry 20 test -s "$OUT"
	kill "$HEC_PID"
	timeout 20 tail --pid="$HEC_PID" -f /dev/null
	wait "$HEC_PID"
	wait "$client" || :
	equal '[3,3]' "$(jq -c '[.accepted,.ambiguous_kept]' "$BATS_TEST_TMPDIR/stats")"
	HEC_PID=
}

@test "standin-hec: what it cannot understand is refused with 64 and a reason" {
	for wrong in "--fault kind=flood" "--fault request=1" "--fault kind=status,at=mid" "--token T,fast" \
		"--chaos 101" "--cert x" "--poison a:99" "--max-body 1k" "--discard --uids" "extra"; do
		# shellcheck disable=SC2086 # an option and its value
		run -64 "$BUILD/standin-hec" --token T $wrong
		[[ $output == standin-hec:* ]]
	done
	run -64 "$BUILD/standin-hec"
	run -0 "$BUILD/standin-hec" --help
	[[ $output == usage:* ]]
}
