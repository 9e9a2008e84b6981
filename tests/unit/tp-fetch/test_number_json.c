/* The shortest decimal of a double. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tp-fetch/number_json.h"

static const char *
text_of(double number)
{
	static char text[NUMBER_JSON_BYTES + 1];

	text[number_json(number, text)] = '\0';
	return text;
}

static void
numbers_print_as_the_table_says(void **state)
{
	static const struct {
		double number;
		const char *text;
	} table[] = {
		{ 0.0, "0" },
		{ -0.0, "-0" },
		{ 1, "1" },
		{ -1, "-1" },
		{ 9, "9" },
		{ 10, "10" },
		{ 2147483646, "2147483646" },
		{ 9007199254740991, "9007199254740991" },
		{ 9007199254740992, "9007199254740992" },
		{ 0x20000000000001p0, "9007199254740992" },
		{ 9007199254740994.0, "9007199254740994" },
		{ 1e20, "100000000000000000000" },
		{ 123456789012345680000.0, "123456789012345680000" },
		{ 999999999999999900000.0, "999999999999999900000" },
		{ 1e21, "1e+21" },
		{ -1.5e21, "-1.5e+21" },
		{ 1e22, "1e+22" },
		{ 1e23, "1e+23" },
		{ 0.1, "0.1" },
		{ 0.5, "0.5" },
		{ -1.25, "-1.25" },
		{ 3.14, "3.14" },
		{ 100.001, "100.001" },
		{ 0.1 + 0.2, "0.30000000000000004" },
		{ 1.0 / 3, "0.3333333333333333" },
		{ 2.0 / 3, "0.6666666666666666" },
		{ 0.000001, "0.000001" },
		{ 0.0000012345678901234567, "0.0000012345678901234567" },
		{ 0.00000099999999999999, "9.9999999999999e-7" },
		{ 1e-7, "1e-7" },
		{ 1.5e-9, "1.5e-9" },
		{ 123456789.12345678, "123456789.12345678" },
		{ 2251799813685249.5, "2251799813685249.5" },
		{ 1125899906842625.25, "1125899906842625.2" },
		{ 1125899906842625.75, "1125899906842625.8" },
		{ 9.5367431640625e-07, "9.5367431640625e-7" },
		{ 5e-324, "5e-324" },
		{ 2.2250738585072014e-308, "2.2250738585072014e-308" },
		{ 2.225073858507201e-308, "2.225073858507201e-308" },
		{ 1.7976931348623157e308, "1.7976931348623157e+308" },
		/* powers of two whose shortest is not their nearest */
		{ 0x1p-44, "5.684341886080802e-14" },
		{ 0x1p-1019, "1.7800590868057611e-307" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_string_equal(text_of(table[i].number), table[i].text);
}

static size_t
count_digits(const char *text)
{
	char digits[64];
	size_t len = 0;
	size_t first = 0;

	for (; *text != '\0' && *text != 'e'; text++)
		if (*text >= '0' && *text <= '9')
			digits[len++] = *text;
	while (first < len && digits[first] == '0')
		first++;
	while (len > first && digits[len - 1] == '0')
		len--;
	return len - first;
}

/* Reads back, no fewer digits would, and no closer text is as short. */
static void
check_shortest(double number)
{
	const char *text = text_of(number);
	size_t digits = count_digits(text);
	char other[64];

	if (strtod(text, NULL) != number)
		fail_msg("%a printed as %s", number, text);
	if (digits > 1) {
		snprintf(other, sizeof(other), "%.*e", (int)digits - 2, number);
		if (strtod(other, NULL) == number)
			fail_msg("%a printed as %s, %s is shorter", number,
			    text, other);
	}
	snprintf(other, sizeof(other), "%.*e", (int)digits - 1, number);
	if (strtod(other, NULL) != number)
		return; /* a power of two: the nearest does not read back */
	char *end;
	long double printed = strtold(text, &end);
	if (printed != strtold(other, &end))
		fail_msg("%a printed as %s, %s is nearer", number, text, other);
}

static uint64_t
random_bits(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static double
from_bits(uint64_t bits)
{
	double number;

	memcpy(&number, &bits, sizeof(number));
	return isfinite(number) ? number : 1.0;
}

static void
random_doubles_are_shortest(void **state)
{
	uint64_t seed = 20261123;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		uint64_t bits = random_bits(&seed);
		check_shortest(from_bits(bits));
		/* 2^-20 to 2^64: what is printed in fixed notation */
		uint64_t exponent = 1003 + bits % 84;
		check_shortest(
		    from_bits((bits & ~(0x7ffull << 52)) | exponent << 52));
		/* decimals of 1 to 17 digits */
		uint64_t digits = (bits >> 10) % (1ull << (bits % 55));
		check_shortest((double)digits / 1e3);
		check_shortest((double)digits / 1e17);
		check_shortest((double)digits * 1e9);
		/* fractions as clocks have them */
		check_shortest((double)(bits >> 20) / 1e9);
		check_shortest((double)(bits >> 32) / 1024);
	}
}

/* `number` > 0 and the doubles beside it. */
static void
check_around(double number)
{
	uint64_t bits;

	memcpy(&bits, &number, sizeof(bits));
	check_shortest(number);
	check_shortest(from_bits(bits + 1));
	if (bits > 1)
		check_shortest(from_bits(bits - 1));
}

static void
neighbours_of_powers_are_shortest(void **state)
{
	char text[16];

	(void)state;
	for (int exponent = -1074; exponent < 1024; exponent++)
		check_around(ldexp(1, exponent));
	for (int exponent = -323; exponent <= 308; exponent++) {
		snprintf(text, sizeof(text), "1e%d", exponent);
		check_around(strtod(text, NULL));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_print_as_the_table_says),
		cmocka_unit_test(random_doubles_are_shortest),
		cmocka_unit_test(neighbours_of_powers_are_shortest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
