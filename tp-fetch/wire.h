/*
 * The protobuf wire format, reading.  Pure; inline, for it is the hot path.
 *
 * A wire_reader walks the fields of one message.  Every length is checked
 * against the end, so no input reads outside it.  Groups (wire types 3 and 4)
 * are refused: proto3 does not have them.  So are, as Go does, field number 0
 * and those beyond 2^29 - 1, and varints beyond 64 bits.
 *
 *     struct wire_reader reader = wire_open(bytes, len_bytes);
 *     struct wire_field field;
 *     while (wire_next(&reader, &field)) ...
 *     if (reader.is_bad) ...
 */
#ifndef TP_FETCH_WIRE_H
#define TP_FETCH_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum wire_type {
	WIRE_VARINT = 0,
	WIRE_FIXED64 = 1,
	WIRE_BYTES = 2,
	WIRE_FIXED32 = 5
};

enum { WIRE_MAX_FIELD = (1 << 29) - 1 };

struct wire_reader {
	const uint8_t *next;
	const uint8_t *end;
	int is_bad; /* truncated or not protobuf; wire_next() has returned 0 */
};

struct wire_field {
	uint32_t number;
	enum wire_type type;
	uint64_t value;       /* varint and fixed types, zero-extended */
	const uint8_t *bytes; /* WIRE_BYTES only; lives as long as the input */
	size_t len_bytes;
};

static inline struct wire_reader
wire_open(const void *bytes, size_t len_bytes)
{
	const uint8_t *first = bytes;

	return (struct wire_reader){ first, first + len_bytes, 0 };
}

/* The rest of wire_varint(): two bytes or more, at most 64 bits. */
static inline int
wire_long_varint(struct wire_reader *reader, uint64_t *value)
{
	uint64_t result = 0;

	for (unsigned shift = 0; shift < 64 && reader->next < reader->end;
	     shift += 7) {
		uint8_t byte = *reader->next++;
		if (shift == 63 && byte > 1)
			break;
		result |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			*value = result;
			return 1;
		}
	}
	reader->is_bad = 1;
	return 0;
}

/* A varint; 0 when there is none.  Nearly all in an event take one byte. */
static inline int
wire_varint(struct wire_reader *reader, uint64_t *value)
{
	if (reader->next < reader->end && *reader->next < 0x80) {
		*value = *reader->next++;
		return 1;
	}
	return wire_long_varint(reader, value);
}

static inline int
wire_fixed(struct wire_reader *reader, size_t width, uint64_t *value)
{
	if ((size_t)(reader->end - reader->next) < width) {
		reader->is_bad = 1;
		return 0;
	}
	*value = 0;
	memcpy(value, reader->next, width); /* little-endian hosts only */
	reader->next += width;
	return 1;
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
    "wire_fixed reads little-endian");

/* The next field; 0 at the end, or with is_bad set. */
static inline int
wire_next(struct wire_reader *reader, struct wire_field *field)
{
	uint64_t tag;

	if (reader->next >= reader->end || !wire_varint(reader, &tag))
		return 0;
	if (tag >> 3 == 0 || tag >> 3 > WIRE_MAX_FIELD) {
		reader->is_bad = 1;
		return 0;
	}
	field->number = (uint32_t)(tag >> 3);
	field->type = (enum wire_type)(tag & 7);
	field->bytes = NULL;
	field->len_bytes = 0;
	switch (field->type) {
	case WIRE_VARINT:
		return wire_varint(reader, &field->value);
	case WIRE_FIXED64:
		return wire_fixed(reader, 8, &field->value);
	case WIRE_FIXED32:
		return wire_fixed(reader, 4, &field->value);
	case WIRE_BYTES:
		if (!wire_varint(reader, &field->value))
			return 0;
		if (field->value > (uint64_t)(reader->end - reader->next))
			break;
		field->bytes = reader->next;
		field->len_bytes = (size_t)field->value;
		reader->next += field->len_bytes;
		return 1;
	}
	reader->is_bad = 1;
	return 0;
}

/*
 * The next field if it is `tag`, of type WIRE_BYTES, and shorter than 16 KB:
 * what nearly every field of an event is, read in registers.  0 leaves the
 * reader where it was, for wire_next().
 */
static inline int
wire_take(struct wire_reader *reader, uint8_t tag, const uint8_t **bytes,
    size_t *len_bytes)
{
	const uint8_t *at = reader->next;
	size_t left = (size_t)(reader->end - at);

	if (left < 2 || at[0] != tag)
		return 0;
	size_t len = at[1];
	size_t head = 2;
	if (len >= 0x80) {
		if (left < 3 || at[2] >= 0x80)
			return 0;
		len = (len & 0x7f) | (size_t)at[2] << 7;
		head = 3;
	}
	if (len > left - head)
		return 0;
	*bytes = at + head;
	*len_bytes = len;
	reader->next = at + head + len;
	return 1;
}

#endif
