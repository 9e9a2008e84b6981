/*
 * An event's line as HEC's /event endpoint wants it.  Pure.
 *
 *	{"time":1700000000.123,"host":"h","source":"s","sourcetype":"t",
 *	 "index":"i","fields":{"uid":"u"},"event":<the line as it stands>}
 *
 * on one line; the order and the set of keys are fixed, for HEC drops what
 * stands behind an envelope with a key that it does not know, and says 200.
 * What has no value is left out: HEC refuses null.
 *
 * `time` comes from the event's member `time` (RFC 3339) in plain decimals: HEC
 * refuses an exponent.  It is left out when that is missing, is no time, or is
 * before 1970; HEC then takes the time of receipt.
 */
#ifndef TP_HEC_ENVELOPE_H
#define TP_HEC_ENVELOPE_H

#include <stddef.h>

#include "lib/buffer.h"
#include "tp-hec/scan.h"

enum envelope_key {
	ENVELOPE_HOST,
	ENVELOPE_SOURCE,
	ENVELOPE_SOURCETYPE,
	ENVELOPE_INDEX,
	ENVELOPE_KEYS
};

struct envelope_options {
	/* Values for all events; NULL: leave the key out. */
	const char *fixed[ENVELOPE_KEYS];

	/* Top-level members of the event that win over the fixed value where
	   they are strings and not empty; NULL: none. */
	const char *member[ENVELOPE_KEYS];

	/* Members that are copied to `fields`, which Splunk indexes: strings
	   that are not empty, numbers, booleans (as strings) and arrays of
	   strings.  Others are passed over, for HEC refuses them. */
	const char *const *fields;
	size_t field_count;
};

struct envelope;

/*
 * Adds the members that it will need to `names`; lines are to be scanned with
 * those.  The names are kept, all else is copied.  NULL when a fixed value is
 * not UTF-8, or when `names` has no room; *reason then says which.
 */
struct envelope *envelope_new(const struct envelope_options *options,
    struct scan_names *names, const char **reason);
void envelope_free(struct envelope *envelope);

/* Appends the envelope of a line for which scan_object() said SCAN_OK. */
void envelope_append(const struct envelope *envelope, const char *line,
    size_t len_bytes, const struct scan_result *scan, struct buffer *into);

#endif
