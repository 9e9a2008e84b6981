/*
 * The bytes of a google.protobuf.Struct to one line of JSON.  Pure.
 *
 * One pass over the wire bytes, no tree.  What comes out is what Go's
 * protojson prints, less its blanks: keys in byte order at every level,
 * numbers as number_json() has them, escapes only for '"', '\' and what is
 * below 0x20.  As protobuf has it: of duplicate keys, of several members of a
 * Value's oneof, the last one counts; unknown fields are passed over, and a
 * known number with another wire type is one of them.
 *
 * It differs from Go where no encoder goes: a Value without a kind, or an entry
 * without a value, is written as null (protojson refuses it; losing an event
 * over it would be worse); what does not count, for a later one follows, is not
 * looked into, so may be broken; a struct or list that is given twice in one
 * Value is not merged, the last counts; groups are refused (wire.h).
 */
#ifndef TP_FETCH_EVENT_JSON_H
#define TP_FETCH_EVENT_JSON_H

#include <stddef.h>

struct buffer;

enum event_json_status {
	EVENT_JSON_OK,
	EVENT_JSON_NOT_PROTOBUF, /* truncated, or not the wire format */
	EVENT_JSON_NOT_UTF8,     /* a string or key is not UTF-8 */
	EVENT_JSON_NOT_FINITE,   /* NaN or an infinity: JSON has none */
	EVENT_JSON_TOO_DEEP      /* nested beyond EVENT_JSON_MAX_DEPTH */
};

enum {
	EVENT_JSON_MAX_DEPTH = 1000, /* objects and arrays, the event too */
	EVENT_JSON_MAX_BYTES = 0x7fffffff /* protobuf's own limit */
};

/* What the writer found on its way in the top level of the event. */
struct event_json_found {
	size_t uid_offset; /* of `uid`'s text in what was appended, if plain */
	size_t uid_len_bytes; /* 0: none, or it cannot stand in an ack
				 (lib/uid.h) */
};

/* Work space that is reused from event to event. */
struct event_json;
struct event_json *event_json_new(void);
void event_json_free(struct event_json *writer);

/*
 * Appends the object (no newline) to `out`.  On any status but OK, `out` is as
 * it was.  `found` may be NULL.
 */
enum event_json_status
event_json_write(struct event_json *writer, const void *struct_bytes,
    size_t len_bytes, struct buffer *out, struct event_json_found *found);

/* Words for a status, for messages and gap records. */
const char *event_json_reason(enum event_json_status status);

#endif
