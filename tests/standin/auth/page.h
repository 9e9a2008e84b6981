/* page.h -- AuditLogService.GetUnstructuredEvents: a request's bytes to a
 * page of events.
 *
 * Bounds are inclusive; a limit of 0 or less is 500, more than 10,000 is
 * refused; a page ends at the limit or with the event that would pass
 * `max_bytes` of JSON; last_key is empty only when no event that matches is
 * left in the window now. */
#ifndef STANDIN_AUTH_PAGE_H
#define STANDIN_AUTH_PAGE_H

#include "page_key.h"

#include <grpc/status.h>

enum { PAGE_DEFAULT_LIMIT = 500, PAGE_HIGHEST_LIMIT = 10000 };

struct page_request {
	int64_t from_ns;
	int64_t to_ns;
	int64_t limit;
	int is_ascending;
	char *key;
	char **types;
	size_t type_count;
};

/* How pages are made; the second half is what faults ask for. */
struct page_rules {
	enum key_style key_style;
	size_t max_bytes;
	size_t max_event_bytes; /* 0: none; a larger one is an UNKNOWN error */
	int is_live;            /* events of the future do not exist yet */

	size_t limit_cap;            /* 0: none */
	int is_empty;                /* no items, and a key */
	int keeps_key;               /* last_key is the request's start_key */
	int drops_key;               /* last_key is empty */
	int repeats_first;           /* the first item comes twice */
	int overlaps;                /* last_key is one event too early */
	grpc_status_code key_status; /* to a start_key; OK: takes it */
};

struct page {
	uint8_t *data; /* malloc'ed: the reply message */
	size_t size;
	size_t capacity;
	size_t items;
	char last_key[KEY_TEXT_SIZE];
	char message[400]; /* why status is not OK */
};

/* 0, or -1 if the bytes are no GetUnstructuredEventsRequest. */
int page_request_parse(struct page_request *request, const uint8_t *data,
    size_t size);
void page_request_free(struct page_request *request);

/* Fills `page`; whatever the status, page_free() releases what it holds. */
grpc_status_code
page_make(struct page *page, const struct page_request *request,
    const struct page_rules *rules, const struct catalogue *catalogue);
void page_free(struct page *page);

#endif
