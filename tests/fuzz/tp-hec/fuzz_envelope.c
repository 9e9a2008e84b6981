/* Any valid line in an envelope, and cut: JSON with the keys that HEC knows and
   no other, and the line in it as it stood. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tp-hec/envelope.h"
#include "tp-hec/truncate.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes);

static const char *const fields[] = { "uid", "a", "b" };
static const struct envelope_options options = {
	.fixed = { "host", "source", "sourcetype", "index" },
	.member = { "a", NULL, NULL, "uid" },
	.fields = fields,
	.field_count = 3,
};

/* Lone surrogates and the like are valid, but jansson does not take them. */
static json_t *
load(const char *text, size_t len_bytes)
{
	return json_loadb(text, len_bytes, JSON_ALLOW_NUL, NULL);
}

static void
check_envelope(const json_t *envelope)
{
	static const char *const known[] = { "time", "host", "source",
		"sourcetype", "index", "fields", "event" };
	size_t found = 0;
	const char *key;
	json_t *value;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		found += json_object_get(envelope, known[i]) != NULL;
	if (found != json_object_size(envelope) ||
	    !json_is_object(json_object_get(envelope, "event")))
		abort();
	json_object_foreach(json_object_get(envelope, "fields"), key, value)
	{
		if (json_is_object(value) || json_is_null(value) ||
		    json_is_boolean(value))
			abort();
	}
}

static void
check_wrapped(const char *line, size_t len_bytes, int is_loadable,
    const struct envelope *envelope, const struct scan_result *scan)
{
	struct buffer into = { 0 };

	envelope_append(envelope, line, len_bytes, scan, &into);
	if (into.len_bytes <= len_bytes ||
	    memcmp(into.data + into.len_bytes - 1 - len_bytes, line,
		len_bytes) != 0)
		abort();
	json_t *json = load(into.data, into.len_bytes);
	if (is_loadable != (json != NULL))
		abort();
	if (json != NULL)
		check_envelope(json);
	json_decref(json);
	buffer_free(&into);
}

static void
check_cut(const char *line, size_t len_bytes, const struct scan_names *names)
{
	struct buffer into = { 0 };
	struct scan_result scan;

	truncate_event(line, len_bytes, TRUNCATE_LEAST_BYTES, &into);
	if (into.len_bytes > TRUNCATE_LEAST_BYTES)
		abort();
	memset(buffer_reserve(&into, SCAN_PADDING), 0, SCAN_PADDING);
	if (scan_object(into.data, into.len_bytes, names, &scan) != SCAN_OK)
		abort();
	buffer_free(&into);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes)
{
	struct scan_names names = { 0 };
	struct scan_result scan;
	const char *reason;
	struct envelope *envelope = envelope_new(&options, &names, &reason);
	char *line = calloc(len_bytes + SCAN_PADDING, 1);

	if (envelope == NULL || line == NULL)
		abort();
	memcpy(line, bytes, len_bytes);
	if (scan_object(line, len_bytes, &names, &scan) == SCAN_OK) {
		json_t *json = load(line, len_bytes);
		check_wrapped(line, len_bytes, json != NULL, envelope, &scan);
		check_cut(line, len_bytes, &names);
		json_decref(json);
	}
	envelope_free(envelope);
	free(line);
	return 0;
}
