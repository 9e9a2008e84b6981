/*
 * HTTP/1.1 as a server reads and writes it on one connection: request heads,
 * bodies (Content-Length or chunked, `Expect: 100-continue` answered when the
 * body is first wanted), answers.
 */
#ifndef STANDIN_HEC_HTTP_H
#define STANDIN_HEC_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"
#include "transport.h"

enum { HTTP_HEADERS_MAX = 64 };

struct http_request {
	const char *method;
	const char *path;
	const char *query;  /* behind '?', undecoded; "" when there is none */
	bool keep_alive;    /* what the client wishes */
	bool has_length;    /* a Content-Length was sent */
	uint64_t body_left; /* of the body (or, chunked, of this chunk) */
	bool is_chunked;
	bool body_ended;
	bool expects_continue;
	uint64_t body_read; /* bytes of body read so far, without framing */
	struct {
		const char *name;
		const char *value;
	} headers[HTTP_HEADERS_MAX];
	int header_count;
};

enum http_outcome {
	HTTP_REQUEST,
	HTTP_CLOSED, /* no further request: closed, idle too long, broken */
	HTTP_BAD     /* not HTTP; answer 400 and close */
};

struct http;

/* Borrows `transport`. */
struct http *http_new(struct transport *transport);
void http_free(struct http *http);

/*
 * Waits up to `idle_ms` for the next request.  `request` and its strings live
 * until the next call.
 */
enum http_outcome
http_next(struct http *http, int idle_ms, struct http_request *request);

/* A header by name in any case; NULL when absent. */
const char *http_header(const struct http_request *request, const char *name);

/* A query parameter, decoded, for the caller to free; NULL when absent. */
char *http_parameter(const struct http_request *request, const char *name);

/* The next bytes of the body: how many, 0 at its end, -1 when it broke off. */
ssize_t http_read_body(struct http *http, struct http_request *request,
    void *data, size_t len);

/* Reads what is left of the body, within bounds; false when it did not end. */
bool http_skip_body(struct http *http, struct http_request *request);

/*
 * Writes a whole answer in one go.  `headers` holds further lines, each with
 * its CRLF.  `rate` above 0 slows it to so many bytes a second.  -1 when the
 * connection broke.
 */
struct http_answer {
	int status;
	const char *type;
	struct bytes headers;
	const char *body;
	size_t body_len;
	size_t body_sent;  /* cut the body here (body_len: not at all) */
	bool without_body; /* HEAD */
	bool closes;
	int64_t rate;
};
int http_write_answer(struct http *http, const struct http_answer *answer);

#endif
