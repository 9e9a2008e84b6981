/* Any bytes as a line: what is accepted, jansson accepts too, and the other way
   round but for what jansson does not take by design. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tp-hec/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes);

/* What jansson refuses though the grammar allows it. */
static int
is_own_limit(const json_error_t *error)
{
	enum json_error_code code = json_error_code(error);

	return code == json_error_numeric_overflow ||
	       code == json_error_null_character ||
	       code == json_error_null_byte_in_key ||
	       strncmp(error->text, "invalid Unicode", 15) == 0;
}

static void
check_value(const struct scan_slice *slice, const json_t *expected)
{
	if ((slice->text == NULL) != (expected == NULL))
		abort();
	if (expected == NULL)
		return;
	json_t *value = json_loadb(slice->text, slice->len_bytes,
	    JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	if (value == NULL || !json_equal(value, expected))
		abort();
	json_decref(value);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes)
{
	struct scan_names names = { 0 };
	struct scan_result result;
	json_error_t error = { 0 };
	char *line = malloc(len_bytes + SCAN_PADDING);

	if (line == NULL)
		abort();
	memcpy(line, bytes, len_bytes);
	memset(line + len_bytes, len_bytes % 2 == 0 ? '"' : '}', SCAN_PADDING);
	scan_names_add(&names, "a");
	scan_names_add(&names, "uid");
	enum scan_status status = scan_object(line, len_bytes, &names, &result);
	if (status != SCAN_OK && result.bad_offset > len_bytes)
		abort();

	/* A NUL byte is never valid, though jansson misses some. */
	int has_nul = memchr(line, '\0', len_bytes) != NULL;
	json_t *json = json_loadb(line, len_bytes, JSON_ALLOW_NUL, &error);
	if (has_nul ? status == SCAN_OK
	    : json_is_object(json)
		? status != SCAN_OK && status != SCAN_TOO_DEEP
		: status == SCAN_OK && !is_own_limit(&error))
		abort();
	if (status == SCAN_OK && json != NULL) {
		check_value(&result.value[0], json_object_get(json, "a"));
		check_value(&result.value[1], json_object_get(json, "uid"));
	}
	json_decref(json);
	free(line);
	return 0;
}
