/* The protobuf wire format: a writer from the end to the front, a reader. */
#include "wire.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

enum { NS_PER_S = 1000000000 };

struct wire_out
wire_on(uint8_t *memory, size_t size)
{
	return (struct wire_out){ NULL, memory + size, memory + size };
}

void
wire_free(struct wire_out *out)
{
	free(out->base);
	*out = (struct wire_out){ 0 };
}

static void
grow(struct wire_out *out, size_t wanted)
{
	size_t size = wire_size(out);
	size_t capacity = 2 * (size + wanted) + 256;
	uint8_t *memory = x_alloc(capacity);

	if (size)
		memcpy(memory + capacity - size, out->at, size);
	free(out->base);
	out->base = memory;
	out->end = memory + capacity;
	out->at = out->end - size;
}

/* Borrowed memory has no base and is never checked: its owner knows that it
 * suffices (wire_on). */
static uint8_t *
claim(struct wire_out *out, size_t size)
{
	int is_borrowed = !out->base && out->end;

	if (!is_borrowed && (size_t)(out->at - out->base) < size)
		grow(out, size);
	return out->at -= size;
}

void
wire_put_raw(struct wire_out *out, const void *data, size_t size)
{
	if (size)
		memcpy(claim(out, size), data, size);
}

void
wire_put_varint(struct wire_out *out, uint64_t value)
{
	uint8_t bytes[10];
	size_t size = 0;

	do {
		bytes[size] = (uint8_t)(value & 0x7f);
		value >>= 7;
		if (value)
			bytes[size] |= 0x80;
		size++;
	} while (value);
	wire_put_raw(out, bytes, size);
}

void
wire_put_tag(struct wire_out *out, uint32_t field, enum wire_type type)
{
	wire_put_varint(out, field << 3 | type);
}

void
wire_put_integer(struct wire_out *out, uint32_t field, uint64_t value)
{
	wire_put_varint(out, value);
	wire_put_tag(out, field, WIRE_VARINT);
}

void
wire_put_double(struct wire_out *out, uint32_t field, double value)
{
	uint64_t bits;
	uint8_t bytes[8];

	memcpy(&bits, &value, sizeof bits);
	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(bits >> (8 * i));
	wire_put_raw(out, bytes, sizeof bytes);
	wire_put_tag(out, field, WIRE_FIXED64);
}

void
wire_put_string(struct wire_out *out, uint32_t field, const void *data,
    size_t size)
{
	wire_put_raw(out, data, size);
	wire_put_varint(out, size);
	wire_put_tag(out, field, WIRE_BYTES);
}

void
wire_close(struct wire_out *out, uint32_t field, size_t mark)
{
	wire_put_varint(out, wire_size(out) - mark);
	wire_put_tag(out, field, WIRE_BYTES);
}

void
wire_put_timestamp(struct wire_out *out, uint32_t field, int64_t time_ns)
{
	size_t mark = wire_size(out);
	int64_t seconds = time_ns / NS_PER_S;
	int64_t rest = time_ns % NS_PER_S;

	if (rest < 0) {
		rest += NS_PER_S;
		seconds--;
	}
	if (rest)
		wire_put_integer(out, 2, (uint64_t)rest);
	if (seconds)
		wire_put_integer(out, 1, (uint64_t)seconds);
	wire_close(out, field, mark);
}

static int
read_varint(struct wire_in *in, uint64_t *value)
{
	*value = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte;

		if (in->at == in->end)
			return -1;
		byte = *in->at++;
		*value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return 0;
	}
	return -1;
}

static int
read_fixed64(struct wire_in *in, uint64_t *value)
{
	if (in->end - in->at < 8)
		return -1;
	*value = 0;
	for (int i = 0; i < 8; i++)
		*value |= (uint64_t)in->at[i] << (8 * i);
	in->at += 8;
	return 0;
}

static int
read_bytes(struct wire_in *in, struct wire_in *data)
{
	uint64_t size;

	if (read_varint(in, &size) || size > (uint64_t)(in->end - in->at))
		return -1;
	*data = (struct wire_in){ in->at, in->at + size };
	in->at += size;
	return 0;
}

int
wire_next(struct wire_in *in, struct wire_field *field)
{
	uint64_t tag;
	int status = -1;

	*field = (struct wire_field){ 0 };
	if (in->at == in->end)
		return 0;
	if (read_varint(in, &tag) || tag >> 3 == 0 || tag >> 32)
		return -1;
	field->number = (uint32_t)(tag >> 3);
	field->type = (enum wire_type)(tag & 7);
	switch (field->type) {
	case WIRE_VARINT:
		status = read_varint(in, &field->value);
		break;
	case WIRE_FIXED64:
		status = read_fixed64(in, &field->value);
		break;
	case WIRE_BYTES:
		status = read_bytes(in, &field->data);
		break;
	}
	return status ? -1 : 1;
}

int
wire_read_timestamp(struct wire_in in, int64_t *time_ns)
{
	const int64_t limit = INT64_MAX / NS_PER_S - 1;
	int64_t seconds = 0, rest = 0;
	struct wire_field field;
	int status;

	while ((status = wire_next(&in, &field)) > 0) {
		if (field.number == 1)
			seconds = (int64_t)field.value;
		else if (field.number == 2)
			rest = (int32_t)field.value;
	}
	if (status < 0 || rest < 0 || rest >= NS_PER_S)
		return -1;
	if (seconds > limit)
		seconds = limit;
	else if (seconds < -limit)
		seconds = -limit;
	*time_ns = seconds * NS_PER_S + rest;
	return 0;
}
