/* Requests out, replies in. */
#include "tp-fetch/audit_api.h"

#include "auditlog.pb-c.h"
#include "lib/buffer.h"

enum { ITEMS = 1, LAST_KEY = 2 };
enum { EVENT_TYPE = 1, EVENT_ID = 2, EVENT_TIME = 3, EVENT_FIELDS = 5 };
enum { TIME_SECONDS = 1, TIME_NANOS = 2 };

/* protobuf-c's structures hold char *, and only read through it here. */
static char *
unconst(const char *text)
{
	union {
		const char *in;
		char *out;
	} same = { .in = text };

	return same.out;
}

void
audit_query_encode(const struct audit_query *query, struct buffer *out)
{
	Tp__GetUnstructuredEventsRequest request;
	Tp__Timestamp from;
	Tp__Timestamp to;
	union {
		const char *const *in;
		char **out;
	} types = { .in = query->types };

	tp__get_unstructured_events_request__init(&request);
	tp__timestamp__init(&from);
	tp__timestamp__init(&to);
	from.seconds = query->from.seconds;
	from.nanos = query->from.nanos;
	to.seconds = query->to.seconds;
	to.nanos = query->to.nanos;
	request.namespace_ = unconst("default");
	request.start_date = &from;
	request.end_date = &to;
	request.limit = query->limit;
	request.start_key = unconst(query->key);
	request.order = TP__ORDER__ASC;
	request.event_types = types.out;
	while (types.in != NULL && types.in[request.n_event_types] != NULL)
		request.n_event_types++;
	size_t size_bytes =
	    tp__get_unstructured_events_request__get_packed_size(&request);
	uint8_t *room = (uint8_t *)buffer_reserve(out, size_bytes);
	out->len_bytes +=
	    tp__get_unstructured_events_request__pack(&request, room);
}

static struct audit_text
field_text(const struct wire_field *field)
{
	return (
	    struct audit_text){ (const char *)field->bytes, field->len_bytes };
}

int
audit_page_open(const void *bytes, size_t len_bytes, struct audit_page *page)
{
	struct wire_reader reader = wire_open(bytes, len_bytes);
	struct wire_field field;

	*page = (struct audit_page){ .reader = reader };
	while (wire_next(&reader, &field)) {
		if (field.type != WIRE_BYTES)
			continue;
		if (field.number == ITEMS)
			page->count++;
		else if (field.number == LAST_KEY)
			page->last_key = field_text(&field);
	}
	return reader.is_bad ? -1 : 0;
}

static void
read_time(const struct wire_field *from, struct timestamp *time)
{
	struct wire_reader reader = wire_open(from->bytes, from->len_bytes);
	struct wire_field field;

	while (wire_next(&reader, &field)) {
		if (field.type != WIRE_VARINT)
			continue;
		if (field.number == TIME_SECONDS)
			time->seconds = (int64_t)field.value;
		else if (field.number == TIME_NANOS)
			time->nanos = (int32_t)field.value;
	}
}

static int
read_event(const struct wire_field *item, struct audit_event *event)
{
	struct wire_reader reader = wire_open(item->bytes, item->len_bytes);
	struct wire_field field;

	*event = (struct audit_event){ 0 };
	while (wire_next(&reader, &field)) {
		if (field.type != WIRE_BYTES)
			continue;
		if (field.number == EVENT_TYPE) {
			event->type = field_text(&field);
		} else if (field.number == EVENT_ID) {
			event->id = field_text(&field);
		} else if (field.number == EVENT_TIME) {
			read_time(&field, &event->time);
		} else if (field.number == EVENT_FIELDS) {
			event->fields = field.bytes;
			event->fields_len_bytes = field.len_bytes;
		}
	}
	if (!reader.is_bad)
		return 1;
	*event = (struct audit_event){ .fields = item->bytes,
		.fields_len_bytes = item->len_bytes };
	return -1;
}

int
audit_page_next(struct audit_page *page, struct audit_event *event)
{
	struct wire_field field;

	while (wire_next(&page->reader, &field))
		if (field.type == WIRE_BYTES && field.number == ITEMS)
			return read_event(&field, event);
	return 0;
}
