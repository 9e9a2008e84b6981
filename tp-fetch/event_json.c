/*
 * The bytes of a google.protobuf.Struct to one line of JSON: collect the
 * entries of a struct as slices of the input, sort them, write each, and so
 * down.
 *
 * This is the hottest code of all, so: room is reserved once an event and not
 * looked at again (WORST_GROWTH); strings go 16 bytes at a time; the entries of
 * all open structs lie in one stack that is kept from event to event.
 *
 * Every member and element is written with a comma after it, and the last
 * comma becomes the closing bracket.
 */
#include "tp-fetch/event_json.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "lib/buffer.h"
#include "lib/message.h"
#include "lib/uid.h"
#include "tp-fetch/number_json.h"
#include "tp-fetch/wire.h"

/*
 * Kept out of the functions that call them, whose registers are then enough:
 * what hardly ever runs (RARE), and what begins a struct or list (APART).
 */
#define APART __attribute__((noinline))
#define RARE  __attribute__((noinline, cold))

/* Tags of WIRE_BYTES fields, as they stand in the input. */
enum {
	ELEMENT_TAG = 1 << 3 | WIRE_BYTES, /* Struct.fields, ListValue.values */
	KEY_TAG = 1 << 3 | WIRE_BYTES,     /* of an entry */
	VALUE_TAG = 2 << 3 | WIRE_BYTES
};

enum {
	BLOCK_BYTES = 16, /* what is read and written at once of a string */

	/*
	 * No byte of input becomes more than six of output: a control character
	 * is \u00xx.  The densest of the rest are an entry without key and
	 * value, 2 bytes for `"":null,`, and an empty element, 2 for `null,`; a
	 * number takes 11 bytes for at most 25.  The slack is for the outermost
	 * brackets and for blocks and numbers that are written past their end.
	 */
	WORST_GROWTH = 6,
	SLACK_BYTES = 64,

	FIRST_CAPACITY = 64,
	INSERTED_MAX = 6, /* structs up to here are sorted by insertion, */
	RANKED_MAX = 64   /* up to here by rank, and beyond by qsort() */
};

_Static_assert(SLACK_BYTES >= BLOCK_BYTES + NUMBER_JSON_BYTES, "slack");

/* One entry of a struct, as slices of the input. */
struct entry {
	uint64_t prefix; /* the key's first 8 bytes, big-endian: sorts as it */
	const uint8_t *key;
	const uint8_t *value; /* of the Value message */
	uint32_t key_len;
	uint32_t value_len;
};

struct event_json {
	struct entry *entries; /* of all structs that are being written */
	size_t count;
	size_t capacity;
	const uint8_t *input_end;
	struct event_json_found found;
	char *first; /* where the event starts in the output */
	unsigned depth;
	enum event_json_status
	    status; /* once not OK, all writers return NULL */
};

static char *write_value(struct event_json *, const uint8_t *, size_t, char *);

RARE static void
grow_entries(struct event_json *writer)
{
	size_t capacity =
	    writer->capacity == 0 ? FIRST_CAPACITY : 2 * writer->capacity;
	struct entry *entries =
	    reallocarray(writer->entries, capacity, sizeof(*entries));

	if (entries == NULL)
		die(EXIT_OS, "out of memory: %zu members", capacity);
	writer->entries = entries;
	writer->capacity = capacity;
}

struct event_json *
event_json_new(void)
{
	struct event_json *writer = calloc(1, sizeof(*writer));

	if (writer == NULL)
		die(EXIT_OS, "out of memory");
	grow_entries(writer);
	return writer;
}

void
event_json_free(struct event_json *writer)
{
	if (writer == NULL)
		return;
	free(writer->entries);
	free(writer);
}

RARE static char *
fail(struct event_json *writer, enum event_json_status status)
{
	writer->status = status;
	return NULL;
}

/* --- strings ------------------------------------------------------------- */

/*
 * Copies a block, and returns how many bytes at its front may stand in JSON as
 * they are: ASCII, not a control character, '"' or '\'.
 */
static inline size_t
copy_block(const uint8_t *from, char *out)
{
#ifdef __SSE2__
	__m128i block = _mm_loadu_si128((const __m128i *)(const void *)from);
	/* signed: what is above 0x7f is less than 0x20 too */
	__m128i odd = _mm_or_si128(_mm_cmplt_epi8(block, _mm_set1_epi8(0x20)),
	    _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')),
		_mm_cmpeq_epi8(block, _mm_set1_epi8('\\'))));

	_mm_storeu_si128((__m128i *)(void *)out, block);
	return (size_t)__builtin_ctz(
	    (unsigned)_mm_movemask_epi8(odd) | 1u << BLOCK_BYTES);
#else
	size_t plain = 0;

	memcpy(out, from, BLOCK_BYTES);
	while (plain < BLOCK_BYTES && from[plain] >= 0x20 &&
	       from[plain] < 0x80 && from[plain] != '"' && from[plain] != '\\')
		plain++;
	return plain;
#endif
}

static inline int
is_odd(uint8_t byte)
{
	return byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\';
}

static inline int
is_continuation(uint8_t byte)
{
	return (byte & 0xc0) == 0x80;
}

/* The length of the UTF-8 sequence at `text`, 2 to 4 bytes; 0 when it is none:
 * cut, overlong, a surrogate or beyond U+10FFFF (RFC 3629, section 4). */
static size_t
utf8_sequence(const uint8_t *text, size_t len)
{
	uint8_t lead = text[0];
	size_t need = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

	if (lead < 0xc2 || lead > 0xf4 || len < need)
		return 0;
	for (size_t i = 1; i < need; i++)
		if (!is_continuation(text[i]))
			return 0;
	if ((lead == 0xe0 && text[1] < 0xa0) ||
	    (lead == 0xed && text[1] > 0x9f) ||
	    (lead == 0xf0 && text[1] < 0x90) ||
	    (lead == 0xf4 && text[1] > 0x8f))
		return 0;
	return need;
}

static char *
write_escape(uint8_t byte, char *out)
{
	static const char hex[] = "0123456789abcdef";
	static const char names[0x20] = { ['\b'] = 'b',
		['\f'] = 'f',
		['\n'] = 'n',
		['\r'] = 'r',
		['\t'] = 't' };

	*out++ = '\\';
	if (byte >= 0x20) {
		*out++ = (char)byte;
		return out;
	}
	if (names[byte] != 0) {
		*out++ = names[byte];
		return out;
	}
	out = mempcpy(out, "u00", 3);
	*out++ = hex[byte >> 4];
	*out++ = hex[byte & 15];
	return out;
}

/* Writes the character at the front of `text` that copy_block() stopped at;
 * returns how many bytes it has, 0 when it is not UTF-8. */
static size_t
write_odd(const uint8_t *text, size_t len, char **out)
{
	if (text[0] < 0x80) {
		*out = write_escape(text[0], *out);
		return 1;
	}
	size_t sequence = utf8_sequence(text, len);
	*out = mempcpy(*out, text, sequence);
	return sequence;
}

/* The inside of a string, once copy_block() has stopped short of its end. */
static char *
write_rest(struct event_json *writer, const uint8_t *text, size_t len,
    char *out)
{
	for (;;) {
		while (len > 0 && is_odd(*text)) {
			size_t odd = write_odd(text, len, &out);
			if (odd == 0)
				return fail(writer, EVENT_JSON_NOT_UTF8);
			text += odd;
			len -= odd;
		}
		uint8_t last[BLOCK_BYTES] = { 0 };
		const uint8_t *block = text;
		if (writer->input_end - text < BLOCK_BYTES)
			block = memcpy(last, text, len);
		size_t plain = copy_block(block, out);
		if (plain >= len)
			return out + len;
		text += plain;
		out += plain;
		len -= plain;
	}
}

/* The inside of a string; most, and nearly all keys, fit one block. */
static inline char *
write_text(struct event_json *writer, const uint8_t *text, size_t len,
    char *out)
{
	if (writer->input_end - text < BLOCK_BYTES)
		return write_rest(writer, text, len, out);
	size_t plain = copy_block(text, out);
	if (plain >= len)
		return out + len;
	return write_rest(writer, text + plain, len - plain, out + plain);
}

static inline char *
write_string(struct event_json *writer, const uint8_t *text, size_t len,
    char *out)
{
	*out++ = '"';
	out = write_text(writer, text, len, out);
	if (out != NULL)
		*out++ = '"';
	return out;
}

/* --- the entries of a struct ---------------------------------------------- */

static inline uint64_t
key_prefix(const struct event_json *writer, const uint8_t *key, size_t len)
{
	uint64_t prefix = 0;
	unsigned keep = len < 8 ? (unsigned)len : 8;
	unsigned half_drop = 32 - 4 * keep; /* bits; twice, as 64 is no shift */

	if (writer->input_end - key >= (ptrdiff_t)sizeof(prefix))
		memcpy(&prefix, key, sizeof(prefix));
	else
		memcpy(&prefix, key, keep);
	return __builtin_bswap64(prefix) & ~0ull << half_drop << half_drop;
}

/* An entry as encoders write it: the key, the value, and no more. */
static inline int
read_plain_entry(struct wire_reader reader, struct entry *entry)
{
	size_t key_len;
	size_t value_len;

	if (!wire_take(&reader, KEY_TAG, &entry->key, &key_len) ||
	    !wire_take(&reader, VALUE_TAG, &entry->value, &value_len) ||
	    reader.next != reader.end)
		return 0;
	entry->key_len = (uint32_t)key_len;
	entry->value_len = (uint32_t)value_len;
	return 1;
}

/* Any entry: what is missing is empty, and the last of each counts. */
RARE static int
read_entry(struct wire_reader reader, struct entry *entry)
{
	struct wire_field field;

	*entry = (struct entry){ .key = reader.next, .value = reader.next };
	while (wire_next(&reader, &field)) {
		if (field.type != WIRE_BYTES)
			continue;
		if (field.number == KEY_TAG >> 3) {
			entry->key = field.bytes;
			entry->key_len = (uint32_t)field.len_bytes;
		} else if (field.number == VALUE_TAG >> 3) {
			entry->value = field.bytes;
			entry->value_len = (uint32_t)field.len_bytes;
		}
	}
	return !reader.is_bad;
}

static int
push_entry(struct event_json *writer, const uint8_t *bytes, size_t len)
{
	struct wire_reader reader = wire_open(bytes, len);

	if (writer->count == writer->capacity)
		grow_entries(writer);
	struct entry *entry = &writer->entries[writer->count++];
	if (!read_plain_entry(reader, entry) && !read_entry(reader, entry))
		return 0;
	entry->prefix = key_prefix(writer, entry->key, entry->key_len);
	return 1;
}

RARE static int
next_odd_element(struct wire_reader *reader, const uint8_t **bytes, size_t *len)
{
	struct wire_field field;

	while (wire_next(reader, &field)) {
		if (field.number != ELEMENT_TAG >> 3 ||
		    field.type != WIRE_BYTES)
			continue;
		*bytes = field.bytes;
		*len = field.len_bytes;
		return 1;
	}
	return 0;
}

/*
 * The next element of a message that has but one field, `1 repeated`: a
 * Struct's entries, a ListValue's values.  0 at the end, or with is_bad set.
 */
static inline int
next_element(struct wire_reader *reader, const uint8_t **bytes, size_t *len)
{
	if (wire_take(reader, ELEMENT_TAG, bytes, len))
		return 1;
	return reader->next < reader->end &&
	       next_odd_element(reader, bytes, len);
}

/* Pushes the entries of the struct; 0 when they cannot be read. */
static int
collect_entries(struct event_json *writer, struct wire_reader reader)
{
	const uint8_t *bytes;
	size_t len;

	while (next_element(&reader, &bytes, &len))
		if (!push_entry(writer, bytes, len))
			return 0;
	return !reader.is_bad;
}

/* --- their order -----------------------------------------------------------
 */

static int
compare_keys(const struct entry *a, const struct entry *b)
{
	if (a->prefix != b->prefix)
		return a->prefix < b->prefix ? -1 : 1;
	size_t common = a->key_len < b->key_len ? a->key_len : b->key_len;
	int order = memcmp(a->key, b->key, common);
	if (order == 0)
		order = (a->key_len > b->key_len) - (a->key_len < b->key_len);
	return order;
}

/* For qsort(): equal keys stay in the order of the input. */
static int
compare_entries(const void *first, const void *second)
{
	const struct entry *a = first;
	const struct entry *b = second;
	int order = compare_keys(a, b);

	return order != 0 ? order : (a->key > b->key) - (a->key < b->key);
}

/*
 * Puts each entry where the number of smaller prefixes says.  More comparisons
 * than a sort needs, but none is a branch that the processor could guess wrong.
 * A prefix's last bits make room for the entry's index, so that no two are
 * equal; the keys are filled up to whole rounds of four with ones that are not
 * smaller than any.
 */
APART static void
rank_entries(struct entry *entries, size_t count)
{
	struct entry from[RANKED_MAX];
	uint64_t keys[RANKED_MAX + 3];

	for (size_t i = 0; i < count; i++) {
		from[i] = entries[i];
		keys[i] = (entries[i].prefix & ~(uint64_t)(RANKED_MAX - 1)) | i;
	}
	for (size_t i = count; i < count + 3; i++)
		keys[i] = UINT64_MAX;
	for (size_t i = 0; i < count; i++) {
		uint64_t key = keys[i];
		size_t rank = 0;
		for (const uint64_t *other = keys; other < keys + count;
		     other += 4) {
			rank += other[0] < key;
			rank += other[1] < key;
			rank += other[2] < key;
			rank += other[3] < key;
		}
		entries[rank] = from[i];
	}
}

/* Orders the few whose prefixes are equal; stable. */
static void
insert_entries(struct entry *entries, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		if (entries[i - 1].prefix < entries[i].prefix)
			continue;
		struct entry entry = entries[i];
		size_t at = i;
		for (; at > 0 && compare_keys(&entries[at - 1], &entry) > 0;
		     at--)
			entries[at] = entries[at - 1];
		if (at != i)
			entries[at] = entry;
	}
}

/* Of equal keys, which are neighbours now, the last one stays. */
static size_t
drop_duplicates(struct entry *entries, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (i + 1 < count &&
		    entries[i].prefix == entries[i + 1].prefix &&
		    compare_keys(&entries[i], &entries[i + 1]) == 0)
			continue;
		if (kept != i)
			entries[kept] = entries[i];
		kept++;
	}
	return kept;
}

/* In key order and without duplicates; returns how many are left. */
static size_t
sort_entries(struct entry *entries, size_t count)
{
	if (count > RANKED_MAX) {
		qsort(entries, count, sizeof(*entries), compare_entries);
	} else {
		if (count > INSERTED_MAX)
			rank_entries(entries, count);
		insert_entries(entries, count);
	}
	return drop_duplicates(entries, count);
}

/* --- values ----------------------------------------------------------------
 */

/* Notes the top level's `uid`, whose value was written from `text` to `end`. */
static void
note_uid(struct event_json *writer, const char *text, const char *end)
{
	size_t len = (size_t)(end - text);

	if (len < 2 || text[0] != '"' || !uid_is_plain(text + 1, len - 2))
		return;
	writer->found.uid_offset = (size_t)(text + 1 - writer->first);
	writer->found.uid_len_bytes = len - 2;
}

static inline int
is_uid(const struct entry *entry)
{
	const uint64_t prefix =
	    (uint64_t)'u' << 56 | (uint64_t)'i' << 48 | (uint64_t)'d' << 40;

	return entry->prefix == prefix && entry->key_len == 3;
}

/* `entry` is no longer valid once its value is being written: nested structs
 * push their entries above ours, and may move the stack. */
static inline char *
write_member(struct event_json *writer, const struct entry *entry, char *out)
{
	int is_event_uid = writer->depth == 1 && is_uid(entry);

	out = write_string(writer, entry->key, entry->key_len, out);
	if (out == NULL)
		return NULL;
	*out++ = ':';
	char *end = write_value(writer, entry->value, entry->value_len, out);
	if (end == NULL)
		return NULL;
	if (is_event_uid)
		note_uid(writer, out, end);
	*end++ = ',';
	return end;
}

static char *
write_members(struct event_json *writer, const uint8_t *bytes, size_t len,
    char *out)
{
	size_t base = writer->count;

	if (!collect_entries(writer, wire_open(bytes, len)))
		return fail(writer, EVENT_JSON_NOT_PROTOBUF);
	size_t count =
	    sort_entries(writer->entries + base, writer->count - base);
	for (size_t i = 0; i < count && out != NULL; i++)
		out = write_member(writer, &writer->entries[base + i], out);
	writer->count = base;
	return out;
}

static char *
write_elements(struct event_json *writer, const uint8_t *bytes, size_t len,
    char *out)
{
	struct wire_reader reader = wire_open(bytes, len);
	const uint8_t *element;
	size_t element_len;

	while (next_element(&reader, &element, &element_len)) {
		out = write_value(writer, element, element_len, out);
		if (out == NULL)
			return NULL;
		*out++ = ',';
	}
	if (reader.is_bad)
		return fail(writer, EVENT_JSON_NOT_PROTOBUF);
	return out;
}

/* Ends what begins at `open`: the last comma, if any, becomes `bracket`. */
static char *
close_bracket(const char *open, char *out, char bracket)
{
	if (out > open + 1)
		out--;
	*out++ = bracket;
	return out;
}

APART static char *
write_object(struct event_json *writer, const uint8_t *bytes, size_t len,
    char *out)
{
	char *open = out;

	if (writer->depth == EVENT_JSON_MAX_DEPTH)
		return fail(writer, EVENT_JSON_TOO_DEEP);
	writer->depth++;
	*out++ = '{';
	out = write_members(writer, bytes, len, out);
	writer->depth--;
	return out == NULL ? NULL : close_bracket(open, out, '}');
}

APART static char *
write_list(struct event_json *writer, const uint8_t *bytes, size_t len,
    char *out)
{
	char *open = out;

	if (writer->depth == EVENT_JSON_MAX_DEPTH)
		return fail(writer, EVENT_JSON_TOO_DEEP);
	writer->depth++;
	*out++ = '[';
	out = write_elements(writer, bytes, len, out);
	writer->depth--;
	return out == NULL ? NULL : close_bracket(open, out, ']');
}

static char *
write_number(struct event_json *writer, uint64_t bits, char *out)
{
	double number;

	memcpy(&number, &bits, sizeof(number));
	if (!isfinite(number))
		return fail(writer, EVENT_JSON_NOT_FINITE);
	return out + number_json(number, out);
}

/* google.protobuf.Value's oneof: field number and wire type, as in a tag. */
enum kind {
	KIND_NONE = 0,
	KIND_NULL = 1 << 3 | WIRE_VARINT,
	KIND_NUMBER = 2 << 3 | WIRE_FIXED64,
	KIND_STRING = 3 << 3 | WIRE_BYTES,
	KIND_BOOL = 4 << 3 | WIRE_VARINT,
	KIND_STRUCT = 5 << 3 | WIRE_BYTES,
	KIND_LIST = 6 << 3 | WIRE_BYTES
};

/* The kind and content of a value as encoders write it, one field; KIND_NONE
 * when it is not like that. */
static inline enum kind
read_plain_value(struct wire_reader reader, struct wire_field *field)
{
	size_t len = (size_t)(reader.end - reader.next);
	uint8_t tag = len == 0 ? KIND_NONE : *reader.next;

	switch (tag) {
	case KIND_STRING:
	case KIND_STRUCT:
	case KIND_LIST:
		if (!wire_take(&reader, tag, &field->bytes,
			&field->len_bytes) ||
		    reader.next != reader.end)
			return KIND_NONE;
		return tag;
	case KIND_NUMBER:
		if (len != 9)
			return KIND_NONE;
		memcpy(&field->value, reader.next + 1, sizeof(field->value));
		return KIND_NUMBER;
	case KIND_BOOL:
	case KIND_NULL:
		if (len != 2 || reader.next[1] >= 0x80)
			return KIND_NONE;
		field->value = reader.next[1];
		return tag;
	default:
		return KIND_NONE;
	}
}

/* Any value: the last known field counts, and none is null; KIND_NONE when it
 * cannot be read. */
RARE static enum kind
read_value(struct wire_reader reader, struct wire_field *last)
{
	enum kind kind = KIND_NULL;
	struct wire_field field;

	while (wire_next(&reader, &field)) {
		enum kind tag = field.number << 3 | field.type;
		switch (tag) {
		case KIND_NULL:
		case KIND_NUMBER:
		case KIND_STRING:
		case KIND_BOOL:
		case KIND_STRUCT:
		case KIND_LIST:
			kind = tag;
			*last = field;
			break;
		default:
			break;
		}
	}
	return reader.is_bad ? KIND_NONE : kind;
}

static char *
write_value(struct event_json *writer, const uint8_t *bytes, size_t len,
    char *out)
{
	struct wire_reader reader = wire_open(bytes, len);
	struct wire_field field = { 0 };
	enum kind kind = read_plain_value(reader, &field);

	if (kind == KIND_NONE)
		kind = read_value(reader, &field);
	switch (kind) {
	case KIND_STRING:
		return write_string(writer, field.bytes, field.len_bytes, out);
	case KIND_NUMBER:
		return write_number(writer, field.value, out);
	case KIND_BOOL:
		return field.value ? mempcpy(out, "true", 4)
				   : mempcpy(out, "false", 5);
	case KIND_STRUCT:
		return write_object(writer, field.bytes, field.len_bytes, out);
	case KIND_LIST:
		return write_list(writer, field.bytes, field.len_bytes, out);
	case KIND_NULL:
		return mempcpy(out, "null", 4);
	case KIND_NONE:
		break;
	}
	return fail(writer, EVENT_JSON_NOT_PROTOBUF);
}

/* --- events ----------------------------------------------------------------
 */

enum event_json_status
event_json_write(struct event_json *writer, const void *struct_bytes,
    size_t len_bytes, struct buffer *out, struct event_json_found *found)
{
	const uint8_t *bytes = len_bytes == 0 ? (const void *)"" : struct_bytes;

	if (len_bytes > EVENT_JSON_MAX_BYTES)
		return EVENT_JSON_NOT_PROTOBUF;
	writer->count = 0;
	writer->depth = 0;
	writer->status = EVENT_JSON_OK;
	writer->input_end = bytes + len_bytes;
	writer->found = (struct event_json_found){ 0 };
	writer->first =
	    buffer_reserve(out, WORST_GROWTH * len_bytes + SLACK_BYTES);
	char *end = write_object(writer, bytes, len_bytes, writer->first);
	if (end == NULL)
		return writer->status;
	out->len_bytes += (size_t)(end - writer->first);
	if (found != NULL)
		*found = writer->found;
	return EVENT_JSON_OK;
}

const char *
event_json_reason(enum event_json_status status)
{
	switch (status) {
	case EVENT_JSON_OK:
		return "no error";
	case EVENT_JSON_NOT_PROTOBUF:
		return "the event is not a protobuf Struct";
	case EVENT_JSON_NOT_UTF8:
		return "the event holds text that is not UTF-8";
	case EVENT_JSON_NOT_FINITE:
		return "the event holds a number that is not finite";
	case EVENT_JSON_TOO_DEEP:
		return "the event is nested too deeply";
	}
	return "unknown error";
}
