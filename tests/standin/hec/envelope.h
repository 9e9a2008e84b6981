/*
 * One HEC envelope, judged as splunkd judges it (10.4.3, from recorded probes):
 * which of its faults is an answer, which is silence.
 */
#ifndef STANDIN_HEC_ENVELOPE_H
#define STANDIN_HEC_ENVELOPE_H

#include <jansson.h>
#include <stddef.h>

#include "tokens.h"

struct slice {
	const char *at;
	size_t len;
};

/* A rule of the test's own: an event that contains `text` is refused. */
struct poison {
	const char *text;
	int code;
	struct poison *next;
};

struct envelope_rules {
	const struct token *token;
	const char *default_index; /* from the query; NULL when absent */
	const struct poison *poison;
	size_t max_event_bytes;
};

enum envelope_outcome {
	ENVELOPE_KEEP,
	ENVELOPE_SKIP, /* `fields` without `event`: passed over in silence */
	ENVELOPE_TRAP, /* an unknown key: it and all behind it vanish */
	ENVELOPE_BAD,  /* see `code` */
};

struct envelope {
	struct slice whole; /* as received */
	struct slice event; /* its `event` member's bytes as received */
	struct slice time;  /* likewise; empty when absent */
	json_t *json;       /* for the caller to release */
	int code;
};

/* Judges the envelope at the start of `text`, sets `whole` unless it is bad. */
enum envelope_outcome envelope_judge(struct envelope *envelope,
    struct slice text, const struct envelope_rules *rules);

#endif
