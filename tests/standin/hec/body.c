/*
 * A request's body, unpacked.
 */
#include "body.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "../say.h"
#include "patience.h"

enum {
	CHUNK_BYTES = 256 * 1024,
	UNPACKED_BYTES_MAX = 838860800, /* max_content_length, inputs.conf */
	GZIP_WINDOW = 15 + 16,          /* zlib: expect a gzip header */
};

void
body_begin(struct body *body, struct http *http, struct http_request *request,
    bool is_gzip)
{
	*body = (struct body){ 0 };
	body->http = http;
	body->request = request;
	body->max_bytes = UNPACKED_BYTES_MAX;
	body->is_gzip = is_gzip;
	if (!is_gzip)
		return;
	body->packed = malloc(CHUNK_BYTES);
	if (body->packed == NULL ||
	    inflateInit2(&body->gzip, GZIP_WINDOW) != Z_OK)
		die(EX_OSERR, "memory: inflating refused");
}

void
body_end(struct body *body)
{
	if (body->is_gzip)
		inflateEnd(&body->gzip);
	free(body->packed);
	body->packed = NULL;
}

static ssize_t
read_as_sent(struct body *body, void *data, size_t len)
{
	ssize_t n;

	if (body->request->body_left > body->max_bytes ||
	    body->request->body_read > body->max_bytes)
		return BODY_TOO_LARGE;
	if (body->rate > 0 && len > (size_t)body->rate / 20 + 1)
		len = (size_t)body->rate / 20 + 1;
	n = http_read_body(body->http, body->request, data, len);
	if (n > 0 && body->rate > 0 && !wait_ms(n * 1000 / body->rate))
		return BODY_BROKEN;
	return n < 0 ? BODY_BROKEN : n;
}

/* At the end of one gzip member: is there another?  Then go on with it. */
static int
next_member(struct body *body)
{
	if (body->gzip.avail_in == 0) {
		ssize_t n = read_as_sent(body, body->packed, CHUNK_BYTES);
		if (n <= 0)
			return (int)n;
		body->gzip.next_in = body->packed;
		body->gzip.avail_in = (unsigned)n;
	}
	return inflateReset(&body->gzip) == Z_OK ? 1 : BODY_BAD_GZIP;
}

static ssize_t
read_unpacked(struct body *body, void *data, size_t len)
{
	z_stream *gzip = &body->gzip;
	int result;

	gzip->next_out = data;
	gzip->avail_out = (unsigned)len;
	while (gzip->avail_out == len) {
		if (body->gzip_ended) {
			int more = next_member(body);
			if (more <= 0)
				return more;
			body->gzip_ended = false;
		}
		if (gzip->avail_in == 0) {
			ssize_t n =
			    read_as_sent(body, body->packed, CHUNK_BYTES);
			if (n <= 0)
				return n == 0 ? BODY_BAD_GZIP : n;
			gzip->next_in = body->packed;
			gzip->avail_in = (unsigned)n;
		}
		result = inflate(gzip, Z_NO_FLUSH);
		if (result != Z_OK && result != Z_STREAM_END)
			return BODY_BAD_GZIP;
		body->gzip_ended = result == Z_STREAM_END;
	}
	return (ssize_t)(len - gzip->avail_out);
}

ssize_t
body_read(struct body *body, void *data, size_t len)
{
	ssize_t n = body->is_gzip ? read_unpacked(body, data, len)
				  : read_as_sent(body, data, len);

	if (n > 0)
		body->unpacked += (uint64_t)n;
	return body->unpacked > UNPACKED_BYTES_MAX ? BODY_TOO_LARGE : n;
}

int
body_read_whole(struct body *body, struct bytes *whole)
{
	ssize_t n;

	if (!body->is_gzip && body->request->has_length &&
	    body->request->body_left <= body->max_bytes)
		bytes_reserve(whole, (size_t)body->request->body_left + 1);
	do {
		char *room = bytes_reserve(whole, CHUNK_BYTES / 4);
		n = body_read(body, room, whole->capacity - whole->len);
		if (n > 0)
			whole->len += (size_t)n;
	} while (n > 0);
	return (int)n;
}

static size_t
count_byte(const char *data, size_t len, char byte)
{
	const char *end = data + len;
	size_t count = 0;

	while ((data = memchr(data, byte, (size_t)(end - data))) != NULL) {
		count++;
		data++;
	}
	return count;
}

ssize_t
body_count_lines(struct body *body)
{
	char *chunk = malloc(CHUNK_BYTES);
	size_t lines = 0;
	char last = '\n';
	ssize_t n;

	if (chunk == NULL)
		die(EX_OSERR, "memory: a buffer refused");
	while ((n = body_read(body, chunk, CHUNK_BYTES)) > 0) {
		lines += count_byte(chunk, (size_t)n, '\n');
		last = chunk[n - 1];
	}
	free(chunk);
	return n < 0 ? n : (ssize_t)(lines + (last != '\n'));
}
