/* Merge patches (RFC 7396, appendix A) and marks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tp-cursor/fold.h"

static json_t *
json(const char *text)
{
	json_error_t error;
	json_t *value = json_loads(text, JSON_DECODE_ANY, &error);

	if (value == NULL)
		fail_msg("%s: %s", text, error.text);
	return value;
}

static void
assert_json(json_t *value, const char *expected)
{
	json_t *wanted = json(expected);

	if (!json_equal(value, wanted)) {
		char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
		fail_msg("%s, not %s", text, expected);
	}
	json_decref(wanted);
}

static const char *const rfc_7396[][3] = {
	{ "{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
	{ "{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}" },
	{ "{\"a\":\"b\"}", "{\"a\":null}", "{}" },
	{ "{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}" },
	{ "{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
	{ "{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}" },
	{ "{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}",
	    "{\"a\":{\"b\":\"d\"}}" },
	{ "{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}" },
	{ "[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]" },
	{ "{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]" },
	{ "{\"a\":\"foo\"}", "null", "null" },
	{ "{\"a\":\"foo\"}", "\"bar\"", "\"bar\"" },
	{ "{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}" },
	{ "[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}" },
	{ "{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}" },
};

static void
merge_is_rfc_7396s(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rfc_7396) / sizeof(*rfc_7396); i++) {
		json_t *patch = json(rfc_7396[i][1]);
		json_t *merged = fold_merge(json(rfc_7396[i][0]), patch);
		assert_json(merged, rfc_7396[i][2]);
		json_decref(merged);
		json_decref(patch);
	}
}

static struct fold *
fold_from(const char *state_text, const char *path_text)
{
	json_t *start = json(state_text);
	json_t *path = json(path_text);
	struct fold *fold = fold_new(start, path);

	json_decref(start);
	json_decref(path);
	return fold;
}

static int
patch_with(struct fold *fold, const char *text)
{
	return fold_patch(fold, text, strlen(text));
}

static void
marks_and_patches_take_turns(void **state)
{
	struct fold *fold = fold_from("{}", "[\"search\",\"seen\"]");

	(void)state;
	fold_mark(fold, "u1-rest", 2);
	fold_mark(fold, "u2", 2);
	fold_mark(fold, "u1", 2);
	assert_json(fold_state(fold),
	    "{\"search\":{\"seen\":{\"u1\":1,\"u2\":1}}}");
	assert_int_equal(
	    patch_with(fold,
		"{\"search\":{\"key\":\"k\",\"seen\":{\"u1\":null}}}"),
	    0);
	fold_mark(fold, "u3", 2);
	assert_json(fold_state(fold),
	    "{\"search\":{\"key\":\"k\",\"seen\":{\"u2\":1,\"u3\":1}}}");
	assert_int_equal(patch_with(fold, "{\"search\":{\"seen\":null}}"), 0);
	fold_mark(fold, "u4", 2);
	assert_int_equal(patch_with(fold, "{\"search\":7}"), 0);
	assert_json(fold_state(fold), "{\"search\":7}");
	fold_mark(fold, "u5", 2);
	assert_json(fold_state(fold), "{\"search\":{\"seen\":{\"u5\":1}}}");
	fold_free(fold);
}

static void
an_empty_path_marks_the_state_itself(void **state)
{
	struct fold *fold = fold_from("{\"a\":2}", "[]");

	(void)state;
	fold_mark(fold, "u", 1);
	assert_json(fold_state(fold), "{\"a\":2,\"u\":1}");
	fold_free(fold);
}

static void
what_is_no_object_changes_nothing(void **state)
{
	static const char *const bad[] = { "", "null", "1", "[]", "{", "{}}",
		"{\"a\":1,\"a\":2}", "{} {}", "\"a\"", "{\"a\":nul}" };
	struct fold *fold = fold_from("{\"a\":2}", "[]");

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (patch_with(fold, bad[i]) != -1)
			fail_msg("\"%s\" was taken", bad[i]);
	assert_json(fold_state(fold), "{\"a\":2}");
	fold_free(fold);
	fold_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(merge_is_rfc_7396s),
		cmocka_unit_test(marks_and_patches_take_turns),
		cmocka_unit_test(an_empty_path_marks_the_state_itself),
		cmocka_unit_test(what_is_no_object_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
