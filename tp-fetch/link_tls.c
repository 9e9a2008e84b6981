/*
 * A TLS client layer over any other link.
 *
 * OpenSSL reaches the link below through a BIO of our own.  Most of the file
 * is about words: what went wrong, said so that a person can act on it, and
 * whether it is a refusal.
 */
#include <arpa/inet.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/message.h"
#include "tp-fetch/link.h"

/* One recv() may bring several 16 KiB records. */
enum { READ_AHEAD_BYTES = 128 * 1024 };

struct link_tls {
	struct link link;
	struct link *below;
	SSL *ssl;
	/* What the link below last said when it did not say LINK_AGAIN. */
	int is_below_at_eof;
	int is_below_unreadable;
	int is_below_unwritable;
	/* The direction OpenSSL waits for, to read or to write on our behalf.
	 */
	int read_waits_for;
	int write_waits_for;
	X509 *rejected; /* the server's certificate, if it did not pass */
	int has_read;   /* since the handshake */
	int is_broken;  /* no close_notify after an error */
};

/* --- the BIO ------------------------------------------------------------- */

static int
bio_read(BIO *bio, char *bytes, size_t size_bytes, size_t *count)
{
	struct link_tls *tls = BIO_get_data(bio);
	ssize_t n = link_read(tls->below, bytes, size_bytes);

	BIO_clear_retry_flags(bio);
	*count = n > 0 ? (size_t)n : 0;
	if (n == LINK_AGAIN)
		BIO_set_retry_read(bio);
	tls->is_below_at_eof = n == LINK_EOF;
	tls->is_below_unreadable = n == LINK_ERROR;
	return n > 0;
}

/*
 * A broken write looks to OpenSSL like one to be tried later: it may still be
 * read from, and the alert that explains the break may be waiting there.
 */
static int
bio_write(BIO *bio, const char *bytes, size_t len_bytes, size_t *count)
{
	struct link_tls *tls = BIO_get_data(bio);
	ssize_t n = link_write(tls->below, bytes, len_bytes);

	BIO_clear_retry_flags(bio);
	*count = n > 0 ? (size_t)n : 0;
	if (n <= 0)
		BIO_set_retry_write(bio);
	tls->is_below_unwritable = n == LINK_ERROR;
	return n > 0;
}

static long
bio_control(BIO *bio, int command, long number, void *pointer)
{
	struct link_tls *tls = BIO_get_data(bio);

	(void)number;
	(void)pointer;
	if (command == BIO_CTRL_EOF)
		return tls->is_below_at_eof;
	return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *bio_method;

static void
make_bio_method(void)
{
	bio_method =
	    BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "link");
	if (bio_method == NULL)
		return;
	BIO_meth_set_read_ex(bio_method, bio_read);
	BIO_meth_set_write_ex(bio_method, bio_write);
	BIO_meth_set_ctrl(bio_method, bio_control);
}

static BIO *
bio_new(struct link_tls *tls)
{
	static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
	BIO *bio;

	CRYPTO_THREAD_run_once(&once, make_bio_method);
	if (bio_method == NULL || (bio = BIO_new(bio_method)) == NULL)
		die(EXIT_OS, "out of memory");
	BIO_set_data(bio, tls);
	BIO_set_init(bio, 1);
	return bio;
}

/* --- what went wrong ----------------------------------------------------- */

static int
is_about_our_certificate(int alert)
{
	switch (alert) {
	case SSL_AD_BAD_CERTIFICATE:
	case SSL_AD_UNSUPPORTED_CERTIFICATE:
	case SSL_AD_CERTIFICATE_REVOKED:
	case SSL_AD_CERTIFICATE_EXPIRED:
	case SSL_AD_CERTIFICATE_UNKNOWN:
	case SSL_AD_UNKNOWN_CA:
	case SSL_AD_ACCESS_DENIED:
	case TLS13_AD_CERTIFICATE_REQUIRED:
		return 1;
	default:
		return 0;
	}
}

static int
is_lasting(int alert)
{
	switch (alert) {
	case SSL_AD_HANDSHAKE_FAILURE:
	case SSL_AD_PROTOCOL_VERSION:
	case SSL_AD_INSUFFICIENT_SECURITY:
	case SSL_AD_UNRECOGNIZED_NAME:
	case SSL_AD_NO_APPLICATION_PROTOCOL:
		return 1;
	default:
		return is_about_our_certificate(alert);
	}
}

static void
explain_alert(struct link_failure *failure, int alert)
{
	/* SSL_alert_desc_string_long() does not know the newer two. */
	const char *words = alert == TLS13_AD_CERTIFICATE_REQUIRED
				? "certificate required"
			    : alert == SSL_AD_NO_APPLICATION_PROTOCOL
				? "no application protocol"
				: SSL_alert_desc_string_long(alert);

	link_fail(failure, "the server refused %s: %s (alert %d)",
	    is_about_our_certificate(alert) ? "the client certificate"
					    : "the TLS connection",
	    words, alert);
	failure->is_refusal = is_lasting(alert);
}

/* "a.example, *.b.example": the names that a certificate is for. */
static void
names_of(X509 *certificate, char *text, size_t size_bytes)
{
	GENERAL_NAMES *names =
	    X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	size_t end = 0;

	snprintf(text, size_bytes, "no name");
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type != GEN_DNS || end >= size_bytes)
			continue;
		end += (size_t)snprintf(text + end, size_bytes - end, "%s%.*s",
		    end > 0 ? ", " : "", ASN1_STRING_length(name->d.dNSName),
		    (const char *)ASN1_STRING_get0_data(name->d.dNSName));
	}
	GENERAL_NAMES_free(names);
}

/* SSL_get_peer_certificate() does not have one that was refused. */
static int
keep_rejected(int is_good, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store,
	    SSL_get_ex_data_X509_STORE_CTX_idx());
	struct link_tls *tls = SSL_get_app_data(ssl);

	if (!is_good && tls->rejected == NULL) {
		tls->rejected = X509_STORE_CTX_get0_cert(store);
		X509_up_ref(tls->rejected);
	}
	return is_good;
}

/* We refused the server's certificate. */
static void
explain_verification(struct link_tls *tls, const char *server_name)
{
	struct link_failure *failure = &tls->link.failure;
	long result = SSL_get_verify_result(tls->ssl);
	char text[128] = "unnamed";

	if (tls->rejected != NULL &&
	    (result == X509_V_ERR_HOSTNAME_MISMATCH ||
		result == X509_V_ERR_IP_ADDRESS_MISMATCH))
		names_of(tls->rejected, text, sizeof(text));
	else if (tls->rejected != NULL)
		X509_NAME_oneline(X509_get_issuer_name(tls->rejected), text,
		    sizeof(text));
	switch (result) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		link_fail(failure,
		    "the server's certificate is not for %.80s but for %s",
		    server_name, text);
		break;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
		link_fail(failure,
		    "the server's certificate is not signed by a CA of ours"
		    " (its issuer: %s); is it the Auth Service?",
		    text);
		break;
	default:
		link_fail(failure, "the server's certificate is not valid: %s",
		    X509_verify_cert_error_string(result));
	}
	failure->is_refusal = 1;
}

static int
is_not_tls(int reason)
{
	return reason == SSL_R_WRONG_VERSION_NUMBER ||
	       reason == SSL_R_PACKET_LENGTH_TOO_LONG ||
	       reason == SSL_R_HTTP_REQUEST || reason == SSL_R_BAD_RECORD_TYPE;
}

/*
 * The meaning of a failed OpenSSL call: LINK_AGAIN, LINK_EOF, or LINK_ERROR
 * with link.failure filled in.
 */
static enum link_status
explain(struct link_tls *tls, int ssl_error, const char *server_name)
{
	struct link_failure *failure = &tls->link.failure;
	unsigned long error = ERR_peek_error();
	int reason =
	    ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;

	if (ssl_error == SSL_ERROR_WANT_READ ||
	    (ssl_error == SSL_ERROR_WANT_WRITE && !tls->is_below_unwritable))
		return LINK_AGAIN;
	if (ssl_error == SSL_ERROR_ZERO_RETURN)
		return LINK_EOF;
	tls->is_broken = 1;
	if (reason > SSL_AD_REASON_OFFSET &&
	    reason <= SSL_AD_REASON_OFFSET + UCHAR_MAX)
		explain_alert(failure, reason - SSL_AD_REASON_OFFSET);
	else if (tls->is_below_at_eof)
		return LINK_EOF;
	else if (tls->is_below_unreadable || tls->is_below_unwritable)
		*failure = tls->below->failure;
	else if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
		explain_verification(tls, server_name);
	else if (is_not_tls(reason) && !SSL_is_init_finished(tls->ssl))
		link_fail(failure, "the server does not speak TLS");
	else
		link_fail(failure, "TLS: %s",
		    error != 0 ? ERR_reason_error_string(error) : "broken");
	return LINK_ERROR;
}

/* --- the layer ----------------------------------------------------------- */

static int
clamp(size_t count)
{
	return count < INT_MAX ? (int)count : INT_MAX;
}

static short
direction(int ssl_error)
{
	return ssl_error == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN;
}

/*
 * Under TLS 1.3 the first thing to read is the server's opinion of our
 * certificate; some servers hang up without a word.
 */
static enum link_status
explain_silence(struct link_tls *tls, enum link_status status)
{
	if (tls->has_read || tls->link.failure.is_refusal ||
	    !(status == LINK_EOF || tls->is_below_unreadable))
		return status;
	tls->is_broken = 1;
	link_fail(&tls->link.failure,
	    "the server closed the connection right after the TLS handshake;"
	    " it may not accept the client certificate");
	return LINK_ERROR;
}

static ssize_t
tls_read(struct link *link, void *bytes, size_t size_bytes)
{
	struct link_tls *tls = (struct link_tls *)link;

	ERR_clear_error();
	int n = SSL_read(tls->ssl, bytes, clamp(size_bytes));
	if (n > 0) {
		tls->has_read = 1;
		return n;
	}
	int ssl_error = SSL_get_error(tls->ssl, n);
	tls->read_waits_for = direction(ssl_error);
	return explain_silence(tls, explain(tls, ssl_error, ""));
}

/*
 * The peer takes no more.  What it said before, an alert most likely, is the
 * better explanation than a broken pipe; replies to lost requests are not
 * missed.
 */
static ssize_t
last_words(struct link_tls *tls)
{
	char scratch[4096];
	ssize_t n;

	do {
		n = tls_read(&tls->link, scratch, sizeof(scratch));
	} while (n > 0);
	if (n != LINK_ERROR)
		tls->link.failure = tls->below->failure;
	tls->is_broken = 1;
	return LINK_ERROR;
}

static ssize_t
tls_write(struct link *link, const void *bytes, size_t len_bytes)
{
	struct link_tls *tls = (struct link_tls *)link;

	ERR_clear_error();
	int n = SSL_write(tls->ssl, bytes, clamp(len_bytes));
	if (n > 0)
		return n;
	int ssl_error = SSL_get_error(tls->ssl, n);
	tls->write_waits_for = direction(ssl_error);
	if (tls->is_below_unwritable)
		return last_words(tls);
	enum link_status status = explain(tls, ssl_error, "");
	if (status == LINK_EOF)
		link_fail(&link->failure, "the server closed the connection");
	return status == LINK_AGAIN ? LINK_AGAIN : LINK_ERROR;
}

static short
tls_events(struct link *link, int wants_read, int wants_write)
{
	struct link_tls *tls = (struct link_tls *)link;
	int events = (wants_read ? tls->read_waits_for : 0) |
		     (wants_write ? tls->write_waits_for : 0);

	return link_events(tls->below, events & POLLIN, events & POLLOUT);
}

static void
tls_close(struct link *link)
{
	struct link_tls *tls = (struct link_tls *)link;

	ERR_clear_error();
	if (!tls->is_broken && SSL_is_init_finished(tls->ssl))
		SSL_shutdown(tls->ssl);
	ERR_clear_error();
	SSL_free(tls->ssl);
	X509_free(tls->rejected);
	link_close(tls->below);
	free(tls);
}

static const struct link_operations tls_operations = { tls_read, tls_write,
	tls_events, tls_close };

/* --- connecting ---------------------------------------------------------- */

/* An address in figures has no SNI, and is verified as an address. */
static int
set_server_name(SSL *ssl, const char *server_name)
{
	unsigned char address[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET, server_name, address) == 1 ||
	    inet_pton(AF_INET6, server_name, address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl),
		    server_name);
	char name[256]; /* OpenSSL's macro casts const away */
	snprintf(name, sizeof(name), "%s", server_name);
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set_tlsext_host_name(ssl, name) == 1 &&
	       SSL_set1_host(ssl, server_name) == 1;
}

/* The wire form: each name behind its length. */
static int
set_alpn(SSL *ssl, const char *const *alpn)
{
	unsigned char wire[1024];
	size_t end = 0;

	for (; *alpn != NULL; alpn++) {
		size_t len_bytes = strlen(*alpn);
		if (len_bytes > UCHAR_MAX || end + 1 + len_bytes > sizeof(wire))
			return 0;
		wire[end++] = (unsigned char)len_bytes;
		memcpy(wire + end, *alpn, len_bytes);
		end += len_bytes;
	}
	return SSL_set_alpn_protos(ssl, wire, (unsigned)end) == 0;
}

static struct link_tls *
tls_new(struct link *below, SSL_CTX *context)
{
	struct link_tls *tls = calloc(1, sizeof(*tls));

	if (tls == NULL || (tls->ssl = SSL_new(context)) == NULL)
		die(EXIT_OS, "out of memory");
	tls->link.operations = &tls_operations;
	tls->link.fd = below->fd;
	tls->below = below;
	tls->read_waits_for = POLLIN;
	tls->write_waits_for = POLLOUT;
	BIO *bio = bio_new(tls);
	SSL_set_bio(tls->ssl, bio, bio);
	SSL_set_connect_state(tls->ssl);
	SSL_set_app_data(tls->ssl, tls);
	SSL_set_verify(tls->ssl, SSL_VERIFY_PEER, keep_rejected);
	SSL_set_mode(tls->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
				   SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_set_read_ahead(tls->ssl, 1);
	SSL_set_default_read_buffer_len(tls->ssl, READ_AHEAD_BYTES);
	return tls;
}

/* 0, or -1 with link.failure. */
static int
handshake(struct link_tls *tls, const char *server_name, int64_t deadline_ms,
    int cancel_fd)
{
	struct link_failure *failure = &tls->link.failure;
	struct link_failure wait_failure;

	for (;;) {
		ERR_clear_error();
		int n = SSL_connect(tls->ssl);
		if (n == 1)
			return 0;
		int ssl_error = SSL_get_error(tls->ssl, n);
		short waits_for = direction(ssl_error);
		switch (explain(tls, ssl_error, server_name)) {
		case LINK_AGAIN:
			break;
		case LINK_EOF:
			link_fail(failure, "the server closed the connection"
					   " during the TLS handshake");
			return -1;
		case LINK_ERROR:
			return -1;
		}
		if (link_wait(tls->link.fd,
			link_events(tls->below, waits_for & POLLIN,
			    waits_for & POLLOUT),
			deadline_ms, cancel_fd, &wait_failure) == -1) {
			link_fail(failure, "TLS handshake: %.200s",
			    wait_failure.why);
			return -1;
		}
	}
}

static int
check_alpn(struct link_tls *tls, const char *const *alpn)
{
	const unsigned char *chosen;
	unsigned len_bytes;

	SSL_get0_alpn_selected(tls->ssl, &chosen, &len_bytes);
	for (const char *const *name = alpn; *name != NULL; name++)
		if (strlen(*name) == len_bytes &&
		    memcmp(*name, chosen, len_bytes) == 0)
			return 0;
	link_fail(&tls->link.failure,
	    "the server does not offer the protocol %.80s (ALPN)", alpn[0]);
	return -1;
}

struct link *
link_tls_connect(struct link *below, struct ssl_ctx_st *context,
    const char *server_name, const char *const *alpn, int64_t deadline_ms,
    int cancel_fd, struct link_failure *failure)
{
	struct link_tls *tls = tls_new(below, context);

	if (!set_server_name(tls->ssl, server_name) ||
	    !set_alpn(tls->ssl, alpn))
		link_fail(&tls->link.failure, "%.100s is not a server name",
		    server_name);
	else if (handshake(tls, server_name, deadline_ms, cancel_fd) == 0 &&
		 check_alpn(tls, alpn) == 0)
		return &tls->link;
	*failure = tls->link.failure;
	tls_close(&tls->link);
	return NULL;
}
