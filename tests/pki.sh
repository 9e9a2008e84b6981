#!/bin/bash
# Makes a Teleport cluster's keys and certificates for tests, by the openssl
# command line and thus independently of tp-certgen.
#
#	tests/pki.sh DIR [CLUSTER]
#
# The cluster (good for ten years):
#	host-ca.crt host-ca.key    Host CA: signs the auth server
#	user-ca.crt user-ca.key    User CA: signs clients
#	server.crt server.key      the auth server's, EC P-256, PKCS#8
#	server-rsa.crt server-rsa.key
#
# One client, CN=tp-exporter O=event-reader, in every form:
#	auth.crt auth.key auth.cas as `tctl auth sign --format=tls` writes them
#	identity                   identity file, key in PKCS#8
#	identity-sec1              ... in SEC1 (EC PRIVATE KEY)
#	identity-rsa               ... RSA in PKCS#1
#	identity-mislabelled       PKCS#8 bytes under the label RSA PRIVATE KEY
#	identity-tls-only          without the SSH lines
#	identity-reordered         SSH lines behind the PEM blocks
#	identity-renewed           another key and certificate of the same user
#
# Clients that must be refused:
#	identity-expired           was good for a day, ten days ago
#	identity-swapped           certificate before key
#	identity-wrong-key         a key that is not the certificate's
#	identity-other-ca          signed by another User CA (trusts the right server)
#	identity-other-host-ca     good, but trusts another Host CA
#	identity-truncated         ends within the TLS certificate
#	identity-no-cas            ends before the CAs
#	identity-empty             no byte
#	auth-expired.crt auth-other-ca.crt
#	auth-chain.crt             two certificates, as Teleport does not allow
#	                           (the key of all three is auth.key)
set -eu

days=3650

# The subject that tctl gives: CN user, O roles, L logins, street route, and
# the origin cluster under Teleport's own OID.
write_config() {
	cat >"$1" <<EOF
oid_section = oids
[oids]
teleportCluster = 1.3.9999.1.7
[req]
distinguished_name = subject
prompt = no
string_mask = utf8only
utf8 = yes
[subject]
CN = tp-exporter
O = event-reader
L = root
teleportCluster = $cluster
[server_subject]
CN = teleport-auth
O = $cluster
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign,digitalSignature
subjectKeyIdentifier = hash
[server]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature,keyEncipherment
extendedKeyUsage = serverAuth,clientAuth
subjectAltName = DNS:teleport.cluster.local,DNS:*.teleport.cluster.local,DNS:localhost,IP:127.0.0.1
[client]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature,keyEncipherment
extendedKeyUsage = clientAuth
[minter]
default_md = sha256
database = $work/index
rand_serial = yes
unique_subject = no
policy = any
email_in_dn = no
preserve = yes
[any]
CN = supplied
O = optional
L = optional
teleportCluster = optional
EOF
}

ec_key() { # NAME
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"
}

make_ca() { # NAME KIND
	ec_key "$1.key"
	openssl req -x509 -new -config "$work/conf" -extensions ca -key "$1.key" \
		-subj "/O=$cluster/CN=$cluster/serialNumber=$2" -days $days -out "$1.crt"
}

# CERT KEY CA EXTENSIONS [SUBJECT-SECTION]: signed by CA.
make_leaf() {
	openssl req -new -config <(sed "s/= subject\$/= ${5:-subject}/" "$work/conf") \
		-key "$2" -out "$work/request"
	openssl x509 -req -in "$work/request" -CA "$3.crt" -CAkey "$3.key" \
		-set_serial "0x$(openssl rand -hex 15)" -days $days \
		-extfile "$work/conf" -extensions "$4" -out "$1" 2>/dev/null
}

# `openssl x509` of OpenSSL 3.0 cannot make a certificate of the past; `ca` can.
make_expired() { # CERT KEY CA
	: >"$work/index"
	openssl req -new -config "$work/conf" -key "$2" -out "$work/request"
	openssl ca -batch -config "$work/conf" -name minter -notext \
		-cert "$3.crt" -keyfile "$3.key" -in "$work/request" \
		-startdate "$(date -u -d '10 days ago' +%Y%m%d%H%M%SZ)" \
		-enddate "$(date -u -d '9 days ago' +%Y%m%d%H%M%SZ)" \
		-extfile "$work/conf" -extensions client -outdir "$work" \
		-out "$1" 2>/dev/null
}

# Lines of the right form and length: this project reads, but does not use, them.
ssh_certificate() {
	printf 'ecdsa-sha2-nistp256-cert-v01@openssh.com %s\n' \
		"$(openssl rand -base64 900 | tr -d '\n')"
}
known_host() {
	printf '@cert-authority proxy.%s,%s,*.%s ecdsa-sha2-nistp256 %s type=host\n' \
		"$cluster" "$cluster" "$cluster" "$(openssl rand -base64 104 | tr -d '\n')"
}

# FILE KEY CERT CA...: in the order of Teleport's writer.
make_identity() {
	local file=$1 key=$2 cert=$3
	shift 3
	{
		cat "$key"
		ssh_certificate
		cat "$cert"
		known_host
		cat "$@"
	} >"$file"
}

make_cluster() {
	make_ca host-ca host
	make_ca user-ca user
	ec_key server.key
	make_leaf server.crt server.key host-ca server server_subject
	openssl genrsa -traditional -out server-rsa.key 2048 2>/dev/null
	make_leaf server-rsa.crt server-rsa.key host-ca server server_subject
}

make_clients() {
	ec_key auth.key
	make_leaf auth.crt auth.key user-ca client
	cp host-ca.crt auth.cas
	make_identity identity auth.key auth.crt host-ca.crt

	openssl ec -in auth.key -out "$work/sec1.key" 2>/dev/null
	make_identity identity-sec1 "$work/sec1.key" auth.crt host-ca.crt
	openssl genrsa -traditional -out "$work/rsa.key" 2048 2>/dev/null
	make_leaf "$work/rsa.crt" "$work/rsa.key" user-ca client
	make_identity identity-rsa "$work/rsa.key" "$work/rsa.crt" host-ca.crt
	sed 's/ PRIVATE KEY/ RSA PRIVATE KEY/' auth.key >"$work/mislabelled.key"
	make_identity identity-mislabelled "$work/mislabelled.key" auth.crt host-ca.crt
	cat auth.key auth.crt host-ca.crt >identity-tls-only
	{
		cat auth.key auth.crt host-ca.crt
		known_host
		ssh_certificate
	} >identity-reordered
	ec_key "$work/renewed.key"
	make_leaf "$work/renewed.crt" "$work/renewed.key" user-ca client
	make_identity identity-renewed "$work/renewed.key" "$work/renewed.crt" host-ca.crt
}

make_bad_clients() {
	make_expired auth-expired.crt auth.key user-ca
	make_identity identity-expired auth.key auth-expired.crt host-ca.crt
	make_identity identity-swapped auth.crt auth.key host-ca.crt
	ec_key "$work/other.key"
	make_identity identity-wrong-key "$work/other.key" auth.crt host-ca.crt

	(cd "$work" && make_ca other-ca user)
	make_leaf auth-other-ca.crt auth.key "$work/other-ca" client
	make_identity identity-other-ca auth.key auth-other-ca.crt host-ca.crt
	make_identity identity-other-host-ca auth.key auth.crt "$work/other-ca.crt"

	cat auth.crt user-ca.crt >auth-chain.crt
	grep -n -m 2 -e '-----BEGIN' identity | tail -n 1 | cut -d: -f1 >"$work/line"
	head -n "$(($(cat "$work/line") + 3))" identity >identity-truncated
	sed '/^@cert-authority/,$d' identity >identity-no-cas
	: >identity-empty
}

main() {
	if [ $# -lt 1 ] || [ $# -gt 2 ]; then
		echo "usage: pki.sh DIR [CLUSTER]" >&2
		exit 64
	fi
	cluster=${2:-example.com}
	umask 077
	mkdir -p "$1"
	cd "$1"
	work=$PWD/.work
	mkdir -p "$work"
	trap 'rm -rf "$work"' EXIT
	write_config "$work/conf"
	make_cluster
	make_clients
	make_bad_clients
}

main "$@"
