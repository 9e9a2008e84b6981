/* NDJSON lines to events: parse, name, encode once, sort.
 *
 * Each line is parsed and encoded when it is read; only its text and its
 * protobuf form stay in memory.  An event without a time takes that of the
 * line before it, so that every line lies in some window. */
#include "file_events.h"

#include "../say.h"
#include "clock.h"
#include "memory.h"
#include "random.h"
#include "struct_encode.h"

#include <errno.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Integers as reals: what passes 2^63 is still a number, and all of them are
 * doubles on the wire anyway. */
enum { PARSE_FLAGS = JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL };

struct entry {
	struct event event;
	char *text;
	char *type;
	char *id;
	uint8_t *fields;
};

struct file_events {
	struct entry *entries;
	size_t count;
	size_t capacity;
	int64_t last_time_ns;
};

struct file_events *
file_events_new(int64_t start_ns)
{
	struct file_events *events = x_zalloc(sizeof *events);

	events->last_time_ns = start_ns;
	return events;
}

void
file_events_free(struct file_events *events)
{
	if (!events)
		return;
	for (size_t i = 0; i < events->count; i++) {
		struct entry *entry = &events->entries[i];

		free(entry->text);
		free(entry->type);
		free(entry->id);
		free(entry->fields);
	}
	free(events->entries);
	free(events);
}

/* As Teleport names an event without a uid: by its JSON's SHA-256. */
static char *
hash_text(const char *text, size_t size)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char *hex = x_alloc(2 * sizeof digest + 1);

	SHA256((const unsigned char *)text, size, digest);
	for (size_t i = 0; i < sizeof digest; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return hex;
}

static const char *
member_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static uint8_t *
encode_fields(const json_t *object, uint64_t seed, size_t *size)
{
	struct wire_out out = { 0 };
	struct random order = { random_mix(seed) };
	uint8_t *fields;

	struct_encode(&out, object, &order);
	*size = wire_size(&out);
	fields = x_alloc(*size);
	if (*size)
		memcpy(fields, wire_data(&out), *size);
	wire_free(&out);
	return fields;
}

static void
add(struct file_events *events, const json_t *object, const char *text,
    size_t size)
{
	struct entry entry = { 0 };
	const char *uid = member_text(object, "uid");

	if (clock_parse(member_text(object, "time"), &entry.event.time_ns))
		entry.event.time_ns = events->last_time_ns;
	events->last_time_ns = entry.event.time_ns;
	entry.event.index =
	    (int64_t)json_number_value(json_object_get(object, "ei"));
	entry.event.json_size = size;
	entry.text = x_zalloc(size + 1);
	memcpy(entry.text, text, size);
	entry.type = x_strdup(member_text(object, "event"));
	entry.id = *uid ? x_strdup(uid) : hash_text(text, size);
	entry.fields =
	    encode_fields(object, events->count, &entry.event.fields_size);
	entry.event.type = entry.type;
	entry.event.id = entry.id;
	entry.event.fields = entry.fields;

	events->entries = x_grow(events->entries, &events->capacity,
	    events->count + 1, sizeof *events->entries);
	events->entries[events->count++] = entry;
}

static int
add_line(struct file_events *events, const char *path, size_t number,
    const char *line, size_t size)
{
	json_error_t error;
	json_t *object = json_loadb(line, size, PARSE_FLAGS, &error);

	if (!json_is_object(object)) {
		say("%s:%zu: not a JSON object: %s", path, number,
		    object ? "another kind of value" : error.text);
		json_decref(object);
		return -1;
	}
	add(events, object, line, size);
	json_decref(object);
	return 0;
}

int
file_events_read(struct file_events *events, const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t capacity = 0, number = 0;
	ssize_t size;
	int status = 0;

	if (!file) {
		say("%s: %s", path, strerror(errno));
		return -1;
	}
	while (!status && (size = getline(&line, &capacity, file)) >= 0) {
		number++;
		if (size && line[size - 1] == '\n')
			size--;
		if (size)
			status =
			    add_line(events, path, number, line, (size_t)size);
	}
	if (ferror(file)) {
		say("%s: %s", path, strerror(errno));
		status = -1;
	}
	free(line);
	fclose(file);
	return status;
}

void
file_events_add_big(struct file_events *events, size_t size)
{
	static const char phrase[] = "INSERT INTO blobs VALUES ('ä\"\\'); ";
	char *query = x_alloc(size + sizeof phrase);
	char time[CLOCK_TEXT_SIZE];
	size_t used = 0;
	json_t *object;
	char *text;

	for (; used < size; used += sizeof phrase - 1)
		memcpy(query + used, phrase, sizeof phrase);
	clock_print(time, events->last_time_ns);
	object = json_pack("{s:s, s:s, s:s, s:s, s:i, s:s%}", "event",
	    "db.session.query", "code", "TDB02I", "time", time, "uid",
	    "00000000-0000-4000-8000-00000000b160", "ei", 0, "db_query", query,
	    used);
	text = json_dumps(object, JSON_COMPACT);
	add(events, object, text, strlen(text));
	free(text);
	free(query);
	json_decref(object);
}

static int
compare_entries(const void *a, const void *b)
{
	const struct entry *left = a, *right = b;
	struct position at = event_position(&left->event);
	struct position other = event_position(&right->event);

	return position_compare(&at, &other);
}

void
file_events_sort(struct file_events *events)
{
	if (events->count)
		qsort(events->entries, events->count, sizeof *events->entries,
		    compare_entries);
}

static size_t
count(const void *self)
{
	return ((const struct file_events *)self)->count;
}

static void
get(void *self, size_t number, struct event *event)
{
	*event = ((struct file_events *)self)->entries[number].event;
}

static json_t *
json(void *self, size_t number)
{
	const struct entry *entry =
	    &((struct file_events *)self)->entries[number];

	return json_loadb(entry->text, entry->event.json_size, PARSE_FLAGS,
	    NULL);
}

static int
find(const void *self, const char *id, size_t *number)
{
	const struct file_events *events = self;

	for (size_t i = 0; i < events->count; i++) {
		if (strcmp(events->entries[i].id, id) == 0) {
			*number = i;
			return 1;
		}
	}
	return 0;
}

struct source
file_events_source(struct file_events *events)
{
	return (struct source){ events, count, get, json, find };
}
