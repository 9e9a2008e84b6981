#!/usr/bin/env bats
# tp-certgen, judged by the openssl command and by real handshakes.

bats_require_minimum_version 1.5.0
load helpers.bash

setup() {
	certgen=${BUILD_DIR:-$BATS_TEST_DIRNAME/../build}/tp-certgen
	out=$BATS_TEST_TMPDIR/out
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
	[ -z "${server_pid:-}" ] || kill "$server_pid" 2>/dev/null || true
}

text_of() {
	openssl x509 -in "$1" -noout -text
}

# fingerprint: of everything in the output directory, names and modes too.
fingerprint() {
	(cd "$out" && find . -printf '%p %m %T@\n' | sort && cat -- *)
}

# expect STATUS TEXT COMMAND...: fails with it, saying it in one line.
expect() {
	local wanted_status=$1 wanted_text=$2
	shift 2
	run "$@"
	echo "$*: status $status: $output"
	[ "$status" -eq "$wanted_status" ]
	[[ $output == *"$wanted_text"* ]]
	[ "${#lines[@]}" -eq 1 ]
}

# inject WHAT ARG...: runs tp-certgen with failing system calls, as strace's
# "inject" has it.  (Under strace there is no looking for leaks.)
inject() {
	local what=$1
	shift
	ASAN_OPTIONS=detect_leaks=0 strace -qq -o trace -e "inject=$what" \
		"$certgen" "$@"
}

# start_server DIR: a TLS server that insists on a client certificate, on a
# free port; answers an HTTP page.
start_server() {
	mkfifo server.in
	openssl s_server -accept 127.0.0.1:0 -www -CAfile "$1/ca.crt" \
		-cert "$1/server.crt" -key "$1/server.key" -Verify 1 \
		-verify_return_error >server.log 2>&1 3>&- <server.in &
	server_pid=$!
	exec 8>server.in
	retry 20 grep -q '^ACCEPT 127' server.log || {
		cat server.log
		return 1
	}
	port=$(sed -n 's/^ACCEPT 127.0.0.1:\([0-9]*\)$/\1/p' server.log)
}

fetch() {
	curl --silent --show-error --max-time 30 --noproxy '*' "$@"
}

@test "tp-certgen: makes every file, and only keys and tokens are secret" {
	"$certgen" "$out"
	[ "$(stat -c %a "$out")" = 700 ]
	run sh -c "cd '$out' && stat -c '%n %a' -- * .[!.]* 2>/dev/null"
	diff - <(echo "$output") <<-'EOF'
		ca.crt 644
		ca.key 600
		client.crt 644
		client.key 600
		hec-token 600
		inputs.conf 600
		server.crt 644
		server.key 600
		server.pem 600
		teleport-event-handler-role.yaml 644
		tp-pipeline.env 644
	EOF
}

@test "tp-certgen: openssl verifies both chains, each for its purpose only" {
	"$certgen" "$out"
	cd "$out"
	openssl verify -x509_strict -CAfile ca.crt -purpose sslserver server.crt
	openssl verify -x509_strict -CAfile ca.crt -purpose sslclient client.crt
	run ! openssl verify -CAfile ca.crt -purpose sslclient server.crt
	run ! openssl verify -CAfile ca.crt -purpose sslserver client.crt
	openssl verify -CAfile ca.crt -verify_hostname localhost server.crt
	openssl verify -CAfile ca.crt -verify_ip 127.0.0.1 server.crt
	openssl verify -CAfile ca.crt -verify_ip ::1 server.crt
	run ! openssl verify -CAfile ca.crt -verify_hostname other server.crt
}

@test "tp-certgen: certificates say what they are for, and no more" {
	"$certgen" "$out"
	run text_of "$out/ca.crt"
	[[ $output == *"Basic Constraints: critical"*"CA:TRUE, pathlen:0"* ]]
	[[ $output == *"Key Usage: critical"*"Certificate Sign, CRL Sign"* ]]
	for leaf in server client; do
		run text_of "$out/$leaf.crt"
		[[ $output == *"Basic Constraints: critical"*"CA:FALSE"* ]]
		[[ $output == *"Key Usage: critical"*"Digital Signature"* ]]
		[[ $output == *"Subject Key Identifier"* ]]
		[[ $output == *"Authority Key Identifier"* ]]
		[[ $output == *"Subject Alternative Name"* ]]
		[[ $output == *"ecdsa-with-SHA256"* ]]
		[[ $output == *"prime256v1"* ]]
	done
}

@test "tp-certgen: serials are 128 bits, positive and never the same" {
	"$certgen" one
	"$certgen" two
	for file in {one,two}/{ca,server,client}.crt; do
		openssl x509 -in "$file" -noout -serial
	done >serials
	run ! grep -vE '^serial=[89A-F][0-9A-F]{31}$' serials
	[ "$(sort -u serials | wc -l)" -eq 6 ]
}

@test "tp-certgen: keys belong to their certificates, server.pem holds all three" {
	"$certgen" "$out"
	cd "$out"
	for pair in ca server client; do
		diff <(openssl x509 -in $pair.crt -noout -pubkey) \
			<(openssl pkey -in $pair.key -pubout)
	done
	diff server.pem <(cat server.crt server.key ca.crt)
}

@test "tp-certgen: names, addresses and time are those of the options" {
	"$certgen" --dns-names 'hec.example.com,*.hec.example.com' \
		--ip 192.0.2.7,2001:db8::7 --ttl 2h "$out"
	run openssl x509 -in "$out/server.crt" -noout -ext subjectAltName
	[[ $output == *"DNS:hec.example.com, DNS:*.hec.example.com, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7"* ]]
	[[ $output != *localhost* ]]
	for pair in ca server client; do
		openssl x509 -in "$out/$pair.crt" -noout -checkend 7100
		run ! openssl x509 -in "$out/$pair.crt" -noout -checkend 7300
		begins=$(openssl x509 -in "$out/$pair.crt" -noout -startdate)
		[ "$(date -d "${begins#*=}" +%s)" -lt $(($(date +%s) - 3000)) ]
	done
	grep -F -- '--url https://hec.example.com:8088' "$out/tp-pipeline.env"
}

@test "tp-certgen: --key-type rsa makes RSA keys of --length" {
	"$certgen" --key-type rsa --length 2048 "$out"
	for pair in ca server client; do
		run openssl pkey -in "$out/$pair.key" -noout -text
		[[ $output == *"Private-Key: (2048 bit"* ]]
	done
	openssl verify -x509_strict -CAfile "$out/ca.crt" "$out/server.crt"
}

@test "tp-certgen: file names can be chosen" {
	"$certgen" --ca-name root --server-name hec --client-name sender "$out"
	openssl verify -CAfile "$out/root.crt" "$out/hec.crt" "$out/sender.crt"
	[ -f "$out/hec.pem" ]
	grep -F "etc/auth/tp/hec.pem" "$out/inputs.conf"
	grep -F -- "--cert $out/sender.crt --key $out/sender.key" "$out/tp-pipeline.env"
}

@test "tp-certgen: keys are encrypted with the first line of a file" {
	printf 'open sesame\nnot this\n' >pass
	"$certgen" --server-key-pass-file pass --client-key-pass-file pass "$out"
	grep -q 'BEGIN ENCRYPTED PRIVATE KEY' "$out/server.key"
	openssl pkey -in "$out/server.key" -passin 'pass:open sesame' -noout
	openssl pkey -in "$out/client.key" -passin 'pass:open sesame' -noout
	run ! openssl pkey -in "$out/server.key" -passin 'pass:open' -noout
	grep -q 'BEGIN PRIVATE KEY' "$out/ca.key"
	grep -q '^sslPassword = ' "$out/inputs.conf"
	grep -F -- "--key-pass-file $BATS_TEST_TMPDIR/pass" "$out/tp-pipeline.env"
	run ! grep -r 'open sesame' "$out"
}

@test "tp-certgen: a passphrase file that is missing or empty is exit 78" {
	: >empty
	expect 78 'missing: No such file' "$certgen" --ca-key-pass-file missing "$out"
	expect 78 'no passphrase' "$certgen" --ca-key-pass-file empty "$out"
	[ ! -e "$out" ]
}

@test "tp-certgen: server and client trust each other in a real handshake" {
	"$certgen" "$out"
	start_server "$out"
	run fetch --cacert "$out/ca.crt" --cert "$out/client.crt" \
		--key "$out/client.key" "https://127.0.0.1:$port/"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"Cipher"* ]]
}

@test "tp-certgen: a handshake without, or with another CA's, certificate fails" {
	"$certgen" "$out"
	"$certgen" other
	start_server "$out"
	run ! fetch --cacert "$out/ca.crt" "https://127.0.0.1:$port/"
	run ! fetch --cacert "$out/ca.crt" --cert other/client.crt \
		--key other/client.key "https://127.0.0.1:$port/"
	run ! fetch --cacert other/ca.crt --cert "$out/client.crt" \
		--key "$out/client.key" "https://127.0.0.1:$port/"
	fetch --cacert "$out/ca.crt" --cert "$out/client.crt" \
		--key "$out/client.key" "https://127.0.0.1:$port/" >/dev/null
}

@test "tp-certgen: the token is a random UUID, the same in both files" {
	"$certgen" "$out"
	token=$(cat "$out/hec-token")
	[[ $token =~ ^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$ ]]
	grep -Fx "token = $token" "$out/inputs.conf"
	grep -F -- "--token-file $out/hec-token" "$out/tp-pipeline.env"
	run ! grep -F "$token" "$out/tp-pipeline.env"
}

@test "tp-certgen: the configuration names absolute paths and can be sourced" {
	"$certgen" --teleport-addr tele.example.com:443 sub
	# shellcheck disable=SC1091
	. ./sub/tp-pipeline.env
	[[ $TP_FETCH_OPTS == *"--teleport-addr tele.example.com:443 "* ]]
	[[ $TP_HEC_OPTS == *"--ca $BATS_TEST_TMPDIR/sub/ca.crt "* ]]
	[ -n "$TP_STATE" ]
}

@test "tp-certgen: a second run refuses, names the file and changes nothing" {
	"$certgen" "$out"
	before=$(fingerprint)
	expect 64 "$out/ca.crt: exists" "$certgen" "$out"
	[ "$before" = "$(fingerprint)" ]
}

@test "tp-certgen: one file in the way is enough, and nothing is written" {
	mkdir out
	echo mine >out/inputs.conf
	expect 64 'inputs.conf: exists' "$certgen" "$out"
	[ "$(ls -A out)" = inputs.conf ]
	[ "$(cat out/inputs.conf)" = mine ]
}

@test "tp-certgen: --force replaces every file and repairs its mode" {
	"$certgen" "$out"
	chmod 644 "$out/ca.key"
	cp -r "$out" before
	"$certgen" --force "$out"
	for file in ca.crt ca.key server.pem client.key hec-token; do
		run ! cmp -s "before/$file" "$out/$file"
	done
	[ "$(stat -c %a "$out/ca.key")" = 600 ]
	openssl verify -CAfile "$out/ca.crt" "$out/server.crt" "$out/client.crt"
	[ "$(find "$out" | wc -l)" -eq 12 ]
}

@test "tp-certgen: --force replaces files only" {
	mkdir -p "$out/ca.key"
	expect 64 'ca.key: is not a regular file' "$certgen" --force "$out"
	rmdir "$out/ca.key"
	ln -s /dev/null "$out/ca.key"
	expect 64 'ca.key: is not a regular file' "$certgen" --force "$out"
	[ "$(ls -A "$out")" = ca.key ]
}

@test "tp-certgen: a full disk leaves nothing behind, or what was there" {
	[ -z "${UNDER_VALGRIND:-}" ] || skip "it would be valgrind's writes that fail"
	expect 74 'No space left on device' \
		inject write,fsync:error=ENOSPC:when=6 "$out"
	[ ! -e "$out" ]

	"$certgen" "$out"
	before=$(fingerprint | grep -v '^\. ')
	expect 74 'No space left on device' \
		inject write,fsync:error=ENOSPC:when=6 -f "$out"
	[ "$before" = "$(fingerprint | grep -v '^\. ')" ]
}

@test "tp-certgen: a failed rename takes back what was in place" {
	expect 74 'rename into place client.crt: Input/output error' \
		inject renameat2:error=EIO:when=5 "$out"
	[ ! -e "$out" ]
}

@test "tp-certgen: a file that appears meanwhile is not overwritten" {
	mkdir "$out"
	expect 74 'ca.crt: File exists' \
		inject renameat2:error=EEXIST:when=1 "$out"
	[ -z "$(ls -A "$out")" ]
}

@test "tp-certgen: works where the file system cannot refuse to overwrite" {
	inject renameat2:error=EINVAL "$out"
	openssl verify -CAfile "$out/ca.crt" "$out/server.crt"
}

@test "tp-certgen: a directory that cannot be made is exit 74" {
	expect 74 'No such file or directory' "$certgen" no/such/parent
	: >plain
	expect 74 'Not a directory' "$certgen" plain/out
	expect 74 'Not a directory' "$certgen" plain
}

@test "tp-certgen: bad options are exit 64, in one line that says why" {
	expect 64 'expected one OUT-DIR' "$certgen"
	expect 64 'expected one OUT-DIR' "$certgen" "$out" more
	expect 64 '--dns-names' "$certgen" --dns-names '' "$out"
	expect 64 '--dns-names' "$certgen" --dns-names 'a,,b' "$out"
	expect 64 '--dns-names' "$certgen" --dns-names 'a b' "$out"
	expect 64 '--ip' "$certgen" --dns-names 192.0.2.7 "$out"
	expect 64 '--teleport-addr' "$certgen" --teleport-addr 'a b' "$out"
	expect 64 '--dns-names' "$certgen" --dns-names '-a' "$out"
	expect 64 '--dns-names' "$certgen" --dns-names 'a,DNS:b' "$out"
	expect 64 '--dns-names' "$certgen" --dns-names 'a.*.b' "$out"
	expect 64 '--dns-names' "$certgen" --dns-names "$(printf 'a%.0s' {1..64})" "$out"
	expect 64 '--ip' "$certgen" --ip 1.2.3 "$out"
	expect 64 '--ip' "$certgen" --ip 1.2.3.4, "$out"
	expect 64 '--ttl' "$certgen" --ttl 59m "$out"
	expect 64 '--ttl' "$certgen" --ttl 876001h "$out"
	expect 64 '--key-type' "$certgen" --key-type dsa "$out"
	expect 64 '--length' "$certgen" --key-type rsa --length 1024 "$out"
	expect 64 '--length' "$certgen" --length 2048 "$out"
	expect 64 '--ca-name' "$certgen" --ca-name ../ca "$out"
	expect 64 '--ca-name' "$certgen" --ca-name .ca "$out"
	expect 64 'must differ' "$certgen" --ca-name server "$out"
	expect 64 '--teleport-addr' "$certgen" --teleport-addr a:b "$out"
	expect 64 'OUT-DIR' "$certgen" 'with blank'
	expect 64 '--nonsense' "$certgen" --nonsense "$out"
	[ ! -e "$out" ]
}

@test "tp-certgen: --help and the page name the same options in the same order" {
	page=$BATS_TEST_DIRNAME/../man/tp-certgen.1
	"$certgen" --help | grep -oE '^ {2}(-., | {4})--[a-z-]+' |
		grep -oE -- '--.*' | grep -vE '^--(help|version)$' >help
	sed -n 's/^\.It .*Fl -\([a-z-]*\).*/--\1/p' "$page" |
		grep -vE '^--(help|version)$' >documented
	diff help documented
	[ "$("$certgen" --version)" = "tp-certgen $(sed -n 's/^VERSION *= *//p' \
		"$BATS_TEST_DIRNAME/../Makefile")" ]
}
