#!/usr/bin/env bats
# pipeline.sh with the real tp-cursor, and shell scripts for the other two.
# shellcheck disable=SC2016,SC2030,SC2031 # scripts for fakes; a test's own shell

bats_require_minimum_version 1.5.0
load helpers.bash

setup() {
	: "${BUILD_DIR:=$BATS_TEST_DIRNAME/../build}"
	pipeline=$BATS_TEST_DIRNAME/../pipeline.sh
	cd "$BATS_TEST_TMPDIR" || return
	mkdir bin
	ln -s "$(realpath "$BUILD_DIR/tp-cursor")" bin/tp-cursor
	export TP_BIN=$PWD/bin
	fake tp-fetch "$fetch"
	fake tp-hec "$hec"
	background=''
}

teardown() {
	[ -z "$background" ] || kill -9 "$background" 2>/dev/null || true
	cat pid.* 2>/dev/null | while read -r pid; do
		# Only ours: what has ended may have left its number to another.
		[ ! "/proc/$pid/cwd" -ef . ] || kill -9 "$pid" 2>/dev/null || true
	done
}

# fake NAME SCRIPT: a program that leaves its words and its process id behind.
fake() {
	rm -f "bin/$1"
	printf '#!/usr/bin/env bash\nprintf "%%s\\n" "$*" >words.%s\necho $$ >pid.%s\n%s\n' \
		"$1" "$1" "$2" >"bin/$1"
	chmod +x "bin/$1"
}

# Knows the options that the script gives; $lines lines, then $after.
fetch='
while [ $# -gt 0 ]; do
	case $1 in
	--state) state=$2; shift ;;
	--run) run=$2; shift ;;
	--lock-fd) lock_fd=$2; shift ;;
	esac
	shift
done
printf "{\"journal\":1,\"run\":\"%s\",\"mark\":[\"seen\"],\"state\":{}}\n" "$run" >"$state/journal.new"
mv "$state/journal.new" "$state/journal"
emit() {
	echo "e u$1" >>"$state/journal"
	echo "{\"uid\":\"u$1\"}" || exit 74
}
finish() {
	echo "f $1" >>"$state/journal"
	exit 0
}
trap "" PIPE
'
# The signal that tp-hec gets when the pipe takes long to stop is no matter here.
hec='
trap "" PIPE TERM
n=0
while read -r line; do
	n=$((n + 1))
	echo "ack $n u$n" 2>/dev/null || exit 74
done
echo "end $n" 2>/dev/null || exit 74
'

three_lines="$fetch
emit 1; emit 2; emit 3; finish 3"

# For ever, until SIGTERM; never between a line and its mark.
endless="$fetch"'
n=0
trap "ending=1" TERM
while [ -z "${ending:-}" ]; do
	n=$((n + 1))
	emit $n
	sleep 0.02
done
finish $n'

is_committed() {
	[ "$(jq .line S/cursor)" -ge "$1" ]
}

# Background jobs of a script ignore SIGINT from birth, and with nohup all ignore
# SIGHUP; a person's do not, and bash cannot undo it.
start() {
	env --default-signal "$pipeline" --state S 2>err &
	background=$!
}

finish() {
	status=0
	wait "$background" || status=$?
	background=''
	cat err
}

# --- all well ---------------------------------------------------------------

@test "pipeline: lines go through, are committed, and are summed up" {
	fake tp-fetch "$three_lines"
	run "$pipeline" --state S
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output =~ ^tp-pipeline:\ run\ [0-9TZ]+-[0-9a-f]{8}:\ 3\ lines\ fetched,\ 3\ acknowledged ]]
	[ "${#lines[@]}" -eq 1 ]
	[ "$(jq -c '[.line, .state.seen]' S/cursor)" = '[3,{"u1":1,"u2":1,"u3":1}]' ]
	[ "$(stat -c %a S)" = 700 ]
	[ "$(stat -c %a S/lock)" = 600 ]
}

@test "pipeline: --quiet is silent when all went well, and only then" {
	fake tp-fetch "$three_lines"
	run "$pipeline" --state S --quiet
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	fake tp-hec 'exit 77'
	run "$pipeline" --state S --quiet
	[ "$status" -eq 77 ]
	[[ $output == *'ended by tp-hec, status 77'* ]]
}

@test "pipeline: options before -- are tp-fetch's, those behind it tp-hec's" {
	fake tp-fetch "$three_lines"
	run "$pipeline" --start-time -24h --state=S --catch-up --types 'a b' -- --url http://x --state no -- z
	[ "$status" -eq 0 ]
	grep -qE '^--state S --run [^ ]+ --lock-fd [0-9]+ --start-time -24h --types a b --exit-on-last-event$' words.tp-fetch
	grep -qx -- '--url http://x --state no -- z' words.tp-hec
	run "$pipeline" --state S --follow
	[ "$status" -eq 0 ]
	run ! grep -q exit-on-last-event words.tp-fetch
	grep -qx '' words.tp-hec
}

@test "pipeline: every run has another id" {
	fake tp-fetch "$three_lines"
	"$pipeline" --state S -q
	first=$(jq -r .run S/cursor)
	"$pipeline" --state S -q
	[ "$(jq -r .run S/cursor)" != "$first" ]
}

@test "pipeline: a run without lines commits its moves" {
	fake tp-fetch "$fetch"'echo "m {\"w\":1}" >>"$state/journal"; finish 0'
	run "$pipeline" --state S
	[ "$status" -eq 0 ]
	[[ $output == *' 0 lines fetched'* ]]
	[ "$(jq .state.w S/cursor)" = 1 ]
}

# has_pipes STAGE PATTERN: perhaps not at once, for while a shell writes to a
# file its standard output is elsewhere.
has_pipes() {
	[[ $(find "/proc/$(cat "pid.$1")/fd" -lname '*/pipe (deleted)' -printf '%f ') =~ $2 ]]
}

@test "pipeline: no stage holds another's pipe" {
	fake tp-fetch "$endless"
	start
	retry 20 is_committed 1
	# Its own, and the one that all share.
	retry 20 has_pipes tp-fetch '^1 [0-9]+ $'
	retry 20 has_pipes tp-hec '^0 1 [0-9]+ $'
	kill -TERM "$background"
	finish
	[ "$status" -eq 0 ]
}

# --- one status for the whole -----------------------------------------------

@test "pipeline: the exit status is the cause's, not the consequence's" {
	rm bin/tp-cursor
	while read -r fetch_status hec_status cursor_status whole; do
		for stage in fetch hec cursor; do
			status_name=${stage}_status
			fake "tp-$stage" "exit ${!status_name}"
		done
		run "$pipeline" --state S
		echo "$fetch_status $hec_status $cursor_status: $status, not $whole? $output"
		[ "$status" -eq "$whole" ]
	done <<-END
		0 0 0 0
		65 0 0 65
		69 0 0 69
		74 0 0 74
		74 0 75 74
		74 0 74 74
		77 0 75 77
		78 0 0 78
		0 64 75 64
		0 77 75 77
		74 77 75 77
		141 69 75 69
		74 74 75 74
		74 65 75 65
		74 70 75 70
		74 78 75 78
		74 74 65 65
		74 74 74 74
		141 141 65 65
		74 75 74 74
		141 75 65 65
		0 75 75 75
		0 74 65 65
		0 0 65 65
		0 0 75 75
		0 0 74 74
		0 74 0 74
		65 77 75 65
	END
}

@test "pipeline: a stage that is killed is the cause" {
	for stage in tp-fetch tp-hec; do
		rm -rf S pid.*
		fake tp-fetch "$endless"
		start
		retry 20 is_committed 2
		kill -KILL "$(cat pid.$stage)"
		finish
		[ "$status" -eq 137 ]
		grep -q "ended by $stage, status 137" err
		run ! grep -q Killed err
	done
}

@test "pipeline: a killed tp-cursor ends the others, and the next run goes on" {
	fake tp-fetch "$endless"
	start
	retry 20 is_committed 2
	kill -KILL "$(pgrep -f "tp-cursor --state S --run $(jq -r .run S/cursor)")"
	finish
	[ "$status" -eq 137 ]
	fake tp-fetch "$three_lines"
	run "$pipeline" --state S
	[ "$status" -eq 0 ]
}

@test "pipeline: lines that tp-hec lost are 65" {
	fake tp-fetch "$three_lines"
	fake tp-hec 'cat >/dev/null; echo "end 2"'
	run "$pipeline" --state S
	echo "$output"
	[ "$status" -eq 65 ]
	[[ $output == *'3 lines fetched, 2 acknowledged'*'ended by tp-cursor, status 65' ]]
}

# --- the lock ---------------------------------------------------------------

@test "pipeline: a second run on the same state is 75 and says who is there" {
	fake tp-fetch "$endless"
	start
	retry 20 is_committed 1
	run "$pipeline" --state S
	[ "$status" -eq 75 ]
	[[ $output == *"S: in use by "*"process $background"* ]]
	kill -TERM "$background"
	finish
	[ "$status" -eq 0 ]
	fake tp-fetch "$three_lines"
	run "$pipeline" --state S
	[ "$status" -eq 0 ]
}

@test "pipeline: tp-fetch is given the lock, held" {
	fake tp-fetch "$fetch"'
		[ "$(readlink /proc/self/fd/$lock_fd)" = "$(realpath $state)/lock" ] || exit 70
		flock -n "$lock_fd" || exit 71
		! flock -n "$state/lock" true || exit 72
		finish 0'
	run "$pipeline" --state S
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "pipeline: the lock lasts until the last stage has ended" {
	fake tp-fetch "$three_lines"
	mkfifo gate
	fake tp-hec "$hec"'read -r _ <gate'
	start
	retry 20 is_committed 3
	# tp-fetch has ended; so has the script.
	retry 20 has_ended "$(cat pid.tp-fetch)"
	kill -KILL "$background"
	wait "$background" || true
	background=''
	run "$pipeline" --state S
	[ "$status" -eq 75 ]
	echo go >gate
	retry 20 flock -n S/lock true
}

# --- signals ----------------------------------------------------------------

@test "pipeline: a signal just before bash waits is not slept over" {
	fake tp-fetch "$three_lines"
	run strace -o trace -e trace=lseek "$pipeline" --state S
	nth=$(grep '^lseek' trace | grep -n ESPIPE | head -n 1 | cut -d : -f 1)
	fake tp-fetch 'exec sleep 60'
	run timeout 20 strace -o trace -e trace=lseek \
		-e "inject=lseek:signal=TERM:when=$nth" "$pipeline" --state S
	echo "$nth: $output"
	[[ $output == *'ended by tp-fetch, status 143' ]]
	[ "$status" -eq 143 ]
}

@test "pipeline: a signal stops it from left to right, and nothing is left over" {
	for signal in TERM INT HUP; do
		rm -rf S
		fake tp-fetch "$endless"
		start
		retry 20 is_committed 2
		kill -$signal "$background"
		finish
		[ "$status" -eq 0 ]
		tail -n 1 S/journal >last
		[ "$(jq .line S/cursor)" = "$(sed -n 's/^f //p' last)" ]
	done
}

# A wait of bash may lose the status of what ends just when a signal comes.
@test "pipeline: a signal at the moment when a stage ends" {
	fake tp-hec 'read -r _; kill -TERM $PPID; exit 78'
	fake tp-fetch "$endless"
	for _ in $(seq 60); do
		rm -rf S
		start
		retry 20 has_ended "$background"
		finish
		[ "$status" -eq 78 ]
	done
}

# Chance: about one time in six, without care.
@test "pipeline: a stage that was stopped (SIGSTOP) still has its own status" {
	fake tp-fetch "$endless"
	for _ in $(seq 20); do
		rm -rf S
		start
		retry 20 is_committed 2
		kill -STOP "$(cat pid.tp-fetch)" "$(cat pid.tp-hec)"
		retry 20 is_stopped "$(cat pid.tp-hec)"
		kill -TERM "$background"
		sleep 0.05
		kill -CONT "$(cat pid.tp-fetch)" "$(cat pid.tp-hec)"
		finish
		[ "$status" -eq 0 ]
		[ "$(wc -l <err)" -eq 1 ]
	done
}

is_stopped() { # PID
	[ "$(ps -o stat= -p "$1" | cut -c 1)" = T ]
}

@test "pipeline: a second signal goes to every stage" {
	fake tp-fetch "$fetch"'trap "echo >fetch.term" TERM; emit 1; while :; do sleep 0.05; done'
	fake tp-hec 'read -r _; echo "ack 1 u1"; while :; do sleep 0.05; done'
	start
	retry 20 is_committed 1
	kill -TERM "$background"
	retry 20 test -e fetch.term
	kill -0 "$(cat pid.tp-hec)"
	kill -TERM "$background"
	retry 20 has_ended "$(cat pid.tp-hec)"
	kill -KILL "$(cat pid.tp-fetch)"
	finish
	[ "$status" -eq 137 ]
}

@test "pipeline: one signal is enough, even when the collector is away" {
	fake tp-fetch "$fetch"'trap "" TERM; emit 1; while :; do sleep 0.05; done'
	fake tp-hec 'trap "echo stop 1 asked; exit 0" TERM; read -r _; echo "ack 1 u1"
		while :; do sleep 0.05; done'
	start
	retry 20 is_committed 1
	kill -TERM "$background"
	retry 20 has_ended "$(cat pid.tp-hec)"
	kill -KILL "$(cat pid.tp-fetch)"
	finish
	[ "$status" -eq 137 ]
}

@test "pipeline: Ctrl-C on a terminal reaches the stages only through it" {
	fake tp-fetch "$endless"
	# Without exec a shell that gets the Ctrl-C, too, may stand between (dash
	# does, and then has a status of its own: 130).
	SHELL=/bin/sh env --default-signal script -qec "exec $pipeline --state S" /dev/null >shown < <(
		retry 20 is_committed 2 >/dev/null
		ps -o pgid= -p "$(cat pid.tp-fetch),$(cat pid.tp-hec)" >groups
		printf '\003'
		retry 20 has_ended "$(cat pid.tp-hec)" >/dev/null
	) || status=$?
	cat shown
	[ "${status:-0}" -eq 0 ]
	[ "$(wc -l <shown)" -eq 1 ]
	[ "$(tr -d ' ' <groups)" = "$(sort -n pid.tp-fetch pid.tp-hec)" ]
	[ "$(jq .line S/cursor)" = "$(sed -n 's/^f //p' S/journal)" ]
}

# --- words ------------------------------------------------------------------

@test "pipeline: bad words are 64, --help is 0" {
	for words in '' '--state' '--catch-up' '--state S --catch-up --follow' \
		'--state S --run x' '--state S --lock-fd 9' '--state S --run=x'; do
		# shellcheck disable=SC2086
		run "$pipeline" $words
		[ "$status" -eq 64 ]
		[ "${#lines[@]}" -eq 1 ]
	done
	[ ! -e S ]
	run "$pipeline" --help
	[ "$status" -eq 0 ]
	[[ $output == usage:* ]]
}

@test "pipeline: a program that is missing is 78, a state that cannot be made 74" {
	rm bin/tp-hec
	run "$pipeline" --state S
	[ "$status" -eq 78 ]
	[[ $output == *tp-hec* ]]
	fake tp-hec 'exit 0'
	run "$pipeline" --state no/such/place
	[ "$status" -eq 74 ]
	[[ $output == *"no/such/place: cannot make the state directory: No such file"* ]]
}

@test "pipeline: a stage that is stopped for a while has not ended" {
	fake tp-fetch "$endless"
	start
	retry 20 is_committed 3
	kill -STOP "$(cat pid.tp-fetch)"
	sleep 0.5
	kill -CONT "$(cat pid.tp-fetch)"
	line=$(jq .line S/cursor)
	retry 20 is_committed $((line + 3))
	kill -0 "$background"
	kill -TERM "$background"
	finish
	[ "$status" -eq 0 ]
}

# The stages let go of their pipe early, so the script waits for one that is stopped.
@test "pipeline: the status of a stage that was stopped is the one it ended with" {
	alone='for fd in {10..20}; do eval "exec $fd>&-"; done
'
	fake tp-fetch "$alone$fetch"'emit 1; echo >ready; until [ -e go ]; do sleep 0.01; done; finish 1'
	fake tp-hec "$alone$hec"
	fake tp-cursor "$alone"'exec "$BUILD_DIR/tp-cursor" "$@"'
	for _ in 1 2 3; do
		rm -rf S ready go
		start
		retry 20 test -e ready
		kill -STOP "$(cat pid.tp-fetch)"
		retry 20 is_stopped "$(cat pid.tp-fetch)"
		sleep 0.1 # for the script to wait
		echo >go
		kill -CONT "$(cat pid.tp-fetch)"
		finish
		[ "$status" -eq 0 ]
	done
}

@test "pipeline: what is no run has words that are not sent as events" {
	fake tp-fetch "$three_lines"
	for words in '--check' '-- --check' '-- --help' '-- --version'; do
		# shellcheck disable=SC2086 # options
		run "$pipeline" --state S $words
		[ "$status" -eq 64 ]
		[[ $output == *"${words#-- }: "* ]]
	done
	[ ! -e words.tp-fetch ]
	run "$pipeline" --version
	[ "$status" -eq 0 ]
	[[ $output =~ ^tp-pipeline\ [0-9.]+$ ]]
}

@test "pipeline: --env gives the state and the first words of each program" {
	fake tp-fetch "$three_lines"
	cat >./env <<-'END'
		# a comment
		TP_STATE="S"
		TP_FETCH_OPTS="--teleport-addr a:1
		  --batch 5"
		TP_HEC_OPTS="--url u"
	END
	run "$pipeline" --env env --batch 7 -- --gzip off
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $(cat words.tp-fetch) == *"--teleport-addr a:1 --batch 5 --batch 7" ]]
	[ "$(cat words.tp-hec)" = "--url u --gzip off" ]
	[ -f S/cursor ]
	run "$pipeline" --env missing
	[ "$status" -eq 78 ]
	for line in 'TP_STATE="$NOT_SET/S"' 'TP_STATE="S' 'no command'; do
		echo "$line" >./env
		run "$pipeline" --env env
		[ "$status" -eq 78 ]
		[ "${#lines[@]}" -eq 1 ]
		[[ $output == "tp-pipeline: --env env: line "* ]]
	done
}
