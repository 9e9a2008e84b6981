/* TCP and TLS links against a scripted peer in a thread of this process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "tp-fetch/identity.h"
#include "tp-fetch/link.h"

enum { PATIENCE_MS = 10 * 1000 };

static char folder[] = "/tmp/test_link.XXXXXX";
static struct identity *identity;
static const char *const h2[] = { "h2", NULL };
static const char auth_name[] = "teleport.cluster.local";

/* --- the peer ------------------------------------------------------------ */

enum conduct {
	ECHOES,    /* what it reads, until the end */
	HANGS_UP,  /* after the handshake, without a word */
	IS_PLAIN,  /* answers in HTTP */
	IS_SILENT, /* until the client goes */
	CLOSES,    /* before the handshake */
	RESETS
};

struct peer {
	enum conduct conduct;
	int tls_version;         /* 0: any */
	const char *alpn;        /* wire form; NULL: none */
	int certificate_verdict; /* on the client's; X509_V_OK */
	const char *certificate; /* file names */
	const char *key;

	pthread_t thread;
	int listener;
	char port[6];
};

static void
hang_up(int fd, int with_reset)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	if (with_reset)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

static int
choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_bytes,
    const unsigned char *in, unsigned in_bytes, void *cookie)
{
	const struct peer *peer = cookie;
	unsigned char *chosen;

	(void)ssl;
	if (SSL_select_next_proto(&chosen, out_bytes,
		(const unsigned char *)peer->alpn, (unsigned)strlen(peer->alpn),
		in, in_bytes) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static int
judge(X509_STORE_CTX *store, void *cookie)
{
	const struct peer *peer = cookie;

	X509_STORE_CTX_set_error(store, peer->certificate_verdict);
	return peer->certificate_verdict == X509_V_OK;
}

static SSL *
server_ssl(struct peer *peer, int fd)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder,
	    peer->certificate != NULL ? peer->certificate : "server.crt");
	SSL_CTX_use_certificate_chain_file(context, path);
	snprintf(path, sizeof(path), "%s/%s", folder,
	    peer->key != NULL ? peer->key : "server.key");
	SSL_CTX_use_PrivateKey_file(context, path, SSL_FILETYPE_PEM);
	SSL_CTX_set_max_proto_version(context, peer->tls_version);
	SSL_CTX_set_verify(context,
	    SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(context, judge, peer);
	if (peer->alpn != NULL)
		SSL_CTX_set_alpn_select_cb(context, choose_alpn, peer);
	SSL *ssl = SSL_new(context);
	SSL_CTX_free(context);
	SSL_set_fd(ssl, fd);
	return ssl;
}

static void
serve_tls(struct peer *peer, int fd)
{
	static char bytes[64 * 1024];
	SSL *ssl = server_ssl(peer, fd);
	int n;

	if (SSL_accept(ssl) == 1 && peer->conduct == ECHOES)
		while ((n = SSL_read(ssl, bytes, sizeof(bytes))) > 0 &&
		       SSL_write(ssl, bytes, n) == n)
			;
	SSL_free(ssl);
}

static void *
peer_thread(void *cookie)
{
	static const char words[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
	struct peer *peer = cookie;
	char bytes[4096];
	int fd = accept(peer->listener, NULL, NULL);

	switch (peer->conduct) {
	case ECHOES:
	case HANGS_UP:
		serve_tls(peer, fd);
		break;
	case IS_PLAIN:
		recv(fd, bytes, sizeof(bytes), 0);
		send(fd, words, sizeof(words) - 1, MSG_NOSIGNAL);
		break;
	case IS_SILENT:
		while (recv(fd, bytes, sizeof(bytes), 0) > 0)
			;
		break;
	case CLOSES:
	case RESETS:
		recv(fd, bytes, sizeof(bytes), 0);
		break;
	}
	hang_up(fd, peer->conduct == RESETS);
	return NULL;
}

static void
peer_start(struct peer *peer)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t address_bytes = sizeof(address);

	peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(peer->listener, (struct sockaddr *)&address,
			     sizeof(address)),
	    0);
	assert_int_equal(listen(peer->listener, 8), 0);
	getsockname(peer->listener, (struct sockaddr *)&address,
	    &address_bytes);
	snprintf(peer->port, sizeof(peer->port), "%u", ntohs(address.sin_port));
	pthread_create(&peer->thread, NULL, peer_thread, peer);
}

static void
peer_end(struct peer *peer)
{
	pthread_join(peer->thread, NULL);
	close(peer->listener);
}

/* --- the client ---------------------------------------------------------- */

static struct link *
connect_to(const struct peer *peer, const char *name, int64_t patience_ms,
    int cancel_fd, struct link_failure *failure)
{
	int64_t deadline_ms = clock_ms() + patience_ms;
	struct link *link = link_tcp_connect("127.0.0.1", peer->port,
	    deadline_ms, cancel_fd, failure);

	if (link == NULL)
		fail_msg("%s", failure->why);
	return link_tls_connect(link, identity->context, name, h2, deadline_ms,
	    cancel_fd, failure);
}

static void
assert_failure(const struct link_failure *failure, const char *words,
    int is_refusal)
{
	if (strstr(failure->why, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", failure->why, words);
	assert_int_equal(failure->is_refusal, is_refusal);
}

static void
assert_no_connection(struct peer *peer, const char *name, const char *words,
    int is_refusal)
{
	struct link_failure failure = { 0 };

	peer_start(peer);
	assert_null(connect_to(peer, name, PATIENCE_MS, -1, &failure));
	assert_failure(&failure, words, is_refusal);
	peer_end(peer);
}

/* Ends at the first thing that is not LINK_AGAIN. */
static ssize_t
read_some(struct link *link, char *bytes, size_t size_bytes)
{
	struct link_failure failure;
	ssize_t n;

	while ((n = link_read(link, bytes, size_bytes)) == LINK_AGAIN)
		if (link_wait(link->fd, link_events(link, 1, 0),
			clock_ms() + PATIENCE_MS, -1, &failure) == -1)
			fail_msg("%s", failure.why);
	return n;
}

/* --- the claims ---------------------------------------------------------- */

/* More than fits in the socket buffers, so that both directions block. */
static void
carries_bytes_both_ways(void **state)
{
	enum { TOTAL = 8 * 1024 * 1024 };
	struct peer peer = { .conduct = ECHOES, .alpn = "\x02h2" };
	struct link_failure failure;
	unsigned char *bytes = malloc(TOTAL);
	unsigned char *back = malloc(TOTAL);
	size_t sent = 0;
	size_t received = 0;

	(void)state;
	for (size_t i = 0; i < TOTAL; i++)
		bytes[i] = (unsigned char)((i * 2654435761u) >> 13);
	peer_start(&peer);
	struct link *link =
	    connect_to(&peer, auth_name, PATIENCE_MS, -1, &failure);
	assert_non_null(link);
	while (received < TOTAL) {
		ssize_t w = LINK_AGAIN;
		if (sent < TOTAL)
			w = link_write(link, bytes + sent, TOTAL - sent);
		ssize_t r = link_read(link, back + received, TOTAL - received);
		assert_true(w > 0 || w == LINK_AGAIN);
		assert_true(r > 0 || r == LINK_AGAIN);
		sent += w > 0 ? (size_t)w : 0;
		received += r > 0 ? (size_t)r : 0;
		if (w < 0 && r < 0)
			assert_int_equal(link_wait(link->fd,
					     link_events(link, 1, sent < TOTAL),
					     clock_ms() + PATIENCE_MS, -1,
					     &failure),
			    0);
	}
	assert_memory_equal(bytes, back, TOTAL);
	free(bytes);
	free(back);
	link_close(link);
	peer_end(&peer);
}

static void
refuses_a_certificate_of_another_ca(void **state)
{
	struct peer peer = { .conduct = ECHOES,
		.alpn = "\x02h2",
		.certificate = "auth.crt",
		.key = "auth.key" };

	(void)state;
	assert_no_connection(&peer, auth_name, "not signed by a CA of ours", 1);
}

static void
refuses_a_certificate_for_another_name(void **state)
{
	struct peer peer = { .conduct = ECHOES, .alpn = "\x02h2" };

	(void)state;
	assert_no_connection(&peer, "auth.example.org",
	    "not for auth.example.org but for teleport.cluster.local", 1);
	assert_no_connection(&peer, "192.0.2.1", "not for 192.0.2.1", 1);
}

static void
takes_an_encoded_cluster_name_for_the_wildcard(void **state)
{
	struct peer peer = { .conduct = HANGS_UP, .alpn = "\x02h2" };
	struct link_failure failure;

	(void)state;
	peer_start(&peer);
	struct link *link =
	    connect_to(&peer, "6578616d706c652e636f6d.teleport.cluster.local",
		PATIENCE_MS, -1, &failure);
	assert_non_null(link);
	link_close(link);
	peer_end(&peer);
}

static void
needs_the_protocol_it_asked_for(void **state)
{
	struct peer none = { .conduct = ECHOES };
	struct peer other = { .conduct = ECHOES, .alpn = "\x08http/1.1" };

	(void)state;
	assert_no_connection(&none, auth_name, "does not offer", 0);
	assert_no_connection(&other, auth_name, "no application protocol", 1);
}

static void
says_that_a_plain_server_does_not_speak_tls(void **state)
{
	struct peer peer = { .conduct = IS_PLAIN };

	(void)state;
	assert_no_connection(&peer, auth_name, "does not speak TLS", 0);
}

static void
says_who_cut_the_handshake(void **state)
{
	struct peer closing = { .conduct = CLOSES };
	struct peer resetting = { .conduct = RESETS };

	(void)state;
	assert_no_connection(&closing, auth_name,
	    "closed the connection during", 0);
	assert_no_connection(&resetting, auth_name, "reset by peer", 0);
}

static void
repeats_the_alert_that_refuses_our_certificate(void **state)
{
	static const struct {
		int verdict;
		const char *words;
	} cases[] = {
		{ X509_V_ERR_CERT_HAS_EXPIRED,
		    "refused the client certificate: certificate expired"
		    " (alert 45)" },
		{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
		    "unknown CA (alert 48)" },
		{ X509_V_ERR_CERT_REVOKED, "certificate revoked (alert 44)" },
	};
	struct link_failure failure;
	char bytes[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer peer = { .conduct = ECHOES,
			.alpn = "\x02h2",
			.certificate_verdict = cases[i].verdict };
		peer_start(&peer);
		struct link *link =
		    connect_to(&peer, auth_name, PATIENCE_MS, -1, &failure);
		assert_non_null(link);
		assert_int_equal(read_some(link, bytes, sizeof(bytes)),
		    LINK_ERROR);
		assert_failure(&link->failure, cases[i].words, 1);
		link_close(link);
		peer_end(&peer);
	}
}

static void
repeats_it_under_tls_1_2(void **state)
{
	struct peer peer = { .conduct = ECHOES,
		.alpn = "\x02h2",
		.tls_version = TLS1_2_VERSION,
		.certificate_verdict = X509_V_ERR_CERT_HAS_EXPIRED };

	(void)state;
	assert_no_connection(&peer, auth_name, "certificate expired", 1);
}

/* The peer has gone; what we write is answered by a reset. */
static void
prefers_the_alert_to_a_broken_pipe(void **state)
{
	struct peer peer = { .conduct = ECHOES,
		.alpn = "\x02h2",
		.certificate_verdict = X509_V_ERR_CERT_HAS_EXPIRED };
	struct link_failure failure;
	ssize_t n;

	(void)state;
	peer_start(&peer);
	struct link *link =
	    connect_to(&peer, auth_name, PATIENCE_MS, -1, &failure);
	peer_end(&peer);
	assert_non_null(link);
	while ((n = link_write(link, "x", 1)) > 0)
		assert_int_equal(link_wait(link->fd, POLLIN,
				     clock_ms() + PATIENCE_MS, -1, &failure),
		    0);
	assert_int_equal(n, LINK_ERROR);
	assert_failure(&link->failure, "certificate expired (alert 45)", 1);
	link_close(link);
}

static void
guesses_why_a_server_hangs_up_without_a_word(void **state)
{
	struct peer peer = { .conduct = HANGS_UP, .alpn = "\x02h2" };
	struct link_failure failure;
	char bytes[64];

	(void)state;
	peer_start(&peer);
	struct link *link =
	    connect_to(&peer, auth_name, PATIENCE_MS, -1, &failure);
	assert_non_null(link);
	assert_int_equal(read_some(link, bytes, sizeof(bytes)), LINK_ERROR);
	assert_failure(&link->failure, "right after the TLS handshake", 0);
	link_close(link);
	peer_end(&peer);
}

static void
does_not_wait_beyond_its_deadline(void **state)
{
	struct peer peer = { .conduct = IS_SILENT };
	struct link_failure failure;

	(void)state;
	peer_start(&peer);
	int64_t start_ms = clock_ms();
	assert_null(connect_to(&peer, auth_name, 200, -1, &failure));
	assert_true(clock_ms() - start_ms >= 200);
	assert_true(clock_ms() - start_ms < PATIENCE_MS);
	assert_failure(&failure, "timed out", 0);
	peer_end(&peer);
}

static void
can_be_interrupted(void **state)
{
	struct peer peer = { .conduct = IS_SILENT };
	struct link_failure failure;
	int cancel_fd = eventfd(0, EFD_CLOEXEC);
	int64_t deadline_ms = clock_ms() + PATIENCE_MS;

	(void)state;
	peer_start(&peer);
	struct link *link =
	    link_tcp_connect("127.0.0.1", peer.port, deadline_ms, -1, &failure);
	assert_non_null(link);
	eventfd_write(cancel_fd, 1);
	assert_null(link_tls_connect(link, identity->context, auth_name, h2,
	    deadline_ms, cancel_fd, &failure));
	assert_failure(&failure, "interrupted", 0);
	assert_true(clock_ms() < deadline_ms);
	peer_end(&peer);
	close(cancel_fd);
}

static void
names_host_and_port_that_do_not_answer(void **state)
{
	struct link_failure failure;
	char words[64];
	struct peer peer = { .conduct = CLOSES };

	(void)state;
	peer_start(&peer); /* for a port that is free afterwards */
	link_close(link_tcp_connect("127.0.0.1", peer.port,
	    clock_ms() + PATIENCE_MS, -1, &failure));
	peer_end(&peer);
	assert_null(link_tcp_connect("127.0.0.1", peer.port,
	    clock_ms() + PATIENCE_MS, -1, &failure));
	snprintf(words, sizeof(words),
	    "connect to 127.0.0.1:%s: Connection refused", peer.port);
	assert_failure(&failure, words, 0);
	assert_null(link_tcp_connect("no-such-host.invalid", "1",
	    clock_ms() + PATIENCE_MS, -1, &failure));
	assert_failure(&failure, "look up no-such-host.invalid", 0);
}

static int
make_files(void **state)
{
	char command[128];
	char path[128];
	char why[512];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(command, sizeof(command), "tests/pki.sh %s >/dev/null 2>&1",
	    folder);
	/* NOLINTNEXTLINE(cert-env33-c): the commands are in this file */
	if (system(command) != 0)
		return -1;
	snprintf(path, sizeof(path), "%s/identity", folder);
	struct identity_files files = { .identity = path };
	identity = identity_load(&files, why);
	return identity != NULL ? 0 : -1;
}

static int
remove_files(void **state)
{
	char command[128];

	(void)state;
	identity_free(identity);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	/* NOLINTNEXTLINE(cert-env33-c) */
	return system(command);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(carries_bytes_both_ways),
		cmocka_unit_test(refuses_a_certificate_of_another_ca),
		cmocka_unit_test(refuses_a_certificate_for_another_name),
		cmocka_unit_test(
		    takes_an_encoded_cluster_name_for_the_wildcard),
		cmocka_unit_test(needs_the_protocol_it_asked_for),
		cmocka_unit_test(says_that_a_plain_server_does_not_speak_tls),
		cmocka_unit_test(says_who_cut_the_handshake),
		cmocka_unit_test(
		    repeats_the_alert_that_refuses_our_certificate),
		cmocka_unit_test(repeats_it_under_tls_1_2),
		cmocka_unit_test(prefers_the_alert_to_a_broken_pipe),
		cmocka_unit_test(guesses_why_a_server_hangs_up_without_a_word),
		cmocka_unit_test(does_not_wait_beyond_its_deadline),
		cmocka_unit_test(can_be_interrupted),
		cmocka_unit_test(names_host_and_port_that_do_not_answer),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
