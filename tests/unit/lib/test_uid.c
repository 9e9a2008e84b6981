/* Which uids can stand in an acknowledgement. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/uid.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "abcdefghijklmnopqrstuvwxyz0123456789._:-";

static void
every_byte_is_judged(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		char uid[3] = { 'x', (char)c, 'y' };
		int is_plain = c != 0 && strchr(alphabet, c) != NULL;
		assert_int_equal(uid_is_plain(uid, 3), is_plain);
		assert_int_equal(uid_is_plain(uid + 1, 1), is_plain);
	}
}

static void
length_has_both_limits(void **state)
{
	char uid[UID_MAX_BYTES + 1];

	(void)state;
	memset(uid, 'a', sizeof(uid));
	assert_false(uid_is_plain(uid, 0));
	assert_true(uid_is_plain(uid, 1));
	assert_true(uid_is_plain(uid, UID_MAX_BYTES));
	assert_false(uid_is_plain(uid, UID_MAX_BYTES + 1));
	uid[UID_MAX_BYTES - 1] = ' ';
	assert_false(uid_is_plain(uid, UID_MAX_BYTES));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_is_judged),
		cmocka_unit_test(length_has_both_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
