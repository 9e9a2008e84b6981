#!/usr/bin/env bash
# tp-fetch | tp-hec | tp-cursor on one state directory: one lock, one run id,
# one exit status, one line of summary.
#
#   tp-pipeline [--env FILE] --state DIR [--catch-up | --follow] [--quiet]
#               [TP-FETCH-OPTION...] [-- TP-HEC-OPTION...]
#
# The lock on DIR/lock belongs to an open file that every stage inherits, so it
# lasts until the last of them has ended, even when this script is killed.
#
# Stages run in sessions of their own, so that a terminal's Ctrl-C reaches this
# script alone, and it can stop the pipe from left to right: the first signal
# goes to tp-fetch, whose end ends the others.  Where that takes long (Splunk is
# away) tp-hec gets one as well, and with it a bound, its --grace.  Each further
# signal goes to all.  (Job control would do for groups, but then bash waits for
# stages that are stopped, too, and gets lost over it: it tells 147, or that it
# has no record, or turns for ever.)
set -euo pipefail

self=tp-pipeline
stages=(tp-fetch tp-hec tp-cursor)
patience_s=5 # from the first signal to tp-hec's

fail() { # STATUS WORD...
	local status=$1
	shift
	printf '%s: %s\n' "$self" "$*" >&2
	exit "$status"
}

usage() {
	cat <<'END'
usage: tp-pipeline [--env FILE] --state DIR [--catch-up | --follow] [--quiet]
                   [TP-FETCH-OPTION...] [-- TP-HEC-OPTION...]

Runs tp-fetch | tp-hec | tp-cursor on one state directory.

      --env FILE    sets TP_STATE, TP_FETCH_OPTS and TP_HEC_OPTS, words divided
                    by blanks: the state and what stands before all options
                    given here (tp-certgen makes such a file)
  -s, --state DIR   the state directory; made when it is missing (needed)
      --catch-up    end when there is nothing more (tp-fetch --exit-on-last-event)
      --follow      go on for ever (this is the default)
  -q, --quiet       say nothing when all went well
      --help        print this and exit
      --version     print the version and exit

Programs are looked for in $TP_BIN, or else beside this script and in $PATH.

Examples:
  tp-pipeline --env tp-pipeline.env --catch-up --quiet
  tp-pipeline --state S --teleport-addr auth:3025 --teleport-identity id \
      --start-time -24h -- --url https://splunk:8088 --token-file token
END
}

parse_options() { # ARG...
	state='' mode='' quiet='' fetch_options=() hec_options=()
	while [ $# -gt 0 ]; do
		case $1 in
		-s | --state)
			[ $# -ge 2 ] || fail 64 "$1: needs a value (see --help)"
			state=$2
			shift
			;;
		--state=*) state=${1#*=} ;;
		--env)
			[ $# -ge 2 ] || fail 64 "$1: needs a value (see --help)"
			read_env "$2"
			shift
			;;
		--env=*) read_env "${1#*=}" ;;
		--catch-up | --follow)
			[ "${mode:-$1}" = "$1" ] || fail 64 "--catch-up and --follow exclude each other"
			mode=$1
			;;
		-q | --quiet) quiet=1 ;;
		--run | --run=* | --lock-fd | --lock-fd=*)
			fail 64 "${1%%=*}: is given to tp-fetch by this script"
			;;
		--help) usage && exit ;;
		--version) show_version && exit ;;
		--)
			shift
			hec_options+=("$@")
			break
			;;
		*) fetch_options+=("$1") ;;
		esac
		shift
	done
	[ -n "$state" ] || fail 64 "--state DIR is needed (see --help)"
	local word
	for word in --check --help --version; do
		# Its words would go down the pipe, as an event or an acknowledgement.
		if [[ " ${fetch_options[*]} ${hec_options[*]} " == *" $word "* ]]; then
			fail 64 "$word: give it to tp-fetch or tp-hec alone"
		fi
	done
	if [ "$mode" = --catch-up ]; then
		fetch_options+=(--exit-on-last-event)
	fi
}

show_version() {
	local cursor
	cursor=$(find_program tp-cursor) || fail 78 "tp-cursor: not found"
	"$cursor" --version | sed "s/^tp-cursor/$self/"
}

read_env() { # FILE
	local TP_STATE='' TP_FETCH_OPTS='' TP_HEC_OPTS='' words file why
	[ -r "$1" ] || fail 78 "--env $1: cannot be read"
	file=$(realpath -- "$1")
	# Once to see, for a name without a value would end this shell.
	# shellcheck disable=SC1090 # the operator's
	why=$(. "$file" 2>&1 >/dev/null) || fail 78 "--env $1: ${why##*"$file: "}"
	# shellcheck disable=SC1090
	. "$file"
	[ -n "$state" ] || state=$TP_STATE
	# To the end of the value, not of its first line; at which read fails.
	read -rd '' -a words <<<"$TP_FETCH_OPTS" || true
	fetch_options=("${words[@]}" "${fetch_options[@]}")
	read -rd '' -a words <<<"$TP_HEC_OPTS" || true
	hec_options=("${words[@]}")
}

find_program() { # NAME: its path
	local here place
	here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
	if [ -n "${TP_BIN:-}" ]; then
		set -- "$1" "$TP_BIN"
	else
		set -- "$1" "$here/build" "$here/bin" "$here"
	fi
	for place in "${@:2}"; do
		if [ -f "$place/$1" ] && [ -x "$place/$1" ]; then
			printf '%s\n' "$place/$1"
			return
		fi
	done
	[ -z "${TP_BIN:-}" ] && type -P "$1"
}

find_programs() {
	local i
	programs=()
	for i in "${!stages[@]}"; do
		programs[i]=$(find_program "${stages[i]}") ||
			fail 78 "${stages[i]}: not found${TP_BIN:+ in $TP_BIN}"
	done
}

lock_state() {
	local holder why
	[ -d "$state" ] || why=$(mkdir -m 700 -- "$state" 2>&1) || [ -d "$state" ] ||
		fail 74 "$state: cannot make the state directory: ${why##*: }"
	umask 077
	{ exec {lock_fd}<>"$state/lock"; } 2>/dev/null ||
		fail 74 "$state/lock: $(open_error "$state/lock"); whose is it?"
	if ! flock -n "$lock_fd"; then
		holder=$(head -n 1 "$state/lock")
		fail 75 "$state: in use by ${holder:-another run}; try again when it has ended"
	fi
	# For people only, so a full disk must not stop the run here.
	printf '%s, process %d, since %(%FT%T%z)T\n' "$self" $$ -1 2>/dev/null \
		>"$state/lock" || true
}

open_error() { # FILE: why it cannot be opened to read and write
	local why
	why=$({ : <>"$1"; } 2>&1) || true
	printf '%s\n' "${why##*: }"
}

# Sets read_end and write_end to those of a new pipe. (Of what "|" joins, bash
# tells no process id but the last, so that nobody could be sent a signal.)
open_pipe() {
	local folder both
	folder=$(mktemp -d) || fail 74 "no temporary directory"
	mkfifo "$folder/pipe"
	exec {both}<>"$folder/pipe" # so that the next two do not wait
	exec {read_end}<"$folder/pipe"
	exec {write_end}>"$folder/pipe"
	exec {both}>&-
	rm -r "$folder"
}

start_stages() {
	local events_in events_out acks_in acks_out stages_run
	open_pipe
	stages_end=$read_end stages_run=$write_end
	open_pipe
	events_out=$read_end events_in=$write_end
	open_pipe
	acks_out=$read_end acks_in=$write_end
	setsid "${programs[2]}" --state "$state" --run "$run" <&"$acks_out" \
		{acks_out}>&- {acks_in}>&- {events_out}>&- {events_in}>&- {stages_end}<&- &
	pids[2]=$!
	setsid "${programs[1]}" ${hec_options[@]+"${hec_options[@]}"} \
		<&"$events_out" >&"$acks_in" \
		{acks_out}>&- {acks_in}>&- {events_out}>&- {events_in}>&- {stages_end}<&- &
	pids[1]=$!
	setsid "${programs[0]}" --state "$state" --run "$run" --lock-fd "$lock_fd" \
		${fetch_options[@]+"${fetch_options[@]}"} \
		</dev/null >&"$events_in" \
		{acks_out}>&- {acks_in}>&- {events_out}>&- {events_in}>&- {stages_end}<&- &
	pids[0]=$!
	exec {acks_out}>&- {acks_in}>&- {events_out}>&- {events_in}>&- {stages_run}>&-
}

# shellcheck disable=SC2317 # called by a trap
take_signal() {
	signals=$((signals + 1))
	[ -z "$is_running" ] || pass_signals
}

pass_signals() {
	while [ "$passed" -lt "$signals" ]; do
		passed=$((passed + 1))
		if [ "$passed" -gt 1 ]; then
			kill -TERM "${pids[@]}" 2>/dev/null || true
			continue
		fi
		kill -TERM "${pids[0]}" 2>/dev/null || true
		hec_due_s=$((SECONDS + patience_s))
	done
}

stop_hec_if_due() {
	[ -n "$hec_due_s" ] && [ "$SECONDS" -ge "$hec_due_s" ] || return 0
	kill -TERM "${pids[1]}" 2>/dev/null || true
	hec_due_s=''
}

# Stages share the write end of a pipe that nobody writes to, so its end is that
# of the last of them.  It is looked for once a second at least, for bash would
# sleep over a signal that came just before read(2).  Only then are they waited
# for, and out of reach of signals: one that comes while bash waits may make it
# return before its time, forget a status, or turn for ever without one (5.2).
# (Bash's own words on a stage that was killed are left out: the summary has them.)
wait_for_stages() {
	local i
	while read -rt 1 <&"$stages_end" || [ $? -gt 128 ]; do
		stop_hec_if_due
	done
	trap '' TERM INT HUP
	for i in "${!stages[@]}"; do
		statuses[i]=0
		wait "${pids[i]}" 2>/dev/null || statuses[i]=$?
	done
}

# find_cause: the stage whose status is the whole's, or nothing: the leftmost
# one that failed of itself. Not of itself fails
#   - tp-fetch with a broken pipe (74; 141 by SIGPIPE) when tp-hec failed or
#     the pipe was asked to stop;
#   - tp-hec in the same way (or with 75) when tp-cursor failed, but for
#   - tp-cursor with 75, acknowledgements ended early, when any other failed or
#     the pipe was asked to stop.
find_cause() {
	local fetch=${statuses[0]} hec=${statuses[1]} cursor=${statuses[2]}

	cause=''
	if [ "$cursor" -ne 0 ]; then
		[ "$cursor" -eq 75 ] && [ $((fetch + hec + signals)) -ne 0 ] || cause=2
	fi
	if [ "$hec" -ne 0 ]; then
		{ [ "$hec" -eq 75 ] || is_broken_pipe "$hec"; } &&
			[ "${cause:-0}" -eq 2 ] || cause=1
	fi
	if [ "$fetch" -ne 0 ]; then
		is_broken_pipe "$fetch" && [ $((hec + signals)) -ne 0 ] || cause=0
	fi
}

is_broken_pipe() { # STATUS
	[ "$1" -eq 74 ] || [ "$1" -eq 141 ]
}

# Said by tp-cursor, which alone knows the files.
summarize() {
	local shown lines=0 committed=0 took=$((SECONDS > 0 ? SECONDS : 1)) end=''
	[ -z "$cause" ] || end="; ended by ${stages[cause]}, status ${statuses[cause]}"
	[ -z "$quiet" ] || [ -n "$cause" ] || return 0
	shown=$("${programs[2]}" show --state "$state" 2>/dev/null) || true
	if [[ $shown =~ journal\ +run\ "$run",\ ([0-9]+)\ lines ]]; then
		lines=${BASH_REMATCH[1]}
	fi
	if [[ $shown =~ line\ ([0-9]+)\ of\ run\ "$run"($|[[:space:]]) ]]; then
		committed=${BASH_REMATCH[1]}
	fi
	printf '%s: run %s: %d lines fetched, %d acknowledged and committed, %d s, %d a second%s\n' \
		"$self" "$run" "$lines" "$committed" "$SECONDS" \
		$((committed / took)) "$end" >&2
}

main() {
	parse_options "$@"
	find_programs
	lock_state
	TZ=UTC printf -v run '%(%Y%m%dT%H%M%SZ)T-%08x' -1 "$SRANDOM"
	pids=() statuses=() is_running='' signals=0 passed=0 hec_due_s='' SECONDS=0
	trap take_signal TERM INT HUP
	start_stages
	is_running=1
	pass_signals
	wait_for_stages
	find_cause
	summarize
	exit "$([ -z "$cause" ] && echo 0 || echo "${statuses[cause]}")"
}

main "$@"
