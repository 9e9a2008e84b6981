/* wire.h -- the protobuf wire format, by hand, as far as the stand-in speaks
 *it.
 *
 * Writing goes from the end to the front: a message's content is put before
 * its length and tag, so that no length is ever measured ahead.  Fields are
 * therefore put in reverse of the order that they shall have on the wire.
 *
 *	struct wire_out out = { 0 };
 *	size_t mark = wire_size(&out);
 *	wire_put_string(&out, 1, "x", 1);	the inner message's content
 *	wire_close(&out, 5, mark);		makes it field 5
 *	... wire_data(&out), wire_size(&out) ...
 *	wire_free(&out);
 */
#ifndef STANDIN_AUTH_WIRE_H
#define STANDIN_AUTH_WIRE_H

#include <stddef.h>
#include <stdint.h>

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2 };

/* All zero is an empty output; it grows by itself.  wire_on() makes one on
 * memory of the caller's that is known to suffice and must not grow. */
struct wire_out {
	uint8_t *base;
	uint8_t *at;
	uint8_t *end;
};

struct wire_out wire_on(uint8_t *memory, size_t size);
void wire_free(struct wire_out *out);

static inline size_t
wire_size(const struct wire_out *out)
{
	return (size_t)(out->end - out->at);
}

static inline const uint8_t *
wire_data(const struct wire_out *out)
{
	return out->at;
}

void wire_put_raw(struct wire_out *out, const void *data, size_t size);
void wire_put_varint(struct wire_out *out, uint64_t value);
void wire_put_tag(struct wire_out *out, uint32_t field, enum wire_type type);
void wire_put_integer(struct wire_out *out, uint32_t field, uint64_t value);
void wire_put_double(struct wire_out *out, uint32_t field, double value);
void wire_put_string(struct wire_out *out, uint32_t field, const void *data,
    size_t size);
/* google.protobuf.Timestamp; zero parts are left out, as proto3 does. */
void wire_put_timestamp(struct wire_out *out, uint32_t field, int64_t time_ns);
/* What was put since wire_size() was `mark` becomes the message `field`. */
void wire_close(struct wire_out *out, uint32_t field, size_t mark);

struct wire_in {
	const uint8_t *at;
	const uint8_t *end;
};

struct wire_field {
	uint32_t number;
	enum wire_type type;
	uint64_t value;      /* of a varint or fixed64 */
	struct wire_in data; /* of bytes; points into the input */
};

/* 1 a field, 0 the end, -1 not protobuf (or a group or fixed32, which no
 * message here has). */
int wire_next(struct wire_in *in, struct wire_field *field);
/* A Timestamp message in ns since 1970, clamped to int64; -1 if malformed. */
int wire_read_timestamp(struct wire_in in, int64_t *time_ns);

#endif
