/*
 * A JSON object as the wire bytes of a google.protobuf.Struct, for tests and
 * benchmarks.  Entries come in an order drawn from `*seed`, as Go's maps have
 * it.  Shares no code with tp-fetch/wire.h.
 */
#ifndef TESTS_STRUCT_WIRE_H
#define TESTS_STRUCT_WIRE_H

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/buffer.h"

static inline uint64_t
struct_wire_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static inline void
struct_wire_varint(struct buffer *out, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		buffer_append_byte(out, (char)(value | 0x80));
	buffer_append_byte(out, (char)value);
}

static inline void
struct_wire_bytes(struct buffer *out, unsigned field, const void *bytes,
    size_t len_bytes)
{
	struct_wire_varint(out, field << 3 | 2);
	struct_wire_varint(out, len_bytes);
	buffer_append(out, bytes, len_bytes);
}

static inline void
struct_wire_object(struct buffer *out, json_t *object, uint64_t *seed);

/* Appends a Value message. */
static inline void
struct_wire_value(struct buffer *out, json_t *value, uint64_t *seed)
{
	struct buffer inner = { 0 };
	struct buffer element = { 0 };
	double number = json_number_value(value);
	size_t i;
	json_t *item;

	if (json_is_null(value)) {
		buffer_append(out, "\x08\x00", 2);
	} else if (json_is_number(value)) {
		buffer_append_byte(out, 0x11);
		buffer_append(out, &number, sizeof(number));
	} else if (json_is_string(value)) {
		struct_wire_bytes(out, 3, json_string_value(value),
		    json_string_length(value));
	} else if (json_is_boolean(value)) {
		buffer_append(out, json_is_true(value) ? "\x20\x01" : "\x20",
		    2);
	} else if (json_is_object(value)) {
		struct_wire_object(&inner, value, seed);
		struct_wire_bytes(out, 5, inner.data, inner.len_bytes);
	} else {
		json_array_foreach(value, i, item)
		{
			element.len_bytes = 0;
			struct_wire_value(&element, item, seed);
			struct_wire_bytes(&inner, 1, element.data,
			    element.len_bytes);
		}
		struct_wire_bytes(out, 6, inner.data, inner.len_bytes);
	}
	buffer_free(&inner);
	buffer_free(&element);
}

static inline void
struct_wire_entry(struct buffer *out, const char *key, size_t key_len,
    json_t *value, uint64_t *seed)
{
	struct buffer inner = { 0 };
	struct buffer entry = { 0 };

	struct_wire_value(&inner, value, seed);
	struct_wire_bytes(&entry, 1, key, key_len);
	struct_wire_bytes(&entry, 2, inner.data, inner.len_bytes);
	struct_wire_bytes(out, 1, entry.data, entry.len_bytes);
	buffer_free(&inner);
	buffer_free(&entry);
}

/* Appends a Struct message. */
static inline void
struct_wire_object(struct buffer *out, json_t *object, uint64_t *seed)
{
	size_t count = json_object_size(object);
	void **iterators = calloc(count + 1, sizeof(*iterators));
	void *iterator = json_object_iter(object);

	for (size_t i = 0; i < count; i++) {
		size_t at = struct_wire_random(seed) % (i + 1);
		iterators[i] = iterators[at];
		iterators[at] = iterator;
		iterator = json_object_iter_next(object, iterator);
	}
	for (size_t i = 0; i < count; i++)
		struct_wire_entry(out, json_object_iter_key(iterators[i]),
		    json_object_iter_key_len(iterators[i]),
		    json_object_iter_value(iterators[i]), seed);
	free(iterators);
}

#endif
