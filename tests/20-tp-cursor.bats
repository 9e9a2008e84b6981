#!/usr/bin/env bats
# tp-cursor alone, on journals made by hand.

bats_require_minimum_version 1.5.0
load helpers.bash

setup() {
	: "${BUILD_DIR:=$BATS_TEST_DIRNAME/../build}"
	PATH=$BUILD_DIR:$PATH
	cd "$BATS_TEST_TMPDIR" || return
	mkdir S
}

teardown() {
	[ -z "${background:-}" ] || kill -9 "$background" 2>/dev/null || true
	! mountpoint -q "$BATS_TEST_TMPDIR/disk" || umount "$BATS_TEST_TMPDIR/disk"
}

# header RUN: what a run's journal begins with.
header() {
	printf '{"journal":1,"run":"%s","mark":["search","seen"],' "$1"
	printf '"state":{"cluster":"c","search":{"key":"","seen":{}}}}\n'
}

# journal RUN RECORD...: puts a new journal in place, as tp-fetch does.
journal() {
	header "$1" >S/journal.new
	shift
	[ $# -eq 0 ] || printf '%s\n' "$@" >>S/journal.new
	mv S/journal.new S/journal
}

# cursor ACK... : runs tp-cursor on these lines.
cursor() {
	: >given
	[ $# -eq 0 ] || printf '%s\n' "$@" >given
	# shellcheck disable=SC2086 # options, or nothing
	run timeout 50 tp-cursor --state S $cursor_options <given
	echo "status $status: $output"
}

# expect STATUS [LINE [SEEN]]: how it ended, and what is committed.
expect() {
	[ "$status" -eq "$1" ] || return 1
	if [ "${2:-none}" = none ]; then
		[ ! -e S/cursor ]
		return
	fi
	[ "$(jq .line S/cursor)" = "$2" ] || return 1
	[ $# -lt 3 ] || [ "$(seen)" = "$3" ]
}

seen() {
	jq -r '.state.search.seen // {} | keys | join(" ")' S/cursor
}

# traced OPTION... COMMAND: under strace, which leak detection cannot share.
traced() {
	ASAN_OPTIONS=detect_leaks=0 exec strace -f -o trace "$@"
}

is_committed() {
	[ "$(jq .line S/cursor)" = "$1" ]
}

cursor_options=

# --- what is committed ------------------------------------------------------

@test "cursor: the state is the fold up to the acknowledged line" {
	journal R 'e u1' 'e u2 {"x":1}' 'm {"y":2}' 'e u3' 'e u4'
	cursor 'ack 2 u2'
	expect 75 2 u1
	[ "$(jq -c '[.state.x, .state.y]' S/cursor)" = '[1,2]' ]
	[ "$(jq -r .run S/cursor)" = R ]
}

@test "cursor: a line without a plain uid, and one with a patch, do not mark" {
	journal R 'e -' 'e - {"z":3}' 'e u3 {"x":1}' 'f 3'
	cursor 'end 3'
	expect 0 3 ''
	[ "$(jq -c '[.state.x, .state.z]' S/cursor)" = '[1,3]' ]
}

@test "cursor: each way to write an acknowledgement" {
	for acks in 'ack 2' 'ack 2 u2' 2 '  2' $'2\r' $'# x\n\n2' $'ack 1 u1\nack 2 u2'; do
		rm -f S/cursor
		journal R 'e u1' 'e u2' 'f 2'
		cursor "$acks"
		expect 0 2 'u1 u2'
	done
}

@test "cursor: wc -l is a sink" {
	journal R 'e u1' 'e u2' 'e u3' 'f 3'
	printf '{"uid":"u1"}\n{"uid":"u2"}\n{"uid":"u3"}\n' >day.ndjson
	wc -l <day.ndjson | tp-cursor --state S
	is_committed 3
	# Once more is no harm.
	wc -l <day.ndjson | tp-cursor --state S
	is_committed 3
}

@test "cursor: an empty day is fine for wc -l" {
	journal R 'm {"w":1}' 'f 0'
	cursor 0
	expect 0 0
	[ "$(jq .state.w S/cursor)" = 1 ]
}

@test "cursor: the checksum is that of the document without it" {
	journal R 'e u1' 'f 1'
	cursor 'end 1'
	expect 0 1
	crc=$(jq -jcS 'del(.checksum)' S/cursor | gzip -c | tail -c8 |
		od -An -N4 -tx4 --endian=little | tr -d ' ')
	[ "$(jq -r .checksum S/cursor)" = "crc32:$crc" ]
}

@test "cursor: a journal of a finished run and its cursor can be read again" {
	journal R 'e u1' 'e u2' 'f 2'
	cursor 'end 2'
	expect 0 2
	before=$(ls -i S/cursor)
	cursor
	expect 0 2
	cursor 'ack 1 u1' 'ack 2 u2' 'end 2'
	expect 0 2 'u1 u2'
	[ "$(ls -i S/cursor)" = "$before" ] # nothing new, nothing written
	tp-cursor show --json S | jq -e .journal.finished
}

# --- how it ends ------------------------------------------------------------

@test "cursor: a number that goes down is 65, and names both" {
	journal R 'e u1' 'e u2' 'e u3'
	cursor 'ack 2' 'ack 1'
	expect 65 2
	[[ $output == *'line 1 '*'line 2'* ]]
}

@test "cursor: the same number again is fine" {
	journal R 'e u1' 'f 1'
	cursor 'ack 1' 'ack 1 u1' 'end 1'
	expect 0 1
}

@test "cursor: what is no acknowledgement is 65, what came before it is kept" {
	long=$(printf 'x%.0s' $(seq 600))
	for bad in 'ack x' hello '12 day.ndjson' 'ack 1 u/1' "# $long" "stop 2 $long"; do
		rm -f S/cursor
		journal R 'e u1' 'e u2' 'e u3'
		cursor 'ack 1 u1' "$bad" 'ack 3'
		expect 65 1 u1
		[ ${#output} -lt 200 ]
	done
}

@test "cursor: a line without end is refused before it ends" {
	journal R 'e u1'
	run timeout 50 tp-cursor --state S < <(head -c 100000 /dev/zero | tr '\0' 9)
	expect 65
}

@test "cursor: another uid than the journal's is 65, and names both" {
	journal R 'e u1' 'e u2' 'e u3'
	cursor 'ack 1 u1' 'ack 2 u3' 'ack 3 u3'
	expect 65 1 u1
	[[ $output == *u3*u2* ]]
}

@test "cursor: another uid for the line acknowledged last is 65" {
	journal R 'e u1' 'e u2'
	cursor 'ack 1' 'ack 1 u2'
	expect 65 1
}

@test "cursor: a uid is compared only when both sides know it" {
	journal R 'e -' 'e u2' 'f 2'
	cursor 'ack 1 other' 'ack 2' 'end 2'
	expect 0 2
}

@test "cursor: a line beyond the journal is 65" {
	journal R 'e u1' 'e u2'
	cursor 'ack 1' 'ack 3'
	expect 65 1
	[[ $output == *'line 3'*'2 lines'* ]]
}

@test "cursor: end N of M lines commits N and is 65" {
	journal R 'e u1' 'e u2' 'e u3' 'f 3'
	cursor 'end 2'
	expect 65 2
	[[ $output == *'2 lines acknowledged of 3'* ]]
}

@test "cursor: no end, and not all of a finished run, is 75" {
	journal R 'e u1' 'e u2' 'e u3' 'f 3'
	cursor 'ack 2'
	expect 75 2
	[[ $output == *'ended early'* ]]
}

@test "cursor: a run that did not finish: end is 0, a number only with all lines" {
	journal R 'e u1' 'e u2'
	cursor 'end 1'
	expect 0 1
	cursor 'ack 1'
	expect 75 1
	cursor 2
	expect 0 2
}

@test "cursor: stop commits its number and is 75 with the sender's words" {
	journal R 'e u1' 'e u2' 'f 2'
	cursor 'stop 1 https://x: 403'
	expect 75 1
	[[ $output == *'https://x: 403'* ]]
}

@test "cursor: an acknowledgement after the end is 65" {
	journal R 'e u1' 'e u2'
	cursor 'end 1' 'ack 2'
	expect 65 1
}

@test "cursor: no input and no journal is nothing done" {
	cursor
	expect 0
	cursor 'end 0'
	expect 0
}

@test "cursor: end 0 says nothing of a journal that may be the run's before" {
	journal OLD 'e u1' 'f 1'
	cursor 'end 0'
	expect 0 0
	cursor_options='--run OLD'
	cursor 'end 0'
	expect 65 0
}

@test "cursor: no input and lines in the journal is 75" {
	journal R 'm {"w":1}' 'e u1'
	cursor
	expect 75 0
	[ "$(jq .state.w S/cursor)" = 1 ]
}

@test "cursor: acknowledgements without a journal are 65" {
	cursor 'ack 1'
	expect 65
	[[ $output == *'journal: missing'* ]]
}

@test "cursor: a cut last line counts only when it does not go down" {
	journal R 'e u1' 'e u2' 'e u3' 'e u4' 'e u5' 'e u6' 'e u7' 'e u8' \
		'e u9' 'e u10' 'e u11' 'e u12' 'f 12'
	for cut in 'ack 1' 1 'ack 10 u' 'end 1' ac en 'ack ' 'stop 1'; do
		printf 'ack 5 u5\n%s' "$cut" >acks
		rm -f S/cursor
		run tp-cursor --state S <acks
		echo "$cut: $output"
		case $cut in
		'ack 10 u') expect 75 10 ;;
		*) expect 75 5 ;;
		esac
	done
	printf 'ack 5 u5\n12' >acks
	run tp-cursor --state S <acks
	expect 0 12
}

# --- moves ------------------------------------------------------------------

@test "cursor: moves behind the acknowledged line are committed while it waits" {
	journal R 'e u1'
	mkfifo acks
	tp-cursor --state S <acks &
	background=$!
	exec 8>acks
	echo 'ack 1' >&8
	retry 20 is_committed 1
	echo 'm {"w":1}' >>S/journal
	retry 20 jq -e '.state.w == 1' S/cursor
	printf 'm {"w":' >>S/journal
	printf '2}\n' >>S/journal
	retry 20 jq -e '.state.w == 2' S/cursor
	exec 8>&-
	wait "$background"
}

@test "cursor: with --run, moves are committed before any acknowledgement" {
	journal OLD 'e u1' 'm {"w":9}'
	mkfifo acks
	tp-cursor --state S --run NEW <acks &
	background=$!
	exec 8>acks
	journal NEW 'm {"w":1}' 'e u1'
	retry 20 jq -e '.state.w == 1 and .run == "NEW"' S/cursor
	is_committed 0
	exec 8>&-
	status=0
	wait "$background" || status=$?
	[ "$status" -eq 75 ]
}

@test "cursor: without --run, a journal is not touched before an acknowledgement" {
	journal OLD 'm {"w":9}'
	mkfifo acks
	traced -e trace=openat tp-cursor --state S <acks &
	background=$!
	exec 8>acks
	retry 20 grep -q '"S"' trace
	echo '# nothing yet' >&8
	journal NEW 'e u1' 'f 1'
	run ! grep -q '"journal"' trace
	echo 'end 1' >&8
	exec 8>&-
	wait "$background"
	is_committed 1
	[ "$(jq -r .run S/cursor)" = NEW ]
}

# --- which run --------------------------------------------------------------

@test "cursor: an overtaken run is 75 and commits nothing" {
	journal OLD 'e u1' 'e u2'
	mkfifo acks
	tp-cursor --state S <acks 2>err &
	background=$!
	exec 8>acks
	echo 'ack 1' >&8
	retry 20 is_committed 1
	journal NEW 'e u1'
	cp S/cursor before
	echo 'ack 2' >&8
	exec 8>&-
	status=0
	wait "$background" || status=$?
	[ "$status" -eq 75 ]
	cmp S/cursor before
	grep -q 'OLD was overtaken by run NEW' err
}

@test "cursor: a journal that was taken away is overtaken" {
	journal OLD 'e u1' 'e u2'
	mkfifo acks
	tp-cursor --state S <acks 2>err &
	background=$!
	exec 8>acks
	echo 'ack 1' >&8
	retry 20 is_committed 1
	rm S/journal
	echo 'ack 2' >&8
	exec 8>&-
	status=0
	wait "$background" || status=$?
	[ "$status" -eq 75 ]
	is_committed 1
}

@test "cursor: --run and a journal of another run is 75 naming both" {
	journal OTHER 'e u1'
	cursor_options='--run MINE'
	cursor 'ack 1'
	expect 75
	[[ $output == *OTHER*MINE* ]]
	cursor
	expect 0
}

@test "cursor: two at once on one run: the second is 75" {
	journal R 'e u1' 'e u2' 'f 2'
	mkfifo acks
	tp-cursor --state S <acks &
	background=$!
	exec 8>acks
	echo 'ack 1' >&8
	retry 20 is_committed 1
	cursor 'ack 2'
	expect 75 1
	[[ $output == *'another tp-cursor'* ]]
	echo 'end 2' >&8
	exec 8>&-
	wait "$background"
	is_committed 2
}

@test "cursor: the next run starts from its header, not from the last run's line" {
	journal R1 'e u1' 'f 1'
	cursor 'end 1'
	journal R2 'e v1' 'e v2' 'f 2'
	cursor 'ack 1 v1'
	expect 75 1 v1
}

# --- damage -----------------------------------------------------------------

@test "cursor: a damaged cursor is 65 with the way out, and stays" {
	journal R 'e u1' 'f 1'
	cursor 'end 1'
	# shellcheck disable=SC2016 # a sed script
	for damage in 's/"line": 1/"line": 2/' 's/crc32:./crc32:x/' '$d' 's/"version": 1/"version": 2/'; do
		cp S/cursor good
		sed -i "$damage" S/cursor
		cp S/cursor bad
		cursor 'end 1'
		[ "$status" -eq 65 ]
		[[ $output == *damaged*--start-time* ]]
		cmp S/cursor bad
		run tp-cursor show S
		[ "$status" -eq 65 ]
		[[ $output == *"committed  cannot be read"* ]]
		cp good S/cursor
	done
	: >S/cursor
	cursor 'end 1'
	[ "$status" -eq 65 ]
}

@test "cursor: a record that is none is 65, and commits nothing behind it" {
	for bad in 'x u2' 'e' 'm {' 'm []' 'e u2 null' 'f x' '' 'f 7'; do
		rm -f S/cursor
		journal R 'e u1' "$bad" 'e u3'
		cursor 'ack 2'
		echo "bad record: $bad"
		expect 65
		[[ $output == *ournal* || $output == *'only 1 lines'* ]]
	done
}

@test "cursor: NULs where records are expected are 65" {
	journal R 'e u1'
	truncate -s +8192 S/journal
	cursor 'ack 2'
	expect 65
}

@test "cursor: a journal without a header is 65" {
	for bad in '' '{}' '{"journal":2,"run":"R","mark":[],"state":{}}' 'e u1'; do
		printf '%s\n' "$bad" >S/journal
		cursor 'ack 1'
		expect 65
	done
}

@test "cursor: a journal shorter than the cursor says is 65" {
	journal R 'e u1' 'e u2' 'f 2'
	cursor 'end 2'
	truncate -s -6 S/journal
	cursor 'end 2'
	[ "$status" -eq 65 ]
	is_committed 2
}

# --- the disk ---------------------------------------------------------------

@test "cursor: a kill at any step of a commit leaves the old cursor or the new" {
	[[ $BUILD_DIR != *valgrind* ]] || skip "strace under valgrind"
	for step in openat:1 openat:2 openat:3 openat:4 write:1 fsync:1 renameat:1 fsync:2 flock:1 flock:2 flock:3; do
		rm -f S/cursor S/cursor.new
		journal R 'e u1' 'e u2' 'f 2'
		cursor 'ack 1'
		expect 75 1
		echo 'ack 2' >acks
		# SIGKILL comes before the call is made.
		run traced -P S -P journal -P cursor -P cursor.new -P "$PWD/S" \
			-P "$PWD/S/journal" -P "$PWD/S/cursor" -P "$PWD/S/cursor.new" \
			-e trace="${step%:*}" \
			-e inject="${step%:*}:signal=KILL:when=${step#*:}" \
			tp-cursor --state S <acks
		echo "$step: $status: $(jq -c '[.run, .line]' S/cursor)"
		[ "$status" -eq 137 ]
		run tp-cursor show S
		[ "$status" -eq 0 ]
		is_committed 1 || is_committed 2
		cursor 'end 2'
		expect 0 2 'u1 u2'
	done
}

@test "cursor: a step of a commit that fails is 74, named, and the old cursor stays" {
	[[ $BUILD_DIR != *valgrind* ]] || skip "strace under valgrind"
	for failure in write:ENOSPC:write fsync:EIO:fsync renameat:EROFS:rename; do
		IFS=: read -r call errno name <<<"$failure"
		rm -f S/cursor
		journal R 'e u1' 'e u2' 'f 2'
		cursor 'ack 1'
		expect 75 1
		echo 'ack 2' >acks
		run traced -P cursor.new -P "$PWD/S/cursor.new" \
			-e trace="$call" -e inject="$call:error=$errno:when=1" \
			tp-cursor --state S <acks
		echo "$failure: $output"
		expect 74 1
		[[ $output == *"line 2: $name: "* ]]
		cursor 'end 2'
		expect 0 2
	done
}

@test "cursor: an fsync of the directory that fails is 74" {
	[[ $BUILD_DIR != *valgrind* ]] || skip "strace under valgrind"
	journal R 'e u1' 'f 1'
	echo 'end 1' >acks
	run traced -e trace=fsync -e inject=fsync:error=EIO:when=2 \
		tp-cursor --state S <acks
	[ "$status" -eq 74 ]
	[[ $output == *'fsync of the directory'* ]]
}

@test "cursor: a full disk is 74, and the old cursor stays" {
	mkdir disk
	mount -t tmpfs -o size=64k tmpfs disk 2>/dev/null || skip "cannot mount"
	rmdir S
	mkdir disk/S
	ln -s disk/S S
	journal R 'e u1' 'e u2' 'f 2'
	cursor 'ack 1'
	expect 75 1
	dd if=/dev/zero of=disk/fill bs=4k 2>/dev/null || true
	cursor 'ack 2'
	expect 74 1
	[[ $output == *'No space left'* ]]
	rm disk/fill
	cursor 'end 2'
	expect 0 2
}

@test "cursor: a read-only directory is 74, and the old cursor stays" {
	mkdir disk
	mount -t tmpfs -o size=64k tmpfs disk 2>/dev/null || skip "cannot mount"
	rmdir S
	mkdir disk/S
	ln -s disk/S S
	journal R 'e u1' 'e u2' 'f 2'
	cursor 'ack 1'
	expect 75 1
	mount -o remount,ro disk
	cursor 'ack 2'
	expect 74 1
	[[ $output == *'Read-only'* ]]
}

@test "cursor: no state directory is 74 with its name" {
	rmdir S
	cursor 'ack 1'
	[ "$status" -eq 74 ]
	[[ $output == *S*'No such file'* ]]
}

@test "cursor: moves that are committed early are not trimmed from under its eyes" {
	header run-1 >S/journal.new
	{
		echo "e one"
		for i in $(seq 40); do
			printf 'm {"search":{"key":"%d%050000d"}}\n' "$i" 0
		done
		echo "e two"
		echo "f 2"
	} >>S/journal.new
	mv S/journal.new S/journal
	mkfifo acks
	timeout 50 tp-cursor --state S <acks 2>err 3>&- &
	background=$!
	exec 7>acks
	echo "ack 1 one" >&7
	retry 20 is_committed 1
	printf 'ack 2 two\nend 2\n' >&7
	exec 7>&-
	status=0
	wait "$background" || status=$?
	background=
	cat err
	[ "$status" -eq 0 ]
	is_committed 2
}

@test "cursor: what is committed is trimmed, and folding goes on behind it" {
	{
		header R
		seq -f 'e 00000000-0000-0000-0000-%012.0f' 100000
		echo 'f 100000'
	} >S/journal
	cursor 'ack 60000'
	expect 75 60000
	size=$(stat -c %s S/journal)
	[ $(($(stat -c %b S/journal) * 512)) -lt $((size / 2)) ]
	head -n 1 S/journal | jq -e '.run == "R"'
	tp-cursor show --json S | jq -e '.journal.trimmed_bytes > 2000000 and
		.journal.lines == 100000 and .journal.finished'
	cursor 'ack 60001 00000000-0000-0000-0000-000000060001' 'end 100000'
	expect 0 100000
	[ "$(jq '.state.search.seen | length' S/cursor)" = 100000 ]
}

@test "cursor: a file system without holes is only said with --verbose" {
	[[ $BUILD_DIR != *valgrind* ]] || skip "strace under valgrind"
	{
		header R
		seq -f 'e 00000000-0000-0000-0000-%012.0f' 40000
		echo 'f 40000'
	} >S/journal
	echo 'end 40000' >acks
	run traced -e trace=fallocate \
		-e inject=fallocate:error=EOPNOTSUPP tp-cursor --state S <acks
	expect 0 40000
	[ -z "$output" ]
}

# --- manners ----------------------------------------------------------------

@test "cursor: fast acknowledgements are committed together" {
	[[ $BUILD_DIR != *valgrind* ]] || skip "strace under valgrind"
	{
		header R
		seq -f 'e u%.0f' 20000
		echo 'f 20000'
	} >S/journal
	seq -f 'ack %.0f' 20000 >acks
	echo 'end 20000' >>acks
	run traced -e trace=renameat tp-cursor --state S <acks
	expect 0 20000
	[ "$(grep -c renameat trace)" -lt 20 ]
}

@test "cursor: a signal does not stop it before its input ends; a second one does" {
	journal R 'e u1' 'e u2' 'f 2'
	mkfifo acks
	tp-cursor --state S -v <acks 2>err &
	background=$!
	exec 8>acks
	echo 'ack 1' >&8
	retry 20 is_committed 1
	kill -TERM "$background"
	retry 20 grep -q stopping err
	echo 'end 2' >&8
	exec 8>&-
	wait "$background"
	is_committed 2

	tp-cursor --state S -v <acks 2>err &
	background=$!
	exec 8>acks
	retry 20 catches "$background" INT
	kill -INT "$background"
	retry 20 grep -q stopping err
	kill -TERM "$background"
	status=0
	wait "$background" || status=$?
	exec 8>&-
	[ "$status" -eq 143 ]
}

@test "cursor: it never opens a socket" {
	[[ $BUILD_DIR != *valgrind* ]] || skip "strace under valgrind"
	journal R 'e u1' 'f 1'
	echo 'end 1' >acks
	run traced -e trace=network tp-cursor --state S --run R <acks
	expect 0 1
	run ! grep -qE '^[0-9]+ +[a-z]' trace
}

@test "cursor: a terminal as input is 64 with a hint" {
	SHELL=/bin/sh run script -qec 'tp-cursor --state S' /dev/null </dev/null
	[ "$status" -eq 64 ]
	[[ $output == *'is a terminal'* ]]
}

@test "cursor: bad words are 64; --help and --version are 0" {
	for words in '' '--state' '--what' '--state S --run a/b' '--state S more' 'show' 'show S T' 'show --run R S'; do
		# shellcheck disable=SC2086
		run tp-cursor $words </dev/null
		echo "$words: $output"
		[ "$status" -eq 64 ]
		[ "${#lines[@]}" -eq 1 ]
	done
	for words in --help --version 'show --help'; do
		# shellcheck disable=SC2086
		run tp-cursor $words </dev/null
		[ "$status" -eq 0 ]
	done
}

@test "cursor: show gives a terminal no orders from the server" {
	journal R 'm {"search":{"key":"a\u001b[2Jb\ncommitted  line 9"}}' 'e u1'
	cursor 'ack 1 u1'
	run tp-cursor show --state S
	[ "$status" -eq 0 ]
	[[ $output == *"page key   a?[2Jb?committed  line 9"* ]]
}

@test "cursor: show says what is committed, and what the journal has beyond it" {
	run tp-cursor show --state S
	[ "$status" -eq 0 ]
	[[ $output == *'nothing yet'*none* ]]
	journal R 'e u1' 'e u2' 'e u3'
	cursor 'ack 2'
	run tp-cursor show --state S
	[ "$status" -eq 0 ]
	[[ $output == *'cluster    c'*'line 2 of run R'*'run R, 3 lines, not finished'* ]]
	tp-cursor show --json S | jq -e '.cursor.line == 2 and .journal.lines == 3 and
		(.journal.finished | not)'
	run bash -c 'tp-cursor show S >/dev/full'
	[ "$status" -eq 74 ]
}

@test "cursor: closed standard descriptors harm nothing" {
	journal R 'e u1' 'f 1'
	echo 'end 1' >acks
	timeout 50 tp-cursor --state S <acks >&-
	[ "$(jq .line S/cursor)" = 1 ]
	journal Q 'f 0'
	timeout 50 tp-cursor --state S <&-
}
