/*
 * One HEC envelope.  jansson says whether it is JSON; where its members lie in
 * the text, so that they can be kept byte for byte, is found by walking over
 * the text once more, which is easy now that it is known to be JSON.
 */
#include "envelope.h"

#include <ctype.h>
#include <string.h>

#include "codes.h"

static const char *
skip_space(const char *at)
{
	return at + strspn(at, " \t\r\n");
}

static bool
is_escaped(const char *quote)
{
	const char *at = quote;

	while (at[-1] == '\\')
		at--;
	return (quote - at) % 2 == 1;
}

/* From an opening quote to behind the closing one. */
static const char *
skip_string(const char *at)
{
	do
		at = strchr(at + 1, '"');
	while (is_escaped(at));
	return at + 1;
}

/* From the first byte of a value to behind its last. */
static const char *
skip_value(const char *at)
{
	int depth = 0;

	if (*at != '"' && *at != '{' && *at != '[')
		return at + strcspn(at, ",]} \t\r\n");
	do {
		if (*at == '"') {
			at = skip_string(at);
			continue;
		}
		depth +=
		    (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
		at++;
	} while (depth > 0);
	return at;
}

static bool
is_key(struct slice key, const char *name)
{
	return key.len == strlen(name) && memcmp(key.at, name, key.len) == 0;
}

/* Finds the members of the object at `at`; of equal keys the last counts. */
static void
find_members(struct envelope *envelope, const char *at)
{
	at = skip_space(at + 1);
	while (*at != '}') {
		const char *behind_key = skip_string(at);
		const char *value = skip_space(skip_space(behind_key) + 1);
		const char *end = skip_value(value);
		struct slice key = { at + 1, (size_t)(behind_key - at) - 2 };
		struct slice found = { value, (size_t)(end - value) };
		if (is_key(key, "event"))
			envelope->event = found;
		else if (is_key(key, "time"))
			envelope->time = found;
		at = skip_space(end);
		if (*at == ',')
			at = skip_space(at + 1);
	}
}

static bool
has_unknown_key(json_t *json)
{
	static const char *const known[] = { "time", "host", "source",
		"sourcetype", "index", "event", "fields" };
	const char *key;
	json_t *value;

	json_object_foreach(json, key, value)
	{
		size_t i = 0;
		while (i < sizeof known / sizeof known[0] &&
		       strcmp(known[i], key) != 0)
			i++;
		if (i == sizeof known / sizeof known[0])
			return true;
	}
	return false;
}

/* Seconds, with a fraction or without; an exponent is refused (code 15). */
static bool
is_plain_decimal(struct slice text)
{
	const char *at = text.at;
	const char *end = at + text.len;
	size_t digits = 0;

	if (at < end && *at == '-')
		at++;
	for (; at < end && isdigit((unsigned char)*at); at++)
		digits++;
	if (at < end && *at == '.')
		for (at++; at < end && isdigit((unsigned char)*at); at++)
			digits++;
	return digits > 0 && at == end;
}

static int
judge_time(const struct envelope *envelope)
{
	json_t *time = json_object_get(envelope->json, "time");

	if (time == NULL)
		return HEC_SUCCESS;
	if (json_is_null(time))
		return HEC_INVALID_FORMAT;
	if (json_is_string(time))
		return is_plain_decimal((struct slice){ json_string_value(time),
			   json_string_length(time) })
			   ? HEC_SUCCESS
			   : HEC_BAD_FIELDS;
	if (json_is_number(time) && is_plain_decimal(envelope->time))
		return HEC_SUCCESS;
	return HEC_BAD_FIELDS;
}

static int
judge_metadata(json_t *json)
{
	static const char *const names[] = { "host", "source", "sourcetype",
		"index" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		json_t *value = json_object_get(json, names[i]);
		if (value != NULL && !json_is_string(value))
			return HEC_INVALID_FORMAT;
	}
	return HEC_SUCCESS;
}

static bool
is_flat(json_t *value)
{
	size_t i;
	json_t *item;

	if (!json_is_array(value))
		return json_is_string(value) || json_is_number(value);
	json_array_foreach(value, i,
	    item) if (!json_is_string(item) &&
		      !json_is_number(item)) return false;
	return true;
}

static int
judge_fields(json_t *json)
{
	json_t *fields = json_object_get(json, "fields");
	const char *key;
	json_t *value;

	if (fields == NULL)
		return HEC_SUCCESS;
	if (!json_is_object(fields))
		return HEC_BAD_FIELDS;
	json_object_foreach(fields, key,
	    value) if (!is_flat(value)) return HEC_BAD_FIELDS;
	return HEC_SUCCESS;
}

static int
judge_index(json_t *json, const struct envelope_rules *rules)
{
	const char *index = json_string_value(json_object_get(json, "index"));

	if (index == NULL)
		index = rules->default_index;
	if (index != NULL && !token_allows_index(rules->token, index))
		return HEC_INCORRECT_INDEX;
	return HEC_SUCCESS;
}

static int
judge_event(const struct envelope *envelope, const struct envelope_rules *rules)
{
	json_t *event = json_object_get(envelope->json, "event");
	const struct poison *poison = rules->poison;

	if (event == NULL || json_is_null(event))
		return HEC_EVENT_REQUIRED;
	if (json_is_string(event) && json_string_length(event) == 0)
		return HEC_EVENT_BLANK;
	if (!json_is_string(event) && !json_is_number(event) &&
	    !json_is_object(event))
		return HEC_INVALID_FORMAT;
	if (envelope->event.len == 0 || /* the key was written with escapes */
	    envelope->event.len > rules->max_event_bytes)
		return HEC_INVALID_FORMAT;
	for (; poison != NULL; poison = poison->next)
		if (memmem(envelope->event.at, envelope->event.len,
			poison->text, strlen(poison->text)) != NULL)
			return poison->code;
	return HEC_SUCCESS;
}

static int
judge_members(const struct envelope *envelope,
    const struct envelope_rules *rules)
{
	json_t *json = envelope->json;
	int code = judge_metadata(json);

	if (code == HEC_SUCCESS)
		code = judge_time(envelope);
	if (code == HEC_SUCCESS)
		code = judge_event(envelope, rules);
	if (code == HEC_SUCCESS)
		code = judge_fields(json);
	return code == HEC_SUCCESS ? judge_index(json, rules) : code;
}

enum envelope_outcome
envelope_judge(struct envelope *envelope, struct slice text,
    const struct envelope_rules *rules)
{
	/* Integers above 63 bits are JSON, and NUL is a character. */
	const size_t flags =
	    JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL;
	json_error_t error;

	*envelope = (struct envelope){ .code = HEC_INVALID_FORMAT };
	envelope->json = json_loadb(text.at, text.len, flags, &error);
	if (!json_is_object(envelope->json))
		return ENVELOPE_BAD;
	envelope->whole = (struct slice){ text.at, (size_t)error.position };
	if (has_unknown_key(envelope->json))
		return ENVELOPE_TRAP;
	if (json_object_get(envelope->json, "event") == NULL &&
	    json_object_get(envelope->json, "fields") != NULL)
		return ENVELOPE_SKIP;
	find_members(envelope, text.at);
	envelope->code = judge_members(envelope, rules);
	return envelope->code == HEC_SUCCESS ? ENVELOPE_KEEP : ENVELOPE_BAD;
}
