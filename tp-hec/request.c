/* One HTTP request over libcurl. */
#include "tp-hec/request.h"

#include <libdeflate.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "lib/message.h"
#include "tp-hec/receiver.h"

enum {
	CONNECT_TIMEOUT_MS = 10 * 1000,
	UPLOAD_BUFFER_BYTES = 96 * 1024,
	REPLY_BUFFER_BYTES = 4 * 1024,
	SLOWEST_BYTES_PER_S = 16 * 1024, /* a link still worth waiting for */
	CA_CACHE_S = 30,
	COMPRESSION_LEVEL = 1
};

/* A version 4 GUID: receivers of indexer acknowledgements tell us by it. */
static void
make_channel(char channel[37])
{
	unsigned char r[16];

	if (RAND_bytes(r, sizeof(r)) != 1)
		die(EXIT_OS, "no random numbers");
	r[6] = (unsigned char)((r[6] & 0x0f) | 0x40);
	r[8] = (unsigned char)((r[8] & 0x3f) | 0x80);
	snprintf(channel, 37,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
	    "%02x%02x%02x%02x%02x%02x",
	    r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10],
	    r[11], r[12], r[13], r[14], r[15]);
}

/* Keeps the beginning; libcurl is told that all was taken. */
static size_t
take_reply(char *bytes, size_t size, size_t count, void *cookie)
{
	struct request *request = cookie;
	size_t len_bytes = size * count;
	size_t room = REQUEST_REPLY_BYTES - request->reply.len_bytes;

	request->is_reply_cut |= len_bytes > room;
	buffer_append(&request->reply, bytes,
	    len_bytes < room ? len_bytes : room);
	return len_bytes;
}

static size_t
take_header(char *bytes, size_t size, size_t count, void *cookie)
{
	static const char name[] = "retry-after:";
	struct request *request = cookie;
	size_t len_bytes = size * count;
	size_t name_bytes = sizeof(name) - 1;

	/* What came before was an interim answer's (100, 103). */
	if (len_bytes > 5 && memcmp(bytes, "HTTP/", 5) == 0)
		request->retry_after[0] = '\0';
	if (len_bytes > name_bytes &&
	    strncasecmp(bytes, name, name_bytes) == 0) {
		const char *value = bytes + name_bytes;
		size_t left = len_bytes - name_bytes;
		while (left > 0 && (*value == ' ' || *value == '\t'))
			value++, left--;
		while (left > 0 && (unsigned char)value[left - 1] <= ' ')
			left--;
		snprintf(request->retry_after, sizeof(request->retry_after),
		    "%.*s", (int)left, value);
	}
	return len_bytes;
}

/*
 * Where a used connection ends without an answer libcurl sends the request once
 * more by itself.  HEC may have taken the first, under an ackId that we never
 * see: it is for us to know that there were two.
 */
static int
/* NOLINTNEXTLINE(readability-non-const-parameter): libcurl's type */
allow_attempt(void *cookie, char *peer, char *here, int peer_port,
    int here_port)
{
	struct request *request = cookie;

	(void)peer, (void)here, (void)peer_port, (void)here_port;
	return request->attempts++ == 0 || request->is_poll
		   ? CURL_PREREQFUNC_OK
		   : CURL_PREREQFUNC_ABORT;
}

static void
set_tls(CURL *easy, const struct credentials *c)
{
	if (c->ca_file != NULL) {
		curl_easy_setopt(easy, CURLOPT_CAINFO, c->ca_file);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
	if (c->certificate_file != NULL) {
		curl_easy_setopt(easy, CURLOPT_SSLCERT, c->certificate_file);
		curl_easy_setopt(easy, CURLOPT_SSLKEY,
		    c->key_file ? c->key_file : c->certificate_file);
		curl_easy_setopt(easy, CURLOPT_KEYPASSWD, c->pass);
	}
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, (long)CA_CACHE_S);
}

/* What stays the same for the life of the handle. */
static void
set_common(struct request *request)
{
	CURL *easy = request->easy;
	const struct request_setup *setup = request->setup;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, request);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->error);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
	    (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "tp-hec/" VERSION);
	curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE,
	    (long)UPLOAD_BUFFER_BYTES);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)REPLY_BUFFER_BYTES);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_COOKIEFILE, "");
	/* Asks for none, and decodes what comes all the same. */
	curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "identity");
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
	    (long)CONNECT_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_reply);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, request);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, allow_attempt);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, request);
	if (setup->proxy != NULL)
		curl_easy_setopt(easy, CURLOPT_PROXY, setup->proxy);
}

/* libcurl reuses a connection for any request to the same host, unless told
   whose it is. */
static void
own_connections(struct request *request)
{
	request->connections = curl_share_init();
	if (request->connections == NULL)
		die(EXIT_OS, "out of memory");
	curl_share_setopt(request->connections, CURLSHOPT_SHARE,
	    CURL_LOCK_DATA_CONNECT);
	curl_easy_setopt(request->easy, CURLOPT_SHARE, request->connections);
}

struct request *
request_new(const struct request_setup *setup)
{
	struct request *request = calloc(1, sizeof(*request));

	if (request == NULL || (request->easy = curl_easy_init()) == NULL)
		die(EXIT_OS, "out of memory");
	request->setup = setup;
	make_channel(request->channel);
	set_common(request);
	if (setup->is_ack_polled)
		own_connections(request);
	return request;
}

void
request_free(struct request *request)
{
	if (request == NULL)
		return;
	request_finish(request);
	curl_easy_cleanup(request->easy);
	curl_share_cleanup(request->connections);
	buffer_free(&request->reply);
	free(request);
}

static void
add_header(struct request *request, const char *line)
{
	struct curl_slist *longer = curl_slist_append(request->headers, line);

	if (longer == NULL)
		die(EXIT_OS, "out of memory");
	request->headers = longer;
}

static void
set_headers(struct request *request)
{
	const struct request_setup *setup = request->setup;
	char line[64 + CREDENTIALS_TOKEN_BYTES];

	if (setup->credentials->token[0] != '\0' && !setup->is_token_in_query) {
		snprintf(line, sizeof(line), "Authorization: Splunk %s",
		    setup->credentials->token);
		add_header(request, line);
		OPENSSL_cleanse(line, sizeof(line));
	}
	snprintf(line, sizeof(line), "X-Splunk-Request-Channel: %s",
	    request->channel);
	add_header(request, line);
	add_header(request, "Content-Type: application/json");
	add_header(request,
	    "Expect:"); /* or a sink that ignores it costs 1 s */
	if (request->is_compressed)
		add_header(request, "Content-Encoding: gzip");
	curl_easy_setopt(request->easy, CURLOPT_HTTPHEADER, request->headers);
}

static void
set_url(struct request *request, const char *url)
{
	const struct request_setup *setup = request->setup;
	const char *token = setup->credentials->token;

	if (!setup->is_token_in_query || token[0] == '\0') {
		curl_easy_setopt(request->easy, CURLOPT_URL, url);
		return;
	}
	struct buffer whole = { 0 };
	char *escaped = curl_easy_escape(request->easy, token, 0);
	buffer_printf(&whole, "%s%ctoken=%s", url, strchr(url, '?') ? '&' : '?',
	    escaped);
	curl_easy_setopt(request->easy, CURLOPT_URL, buffer_text(&whole));
	OPENSSL_cleanse(whole.data, whole.len_bytes);
	buffer_free(&whole);
	curl_free(escaped);
}

/*
 * Compresses into a buffer that all requests share and keeps a copy of the
 * result's size: some 15 % of a body a request instead of a whole one.
 */
static size_t
compress(struct request *request, const void *body, size_t len_bytes)
{
	static struct libdeflate_compressor *compressor;
	static struct buffer room;

	if (compressor == NULL)
		compressor = libdeflate_alloc_compressor(COMPRESSION_LEVEL);
	if (compressor == NULL)
		die(EXIT_OS, "out of memory");
	size_t bound = libdeflate_gzip_compress_bound(compressor, len_bytes);
	char *to = buffer_reserve(&room, bound);
	size_t size =
	    libdeflate_gzip_compress(compressor, body, len_bytes, to, bound);
	request->compressed = malloc(size);
	if (request->compressed == NULL)
		die(EXIT_OS, "out of memory");
	memcpy(request->compressed, to, size);
	return size;
}

static void
prepare(struct request *request, struct receiver *receiver, const char *url,
    size_t len_bytes)
{
	request->receiver = receiver;
	request->period = receiver->period;
	request->reply.len_bytes = 0;
	request->is_reply_cut = 0;
	request->attempts = 0;
	request->retry_after[0] = request->error[0] = '\0';
	/* Files and secrets may have changed: these are set anew. */
	set_tls(request->easy, request->setup->credentials);
	set_url(request, url);
	set_headers(request);
	curl_easy_setopt(request->easy, CURLOPT_FRESH_CONNECT,
	    (long)request->is_second_try);
	curl_easy_setopt(request->easy, CURLOPT_TIMEOUT_MS,
	    (long)request->setup->timeout_ms +
		(long)(len_bytes / SLOWEST_BYTES_PER_S) * 1000);
	curl_easy_setopt(request->easy, CURLOPT_POST, 1L);
	curl_easy_setopt(request->easy, CURLOPT_POSTFIELDSIZE_LARGE,
	    (curl_off_t)len_bytes);
}

size_t
request_prepare(struct request *request, struct receiver *receiver,
    const void *body, size_t len_bytes)
{
	request->is_poll = 0;
	request->is_compressed = receiver->is_gzip && len_bytes > 0;
	if (request->is_compressed) {
		len_bytes = compress(request, body, len_bytes);
		body = request->compressed;
	}
	prepare(request, receiver, receiver->url, len_bytes);
	curl_easy_setopt(request->easy, CURLOPT_POSTFIELDS, body ? body : "");
	return len_bytes;
}

void
request_prepare_poll(struct request *request, struct receiver *receiver,
    const char *url, const char *body)
{
	request->is_poll = 1;
	request->is_compressed = 0;
	prepare(request, receiver, url, strlen(body));
	curl_easy_setopt(request->easy, CURLOPT_COPYPOSTFIELDS, body);
}

void
request_change_channel(struct request *request)
{
	make_channel(request->channel);
	curl_easy_setopt(request->easy, CURLOPT_COOKIELIST, "ALL");
}

void
request_finish(struct request *request)
{
	curl_slist_free_all(request->headers);
	request->headers = NULL;
	free(request->compressed);
	request->compressed = NULL;
	request->receiver = NULL;
	request->is_second_try = 0;
}

struct reply
request_reply(const struct request *request, CURLcode result)
{
	long status = 0;

	curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
	if (result != CURLE_OK && status < 200)
		status = 0; /* an interim answer, and then none */
	return (struct reply){ .status = (int)status,
		.body = request->reply.data,
		.len_bytes = request->reply.len_bytes,
		.retry_after =
		    request->retry_after[0] ? request->retry_after : NULL,
		.now_seconds = (int64_t)time(NULL),
		.is_cut = result != CURLE_OK || request->is_reply_cut };
}

int
request_was_sent(const struct request *request)
{
	long sent_bytes = 0;

	curl_easy_getinfo(request->easy, CURLINFO_REQUEST_SIZE, &sent_bytes);
	return sent_bytes > 0;
}

int
request_died_on_old_connection(const struct request *request, CURLcode result)
{
	long opened = 0;

	switch (result) {
	case CURLE_ABORTED_BY_CALLBACK: /* by allow_attempt() */
		return 1;
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
		curl_easy_getinfo(request->easy, CURLINFO_NUM_CONNECTS,
		    &opened);
		return opened == 0;
	default:
		return 0;
	}
}

int
request_is_refused_by_tls(const struct request *request, CURLcode result)
{
	switch (result) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_CLIENTCERT:
		return 1;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		/* Under TLS 1.3 a refused certificate is an alert that comes
		   after the handshake, as an error of the first read. */
		return strstr(request->error, "alert") != NULL;
	default:
		return 0;
	}
}

int64_t
request_lasted_ms(const struct request *request)
{
	curl_off_t us = 0;

	curl_easy_getinfo(request->easy, CURLINFO_TOTAL_TIME_T, &us);
	return us / 1000;
}

/* What a peer does that speaks TLS where it is spoken to without, or the
   reverse: one that is merely in trouble may do the same, so it is a question.
 */
static const char *
doubt_scheme(const struct request *request, CURLcode result)
{
	const int is_tls =
	    strncasecmp(request->receiver->url, "https:", 6) == 0;
	long opened = 0;

	curl_easy_getinfo(request->easy, CURLINFO_NUM_CONNECTS, &opened);
	if (opened == 0)
		return ""; /* the connection had been good for a request */
	switch (result) {
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
	case CURLE_UNSUPPORTED_PROTOCOL: /* bytes that are not HTTP/1 */
		return is_tls ? "" : " (is it https?)";
	case CURLE_SSL_CONNECT_ERROR:
		return strstr(request->error, "wrong version number") != NULL
			   ? " (is it http without TLS?)"
			   : "";
	default:
		return "";
	}
}

struct verdict
request_failure(const struct request *request, CURLcode result)
{
	const char *why =
	    request->error[0] ? request->error : curl_easy_strerror(result);
	size_t len_bytes = strlen(why);
	struct verdict verdict = { .kind = VERDICT_RETRY,
		.code = -1,
		.ack_id = -1,
		.retry_after_ms = -1 };

	while (len_bytes > 0 && why[len_bytes - 1] == ' ')
		len_bytes--; /* libcurl's, after a reason that it lacks */
	snprintf(verdict.text, sizeof(verdict.text), "%.*s%s", (int)len_bytes,
	    why, doubt_scheme(request, result));
	return verdict;
}
