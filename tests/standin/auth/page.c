/* One page of events, encoded straight into the reply's buffer. */
#include "page.h"

#include "../say.h"
#include "clock.h"
#include "memory.h"
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* GetUnstructuredEventsRequest */
enum {
	REQUEST_START_DATE = 2,
	REQUEST_END_DATE = 3,
	REQUEST_EVENT_TYPES = 4,
	REQUEST_LIMIT = 5,
	REQUEST_START_KEY = 6,
	REQUEST_ORDER = 7,
};
enum { ORDER_ASCENDING = 1 };

/* EventsUnstructured, EventUnstructured */
enum { PAGE_ITEMS = 1, PAGE_LAST_KEY = 2 };
enum { ITEM_TYPE = 1, ITEM_ID, ITEM_TIME, ITEM_INDEX, ITEM_UNSTRUCTURED };

static char *
copy_text(struct wire_in data)
{
	size_t size = (size_t)(data.end - data.at);
	char *text = x_zalloc(size + 1);

	if (size)
		memcpy(text, data.at, size);
	return text;
}

static int
take_field(struct page_request *request, const struct wire_field *field)
{
	switch (field->number) {
	case REQUEST_START_DATE:
		return wire_read_timestamp(field->data, &request->from_ns);
	case REQUEST_END_DATE:
		return wire_read_timestamp(field->data, &request->to_ns);
	case REQUEST_EVENT_TYPES:
		request->types = realloc(request->types,
		    (request->type_count + 1) * sizeof *request->types);
		if (!request->types)
			die(EXIT_OS, "out of memory");
		request->types[request->type_count++] = copy_text(field->data);
		return 0;
	case REQUEST_LIMIT:
		request->limit = (int32_t)field->value;
		return 0;
	case REQUEST_START_KEY:
		free(request->key);
		request->key = copy_text(field->data);
		return 0;
	case REQUEST_ORDER:
		request->is_ascending = field->value == ORDER_ASCENDING;
		return 0;
	default:
		return 0;
	}
}

int
page_request_parse(struct page_request *request, const uint8_t *data,
    size_t size)
{
	struct wire_in in = { data, data + size };
	struct wire_field field;
	int status;

	*request = (struct page_request){ 0 };
	request->key = x_strdup("");
	while ((status = wire_next(&in, &field)) > 0) {
		int is_bytes = field.number < REQUEST_LIMIT ||
			       field.number == REQUEST_START_KEY;

		if (is_bytes != (field.type == WIRE_BYTES) ||
		    take_field(request, &field))
			return -1;
	}
	return status;
}

void
page_request_free(struct page_request *request)
{
	for (size_t i = 0; i < request->type_count; i++)
		free(request->types[i]);
	free(request->types);
	free(request->key);
	*request = (struct page_request){ 0 };
}

static uint8_t *
claim(struct page *page, size_t size)
{
	uint8_t *at;

	page->data = x_grow(page->data, &page->capacity, page->size + size, 1);
	at = page->data + page->size;
	page->size += size;
	return at;
}

static void
put_double(uint8_t *at, double value)
{
	memcpy(at, &value, sizeof value); /* little-endian, as the wire is */
}

static void
apply_patch(uint8_t *fields, const struct event *event)
{
	memcpy(fields + event->patch->uid, event->uid_text, UID_SIZE);
	memcpy(fields + event->patch->time, event->time_text, TIME_SIZE);
	put_double(fields + event->patch->index, (double)event->index);
}

/* The members before the Struct go into a small buffer from its end, with
 * the lengths that count the Struct already; then the Struct follows. */
static void
put_item(struct page *page, const struct event *event)
{
	size_t type_size = strlen(event->type), id_size = strlen(event->id);
	size_t room = type_size + id_size + 80;
	uint8_t *at = claim(page, room + event->fields_size);
	struct wire_out head = wire_on(at, room);
	size_t head_size;

	wire_put_varint(&head, event->fields_size);
	wire_put_tag(&head, ITEM_UNSTRUCTURED, WIRE_BYTES);
	if (event->index)
		wire_put_integer(&head, ITEM_INDEX, (uint64_t)event->index);
	wire_put_timestamp(&head, ITEM_TIME, event->time_ns);
	wire_put_string(&head, ITEM_ID, event->id, id_size);
	wire_put_string(&head, ITEM_TYPE, event->type, type_size);
	wire_put_varint(&head, wire_size(&head) + event->fields_size);
	wire_put_tag(&head, PAGE_ITEMS, WIRE_BYTES);

	head_size = wire_size(&head);
	memmove(at, wire_data(&head), head_size);
	memcpy(at + head_size, event->fields, event->fields_size);
	if (event->patch)
		apply_patch(at + head_size, event);
	page->size -= room - head_size;
	page->items++;
}

static void
put_last_key(struct page *page)
{
	size_t size = strlen(page->last_key);
	uint8_t memory[KEY_TEXT_SIZE + 16];
	struct wire_out out = wire_on(memory, sizeof memory);

	if (!size)
		return;
	wire_put_string(&out, PAGE_LAST_KEY, page->last_key, size);
	memcpy(claim(page, wire_size(&out)), wire_data(&out), wire_size(&out));
}

static int
is_wanted(const struct page_request *request, const struct event *event)
{
	if (!request->type_count)
		return 1;
	for (size_t i = 0; i < request->type_count; i++) {
		if (strcmp(request->types[i], event->type) == 0)
			return 1;
	}
	return 0;
}

static const struct event *
next_wanted(struct walk *walk, const struct page_request *request)
{
	const struct event *event;

	do
		event = walk_next(walk);
	while (event && !is_wanted(request, event));
	return event;
}

static size_t
limit_of(const struct page_request *request, const struct page_rules *rules)
{
	size_t limit =
	    request->limit > 0 ? (size_t)request->limit : PAGE_DEFAULT_LIMIT;

	if (rules->limit_cap && rules->limit_cap < limit)
		return rules->limit_cap;
	return limit;
}

static int
is_full(const struct page *page, size_t json_size, size_t limit,
    const struct page_rules *rules, const struct event *next)
{
	if (page->items >= limit)
		return 1;
	if (rules->max_event_bytes && next->json_size > rules->max_event_bytes)
		return 1;
	return page->items && json_size + next->json_size > rules->max_bytes;
}

/* Puts events until the page is full; the event that no longer fits, or NULL
 * at the end of the window.  `*key` is the place of the last one put, or, when
 * keys overlap and there are two, of the one before it. */
static const struct event *
fill(struct page *page, struct walk *walk, const struct page_request *request,
    const struct page_rules *rules, struct page_key *key)
{
	size_t json_size = 0, limit = limit_of(request, rules);
	const struct event *event = next_wanted(walk, request);

	while (event && !is_full(page, json_size, limit, rules, event)) {
		int is_last_kept =
		    !rules->overlaps || !page->items || page->items + 1 < limit;

		put_item(page, event);
		if (rules->repeats_first && page->items == 1)
			put_item(page, event);
		json_size += event->json_size;
		if (is_last_kept) {
			key->time_ns = event->time_ns;
			key->index = event->index;
			snprintf(key->id, sizeof key->id, "%s", event->id);
		}
		event = next_wanted(walk, request);
	}
	return event;
}

static grpc_status_code
refuse(struct page *page, grpc_status_code status, const char *why)
{
	snprintf(page->message, sizeof page->message, "%s", why);
	return status;
}

/* Where an empty page's key leads back to: where the page would have begun. */
static struct page_key
edge_of(const struct range *range)
{
	struct page_key key = { .index = range->is_ascending ? INT64_MIN
							     : INT64_MAX };

	key.time_ns = range->is_ascending ? range->from_ns : range->to_ns;
	return key;
}

static void
choose_key(struct page *page, const struct page_request *request,
    const struct page_rules *rules, const struct page_key *last)
{
	struct position position = { last->time_ns, last->index,
		*last->id ? last->id : NULL };

	if (rules->drops_key)
		page->last_key[0] = '\0';
	else if ((rules->keeps_key || rules->is_empty) && *request->key)
		snprintf(page->last_key, sizeof page->last_key, "%s",
		    request->key);
	else
		page_key_print(page->last_key, rules->key_style, &position);
}

/* Room for the page that is likely, so that it is not copied as it grows;
 * memory that is not written costs nothing. */
static void
reserve(struct page *page, const struct page_request *request,
    const struct page_rules *rules)
{
	size_t likely = limit_of(request, rules) * 1400 + 1024;
	size_t highest = rules->max_bytes / 2 * 3 + 4096;

	page->data = x_grow(page->data, &page->capacity,
	    likely < highest ? likely : highest, 1);
}

/* Empty and without a key would mean that there is nothing: a loss, not a
 * trouble. */
static int
is_empty_page(const struct page_request *request,
    const struct page_rules *rules)
{
	return rules->is_empty &&
	       (*request->key || rules->key_style != KEY_UID);
}

static grpc_status_code
make_items(struct page *page, const struct page_request *request,
    const struct page_rules *rules, const struct catalogue *catalogue,
    const struct range *range)
{
	struct page_key last = edge_of(range);
	const struct event *next;
	struct walk walk;

	reserve(page, request, rules);
	walk_begin(&walk, catalogue, range);
	if (is_empty_page(request, rules))
		next = next_wanted(&walk, request);
	else
		next = fill(page, &walk, request, rules, &last);
	if (next && !page->items && !is_empty_page(request, rules)) {
		snprintf(page->message, sizeof page->message,
		    "event %.100s is %zu bytes, more than the page holds",
		    next->id, next->json_size);
		return GRPC_STATUS_UNKNOWN;
	}
	if (next)
		choose_key(page, request, rules, &last);
	put_last_key(page);
	return GRPC_STATUS_OK;
}

grpc_status_code
page_make(struct page *page, const struct page_request *request,
    const struct page_rules *rules, const struct catalogue *catalogue)
{
	struct range range = { request->from_ns, request->to_ns,
		request->is_ascending, NULL };
	struct page_key key;
	struct position after;

	if (request->limit > PAGE_HIGHEST_LIMIT)
		return refuse(page, GRPC_STATUS_INVALID_ARGUMENT,
		    "limit must be 10000 at most");
	if (*request->key && rules->key_status != GRPC_STATUS_OK)
		return refuse(page, rules->key_status,
		    "unsupported or malformed start key");
	if (rules->is_live && range.to_ns > clock_now_ns())
		range.to_ns = clock_now_ns();
	if (!*request->key)
		return make_items(page, request, rules, catalogue, &range);

	switch (page_key_parse(&key, rules->key_style, request->key, catalogue,
	    &range)) {
	case KEY_MALFORMED:
		return refuse(page, GRPC_STATUS_INVALID_ARGUMENT,
		    "unsupported or malformed start key");
	case KEY_UNKNOWN:
		return GRPC_STATUS_OK;
	case KEY_OK:
		break;
	}
	after = (struct position){ key.time_ns, key.index,
		*key.id ? key.id : NULL };
	range.after = &after;
	return make_items(page, request, rules, catalogue, &range);
}

void
page_free(struct page *page)
{
	free(page->data);
	*page = (struct page){ 0 };
}
