/*
 * What becomes of one body.
 */
#include "ingest.h"

#include <string.h>

#include "codes.h"

static bool
is_space(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static void
keep_event(struct ingest *ingest, const struct envelope *envelope,
    const struct ingest_rules *rules)
{
	struct slice kept =
	    rules->whole_envelope ? envelope->whole : envelope->event;

	batch_add(&ingest->kept, kept.at, kept.len);
	if (rules->with_uids)
		batch_add_uid(&ingest->kept,
		    json_string_value(
			json_object_get(json_object_get(envelope->json,
					    "event"),
			    "uid")));
}

void
ingest_events(struct ingest *ingest, const char *body, size_t len,
    const struct ingest_rules *rules)
{
	const char *end = body + len;
	long number = 0;
	bool goes_on = true;

	*ingest = (struct ingest){ .number = -1 };
	while (goes_on && ingest->kept.count < rules->keep_most) {
		struct envelope envelope;
		while (body < end && is_space(*body))
			body++;
		if (body == end)
			break;
		switch (envelope_judge(&envelope,
		    (struct slice){ body, (size_t)(end - body) },
		    &rules->envelope)) {
		case ENVELOPE_KEEP:
			keep_event(ingest, &envelope, rules);
			break;
		case ENVELOPE_SKIP:
			ingest->hidden++;
			break;
		case ENVELOPE_TRAP:
			if (ingest->kept.count == 0)
				ingest->code = HEC_NO_DATA;
			else
				ingest->hidden++;
			goes_on = false;
			break;
		case ENVELOPE_BAD:
			ingest->code = envelope.code;
			ingest->number =
			    number + (envelope.code == HEC_INCORRECT_INDEX);
			goes_on = false;
			break;
		}
		json_decref(envelope.json);
		body += envelope.whole.len;
		number++;
	}
	if (number == 0 && rules->keep_most > 0)
		ingest->code = HEC_NO_DATA;
}

static void
keep_line(struct ingest *ingest, const char *line, size_t len,
    const struct ingest_rules *rules)
{
	batch_add(&ingest->kept, line, len);
	if (rules->with_uids) {
		json_t *json = json_loadb(line, len,
		    JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
		batch_add_uid(&ingest->kept,
		    json_string_value(json_object_get(json, "uid")));
		json_decref(json);
	}
}

void
ingest_raw(struct ingest *ingest, const char *body, size_t len,
    const struct ingest_rules *rules)
{
	const char *end = body + len;
	const char *index = rules->envelope.default_index;

	*ingest = (struct ingest){ .number = -1 };
	if (len == 0)
		ingest->code = HEC_NO_DATA;
	if (index != NULL && !token_allows_index(rules->envelope.token, index))
		ingest->code = HEC_INCORRECT_INDEX;
	if (ingest->code != HEC_SUCCESS)
		return;
	/* props.conf's default LINE_BREAKER is ([\r\n]+). */
	while (body < end && ingest->kept.count < rules->keep_most) {
		const char *line = body;
		while (body < end && *body != '\r' && *body != '\n')
			body++;
		if (body > line)
			keep_line(ingest, line, (size_t)(body - line), rules);
		while (body < end && (*body == '\r' || *body == '\n'))
			body++;
	}
}
