/* Which lines are JSON objects, and where their members are. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "tp-hec/scan.h"

/* A copy with exactly the padding that is promised, full of `filler`: reading
   further is for the sanitizer to find, believing it for the tests. */
static enum scan_status
scan_padded(const char *line, size_t len_bytes, char filler,
    const struct scan_names *names, struct scan_result *result, char **copy)
{
	*copy = malloc(len_bytes + SCAN_PADDING);
	assert_non_null(*copy);
	memcpy(*copy, line, len_bytes);
	memset(*copy + len_bytes, filler, SCAN_PADDING);
	return scan_object(*copy, len_bytes, names, result);
}

/* The status, which must not depend on what is behind the line. */
static enum scan_status
scan(const char *line, size_t len_bytes)
{
	static const char fillers[] = { '\0', '"', '}', ']', '1', ' ', ',',
		'\\', '\xff', '\x80' };
	struct scan_names names = { 0 };
	enum scan_status first = SCAN_OK;
	size_t first_offset = 0;

	for (size_t i = 0; i < sizeof(fillers); i++) {
		struct scan_result result = { .bad_offset = 0 };
		char *copy;
		enum scan_status status = scan_padded(line, len_bytes,
		    fillers[i], &names, &result, &copy);
		free(copy);
		if (i == 0) {
			first = status;
			first_offset = result.bad_offset;
		}
		assert_int_equal(status, first);
		assert_int_equal(result.bad_offset, first_offset);
		assert_true(result.bad_offset <= len_bytes);
	}
	return first;
}

struct example {
	enum scan_status status;
	const char *text;
};

static const struct example examples[] = {
	{ SCAN_OK, "{}" },
	{ SCAN_OK, " \t{ } \r" },
	{ SCAN_OK, "{\"a\":1}" },
	{ SCAN_OK, "{ \"a\" : 1 , \"b\" : [ ] , \"c\" : [ 1 , { } ] }" },
	{ SCAN_OK, "{\"a\":[[],[[]],{\"b\":{}}],\"\":null}" },
	{ SCAN_OK, "{\"a\":1,\"a\":2}" },
	{ SCAN_OK, "{\"a\":[true,false,null]}" },
	{ SCAN_OK, "{\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u12aF\":\"\\u0000\"}" },
	{ SCAN_OK, "{\"a\":\"\\ud800\"}" }, /* half a pair is in the grammar */
	{ SCAN_OK, "{\"a\":\"\\ud83d\\ude00\"}" },
	{ SCAN_OK, "{\"a\":\"\x7f\"}" },
	{ SCAN_NOT_OBJECT, "" },
	{ SCAN_NOT_OBJECT, "   " },
	{ SCAN_NOT_OBJECT, "[]" },
	{ SCAN_NOT_OBJECT, "\"a\"" },
	{ SCAN_NOT_OBJECT, "null" },
	{ SCAN_NOT_OBJECT, "\xef\xbb\xbf{}" }, /* a byte order mark */
	{ SCAN_NOT_JSON, "{" },
	{ SCAN_NOT_JSON, "{]" },
	{ SCAN_NOT_JSON, "{\"a\":[}" },
	{ SCAN_NOT_JSON, "{\"a\":[1}" },
	{ SCAN_NOT_JSON, "{\"a\":{]}" },
	{ SCAN_NOT_JSON, "{}}" },
	{ SCAN_NOT_JSON, "{} {}" },
	{ SCAN_NOT_JSON, "{},{}" },
	{ SCAN_NOT_JSON, "{}," },
	{ SCAN_NOT_JSON, "{}x" },
	{ SCAN_NOT_JSON, "{,}" },
	{ SCAN_NOT_JSON, "{\"a\"}" },
	{ SCAN_NOT_JSON, "{\"a\":}" },
	{ SCAN_NOT_JSON, "{\"a\":1,}" },
	{ SCAN_NOT_JSON, "{\"a\":1,,\"b\":2}" },
	{ SCAN_NOT_JSON, "{\"a\" 1}" },
	{ SCAN_NOT_JSON, "{\"a\":1 \"b\":2}" },
	{ SCAN_NOT_JSON, "{\"a\"::1}" },
	{ SCAN_NOT_JSON, "{a:1}" },
	{ SCAN_NOT_JSON, "{'a':1}" },
	{ SCAN_NOT_JSON, "{1:1}" },
	{ SCAN_NOT_JSON, "{\"a\":[1,]}" },
	{ SCAN_NOT_JSON, "{\"a\":[,1]}" },
	{ SCAN_NOT_JSON, "{\"a\":[1:2]}" },
	{ SCAN_NOT_JSON, "{\"a\":1/**/}" },
	{ SCAN_NOT_JSON, "{\"a\":\v1}" },
	{ SCAN_NOT_JSON, "{\"a\":True}" },
	{ SCAN_NOT_JSON, "{\"a\":tru}" },
	{ SCAN_NOT_JSON, "{\"a\":nullx}" },
	{ SCAN_NOT_JSON, "{\"a\":NaN}" },
	{ SCAN_NOT_JSON, "{\"a\":Infinity}" },
	{ SCAN_NOT_JSON, "{\"a\":\"b}" },
	{ SCAN_NOT_JSON, "{\"a" },
	{ SCAN_NOT_JSON, "{\"a\\" },
	{ SCAN_NOT_JSON, "{\"a\\\"}" },
	{ SCAN_NOT_JSON, "{\"a\":\"\\x\"}" },
	{ SCAN_NOT_JSON, "{\"a\":\"\\'\"}" },
	{ SCAN_NOT_JSON, "{\"a\":\"\\U0041\"}" },
	{ SCAN_NOT_JSON, "{\"a\":\"\\u\"}" },
	{ SCAN_NOT_JSON, "{\"a\":\"\\u123\"}" },
	{ SCAN_NOT_JSON, "{\"a\":\"\\u12g4\"}" },
	{ SCAN_NOT_JSON, "{\"a\":\"\\u12" },
	{ SCAN_NOT_JSON, "{\"a\":\"\t\"}" },
	{ SCAN_NOT_JSON, "{\"a\":\"\x1f\"}" },
	{ SCAN_NOT_JSON, "{\"a\":\"0123456789012345678901234567890\x01\"}" },
};

static void
test_grammar(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		const char *text = examples[i].text;
		enum scan_status status = scan(text, strlen(text));
		if (status != examples[i].status)
			print_error("%s\n", text);
		assert_int_equal(status, examples[i].status);
	}
	assert_int_equal(scan("{\"a\":\"\0\"}", 9), SCAN_NOT_JSON);
	assert_int_equal(scan("{\0}", 3), SCAN_NOT_JSON);
}

static void
test_numbers(void **state)
{
	static const char *const good[] = { "0", "-0", "1", "-1", "10", "0.0",
		"0.10", "-0.5", "1e1", "1E1", "1e+1", "1e-1", "1e01", "0e0",
		"1.5e300", "1e400", "123456789012345678901234567890", "-0.0" };
	static const char *const bad[] = { "-", "+1", "00", "01", "-01", ".5",
		"1.", "1.e1", "-.5", "1e", "1e+", "e1", "1e1.5", "0x1", "1_0",
		"1.2.3", "--1", "1-", "0e", "1 2", "1f" };
	char text[80];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(text, sizeof(text), "{\"a\":%s}", good[i]);
		assert_int_equal(scan(text, strlen(text)), SCAN_OK);
		snprintf(text, sizeof(text), "{\"a\":[%s , %s]}", good[i],
		    good[i]);
		assert_int_equal(scan(text, strlen(text)), SCAN_OK);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "{\"a\":%s}", bad[i]);
		assert_int_equal(scan(text, strlen(text)), SCAN_NOT_JSON);
		/* Cut right behind, whatever the padding has. */
		snprintf(text, sizeof(text), "{\"a\":%s", bad[i]);
		assert_int_equal(scan(text, strlen(text)), SCAN_NOT_JSON);
	}
}

static void
test_utf8(void **state)
{
	static const char *const good[] = { "\xc2\x80", "\xdf\xbf",
		"\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
		"\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "\xc3\xa4z\xc3\xb6" };
	static const char *const bad[] = { "\x80", "\xbf", "\xc0\x80",
		"\xc1\xbf", "\xc2", "\xc2z", "\xc2\xc0", "\xe0\x9f\xbf",
		"\xe0\xa0", "\xe0\xa0z", "\xed\xa0\x80", "\xed\xbf\xbf",
		"\xf0\x8f\xbf\xbf", "\xf0\x90\x80", "\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80", "\xff", "\xfe", "\xc3\xa4\xa4" };
	char text[120];

	(void)state;
	/* At every place in a block, as key and as value. */
	for (int pad = 0; pad < 70; pad++) {
		for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
			snprintf(text, sizeof(text), "{\"%*s%s\":\"%s\"}", pad,
			    "", good[i], good[i]);
			assert_int_equal(scan(text, strlen(text)), SCAN_OK);
		}
		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			snprintf(text, sizeof(text), "{\"%*s%s\":1}", pad, "",
			    bad[i]);
			assert_int_equal(scan(text, strlen(text)),
			    SCAN_NOT_UTF8);
		}
	}
	/* Outside strings such bytes are no JSON at all. */
	assert_int_equal(scan("{\xc3\xa4}", 4), SCAN_NOT_JSON);
}

static char *
nested(size_t depth, const char *open, const char *close, const char *middle)
{
	char *text = calloc(depth * (strlen(open) + strlen(close)) + 100, 1);
	char *at = text;

	assert_non_null(text);
	for (size_t i = 0; i < depth; i++)
		at = stpcpy(at, open);
	at = stpcpy(at, middle);
	for (size_t i = 0; i < depth; i++)
		at = stpcpy(at, close);
	return text;
}

static void
test_depth(void **state)
{
	char *text = nested(SCAN_MAX_DEPTH, "{\"a\":", "}", "1");

	(void)state;
	assert_int_equal(scan(text, strlen(text)), SCAN_OK);
	free(text);
	text = nested(SCAN_MAX_DEPTH + 1, "{\"a\":", "}", "1");
	assert_int_equal(scan(text, strlen(text)), SCAN_TOO_DEEP);
	free(text);
	/* Levels of both kinds, closed in the right order and not. */
	text = nested(SCAN_MAX_DEPTH / 2, "{\"a\":[1,", ",{}]}", "[]");
	assert_int_equal(scan(text, strlen(text)), SCAN_TOO_DEEP);
	free(text);
	text = nested(SCAN_MAX_DEPTH / 2 - 1, "{\"a\":[1,", ",{}]}", "[]");
	assert_int_equal(scan(text, strlen(text)), SCAN_OK);
	*strrchr(text, ']') = '}';
	assert_int_equal(scan(text, strlen(text)), SCAN_NOT_JSON);
	free(text);
}

static void
assert_slice(const struct scan_slice *slice, const char *text)
{
	if (text == NULL) {
		assert_null(slice->text);
		assert_int_equal(slice->len_bytes, 0);
		return;
	}
	assert_int_equal(slice->len_bytes, strlen(text));
	assert_memory_equal(slice->text, text, strlen(text));
}

static void
test_members(void **state)
{
	static const char line[] =
	    "{\"uid\":\"first\",\"x\":{\"uid\":1,\"time\":2,\"n\":[{\"a\":0}]},"
	    " \"a\" : [ 1, {\"uid\":3} ] ,\"uid\" : \"la\\\"st\" ,\"e\":{},"
	    "\"n\":-1.5e3 ,\"t\":true,\"uidx\":4,\"ui\":5}";
	struct scan_names names = { 0 };
	struct scan_result result;

	(void)state;
	assert_int_equal(scan_names_add(&names, "time"), 0);
	assert_int_equal(scan_names_add(&names, "uid"), 1);
	assert_int_equal(scan_names_add(&names, "a"), 2);
	assert_int_equal(scan_names_add(&names, "n"), 3);
	assert_int_equal(scan_names_add(&names, "t"), 4);
	assert_int_equal(scan_names_add(&names, "e"), 5);
	assert_int_equal(scan_names_add(&names, "uid"), 1);
	char *copy;
	assert_int_equal(scan_padded(line, strlen(line), '\0', &names, &result,
			     &copy),
	    SCAN_OK);
	assert_slice(&result.value[0], NULL);
	assert_slice(&result.value[1], "\"la\\\"st\"");
	assert_slice(&result.value[2], "[ 1, {\"uid\":3} ]");
	assert_slice(&result.value[3], "-1.5e3");
	assert_slice(&result.value[4], "true");
	assert_slice(&result.value[5], "{}");
	free(copy);
}

static void
test_names_have_room_for_so_many(void **state)
{
	struct scan_names names = { 0 };
	char name[SCAN_MAX_MEMBERS + 1][80];

	(void)state;
	for (size_t i = 0; i <= SCAN_MAX_MEMBERS; i++) {
		snprintf(name[i], sizeof(name[i]), "%0*zu", (int)(2 * i + 1),
		    i);
		assert_int_equal(scan_names_add(&names, name[i]), i);
	}
	assert_int_equal(names.count, SCAN_MAX_MEMBERS);
	/* Lengths that share a bit of the mask are still told apart. */
	char line[400];
	struct scan_result result;
	char *copy;
	int len =
	    snprintf(line, sizeof(line), "{\"%065d\":1,\"%s\":2}", 0, name[31]);
	scan_padded(line, (size_t)len, '\0', &names, &result, &copy);
	assert_null(result.value[0].text);
	assert_slice(&result.value[31], "2");
	free(copy);
}

/* --- against another parser ---------------------------------------------- */

static uint64_t random_state;

static uint32_t
random_below(uint32_t bound)
{
	random_state = random_state * UINT64_C(6364136223846793005) +
		       UINT64_C(1442695040888963407);
	return (uint32_t)((random_state >> 33) % bound);
}

struct text {
	char bytes[4096];
	size_t len_bytes;
};

static void
add(struct text *text, const char *bytes)
{
	size_t len_bytes = strlen(bytes);

	if (text->len_bytes + len_bytes <= sizeof(text->bytes)) {
		memcpy(text->bytes + text->len_bytes, bytes, len_bytes);
		text->len_bytes += len_bytes;
	}
}

static void
add_string(struct text *text)
{
	static const char *const parts[] = { "a", "uid", "time", "\\n", "\\\"",
		"\\\\", "\\u00e4", "\\ud83d\\ude00", "\xc3\xa4", "\xe2\x82\xac",
		"\xf0\x9f\x98\x80", " ", "{", "]",
		"a longer piece of text that fills more than one block" };

	add(text, "\"");
	for (uint32_t n = random_below(5); n > 0; n--)
		add(text, parts[random_below(sizeof(parts) / sizeof(*parts))]);
	add(text, "\"");
}

static void add_value(struct text *text, int depth);

static void
add_container(struct text *text, int depth, int is_object)
{
	add(text, is_object ? "{" : "[");
	for (uint32_t n = random_below(5); n > 0; n--) {
		if (is_object && random_below(3) == 0)
			add(text, "\"uid\"");
		else if (is_object)
			add_string(text);
		if (is_object)
			add(text, random_below(8) == 0 ? " : " : ":");
		add_value(text, depth + 1);
		if (n > 1)
			add(text, random_below(8) == 0 ? " , " : ",");
	}
	add(text, is_object ? "}" : "]");
}

static void
add_value(struct text *text, int depth)
{
	static const char *const scalars[] = { "true", "false", "null", "0",
		"-0", "17", "-3.25", "1e5", "0.001", "1E-7", "123456789" };

	switch (depth > 6 ? 2 + random_below(4) : random_below(6)) {
	case 0:
		add_container(text, depth, 0);
		break;
	case 1:
		add_container(text, depth, 1);
		break;
	case 2:
	case 3:
		add_string(text);
		break;
	default:
		add(text,
		    scalars[random_below(sizeof(scalars) / sizeof(*scalars))]);
	}
}

static void
mutate(struct text *text)
{
	static const char tokens[] =
	    "{}[],:\"\\ 019.-+eEtrufalsn/\t\x01\x80\xc3";
	size_t at = random_below((uint32_t)text->len_bytes);
	size_t rest = text->len_bytes - at;

	switch (random_below(4)) {
	case 0: /* another byte */
		text->bytes[at] = tokens[random_below(sizeof(tokens))];
		break;
	case 1: /* one byte less */
		memmove(text->bytes + at, text->bytes + at + 1, rest - 1);
		text->len_bytes--;
		break;
	case 2: /* one more */
		if (text->len_bytes < sizeof(text->bytes)) {
			memmove(text->bytes + at + 1, text->bytes + at, rest);
			text->bytes[at] = tokens[random_below(sizeof(tokens))];
			text->len_bytes++;
		}
		break;
	default: /* cut */
		if (random_below(4) == 0)
			text->len_bytes = at;
	}
}

/* Where jansson refuses what the grammar allows. */
static int
is_own_limit_of_jansson(const json_error_t *error)
{
	enum json_error_code code = json_error_code(error);

	return code == json_error_numeric_overflow ||
	       code == json_error_null_character ||
	       code == json_error_null_byte_in_key ||
	       strncmp(error->text, "invalid Unicode", 15) == 0;
}

static void
compare_with_jansson(const struct text *text)
{
	struct scan_names names = { 0 };
	struct scan_result result;
	json_error_t error = { 0 };
	char *copy;

	scan_names_add(&names, "uid");
	enum scan_status status = scan_padded(text->bytes, text->len_bytes, '"',
	    &names, &result, &copy);
	json_t *object =
	    json_loadb(text->bytes, text->len_bytes, JSON_ALLOW_NUL, &error);
	int is_object = json_is_object(object);

	/* jansson overlooks a NUL byte behind a number. */
	if (memchr(text->bytes, '\0', text->len_bytes) != NULL) {
		assert_int_not_equal(status, SCAN_OK);
		is_object = 0;
	} else if ((status == SCAN_OK) != is_object &&
		   (is_object || !is_own_limit_of_jansson(&error))) {
		print_error("%.*s\n%s, jansson: %s\n", (int)text->len_bytes,
		    text->bytes, scan_reason(status), error.text);
		fail();
	}
	if (status == SCAN_OK && is_object) {
		const json_t *uid = json_object_get(object, "uid");
		assert_int_equal(uid != NULL, result.value[0].text != NULL);
		if (uid != NULL) {
			json_t *value = json_loadb(result.value[0].text,
			    result.value[0].len_bytes,
			    JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
			assert_true(json_equal(value, uid));
			json_decref(value);
		}
	}
	json_decref(object);
	free(copy);
}

static void
test_agrees_with_jansson(void **state)
{
	(void)state;
	for (uint32_t seed = 0; seed < 40000; seed++) {
		struct text text = { .len_bytes = 0 };
		random_state = seed;
		random_below(1);
		add_container(&text, 0, 1);
		compare_with_jansson(&text);
		for (int i = 0; i < 4 && text.len_bytes > 1; i++) {
			mutate(&text);
			compare_with_jansson(&text);
		}
	}
}

static void
test_says_where(void **state)
{
	static const char line[] = "{\"a\":1,\"b\":tru,\"c\":2}";
	struct scan_names names = { 0 };
	struct scan_result result;
	char *copy;

	(void)state;
	assert_int_equal(scan_padded(line, strlen(line), ' ', &names, &result,
			     &copy),
	    SCAN_NOT_JSON);
	assert_int_equal(result.bad_offset, 11);
	free(copy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grammar),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_names_have_room_for_so_many),
		cmocka_unit_test(test_agrees_with_jansson),
		cmocka_unit_test(test_says_where),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
