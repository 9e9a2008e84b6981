/*
 * A request's body, unpacked: gzip is undone as it arrives, and reading can be
 * slowed or stopped at a size.
 */
#ifndef STANDIN_HEC_BODY_H
#define STANDIN_HEC_BODY_H

#include <zlib.h>

#include "http.h"

enum body_error {
	BODY_BROKEN = -1,    /* the connection ended or stalled */
	BODY_BAD_GZIP = -2,  /* or cut short */
	BODY_TOO_LARGE = -3, /* above max_bytes */
};

struct body {
	struct http *http;
	struct http_request *request;
	uint64_t max_bytes; /* as sent; unpacked at most 838,860,800 */
	int64_t rate;       /* bytes a second as sent; 0: as fast as it goes */
	uint64_t unpacked;  /* bytes given out so far */
	bool is_gzip;
	bool gzip_ended;
	z_stream gzip;
	unsigned char *packed; /* gzip's input */
};

/* Prepares to read; pair it with body_end(). */
void body_begin(struct body *body, struct http *http,
    struct http_request *request, bool is_gzip);
void body_end(struct body *body);

/* The next bytes: how many, 0 at the end, or a body_error. */
ssize_t body_read(struct body *body, void *data, size_t len);

/* All of it, appended to `whole`; 0 or a body_error. */
int body_read_whole(struct body *body, struct bytes *whole);

/* Counts its lines, the last one also without its LF; -1, -2, -3 as above. */
ssize_t body_count_lines(struct body *body);

#endif
