/*
 * Events to envelopes.  Keys and fixed values are rendered once; an event then
 * costs a few copies and one time.
 */
#include "tp-hec/envelope.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/message.h"
#include "lib/timestamp.h"

/* Text rendered ahead. */
struct piece {
	char *text; /* NULL: none */
	size_t len_bytes;
};

/* A value that a member of the event gives. */
struct source {
	int is_used;
	size_t place;     /* of the member, in the names to scan for */
	struct piece key; /* "key": with its colon */
};

struct envelope {
	struct piece fixed[ENVELOPE_KEYS]; /* "key":"value", */
	struct source member[ENVELOPE_KEYS];
	struct source *fields;
	size_t field_count;
	size_t time_place;
	size_t most_bytes; /* beyond the line and the values from it */
};

static const char *const key_names[ENVELOPE_KEYS] = { "host", "source",
	"sourcetype", "index" };

/* A time in plain decimals: 20 digits and sign, point, nanoseconds. */
enum { TIME_BYTES = 32 };

/* Appends `text` as a JSON string; -1 when it is not UTF-8. */
static int
append_string(struct buffer *into, const char *text)
{
	json_t *string = json_string(text);
	char *json = string == NULL
			 ? NULL
			 : json_dumps(string, JSON_ENCODE_ANY | JSON_COMPACT);

	if (json != NULL)
		buffer_append_text(into, json);
	json_decref(string);
	free(json);
	return json == NULL ? -1 : 0;
}

/* Renders "key": or "key":"value", into a piece. */
static int
piece_render(struct piece *piece, const char *key, const char *value)
{
	struct buffer text = { 0 };
	int result = append_string(&text, key);

	buffer_append_byte(&text, ':');
	if (result == 0 && value != NULL) {
		result = append_string(&text, value);
		buffer_append_byte(&text, ',');
	}
	piece->text = text.data;
	piece->len_bytes = text.len_bytes;
	return result;
}

static const char *
source_start(struct source *source, const char *key, const char *member,
    struct scan_names *names)
{
	source->is_used = 1;
	source->place = scan_names_add(names, member);
	if (source->place == SCAN_MAX_MEMBERS)
		return "too many members of the event are asked for";
	if (piece_render(&source->key, key, NULL) == -1)
		return "the name of a member is not UTF-8";
	return NULL;
}

static const char *
start_keys(struct envelope *envelope, const struct envelope_options *options,
    struct scan_names *names)
{
	for (size_t i = 0; i < ENVELOPE_KEYS; i++) {
		const char *reason = NULL;
		if (options->fixed[i] != NULL &&
		    piece_render(&envelope->fixed[i], key_names[i],
			options->fixed[i]) == -1)
			return "a fixed value is not UTF-8";
		if (options->member[i] != NULL)
			reason = source_start(&envelope->member[i],
			    key_names[i], options->member[i], names);
		if (reason != NULL)
			return reason;
		envelope->most_bytes += envelope->fixed[i].len_bytes +
					envelope->member[i].key.len_bytes + 1;
	}
	return NULL;
}

static const char *
start_fields(struct envelope *envelope, const struct envelope_options *options,
    struct scan_names *names)
{
	if (options->field_count == 0)
		return NULL;
	envelope->fields =
	    calloc(options->field_count, sizeof(*envelope->fields));
	if (envelope->fields == NULL)
		die(EXIT_OS, "out of memory");
	envelope->field_count = options->field_count;
	for (size_t i = 0; i < options->field_count; i++) {
		struct source *field = &envelope->fields[i];
		const char *name = options->fields[i];
		const char *reason = source_start(field, name, name, names);
		if (reason != NULL)
			return reason;
		/* A boolean gets quotes; every value a comma. */
		envelope->most_bytes += field->key.len_bytes + 3;
	}
	return NULL;
}

struct envelope *
envelope_new(const struct envelope_options *options, struct scan_names *names,
    const char **reason)
{
	struct envelope *envelope = calloc(1, sizeof(*envelope));

	if (envelope == NULL)
		die(EXIT_OS, "out of memory");
	envelope->most_bytes =
	    TIME_BYTES + sizeof("{\"time\":,\"fields\":{},\"event\":}");
	*reason = start_keys(envelope, options, names);
	if (*reason == NULL)
		*reason = start_fields(envelope, options, names);
	if (*reason == NULL) {
		envelope->time_place = scan_names_add(names, "time");
		if (envelope->time_place == SCAN_MAX_MEMBERS)
			*reason = "too many members of the event are asked for";
	}
	if (*reason != NULL) {
		envelope_free(envelope);
		return NULL;
	}
	return envelope;
}

void
envelope_free(struct envelope *envelope)
{
	if (envelope == NULL)
		return;
	for (size_t i = 0; i < ENVELOPE_KEYS; i++) {
		free(envelope->fixed[i].text);
		free(envelope->member[i].key.text);
	}
	for (size_t i = 0; i < envelope->field_count; i++)
		free(envelope->fields[i].key.text);
	free(envelope->fields);
	free(envelope);
}

/* --- writing: to a place with room enough, which moves on ---------------- */

static inline char *
put(char *to, const char *bytes, size_t len_bytes)
{
	memcpy(to, bytes, len_bytes);
	return to + len_bytes;
}

static char *
put_digits(char *to, uint64_t number, int count)
{
	for (int i = count - 1; i >= 0; i--) {
		to[i] = (char)('0' + number % 10);
		number /= 10;
	}
	return to + count;
}

/* Seconds since 1970 with as many decimals as are not zero. */
static char *
put_time(char *to, struct timestamp time)
{
	uint64_t seconds = (uint64_t)time.seconds;
	uint64_t fraction = (uint64_t)time.nanos;
	int digits = 1;

	for (uint64_t rest = seconds; rest >= 10; rest /= 10)
		digits++;
	to = put_digits(to, seconds, digits);
	if (fraction == 0)
		return to;
	for (digits = 9; fraction % 10 == 0; digits--)
		fraction /= 10;
	*to++ = '.';
	return put_digits(to, fraction, digits);
}

static inline int
is_string(const struct scan_slice *value)
{
	return value->text != NULL && value->text[0] == '"' &&
	       value->len_bytes > 2;
}

/* An array of strings and of nothing else. */
static int
is_string_array(const struct scan_slice *value)
{
	const char *end = value->text + value->len_bytes - 1;
	int in_string = 0;
	int strings = 0;

	for (const char *at = value->text + 1; at < end; at++) {
		if (*at == '"') {
			strings += in_string;
			in_string = !in_string;
		} else if (in_string && *at == '\\') {
			at++;
		} else if (!in_string && strchr(", \t\r\n", *at) == NULL) {
			return 0;
		}
	}
	return strings > 0;
}

static inline char *
put_key(char *to, const struct envelope *envelope, size_t key,
    const struct scan_result *scan)
{
	const struct source *member = &envelope->member[key];
	const struct piece *fixed = &envelope->fixed[key];

	if (member->is_used && is_string(&scan->value[member->place])) {
		const struct scan_slice *value = &scan->value[member->place];
		to = put(to, member->key.text, member->key.len_bytes);
		to = put(to, value->text, value->len_bytes);
		*to++ = ',';
	} else if (fixed->len_bytes > 0) {
		to = put(to, fixed->text, fixed->len_bytes);
	}
	return to;
}

/* Whether HEC takes the value in `fields`, a boolean once it has quotes. */
static inline int
is_field_value(const struct scan_slice *value)
{
	if (value->text == NULL)
		return 0;
	switch (value->text[0]) {
	case '{':
	case 'n':
		return 0;
	case '"':
		return is_string(value);
	case '[':
		return is_string_array(value);
	default:
		return 1;
	}
}

static inline char *
put_field(char *to, const struct source *field, const struct scan_slice *value)
{
	if (!is_field_value(value))
		return to;
	int is_boolean = value->text[0] == 't' || value->text[0] == 'f';
	to = put(to, field->key.text, field->key.len_bytes);
	if (is_boolean)
		*to++ = '"';
	to = put(to, value->text, value->len_bytes);
	if (is_boolean)
		*to++ = '"';
	*to++ = ',';
	return to;
}

static inline char *
put_fields(char *to, const struct envelope *envelope,
    const struct scan_result *scan)
{
	static const char opening[] = "\"fields\":{";
	char *begin = to;

	to = put(to, opening, sizeof(opening) - 1);
	char *first = to;
	for (size_t i = 0; i < envelope->field_count; i++)
		to = put_field(to, &envelope->fields[i],
		    &scan->value[envelope->fields[i].place]);
	if (to == first)
		return begin;
	to[-1] = '}'; /* over the last comma */
	*to++ = ',';
	return to;
}

/* How many bytes the envelope of a line can have at most. */
static size_t
most_bytes(const struct envelope *envelope, size_t len_bytes,
    const struct scan_result *scan)
{
	size_t most = envelope->most_bytes + len_bytes;

	for (size_t i = 0; i < ENVELOPE_KEYS; i++)
		if (envelope->member[i].is_used)
			most +=
			    scan->value[envelope->member[i].place].len_bytes;
	for (size_t i = 0; i < envelope->field_count; i++)
		most += scan->value[envelope->fields[i].place].len_bytes;
	return most;
}

void
envelope_append(const struct envelope *envelope, const char *line,
    size_t len_bytes, const struct scan_result *scan, struct buffer *into)
{
	const struct scan_slice *value = &scan->value[envelope->time_place];
	struct timestamp time;
	char *begin =
	    buffer_reserve(into, most_bytes(envelope, len_bytes, scan));
	char *to = begin;

	*to++ = '{';
	if (is_string(value) &&
	    timestamp_parse(value->text + 1, value->len_bytes - 2, &time) ==
		0 &&
	    time.seconds >= 0) {
		to = put(to, "\"time\":", 7);
		to = put_time(to, time);
		*to++ = ',';
	}
	for (size_t i = 0; i < ENVELOPE_KEYS; i++)
		to = put_key(to, envelope, i, scan);
	if (envelope->field_count > 0)
		to = put_fields(to, envelope, scan);
	to = put(to, "\"event\":", 8);
	to = put(to, line, len_bytes);
	*to++ = '}';
	into->len_bytes += (size_t)(to - begin);
}
