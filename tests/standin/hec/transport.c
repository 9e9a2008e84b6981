/*
 * One accepted connection, plain or TLS.
 */
#include "transport.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sysexits.h>
#include <unistd.h>

#include "../say.h"

enum { HANDSHAKE_TIMEOUT_MS = 10000, IO_TIMEOUT_MS = 60000 };

struct transport {
	int fd;
	SSL *ssl; /* NULL: plain */
};

static void
set_version(SSL_CTX *tls, const char *version)
{
	int number = TLS1_2_VERSION;

	if (version == NULL) {
		SSL_CTX_set_min_proto_version(tls, number);
		return;
	}
	if (strcmp(version, "1.3") == 0)
		number = TLS1_3_VERSION;
	else if (strcmp(version, "1.2") != 0)
		die(EX_USAGE, "--tls: 1.2 or 1.3, not %s", version);
	SSL_CTX_set_min_proto_version(tls, number);
	SSL_CTX_set_max_proto_version(tls, number);
}

SSL_CTX *
transport_tls(const char *cert, const char *key, const char *client_ca,
    const char *version)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

	if (tls == NULL)
		die(EX_SOFTWARE, "TLS: no context");
	set_version(tls, version);
	if (SSL_CTX_use_certificate_chain_file(tls, cert) != 1)
		die(EX_CONFIG, "%s: not a usable certificate", cert);
	if (SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1)
		die(EX_CONFIG, "%s: not a usable key for %s", key, cert);
	if (client_ca != NULL) {
		if (SSL_CTX_load_verify_locations(tls, client_ca, NULL) != 1)
			die(EX_CONFIG, "%s: not a usable CA", client_ca);
		SSL_CTX_set_client_CA_list(tls,
		    SSL_load_client_CA_file(client_ca));
		SSL_CTX_set_verify(tls,
		    SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	}
	SSL_CTX_set_session_id_context(tls, (const unsigned char *)"hec", 3);

	/* As many records as one system call brings; the cheapest cipher. */
	SSL_CTX_set_read_ahead(tls, 1);
	SSL_CTX_set_default_read_buffer_len(tls, 64 * 1024);
	SSL_CTX_set_options(tls, SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_ciphersuites(tls,
	    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384");
	return tls;
}

void
transport_set_timeout_ms(struct transport *transport, int ms)
{
	struct timeval limit = { ms / 1000, (ms % 1000) * 1000 };

	setsockopt(transport->fd, SOL_SOCKET, SO_RCVTIMEO, &limit,
	    sizeof limit);
	setsockopt(transport->fd, SOL_SOCKET, SO_SNDTIMEO, &limit,
	    sizeof limit);
}

struct transport *
transport_accept(int fd, SSL_CTX *tls)
{
	struct transport *transport = calloc(1, sizeof *transport);
	int on = 1;

	if (transport == NULL)
		die(EX_OSERR, "memory: a connection refused");
	transport->fd = fd;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (tls != NULL) {
		transport_set_timeout_ms(transport, HANDSHAKE_TIMEOUT_MS);
		transport->ssl = SSL_new(tls);
		if (transport->ssl == NULL ||
		    SSL_set_fd(transport->ssl, fd) != 1 ||
		    SSL_accept(transport->ssl) != 1) {
			ERR_clear_error();
			SSL_free(transport->ssl);
			close(fd);
			free(transport);
			return NULL;
		}
	}
	transport_set_timeout_ms(transport, IO_TIMEOUT_MS);
	return transport;
}

ssize_t
transport_read(struct transport *transport, void *data, size_t len)
{
	size_t got = 0;
	ssize_t n;

	if (transport->ssl == NULL) {
		do
			n = recv(transport->fd, data, len, 0);
		while (n < 0 && errno == EINTR);
		return n;
	}
	if (SSL_read_ex(transport->ssl, data, len, &got) == 1)
		return (ssize_t)got;
	n = SSL_get_error(transport->ssl, 0) == SSL_ERROR_ZERO_RETURN ? 0 : -1;
	ERR_clear_error();
	return n;
}

int
transport_write(struct transport *transport, const void *data, size_t len)
{
	const char *at = data;

	while (len > 0) {
		size_t put = 0;
		if (transport->ssl != NULL) {
			if (SSL_write_ex(transport->ssl, at, len, &put) != 1) {
				ERR_clear_error();
				return -1;
			}
		} else {
			ssize_t n = send(transport->fd, at, len, MSG_NOSIGNAL);
			if (n < 0 && errno == EINTR)
				continue;
			if (n < 0)
				return -1;
			put = (size_t)n;
		}
		at += put;
		len -= put;
	}
	return 0;
}

bool
transport_peer_has_left(struct transport *transport)
{
	struct pollfd peer = { .fd = transport->fd, .events = POLLRDHUP };

	return poll(&peer, 1, 0) > 0;
}

void
transport_reset(struct transport *transport)
{
	struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(transport->fd, SOL_SOCKET, SO_LINGER, &at_once,
	    sizeof at_once);
	/* No close_notify: the peer must see a broken connection. */
	SSL_free(transport->ssl);
	transport->ssl = NULL;
}

void
transport_close(struct transport *transport)
{
	if (transport == NULL)
		return;
	if (transport->ssl != NULL) {
		SSL_shutdown(transport->ssl);
		ERR_clear_error();
		SSL_free(transport->ssl);
	}
	close(transport->fd);
	free(transport);
}
