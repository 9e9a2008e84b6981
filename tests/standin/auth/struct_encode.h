/* struct_encode.h -- a JSON object as google.protobuf.Struct. */
#ifndef STANDIN_AUTH_STRUCT_ENCODE_H
#define STANDIN_AUTH_STRUCT_ENCODE_H

#include "random.h"
#include "wire.h"

#include <jansson.h>

/* Puts the fields of `object` in front of what `out` holds.  Members come in
 * an order drawn from `order`, since Go writes maps in random order; numbers
 * become doubles, as in the real server. */
void
struct_encode(struct wire_out *out, const json_t *object, struct random *order);

#endif
