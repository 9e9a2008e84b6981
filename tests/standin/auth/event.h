/* event.h -- one audit event, ready to be served; and the order of events. */
#ifndef STANDIN_AUTH_EVENT_H
#define STANDIN_AUTH_EVENT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

enum { UID_SIZE = 36, TIME_SIZE = 24 };

/* Where, in the bytes of a synthetic event's Struct, lie the values that
 * differ from event to event. */
struct patch {
	size_t uid;
	size_t time;
	size_t index;
};

/* A view: what it points at belongs to the source it came from, and lasts
 * until that source's next event is asked for.  A synthetic event's own id
 * and time text live in the view itself, so it must not be copied. */
struct event {
	int64_t time_ns;
	int64_t index;
	const char *type;
	const char *id;
	const uint8_t *fields; /* google.protobuf.Struct */
	size_t fields_size;
	size_t json_size;          /* of the event's JSON text */
	const struct patch *patch; /* NULL: `fields` is right as it is */
	char uid_text[UID_SIZE + 1];
	char time_text[TIME_SIZE + 1];
};

/* A place in the order of all events: time, index within the instant, id.
 * An id of NULL stands before (index INT64_MIN) or after (INT64_MAX) every
 * event of that instant. */
struct position {
	int64_t time_ns;
	int64_t index;
	const char *id;
};

struct position event_position(const struct event *event);
int position_compare(const struct position *a, const struct position *b);

/* Events in order, from wherever they come. */
struct source {
	void *self;
	size_t (*count)(const void *self);
	void (*get)(void *self, size_t number, struct event *event);
	/* The event's JSON; the caller owns the reference. */
	json_t *(*json)(void *self, size_t number);
	/* 1 and *number, or 0 if no event has this id. */
	int (*find)(const void *self, const char *id, size_t *number);
};

#endif
