# Shared by the test files: stand-ins started and stopped, conditions awaited.
# Everything here is bounded in time and ends what it started.

ROOT=${BATS_TEST_DIRNAME%/tests*}
BUILD=${BUILD_DIR:-${BUILD:-$ROOT/build}}

# retry SECONDS COMMAND...: until it succeeds, or fail and show it.
retry() {
	local until=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		if ((SECONDS >= until)); then
			"$@" && return
			echo "still failing: $*" >&2
			return 1
		fi
		sleep 0.02
	done
}

# catches PID SIGNAL: the program that was started as PID has its handler for
# SIGNAL (a name) by now.  The fork of this shell that becomes the program does
# not count: it may have handlers of bats until then, and it ignores SIGINT.
catches() {
	local caught
	[[ -e /proc/$1/exe && ! /proc/$1/exe -ef /proc/self/exe ]] || return
	caught=$(sed -n 's/^SigCgt:[[:blank:]]*/0x/p' "/proc/$1/status")
	((caught >> ($(kill -l "$2") - 1) & 1))
}

# has_ended PID: also when its parent has not asked for its status (and whoever
# inherits a child may never).
has_ended() {
	[[ ! -e /proc/$1 || $(ps -o stat= -p "$1") == Z* ]]
}

# free_port: one that nobody has, and that the kernel gives to nobody: a port
# that a stand-in had may be another test's as soon as the stand-in has ended.
free_port() {
	local port
	while port=$((16384 + RANDOM % 16384)); do
		(: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
	done
	echo "$port"
}

# stop PID...: end children of this test and wait for them; fails when one did
# not end well, by itself or by the signal (a sanitizer's finding, say).
stop() {
	local pid status worst=0
	for pid; do
		kill "$pid" 2>/dev/null || :
	done
	for pid; do
		status=0
		wait "$pid" 2>/dev/null || status=$?
		((status == 0 || status == 128 + 15)) || worst=$status
	done
	((worst == 0)) || echo "a process ended with $worst" >&2
	return "$worst"
}

# make_certs DIR: a CA, a server pair for 127.0.0.1 and a client pair; and
# other-ca, other-client, which nobody here trusts.
make_certs() {
	local dir=$1 ca name
	mkdir -p "$dir"
	for ca in ca other-ca; do
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
			-keyout "$dir/$ca.key" -out "$dir/$ca.pem" -subj "/CN=$ca" 2>/dev/null
	done
	for name in server client other-client; do
		ca=ca
		[[ $name != other-* ]] || ca=other-ca
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
			-keyout "$dir/$name.key" -out "$dir/$name.csr" -subj "/CN=$name" 2>/dev/null
		openssl x509 -req -in "$dir/$name.csr" -CA "$dir/$ca.pem" -CAkey "$dir/$ca.key" \
			-CAcreateserial -days 2 -out "$dir/$name.pem" \
			-extfile <(echo 'subjectAltName=IP:127.0.0.1,DNS:localhost') 2>/dev/null
	done
}

# A program that could not start must not cost the whole wait.
has_port_or_ended() {
	[[ -s $1 ]] || ! kill -0 "$2" 2>/dev/null
}

# standin_hec_start [OPTION...]: a stand-in for HEC with the token T, unless
# told otherwise.  Sets HEC_PID, HEC_PORT and HEC_URL.
standin_hec_start() {
	local port_file scheme=http
	port_file=$(mktemp -u "$BATS_TEST_TMPDIR/hec.port.XXXXXX")
	[[ " $* " == *" --token "* ]] || set -- --token T "$@"
	[[ " $* " != *" --cert "* ]] || scheme=https
	"$BUILD/standin-hec" --port-file "$port_file" --die-with-parent "$@" 3>&- &
	HEC_PID=$!
	retry 30 has_port_or_ended "$port_file" "$HEC_PID"
	[[ -s $port_file ]] || return 1
	HEC_PORT=$(<"$port_file")
	HEC_URL=$scheme://127.0.0.1:$HEC_PORT
}

# What curl needs besides to reach the stand-in, such as --cacert FILE.
HEC_CURL=()

# hec_stats [FILTER]: the stand-in's statistics through jq.
hec_stats() {
	curl -sS -k -m 10 "${HEC_CURL[@]}" "$HEC_URL/standin/stats" | jq -c "${1:-.}"
}

# sender_set_up [OPTION...]: SENDER becomes tp-hec with these options and the
# stand-in's token; the test runs in a folder of its own.
sender_set_up() {
	BUILD=${BUILD_DIR:-$BUILD}
	cd "$BATS_TEST_TMPDIR" || return
	(umask 077 && echo T >token)
	HEC_PID=
	SENDER_PID=
	SENDER=("$BUILD/tp-hec" --token-file token "$@")
}

sender_tear_down() {
	# shellcheck disable=SC2086 # pids, or nothing
	stop $SENDER_PID $HEC_PID
}

# send [OPTION...] <INPUT: SENDER, to the stand-in for HEC; the acknowledgements
# go to acks, messages to log, the exit code to status.
send() {
	status=0
	timeout 50 "${SENDER[@]}" --url "$HEC_URL" "$@" >acks 2>log || status=$?
	echo "status $status"
	tail -n 5 acks log
}

# standin_auth_start PKI [OPTION...]: a stand-in for the Auth Service, with the
# identities that tests/pki.sh made in PKI.  Sets AUTH_PID, AUTH_PORT and
# AUTH_STATS, the file that its figures go to.
standin_auth_start() {
	local pki=$1 port_file
	shift
	port_file=$(mktemp -u "$BATS_TEST_TMPDIR/auth.port.XXXXXX")
	AUTH_STATS=$port_file.stats
	"$BUILD/standin-auth" --cert "$pki/server.crt" --key "$pki/server.key" \
		--client-ca "$pki/user-ca.crt" --port-file "$port_file" \
		--stats "$AUTH_STATS" --die-with-parent "$@" 3>&- &
	AUTH_PID=$!
	retry 30 has_port_or_ended "$port_file" "$AUTH_PID"
	[[ -s $port_file ]] || return 1
	# shellcheck disable=SC2034 # for the tests
	AUTH_PORT=$(<"$port_file")
}

# auth_stats FILTER: the stand-in's figures through jq, once it has stopped.
auth_stats() {
	stop "$AUTH_PID"
	jq -c "$1" "$AUTH_STATS"
}
