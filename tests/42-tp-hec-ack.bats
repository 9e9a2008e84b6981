#!/usr/bin/env bats
# tp-hec --ack indexer: a line is acknowledged only after its indexer has it.
# Whatever becomes of indexers, balancers and answers, every event is indexed
# at least once, and what is sent again is counted.

bats_require_minimum_version 1.5.0

load helpers.bash

setup() {
	sender_set_up --ack indexer --batch-bytes 50k --stats stats.prom
	events 1 3000 >in
}

teardown() {
	sender_tear_down
}

# events FIRST LAST: lines of some 150 bytes with a uid each.
events() {
	awk -v first="$1" -v last="$2" 'BEGIN {
		for (i = first; i <= last; i++)
			printf "{\"n\":%d,\"pad\":\"%0110d\",\"uid\":\"u-%d\"}\n", i, i, i
	}'
}

# indexers [OPTION...]: the stand-in, with a token that has acknowledgement;
# got is what has been indexed.
indexers() {
	standin_hec_start --token T,ack --out got --uids "$@"
}

# start FILE [OPTION...]: the same in the background.
start() {
	"${SENDER[@]}" --url "$HEC_URL" "${@:2}" <"$1" >acks 2>log 3>&- &
	SENDER_PID=$!
}

# kill_sender: it would wait for --grace.
kill_sender() {
	kill -KILL "$SENDER_PID"
	wait "$SENDER_PID" || :
	SENDER_PID=
}

# figure NAME: one of tp-hec's statistics.
figure() {
	awk -v name="tp_hec_$1" '$1 == name { print $2 }' stats.prom
}

# is_delivered: it ended well; all is indexed, nothing is pending, and no more
# was repeated than what tp-hec counted and what the collector kept untold.
is_delivered() {
	local lines repeats most
	lines=$(wc -l <in)
	[ "$(tail -n 1 acks)" = "end $lines" ] || return
	diff <(sort -u in) <(sort -u got) >difference || {
		head -c 1000 difference
		return 1
	}
	repeats=$(($(wc -l <got) - lines))
	most=$(($(figure unconfirmed_events_total) + $(hec_stats .ambiguous_kept)))
	echo "$repeats repeats, at most $most"
	[ "$repeats" -le "$most" ] || return
	[ "$(figure acks_pending)" -eq 0 ] || return
	[ "$(figure events_acknowledged_total)" -eq "$lines" ]
}

sent_nothing_again() {
	[ "$(figure unconfirmed_events_total)" -eq 0 ] &&
		[ "$(figure channel_changes_total)" -eq 0 ] &&
		[ "$(wc -l <got)" -eq "$(wc -l <in)" ]
}

# --- the plain way --------------------------------------------------------

@test "tp-hec --ack indexer: every line is indexed once and confirmed" {
	indexers
	send <in
	[ "$status" -eq 0 ]
	is_delivered
	sent_nothing_again
	[ ! -s log ]
	[ "$(hec_stats .acks.events_confirmed)" -eq 3000 ]
	[ "$(figure acks_confirmed_total)" -eq "$(hec_stats .acks.issued)" ]
}

@test "tp-hec --ack indexer: what is accepted is not acknowledged before it is indexed" {
	indexers --ack-delay-ms 60000
	start in
	retry 20 is_pending
	[ ! -s acks ]
	[ ! -s got ]
	kill_sender
}

# is_pending [LEAST]: so many events are accepted and not yet indexed.
is_pending() {
	[ "$(hec_stats .acks.events_in_memory)" -ge "${1:-3000}" ]
}

# is_accepted [LEAST]: so many events are, whatever has become of them since.
is_accepted() {
	[ "$(hec_stats .accepted)" -ge "${1:-3000}" ]
}

@test "tp-hec --ack indexer: several ids are asked about at once, by one channel a slot" {
	indexers --ack-delay-ms 100
	send --batch-lines 20 <in
	is_delivered
	sent_nothing_again
	[ "$(hec_stats .acks.channels)" -le 4 ]
	[ "$(figure ack_polls_total)" -lt "$(figure acks_confirmed_total)" ]
}

@test "tp-hec --ack indexer: memory is bounded while nothing is confirmed" {
	indexers --ack-delay-ms 60000
	events 1 30000 >in
	start in --in-flight 2
	retry 20 is_full
	sleep 0.3 # it must not take more
	is_full
	kill_sender
}

# Of twenty batches one is being filled, and two are kept back for some seconds.
is_full() {
	local requests
	requests=$(hec_stats .requests.event)
	[ "$requests" -ge 17 ] && [ "$requests" -le 20 ]
}

@test "tp-hec --ack indexer: --endpoint raw is confirmed as well" {
	indexers --ack-delay-ms 100
	send --endpoint raw <in
	is_delivered
	sent_nothing_again
}

@test "tp-hec --ack indexer: TLS, gzip and the token in the query reach the ack endpoint" {
	make_certs pki
	indexers --token T,ack,query --cert pki/server.pem --key pki/server.key --ack-delay-ms 100
	send --ca pki/ca.pem --gzip on --token-in-query <in
	is_delivered
	sent_nothing_again
}

@test "tp-hec --ack indexer: two receivers are told apart" {
	indexers --ack-delay-ms 200
	first=$HEC_PID url=$HEC_URL
	standin_hec_start --token T,ack --out got2 --ack-delay-ms 200
	send --url "$url" <in
	stop "$first"
	[ -s got ]
	[ -s got2 ]
	cat got2 >>got
	is_delivered
	sent_nothing_again
}

# --- ids that are lost or mean something else ------------------------------

@test "tp-hec --ack indexer: an answer that is lost takes its ids along; they are sent again in time" {
	indexers --fault kind=reset,path=ack,at=after,times=2 --ack-delay-ms 100
	send --ack-timeout 2s <in
	[ "$status" -eq 0 ]
	is_delivered
	[ "$(hec_stats .acks.replies_lost)" -ge 1 ]
	[ "$(figure acks_expired_total)" -ge 1 ]
	grep -q 'not acknowledged within --ack-timeout; sending .* again' log
}

@test "tp-hec --ack indexer: ids that come too late are waited for longer the next time" {
	indexers --ack-delay-ms 3000
	send --ack-timeout 2s --batch-bytes 1M <in
	is_delivered
	[ "$(figure acks_expired_total)" -ge 1 ]
	[ "$(figure unconfirmed_events_total)" -ge 3000 ]
}

# The default --ack-timeout: 5 minutes, longer than the test may take.
@test "tp-hec --ack indexer: an indexer that restarts shows by its next id" {
	indexers --ack-delay-ms 2500 # so long there is time for the restart
	events 1 2000 >in
	mkfifo pipe
	start pipe --in-flight 2 --batch-age 50ms --batch-bytes 100k
	exec 7>pipe
	head -n 1000 in >&7
	retry 20 is_accepted 1000
	curl -sS -X POST "$HEC_URL/standin/restart"
	tail -n +1001 in >&7
	exec 7>&-
	wait "$SENDER_PID"
	cat log
	is_delivered
	[ "$(hec_stats .acks.events_lost)" -ge 1000 ]
	grep -q 'acknowledgement ids start again' log
}

@test "tp-hec --ack indexer: a restart shows although all memory is taken by what it lost" {
	# At the second look at what is pending: after some 600 ms, and before
	# anything is confirmed that would make room.
	indexers --ack-delay-ms 1000 --fault kind=restart,path=ack,request=3
	events 1 8000 >in
	send --in-flight 2 <in
	[ "$status" -eq 0 ]
	is_delivered
	[ "$(hec_stats .acks.events_lost)" -gt 0 ]
	grep -q 'acknowledgement ids start again' log
}

@test "tp-hec --ack indexer: a restart after the last request is found by --ack-timeout" {
	indexers --ack-delay-ms 2500
	start in --ack-timeout 5s
	retry 20 is_accepted
	curl -sS -X POST "$HEC_URL/standin/restart"
	wait "$SENDER_PID"
	is_delivered
	[ "$(hec_stats .acks.events_lost)" -eq 3000 ]
	[ "$(figure unconfirmed_events_total)" -ge 3000 ]
}

has_taken() { # COUNT
	[ "$(hec_stats .acks.issued)" -eq "$1" ]
}

# Sent once more by libcurl, the second event would have an id above the first
# one's, and its first copy would be taken for the event that was forgotten.
@test "tp-hec --ack indexer: after a restart a used connection ends without an answer" {
	indexers --ack-delay-ms 1000 --fault kind=close,at=after,request=2
	events 1 2 >in
	mkfifo pipe
	start pipe --in-flight 1 --batch-age 0 --ack-timeout 5s
	exec 7>pipe
	sed -n 1p in >&7
	retry 20 has_taken 1
	curl -sS -X POST "$HEC_URL/standin/restart"
	sed -n 2p in >&7
	exec 7>&-
	wait "$SENDER_PID"
	is_delivered
}

@test "tp-hec --ack indexer: indexers restarting again and again lose nothing" {
	indexers --indexers 3 --ack-delay-ms 150 \
		--fault kind=restart,indexer=0,every=7,times=0 \
		--fault kind=restart,indexer=1,every=11,times=0
	send --ack-timeout 3s <in
	[ "$status" -eq 0 ]
	is_delivered
	[ "$(hec_stats .acks.restarts)" -ge 2 ]
}

@test "tp-hec --ack indexer: a balancer's cookie leads every question to the right indexer" {
	indexers --indexers 3 --ack-delay-ms 300
	send <in
	is_delivered
	sent_nothing_again
	[ "$(hec_stats .acks.channels)" -ge 3 ]
}

@test "tp-hec --ack indexer: a balancer that does not stick costs time, never an event" {
	indexers --indexers 3 --no-cookie --ack-delay-ms 50
	events 1 1000 >in
	send --batch-bytes 20k --in-flight 1 <in
	[ "$status" -eq 0 ]
	is_delivered
	grep -q 'the balancer is not sticky' log
}

@test "tp-hec --ack indexer: the cookie holds when connections do not" {
	indexers --indexers 2 --ack-delay-ms 1000 --close-after 3
	events 1 6000 >in
	send --in-flight 1 <in
	is_delivered
	sent_nothing_again
}

@test "tp-hec --ack indexer: a reply that never came ends the channel, for its id is unknown" {
	indexers --ack-delay-ms 300 --fault kind=hang,at=after,request=8,ms=1000 \
		--fault kind=truncated,request=15
	events 1 6000 >in
	send --timeout 500ms --ack-timeout 10s <in # a question may go unanswered, too
	is_delivered
	[ "$(figure channel_changes_total)" -ge 1 ]
}

# --- partial replies ------------------------------------------------------

@test "tp-hec --ack indexer: the part before a bad event waits for its own confirmation" {
	indexers --poison 'u-1234"' --poison 'u-2000"' --ack-delay-ms 200
	send --dead-letter dead <in
	[ "$status" -eq 0 ]
	grep -vE '"u-(1234|2000)"' in >good
	[ "$(tail -n 1 acks)" = "end 3000" ]
	diff <(sort good) <(sort got)
	[ "$(jq -r .uid dead | sort | tr '\n' ' ')" = "u-1234 u-2000 " ]
	[ "$(figure unconfirmed_events_total)" -eq 0 ]
	[ "$(hec_stats '.acks.confirmed == .acks.issued')" = true ]
}

@test "tp-hec --ack indexer: a part kept without an ackId is sent again" {
	indexers --fault kind=status,status=503,code=9,event=40,request=3
	send <in
	is_delivered
	# the stand-in gives an ackId with it, so nothing had to be repeated
	sent_nothing_again
	stop "$HEC_PID"
	rm got
	indexers --fault kind=status,status=500,code=8,keep=40,request=3
	send <in
	is_delivered
	[ "$(figure channel_changes_total)" -ge 1 ]
}

@test "tp-hec --ack indexer: a full channel is emptied by asking" {
	indexers --ack-channel-limit 2 --ack-delay-ms 200
	send --in-flight 2 --batch-bytes 100k <in
	[ "$status" -eq 0 ]
	is_delivered
	sent_nothing_again
}

# --- questions that are not answered ---------------------------------------

@test "tp-hec --ack indexer: a refused question is no word about events" {
	for fault in kind=status,status=404,code=404 kind=status,status=400,code=12 \
		kind=status,status=503,code=9 kind=html,status=502 kind=html,status=200 \
		kind=empty kind=truncated kind=close,at=before; do
		echo "== $fault"
		rm -f got
		indexers --fault "$fault,path=ack,times=3" --ack-delay-ms 50
		send <in
		[ "$status" -eq 0 ]
		is_delivered
		sent_nothing_again
		stop "$HEC_PID"
	done
}

@test "tp-hec --ack indexer: --give-up-after counts from the first question that fails" {
	indexers --fault kind=html,status=404,path=ack,times=0
	send --give-up-after 1s <in
	[ "$status" -eq 69 ]
	[[ $(tail -n 1 acks) == "stop 0 "* ]]
	grep -q 'not an answer of HEC' log
	stop "$HEC_PID"
	indexers --fault kind=status,status=403,code=4,path=ack,times=0
	send --give-up-after 1s <in
	[ "$status" -eq 77 ]
}

# --- tokens without it ------------------------------------------------------

@test "tp-hec --ack indexer: a receiver without ackIds is said once, and accepted is delivered" {
	standin_hec_start --token T --out got --uids
	send <in
	[ "$status" -eq 0 ]
	is_delivered
	sent_nothing_again
	[ "$(grep -c 'gives no acknowledgement ids' log)" -eq 1 ]
	[ "$(figure ack_polls_total)" -eq 0 ]
}

@test "tp-hec --ack indexer: code 14 falls back aloud, and sends again what it left open" {
	indexers --fault kind=status,status=400,code=14,path=ack,times=0 --ack-delay-ms 100
	send <in
	[ "$status" -eq 0 ]
	is_delivered
	[ "$(grep -c 'ACK is disabled' log)" -eq 1 ]
}

@test "tp-hec --ack http: a token with acknowledgement works, and is mentioned once" {
	indexers
	SENDER+=(--ack http)
	send <in
	[ "$status" -eq 0 ]
	[ "$(tail -n 1 acks)" = "end 3000" ]
	[ "$(grep -c 'which --ack indexer would wait for' log)" -eq 1 ]
	[ "$(figure ack_polls_total)" -eq 0 ]
}

# --- ends -----------------------------------------------------------------

@test "tp-hec --ack indexer: SIGTERM waits for what is pending" {
	indexers --ack-delay-ms 2000
	mkfifo pipe
	start pipe
	exec 7>pipe
	cat in >&7
	retry 20 is_accepted
	kill -TERM "$SENDER_PID"
	wait "$SENDER_PID"
	exec 7>&-
	[[ $(tail -n 1 acks) == "stop 3000 "* ]]
	diff <(sort in) <(sort got)
	[ "$(figure acks_pending)" -eq 0 ]
}

@test "tp-hec --ack indexer: when --grace runs out, what is pending is not acknowledged" {
	indexers --ack-delay-ms 60000
	mkfifo pipe
	start pipe --grace 300ms
	exec 7>pipe
	cat in >&7
	retry 20 is_pending
	kill -TERM "$SENDER_PID"
	status=0
	wait "$SENDER_PID" || status=$?
	SENDER_PID=
	exec 7>&-
	[ "$status" -eq 75 ]
	[[ $(tail -n 1 acks) == "stop 0 "* ]]
}

@test "tp-hec --ack indexer: a kill loses nothing that was acknowledged, even if the indexers die, too" {
	indexers --ack-delay-ms 200
	events 1 20000 >in
	start in
	retry 20 test -s acks
	kill_sender
	curl -sS -X POST "$HEC_URL/standin/restart"
	safe=$(awk '$1 == "ack" { n = $2 } END { print n }' acks)
	echo "safe: $safe"
	[ "$safe" -gt 0 ]
	head -n "$safe" in | sort >promised
	sort got | comm -23 promised - >lost
	[ ! -s lost ]
}

@test "tp-hec --ack indexer: chance faults of all kinds lose nothing" {
	indexers --indexers 2 --ack-delay-ms 50 --chaos 15 --chaos-seed 3 \
		--chaos-kinds status-5,reset,close,html,empty,restart
	send --ack-timeout 3s --in-flight 3 <in
	[ "$status" -eq 0 ]
	is_delivered
}
