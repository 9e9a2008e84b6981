/*
 * The messages of Teleport's AuditLogService: requests out, replies in.  Pure;
 * no reply is copied, so what a page names lives as long as the reply's bytes.
 *
 * Numbers and meanings are those of Teleport's auditlog.proto:
 * EventsUnstructured{items=1, last_key=2}, EventUnstructured{type=1, id=2,
 * time=3, index=4, unstructured=5}.
 */
#ifndef TP_FETCH_AUDIT_API_H
#define TP_FETCH_AUDIT_API_H

#include <stddef.h>
#include <stdint.h>

#include "lib/timestamp.h"
#include "tp-fetch/wire.h"

#define AUDIT_API_SEARCH                                                       \
	"/teleport.auditlog.v1.AuditLogService/GetUnstructuredEvents"

/* A server answers INVALID_ARGUMENT to more. */
enum { AUDIT_API_MAX_LIMIT = 10000 };

struct buffer;

struct audit_query {
	struct timestamp from; /* both bounds are inclusive */
	struct timestamp to;
	const char *const *types; /* NULL-terminated; NULL: all */
	int32_t limit;
	const char *key; /* "": the first page */
};

/* Appends a GetUnstructuredEventsRequest, in ascending order of time. */
void audit_query_encode(const struct audit_query *query, struct buffer *out);

struct audit_text {
	const char *text; /* not terminated */
	size_t len_bytes;
};

struct audit_event {
	struct audit_text type;
	struct audit_text id;
	struct timestamp time;
	const uint8_t *fields; /* google.protobuf.Struct */
	size_t fields_len_bytes;
};

struct audit_page {
	struct wire_reader reader;
	struct audit_text last_key; /* empty: nothing more for now */
	size_t count;
};

/*
 * Looks over a whole page: counts its items, finds its key.  -1 when the bytes
 * are not a page.
 */
int
audit_page_open(const void *bytes, size_t len_bytes, struct audit_page *page);

/*
 * The next item: 1; 0 behind the last; -1 when its bytes are not an event
 * (`fields` is then all of them).
 */
int audit_page_next(struct audit_page *page, struct audit_event *event);

#endif
