/* JSON to google.protobuf.Struct, Value and ListValue (struct.proto). */
#include "struct_encode.h"

#include "memory.h"

#include <stdlib.h>

enum { STRUCT_FIELDS = 1, ENTRY_KEY = 1, ENTRY_VALUE = 2, LIST_VALUES = 1 };

enum {
	VALUE_NULL = 1,
	VALUE_NUMBER = 2,
	VALUE_STRING = 3,
	VALUE_BOOL = 4,
	VALUE_STRUCT = 5,
	VALUE_LIST = 6,
};

struct member {
	const char *key;
	size_t key_size;
	json_t *value;
};

static void
put_list(struct wire_out *out, const json_t *array, struct random *order);

static void
put_value(struct wire_out *out, const json_t *value, struct random *order)
{
	size_t mark = wire_size(out);

	switch (json_typeof(value)) {
	case JSON_NULL:
		wire_put_integer(out, VALUE_NULL, 0);
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		wire_put_integer(out, VALUE_BOOL, json_is_true(value));
		break;
	case JSON_INTEGER:
	case JSON_REAL:
		wire_put_double(out, VALUE_NUMBER, json_number_value(value));
		break;
	case JSON_STRING:
		wire_put_string(out, VALUE_STRING, json_string_value(value),
		    json_string_length(value));
		break;
	case JSON_ARRAY:
		put_list(out, value, order);
		wire_close(out, VALUE_LIST, mark);
		break;
	case JSON_OBJECT:
		struct_encode(out, value, order);
		wire_close(out, VALUE_STRUCT, mark);
		break;
	}
}

static void
put_list(struct wire_out *out, const json_t *array, struct random *order)
{
	for (size_t i = json_array_size(array); i-- > 0;) {
		size_t mark = wire_size(out);

		put_value(out, json_array_get(array, i), order);
		wire_close(out, LIST_VALUES, mark);
	}
}

static void
put_member(struct wire_out *out, const struct member *member,
    struct random *order)
{
	size_t entry = wire_size(out);

	put_value(out, member->value, order);
	wire_close(out, ENTRY_VALUE, entry);
	wire_put_string(out, ENTRY_KEY, member->key, member->key_size);
	wire_close(out, STRUCT_FIELDS, entry);
}

static void
shuffle(struct member *members, size_t count, struct random *order)
{
	for (size_t i = count; i > 1; i--) {
		size_t j = (size_t)random_below(order, i);
		struct member other = members[j];

		members[j] = members[i - 1];
		members[i - 1] = other;
	}
}

void
struct_encode(struct wire_out *out, const json_t *object, struct random *order)
{
	size_t count = 0;
	struct member *members =
	    x_alloc(json_object_size(object) * sizeof *members);

	/* jansson's iterator wants a mutable object, and leaves it alone. */
	json_t *mutable = json_incref((json_t *)(uintptr_t)object);
	for (void *at = json_object_iter(mutable); at;
	     at = json_object_iter_next(mutable, at))
		members[count++] = (struct member){ json_object_iter_key(at),
			json_object_iter_key_len(at),
			json_object_iter_value(at) };
	json_decref(mutable);

	shuffle(members, count, order);
	for (size_t i = 0; i < count; i++)
		put_member(out, &members[i], order);
	free(members);
}
