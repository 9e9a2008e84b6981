/*
 * Any bytes as a Struct: what is written parses as JSON and is an object, a
 * refusal leaves the output alone, and the noted uid stands where it is said.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buffer.h"
#include "lib/uid.h"
#include "tp-fetch/event_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes);

static void
check(int is_so)
{
	if (!is_so)
		abort();
}

static void
check_json(const struct buffer *out, const struct event_json_found *found)
{
	json_error_t error;
	json_t *event = json_loadb(out->data, out->len_bytes,
	    JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL | JSON_REJECT_DUPLICATES,
	    &error);
	json_t *uid = json_object_get(event, "uid");

	if (event == NULL &&
	    json_error_code(&error) == json_error_null_byte_in_key)
		return; /* legal, and more than jansson can hold */
	check(json_is_object(event));
	check(memchr(out->data, '\n', out->len_bytes) == NULL);
	check((found->uid_len_bytes > 0) ==
	      (json_is_string(uid) && uid_is_plain(json_string_value(uid),
					  json_string_length(uid))));
	check(found->uid_len_bytes == 0 ||
	      memcmp(out->data + found->uid_offset, json_string_value(uid),
		  found->uid_len_bytes) == 0);
	json_decref(event);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes)
{
	static struct event_json *writer;
	struct event_json_found found;
	struct buffer out = { 0 };

	if (writer == NULL)
		writer = event_json_new();
	if (event_json_write(writer, bytes, len_bytes, &out, &found) ==
	    EVENT_JSON_OK)
		check_json(&out, &found);
	else
		check(out.len_bytes == 0);
	buffer_free(&out);
	return 0;
}
